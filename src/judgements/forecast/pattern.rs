//! The hours that the coming ones will be like: those of last week or of yesterday, at today's level.
//!
//! It compares the past with itself, and expects nothing that has not been there before.
//! The numbers below are those that did best in the simulated weeks of the tests.

use super::past::{DAY, HOUR, Past, WEEK};

/// Today's level against the pattern: beyond a quarter and four times it is something else than growth.
const LOWEST_LEVEL: f64 = 0.25;
const HIGHEST_LEVEL: f64 = 4.0;
/// So many hours tell today's level: with 24 a surge is seen late, with 6 a batch in its tail is taken for one.
const LEVEL_HOURS: i64 = 12;
/// So many buckets tell that the level has shifted meanwhile, an hour and a half: with half of the hours above to wait
/// for, one surge in twelve was missed.
const SHIFT_BUCKETS: i64 = 6;
/// Each of them has to be so near to the pattern at the new level. It allows for a tenth of noise on both sides; a batch
/// that moved is further off.
const ALIKE: f64 = 1.35;
/// A shift by less is left to the hours, which are more of them and tell small differences better.
const SHIFT: f64 = 1.2;
/// Last week is believed, being right about weekends, unless yesterday fits so many times better.
const BETTER: f64 = 1.5;

/// Hours of the past, and how today compares with them.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// Buckets back.
    back: i64,
    /// Today's level, as a factor.
    level: f64,
    /// By which part the buckets of today are off, half of them by less and half by more.
    noise: f64,
}

impl Pattern {
    /// Last week or yesterday; none where history is shorter than the two days that a day needs to be compared.
    pub(super) fn best(past: &Past) -> Option<Self> {
        let day = Self::from(past, DAY)?;
        let week = Self::from(past, WEEK);
        Some(week.filter(|week| week.misfit(past) <= BETTER * day.misfit(past)).unwrap_or(day))
    }

    fn from(past: &Past, back: i64) -> Option<Self> {
        if !past.reaches(past.newest() - back - DAY + 1) {
            return None;
        }
        let usual = level_of_hours(past, back);
        let shifted = level_of_buckets(past, back).filter(|level| !near(*level, usual, SHIFT));
        Some(Self { back, level: shifted.unwrap_or(usual), noise: noise(past, back, usual) })
    }

    /// Attempts in a bucket that is like this one.
    pub(super) fn at(self, past: &Past, bucket: i64) -> f64 {
        self.level * self.before(past, bucket)
    }

    /// By which part a bucket is off, as often by more as by less.
    pub(super) fn noise(self) -> f64 {
        self.noise
    }

    /// The most that the hours around the bucket know. What was there before stays known on a day with less mail.
    pub(super) fn highest_near(self, past: &Past, bucket: i64) -> f64 {
        let around = bucket - HOUR..=bucket + HOUR;
        self.level.max(1.0) * around.map(|near| self.before(past, near)).fold(0.0, f64::max)
    }

    fn before(self, past: &Past, bucket: i64) -> f64 {
        let like = bucket - self.back;
        // A day and a bit ahead, yesterday has not finished either.
        past.known(like).unwrap_or_else(|| past.at(like - self.back))
    }

    /// How far the last 24 hours were from the pattern, hour by hour.
    fn misfit(self, past: &Past) -> f64 {
        hours(past, DAY / HOUR).map(|hour| (past.hour(hour) - self.level * past.hour(hour - self.back)).abs()).sum()
    }
}

/// The last bucket of each of the hours before now, newest first.
fn hours(past: &Past, count: i64) -> impl Iterator<Item = i64> + use<> {
    let newest = past.newest();
    (0..count).map(move |back| newest - back * HOUR)
}

/// The newest buckets, newest first.
fn buckets(past: &Past, count: i64) -> impl Iterator<Item = i64> + use<> {
    let newest = past.newest();
    (0..count).map(move |back| newest - back)
}

/// The median of the hours' ratios, so that a campaign or a batch that moved does not count as growth.
fn level_of_hours(past: &Past, back: i64) -> f64 {
    let ratio = |hour| part(past.hour(hour), past.hour(hour - back));
    let median = median(hours(past, LEVEL_HOURS).filter_map(ratio), LEVEL_HOURS);
    median.map_or(1.0, |level| level.clamp(LOWEST_LEVEL, HIGHEST_LEVEL))
}

/// The ratio of the newest buckets; none unless every one of them bears it out.
fn level_of_buckets(past: &Past, back: i64) -> Option<f64> {
    let newest = || buckets(past, SHIFT_BUCKETS);
    let sum = |back: i64| newest().map(|bucket| past.at(bucket - back)).sum();
    let level = part(sum(0), sum(back)).filter(|level| near(*level, 1.0, HIGHEST_LEVEL))?;
    newest().all(|bucket| near(past.at(bucket), level * past.at(bucket - back), ALIKE)).then_some(level)
}

fn noise(past: &Past, back: i64, level: f64) -> f64 {
    let off = |bucket| Some((part(past.at(bucket), level * past.at(bucket - back))? - 1.0).abs());
    let count = LEVEL_HOURS * HOUR;
    median(buckets(past, count).filter_map(off), count).unwrap_or(0.0)
}

fn part(of: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| of / whole)
}

/// Neither is so many times the other; false if one is zero.
fn near(one: f64, other: f64, times: f64) -> bool {
    one < other * times && other < one * times
}

/// None unless half of the values that could be are there: where few hours have mail, one that moved would decide.
fn median(values: impl Iterator<Item = f64>, could_be: i64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let enough = 2 * values.len() >= usize::try_from(could_be).ok()?;
    values.get(values.len() / 2).copied().filter(|_| enough)
}
