//! The table of judgements, in documentation order. To add one: write its file, add its row.

use crate::judgement::AnyJudgement;

pub mod coverage;
pub mod drift;
pub mod expectation;
pub mod failover;
pub mod feedback_path;
pub mod forecast;
pub mod send_path;

/// Every judgement there is.
pub const ALL: &[&dyn AnyJudgement] = &[
    &coverage::Coverage,
    &feedback_path::FeedbackPath,
    &forecast::Forecast,
    &expectation::Expectation,
    &drift::Drift,
    &send_path::SendPaths,
    &failover::Failovers,
];
