//! What will be attempted: the same hours of a week or a day ago, at today's level, and what is going on now.
//!
//! A rate that those hours know, such as that of a nightly batch, ends when it ended then. A rate that they do not know
//! is taken to last for some times as long as it has lasted. It never asks what SES would accept.
//! The numbers below are those that did best in the simulated weeks of the tests.

use super::past::Past;
use super::pattern::Pattern;

/// A rate is known if some bucket within an hour had two thirds of it: batches do not start to the minute, nor are
/// they of one size. At 1.3 nightly batches were announced.
const NEW_FROM: f64 = 1.5;
/// What is new goes on for so many times as long as it has lasted: after half an hour it reaches the four hours of the
/// alert. At 4 one campaign in twenty was missed, and no fewer batches announced.
const LASTS: i64 = 8;
/// So many buckets are looked at to tell what goes on now.
const RECENT: i64 = 8;

/// The attempts to come.
pub(super) struct Inflow<'a> {
    past: &'a Past,
    pattern: Option<Pattern>,
    /// Attempts in a bucket of those that are alike up to now.
    rate: f64,
    /// The last bucket in which a rate that is new is expected to go on; none where it is not new.
    lasts_until: Option<i64>,
}

impl<'a> Inflow<'a> {
    /// What follows from the past alone.
    pub(super) fn new(past: &'a Past) -> Self {
        let pattern = Pattern::best(past);
        let new =
            |bucket| past.at(bucket) > NEW_FROM * pattern.map_or(0.0, |pattern| pattern.highest_near(past, bucket));
        let lasted = (0..RECENT).take_while(|back| new(past.newest() - back)).count();
        let lasted = i64::try_from(lasted).unwrap_or(RECENT);
        let lasts_until = (lasted > 0).then_some(past.newest() + LASTS * lasted);
        Self { past, pattern, rate: recent_rate(past), lasts_until }
    }

    /// By which part a bucket will be off, as often by more as by less; zero where that is not known.
    pub(super) fn noise(&self) -> f64 {
        self.pattern.map_or(0.0, Pattern::noise)
    }

    /// Attempts expected in a bucket that has not finished.
    pub(super) fn at(&self, bucket: i64) -> f64 {
        let usual = self.pattern.map_or(0.0, |pattern| pattern.at(self.past, bucket));
        match self.lasts_until {
            Some(last) if bucket <= last => self.rate.max(usual),
            _ => usual,
        }
    }
}

/// The mean of the newest buckets that are alike. One bucket alone is noise; a longer mean would not see that something
/// began or ended.
fn recent_rate(past: &Past) -> f64 {
    let (mut sum, mut buckets) = (past.at(past.newest()), 1.0);
    for back in 1..RECENT {
        let (attempts, mean) = (past.at(past.newest() - back), sum / buckets);
        if attempts < mean / 2.0 || attempts > mean * 2.0 {
            break;
        }
        sum += attempts;
        buckets += 1.0;
    }
    sum / buckets
}
