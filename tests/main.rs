//! The outside tests: one binary that drives the real executable and holds the house to its rules.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise"
)]

mod support;

mod api;
mod calls;
mod check;
mod check_send;
mod configuration;
mod deploy;
mod dns;
mod drill;
mod expectations;
mod explain;
mod explain_asked;
mod exposition;
mod faults;
mod freshness;
mod fuzz;
mod golden;
mod identities;
mod independent;
mod lifecycle;
mod messages;
mod metadata;
mod panics;
mod reference;
mod reload;
mod schedule;
mod secrets;
mod send_paths;
mod send_worlds;
mod simulator;
mod soak;
mod status;
mod systemd;
mod tidy;
mod web;
