//! Servers, clients and readers that nobody here wrote: what the agent says has to be true in their eyes too.
//!
//! `ministack` and `moto` stand in for AWS, and the `aws` command line says what is true in them; Prometheus scrapes and is asked;
//! Alertmanager silences; the reference parsers read our pages; dnspython asks the simulated DNS; jsonschema reads the JSON;
//! Grafana's components draw a dashboard.
//! `tests/run` installs all of them in fixed versions. A program that is missing fails its test: a test that skips would let this
//! rot.
#![expect(clippy::float_cmp, reason = "counts and switches are whole numbers")]

mod alertmanager;
mod aws;
mod browser;
mod compose;
mod dashboards;
mod details;
mod dns;
mod kubernetes;
mod mended;
mod ministack;
mod moto;
mod pictures;
mod pint;
mod prometheus;
mod readers;
mod remedies;
mod schemas;
mod tls;
