//! The outside tests: one binary that drives the real executable.

mod support;
