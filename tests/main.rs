//! The outside tests: one binary that drives the real executable and holds the house to its rules.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

mod configuration;
mod exposition;
mod golden;
mod reference;
mod schedule;
mod tidy;
mod simulator;
mod web;
