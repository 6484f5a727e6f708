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

/// Why an identity is to be described, and how long that is overdue: from 1 on, in times of its rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Due {
    /// It never was, or something about it has changed.
    New,
    /// It is not healthy, or could not be described last: it is looked at in every pass.
    Unwell(f64),
    /// Its turn has come.
    Well(f64),
}

/// Whether and why an identity is due. That an address is not verified is told by the list, and is often how it is meant
/// to be, so it is no reason to look at it oftener.
pub(super) fn due(details: &Details, now: SystemTime, interval: Duration) -> Option<Due> {
    let times = |at, rest: u32| times_over(at, now, interval * rest, interval);
    let due = match (&details.unreadable, &details.described) {
        (Some((at, _)), _) => Due::Unwell(times(*at, PASS)),
        (None, Some(described)) if !details.changed && (details.healthy() || details.is_address()) => {
            Due::Well(times(described.at, ROUND))
        }
        (None, Some(described)) if !details.changed => Due::Unwell(times(described.at, PASS)),
        _ => Due::New,
    };
    match due {
        Due::Unwell(times) | Due::Well(times) if times < 1.0 => None,
        due => Some(due),
    }
}

/// The first so many: what is new, then those that are not well and those whose turn has come, half and half, so that
/// neither keeps the others waiting for ever; each the longest overdue first, domains before addresses.
pub(super) fn first<T: Ord>(due: Vec<(Due, bool, T)>, most: u32) -> Vec<T> {
    let (mut new, mut unwell, mut well) = (Vec::new(), Vec::new(), Vec::new());
    for (due, is_address, item) in due {
        match due {
            Due::New => new.push((0.0, is_address, item)),
            Due::Unwell(times) => unwell.push((-times, is_address, item)),
            Due::Well(times) => well.push((-times, is_address, item)),
        }
    }
    for kind in [&mut new, &mut unwell, &mut well] {
        kind.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then_with(|| a.2.cmp(&b.2)));
    }
    let most = most as usize;
    let left = most.saturating_sub(new.len());
    unwell.truncate(left - well.len().min(left / 2));
    new.into_iter().chain(unwell).chain(well).take(most).map(|(_, _, item)| item).collect()
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
