//! What was attempted: the finished 15-minute buckets of two weeks, each found by its number.
//!
//! Numbers are counted from 1970. It knows the past only, and guesses nothing.

use crate::collectors::sending::{self, BUCKET};

/// Buckets in a day.
pub(super) const DAY: i64 = 96;
/// Buckets in a week.
pub(super) const WEEK: i64 = 7 * DAY;
/// Buckets in an hour.
pub(super) const HOUR: i64 = 4;

/// Buckets in the two weeks that GetSendStatistics looks back.
const LONGEST: usize = 14 * 96;

/// Delivery attempts of each bucket, newest first. SES leaves empty buckets out; here they are zeros.
pub(super) struct Past {
    newest: i64,
    attempts: Vec<f64>,
}

impl Past {
    /// The finished buckets of a reading; none where there was no mail at all.
    pub(super) fn of(reading: &sending::Reading) -> Option<Self> {
        Self::new(reading.window_end, reading.attempts())
    }

    /// `end` in seconds since 1970; when each bucket began, sorted, and its attempts.
    pub(super) fn new(end: i64, buckets: impl Iterator<Item = (i64, u32)>) -> Option<Self> {
        let newest = end.div_euclid(BUCKET) - 1;
        let mut attempts = Vec::new();
        let places = buckets.filter_map(|(began, count)| {
            // What lies ahead of the end, or further back than SES looks, is a clock that is wrong.
            let place = usize::try_from(newest - began.div_euclid(BUCKET)).ok()?;
            (place < LONGEST).then_some((place, count))
        });
        for (place, count) in places {
            if attempts.is_empty() {
                attempts.resize(place + 1, 0.0);
            }
            if let Some(bucket) = attempts.get_mut(place) {
                *bucket += f64::from(count);
            }
        }
        (!attempts.is_empty()).then_some(Self { newest, attempts })
    }

    /// The newest finished bucket.
    pub(super) fn newest(&self) -> i64 {
        self.newest
    }

    /// Whether mail was sent in this bucket or before it: history reaches back to it.
    pub(super) fn reaches(&self, bucket: i64) -> bool {
        usize::try_from(self.newest - bucket).is_ok_and(|place| place < self.attempts.len())
    }

    /// Attempts in the bucket; none for one that has not finished.
    pub(super) fn known(&self, bucket: i64) -> Option<f64> {
        let place = usize::try_from(self.newest - bucket).ok()?;
        Some(self.attempts.get(place).copied().unwrap_or(0.0))
    }

    /// The same, with zero for what has not finished.
    pub(super) fn at(&self, bucket: i64) -> f64 {
        self.known(bucket).unwrap_or(0.0)
    }

    /// Attempts in the hour that ends with the bucket.
    pub(super) fn hour(&self, last: i64) -> f64 {
        (0..HOUR).map(|back| self.at(last - back)).sum()
    }
}
