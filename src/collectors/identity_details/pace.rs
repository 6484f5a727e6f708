//! How fast identities are gone through: what one slice may ask, and how long that takes for so many.
//!
//! A region can hold 10,000 identities, so they are read in slices (see [`crate::collector::slices`]). Batches of a hundred go through all identities again and again. What is left of a slice
//! describes single identities: at once those that are new or have changed, often those that are not healthy, and
//! the others now and then.

use std::time::{Duration, SystemTime};

use super::details::Details;
use crate::collector::slices::{CALLS, PASS, times_over};
use crate::collector::{Cost, Size, per_hour};

/// "Can only get attributes for up to 100 identities at a time" (API reference of the four operations).
pub(super) const BATCH: u32 = 100;
/// The batches of a slice at most. Each is three calls, or four.
pub(super) const BATCHES: u32 = 2;
/// The questions that a batch asks of everyone.
const QUESTIONS: f64 = 3.0;
/// From one description of a healthy identity to the next, in slices.
const ROUND: u32 = 360;

/// How long it takes to see everything once, and what that asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// From one batch with an identity in it to the next.
    pub(super) pass: Duration,
    /// From one description of a healthy identity to the next.
    pub(super) round: Duration,
    /// Batches and descriptions, requests an hour.
    pub(super) calls_per_hour: f64,
}

impl Pace {
    /// For so many healthy identities, with slices an interval apart.
    pub(super) fn of(identities: usize, interval: Duration) -> Self {
        let identities = u32::try_from(identities).unwrap_or(u32::MAX);
        let batches = identities.div_ceil(BATCH);
        let slices = batches.div_ceil(BATCHES).max(PASS);
        let slices_per_hour = per_hour(interval);
        let batch_calls = QUESTIONS * f64::from(batches) * slices_per_hour / f64::from(slices);
        let left = f64::from(CALLS) * slices_per_hour - batch_calls;
        let wanted = f64::from(identities) * slices_per_hour / f64::from(ROUND);
        let descriptions = wanted.min(left);
        let round = if wanted > left { f64::from(identities) / left * 3600.0 } else { 0.0 };
        Self {
            pass: interval * slices,
            round: Duration::from_secs_f64(round).max(interval * ROUND),
            calls_per_hour: batch_calls + descriptions,
        }
    }
}

/// What the collector asks once everything was seen.
pub(super) fn cost(size: Size, interval: Duration) -> Cost {
    let pace = Pace::of(size.identities as usize, interval);
    Cost { calls_per_hour: pace.calls_per_hour, sweep: Some(pace.round) }
}

/// How urgent it is to describe an identity: from 1 it is due. One that is not healthy is looked at in every pass; what is new or has changed comes before all others.
/// One whose description could not be read waits for a pass, or it would stand before all others for ever.
pub(super) fn urgency(details: &Details, now: SystemTime, interval: Duration) -> f64 {
    if let Some((at, _)) = &details.unreadable {
        return times_over(*at, now, interval * PASS, interval);
    }
    let rest = interval * if details.healthy() { ROUND } else { PASS };
    match &details.described {
        Some(described) if !details.changed => times_over(described.at, now, rest, interval),
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_pass_grows_with_the_identities() {
        let pass = |identities| Pace::of(identities, MINUTE).pass;
        assert_eq!(pass(0), Duration::from_mins(15));
        assert_eq!(pass(3_000), Duration::from_mins(15));
        assert_eq!(pass(10_000), Duration::from_mins(50));
    }

    #[test]
    fn no_hour_holds_more_than_ten_calls_a_slice() {
        for identities in [0, 1, 99, 1_000, 9_999, 10_000, 100_000] {
            let pace = Pace::of(identities, MINUTE);
            assert!(pace.calls_per_hour <= 600.0, "{identities}: {pace:?}");
        }
        assert!((Pace::of(10_000, MINUTE).calls_per_hour - 600.0).abs() < 1e-9, "the largest region uses all of it");
    }

    #[test]
    fn a_round_takes_six_hours_or_as_long_as_it_must() {
        assert_eq!(Pace::of(100, MINUTE).round, Duration::from_hours(6));
        let largest = Pace::of(10_000, MINUTE).round.as_secs_f64() / 3600.0;
        assert!((largest - 10_000.0 / 240.0).abs() < 1e-6, "{largest}");
    }
}
