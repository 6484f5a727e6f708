//! ses-exporter watches Amazon SES and tells Prometheus.
//!
//! The way of the data, one direction, no circles:
//!
//! ```text
//! config ─▶ targets (account × region)
//!             │
//!  poller: one task per (target, collector), waits for its tick
//!             │
//!  collector.read ─▶ Reading or Failure ══▶ keeper, the only writer ─▶ Estate
//!   asks AWS only through Aws::call,                                     │
//!   DNS only through Resolver::look                                      │
//!                              page builder: samples of readings, judgements ─▶ bytes ─▶ web, once
//! ```
//!
//! Reading order: [`metric`] and [`collector`] (the words), [`collectors`] (the table, one file each), [`target`],
//! [`aws`] and [`dns`] (the two doors), [`poller`], [`estate`], [`expectations`], [`judgement`] and [`judgements`] (what follows from
//! readings), [`report`] (all of it in words), [`page`] and [`exposition`], [`web`] and [`site`], and [`exporter`], which wires
//! all of them. [`rejection`] and [`remedy`] stand alone: what an error of SES says, and what mends it. [`simulator`] is Amazon SES and its DNS as a local server; it uses nothing of this crate.
//!
//! Who may use whom is held by `tests/tidy.rs`.

pub mod aws;
pub mod cli;
pub mod collector;
pub mod collectors;
pub mod config;
pub mod dns;
pub mod estate;
pub mod expectations;
pub mod exporter;
pub mod exposition;
pub mod judgement;
pub mod judgements;
pub mod log;
pub mod metric;
pub mod page;
pub mod poller;
pub mod reference;
pub mod rejection;
pub mod remedy;
pub(crate) mod report;
pub mod shutdown;
pub mod simulator;
pub mod site;
pub mod target;
pub mod telemetry;
pub mod web;

/// How often a property is tried: every day, and where `tests/run --long` has the time.
#[cfg(test)]
fn tries(daily: u32, long: u32) -> proptest::test_runner::Config {
    let cases = if std::env::var_os("SES_EXPORTER_LONG").is_some() { long } else { daily };
    // A case that fails is printed; what was seen to fail is written down as a test.
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}
