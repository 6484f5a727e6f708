//! What will be attempted: the same hours of a week or a day ago, at today's level, and what is going on now.
//!
//! A rate that those hours know, such as that of a nightly batch, ends when it ended then. A rate that they do not know
//! is taken to last for some times as long as it has lasted. It never asks what SES would accept.
//! The numbers below are those that did best in the simulated weeks of the tests.

use super::past::{DAY, HOUR, Past, WEEK};

/// A rate is known if some bucket within an hour had two thirds of it: batches do not start to the minute, nor are
/// they of one size. At 1.3 nightly batches were announced.
const NEW_FROM: f64 = 1.5;
/// What is new goes on for so many times as long as it has lasted: after half an hour it reaches the four hours of the
/// alert. At 4 one campaign in twenty was missed, and no fewer batches announced.
const LASTS: i64 = 8;
/// So many buckets are looked at to tell what goes on now.
const RECENT: i64 = 8;
/// Today's level against the pattern: beyond a quarter and four times it is something else than growth.
const LOWEST_LEVEL: f64 = 0.25;
const HIGHEST_LEVEL: f64 = 4.0;
/// So many hours tell today's level: with 24 a surge is seen late, with 6 a batch in its tail is taken for one.
const LEVEL_HOURS: usize = 12;
/// Last week is believed, being right about weekends, unless yesterday fits so many times better.
const BETTER: f64 = 1.5;

/// The attempts to come.
pub(super) struct Inflow<'a> {
    past: &'a Past,
    pattern: Option<Pattern>,
    /// Attempts in a bucket of those that are alike up to now.
    rate: f64,
    /// The last bucket in which a rate that is new is expected to go on; none where it is not new.
    lasts_until: Option<i64>,
}

/// Hours of the past that the coming ones will be like.
#[derive(Clone, Copy)]
struct Pattern {
    /// Buckets back.
    back: i64,
    /// Today's level, as a factor.
    level: f64,
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

impl Pattern {
    /// Last week or yesterday; none where history is shorter than the two days that a day needs to be compared.
    fn best(past: &Past) -> Option<Self> {
        let day = Self::from(past, DAY)?;
        let week = Self::from(past, WEEK);
        Some(week.filter(|week| week.misfit(past) <= BETTER * day.misfit(past)).unwrap_or(day))
    }

    fn from(past: &Past, back: i64) -> Option<Self> {
        past.reaches(past.newest() - back - DAY + 1).then(|| Self { back, level: level(past, back) })
    }

    fn at(self, past: &Past, bucket: i64) -> f64 {
        let like = bucket - self.back;
        // A day and a bit ahead, yesterday has not finished either.
        self.level * past.known(like).unwrap_or_else(|| past.at(like - self.back))
    }

    /// The highest bucket of the pattern within an hour.
    fn highest_near(self, past: &Past, bucket: i64) -> f64 {
        (bucket - HOUR..=bucket + HOUR).map(|near| self.at(past, near)).fold(0.0, f64::max)
    }

    /// How far the last 24 hours were from the pattern, hour by hour.
    fn misfit(self, past: &Past) -> f64 {
        hours(past).map(|hour| (past.hour(hour) - self.level * past.hour(hour - self.back)).abs()).sum()
    }
}

/// The last bucket of each of the 24 hours before now, newest first.
fn hours(past: &Past) -> impl Iterator<Item = i64> + use<> {
    let newest = past.newest();
    (0..DAY / HOUR).map(move |back| newest - back * HOUR)
}

/// Today's level: the median of the hours' ratios, so that a campaign or a batch that moved does not count as growth.
fn level(past: &Past, back: i64) -> f64 {
    let ratio = |hour| {
        let before = past.hour(hour - back);
        (before > 0.0).then(|| past.hour(hour) / before)
    };
    let mut ratios: Vec<f64> = hours(past).take(LEVEL_HOURS).filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    // Where few hours have mail, one that moved would decide.
    let enough = ratios.len() >= LEVEL_HOURS / 2;
    let median = ratios.get(ratios.len() / 2).filter(|_| enough);
    median.map_or(1.0, |level| level.clamp(LOWEST_LEVEL, HIGHEST_LEVEL))
}
