//! Collector `sending`: what was sent, bounced, complained about and rejected. (SES v1 GetSendStatistics)
//!
//! SES answers buckets of 15 minutes over two weeks, in no order, without the empty ones, and goes on adding bounces
//! to buckets that ended hours ago. The counters therefore add up every increase of every bucket between two readings;
//! they ride in the reading, so that whoever holds the reading holds the counters.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ses::types::SendDataPoint;

use crate::aws::{Failure, SES_GET_SEND_STATISTICS};
use crate::collector::{Ask, Collector, Cost, Declaration};
use crate::metric::{Family, counter, gauge};

/// The collector; it has no settings.
pub struct Sending;

/// Length of one bucket in seconds: "a 15-minute period of sending activity" (SES API reference, SendDataPoint).
pub const BUCKET: i64 = 900;
const DAY: i64 = 24 * 60 * 60;
/// How far back GetSendStatistics looks.
const TWO_WEEKS: i64 = 14 * DAY;

/// Mails counted by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `DeliveryAttempts`.
    pub delivery_attempts: i64,
    /// `Bounces`.
    pub bounces: i64,
    /// `Complaints`.
    pub complaints: i64,
    /// `Rejects`.
    pub rejects: i64,
}

/// One bucket. A target has up to 1,344 of them, so they are kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// When it began, in seconds since 1970.
    began: u32,
    /// In the order of [`Counts`].
    counts: [u32; 4],
}

/// What GetSendStatistics answered, and what has been counted since start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Sorted by time, none twice.
    buckets: Box<[Bucket]>,
    /// Every increase seen since the first answer, which is the baseline.
    pub totals: Counts,
    /// End of the newest finished bucket that SES answered, in seconds since 1970.
    pub last_bucket_end: Option<i64>,
    /// End of the window that the 24-hour gauges and the rate look back from.
    pub window_end: i64,
}

impl Collector for Sending {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "sending",
        about: "Delivery attempts, bounces, complaints and rejects of the account in the region.",
        actions: &["ses:GetSendStatistics"],
        after: &[],
        interval: Duration::from_mins(5),
        enabled: true,
        cost: |_, interval| Cost::of_reading(1, interval),
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &counter(
            "ses_send_delivery_attempts_total",
            "Delivery attempts seen since the agent started (polled from GetSendStatistics DeliveryAttempts).",
            [],
            |reading: &Reading, out| out.push([], number(reading.totals.delivery_attempts)),
        ),
        &counter(
            "ses_send_bounces_total",
            "Bounces seen since the agent started, late ones included (polled from GetSendStatistics Bounces).",
            [],
            |reading: &Reading, out| out.push([], number(reading.totals.bounces)),
        ),
        &counter(
            "ses_send_complaints_total",
            "Complaints seen since the agent started, late ones included (polled from GetSendStatistics Complaints).",
            [],
            |reading: &Reading, out| out.push([], number(reading.totals.complaints)),
        ),
        &counter(
            "ses_send_rejects_total",
            "Mails that SES rejected, seen since the agent started (polled from GetSendStatistics Rejects).",
            [],
            |reading: &Reading, out| out.push([], number(reading.totals.rejects)),
        ),
        &gauge(
            "ses_send_delivery_attempts_24h",
            "Delivery attempts of the last 24 hours of finished 15-minute buckets (polled from GetSendStatistics DeliveryAttempts).",
            [],
            |reading: &Reading, out| out.push([], number(reading.last_day().delivery_attempts)),
        ),
        &gauge(
            "ses_send_bounces_24h",
            "Bounces of the last 24 hours of finished 15-minute buckets (polled from GetSendStatistics Bounces).",
            [],
            |reading: &Reading, out| out.push([], number(reading.last_day().bounces)),
        ),
        &gauge(
            "ses_send_complaints_24h",
            "Complaints of the last 24 hours of finished 15-minute buckets (polled from GetSendStatistics Complaints).",
            [],
            |reading: &Reading, out| out.push([], number(reading.last_day().complaints)),
        ),
        &gauge(
            "ses_send_rejects_24h",
            "Rejects of the last 24 hours of finished 15-minute buckets (polled from GetSendStatistics Rejects).",
            [],
            |reading: &Reading, out| out.push([], number(reading.last_day().rejects)),
        ),
        &gauge(
            "ses_send_rate_messages_per_second",
            "Delivery attempts of the newest finished 15-minute bucket divided by 900 seconds (polled from GetSendStatistics DeliveryAttempts).",
            [],
            |reading: &Reading, out| out.push([], reading.rate()),
        ),
        &gauge(
            "ses_send_statistics_last_bucket_timestamp_seconds",
            "End of the newest finished 15-minute bucket with mail in it, as Unix time (polled from GetSendStatistics Timestamp).",
            [],
            |reading: &Reading, out| out.push_known([], reading.last_bucket_end.map(number)),
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let answer = ask.aws.call(SES_GET_SEND_STATISTICS, || ask.aws.ses().get_send_statistics().send()).await?;
        // Were a missing list read as an empty one, the next answer would look like two weeks of mail at once.
        match answer.send_data_points {
            Some(points) => Ok(reading(&points, ask.previous, ask.now)),
            None => Err(Failure::unexpected("GetSendStatistics answered without SendDataPoints")),
        }
    }
}

fn reading(points: &[SendDataPoint], previous: Option<&Reading>, now: SystemTime) -> Reading {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    // What SES told once stays told: a bucket that is missing from one answer must not count anew in the next one.
    let known = previous.map(|previous| &*previous.buckets).unwrap_or_default();
    let recent = known.iter().filter(|bucket| i64::from(bucket.began) > now - TWO_WEEKS).copied();
    let mut buckets: Vec<Bucket> = recent.chain(points.iter().filter_map(bucket)).collect();
    buckets.sort_by_key(|bucket| bucket.began);
    buckets.dedup_by(|later, first| first.take_higher(later));
    let mut totals = Counts::default();
    if let Some(previous) = previous {
        totals = previous.totals;
        for bucket in &buckets {
            totals.add(bucket.counts().increase_since(previous.counts_of(bucket.began)));
        }
    }
    let last_bucket_end = buckets.iter().map(|bucket| i64::from(bucket.began) + BUCKET).rfind(|end| *end <= now);
    // SES leaves empty buckets out, so the newest one in the answer may be days old. One bucket's delay is granted
    // to SES; after that a bucket that is not there was empty.
    let due = now - now.rem_euclid(BUCKET) - BUCKET;
    Reading { buckets: buckets.into(), totals, last_bucket_end, window_end: last_bucket_end.unwrap_or(due).max(due) }
}

/// A point without a time, or with one before 1970, counts nowhere.
fn bucket(point: &SendDataPoint) -> Option<Bucket> {
    let counts = [point.delivery_attempts, point.bounces, point.complaints, point.rejects];
    Some(Bucket {
        began: u32::try_from(point.timestamp()?.secs()).ok()?,
        counts: counts.map(|count| u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
    })
}

impl Bucket {
    /// Takes the higher counts of another look at the same bucket; false where it is another bucket.
    fn take_higher(&mut self, other: &Bucket) -> bool {
        if self.began == other.began {
            for (count, other) in self.counts.iter_mut().zip(other.counts) {
                *count = other.max(*count);
            }
        }
        self.began == other.began
    }

    fn attempts(&self) -> u32 {
        let [attempts, ..] = self.counts;
        attempts
    }

    fn counts(&self) -> Counts {
        let [delivery_attempts, bounces, complaints, rejects] = self.counts.map(i64::from);
        Counts { delivery_attempts, bounces, complaints, rejects }
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.delivery_attempts = self.delivery_attempts.saturating_add(other.delivery_attempts);
        self.bounces = self.bounces.saturating_add(other.bounces);
        self.complaints = self.complaints.saturating_add(other.complaints);
        self.rejects = self.rejects.saturating_add(other.rejects);
    }

    /// Growth only: a correction downwards must not make a counter fall.
    fn increase_since(self, before: Counts) -> Counts {
        let growth = |now: i64, before: i64| now.saturating_sub(before).max(0);
        Counts {
            delivery_attempts: growth(self.delivery_attempts, before.delivery_attempts),
            bounces: growth(self.bounces, before.bounces),
            complaints: growth(self.complaints, before.complaints),
            rejects: growth(self.rejects, before.rejects),
        }
    }
}

impl Reading {
    /// The 24 hours before the window's end.
    pub fn last_day(&self) -> Counts {
        self.before_window_end(DAY)
    }

    /// When each finished bucket began, in seconds since 1970, and its delivery attempts; sorted by time. Empty buckets
    /// may be missing.
    pub fn attempts(&self) -> impl Iterator<Item = (i64, u32)> + Clone {
        let finished = self.buckets.iter().filter(|bucket| i64::from(bucket.began) + BUCKET <= self.window_end);
        finished.map(|bucket| (i64::from(bucket.began), bucket.attempts()))
    }

    /// Messages a second in the bucket before the window's end.
    fn rate(&self) -> f64 {
        number(self.before_window_end(BUCKET).delivery_attempts) / number(BUCKET)
    }

    /// The buckets that ended within `seconds` before the window's end.
    fn before_window_end(&self, seconds: i64) -> Counts {
        let mut sum = Counts::default();
        for bucket in &self.buckets {
            let end = i64::from(bucket.began) + BUCKET;
            if end <= self.window_end && end > self.window_end - seconds {
                sum.add(bucket.counts());
            }
        }
        sum
    }

    fn counts_of(&self, began: u32) -> Counts {
        let place = self.buckets.binary_search_by_key(&began, |bucket| bucket.began);
        place.ok().and_then(|place| self.buckets.get(place)).map(Bucket::counts).unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only; counts stay far below 2^53")]
fn number(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    /// A quarter-hour on the clock.
    const NOON: i64 = 1_800_000_000 - 1_800_000_000 % BUCKET;

    fn at(seconds: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
    }

    fn point(began: i64, attempts: i64, bounces: i64) -> SendDataPoint {
        SendDataPoint::builder()
            .timestamp(DateTime::from_secs(began))
            .delivery_attempts(attempts)
            .bounces(bounces)
            .build()
    }

    #[test]
    fn the_first_answer_is_the_baseline_and_late_bounces_count() {
        let first = reading(&[point(NOON - 7200, 100, 0), point(NOON - 900, 50, 1)], None, at(NOON + 10));
        assert_eq!(first.totals, Counts::default());
        let points = [point(NOON, 9, 0), point(NOON - 900, 50, 2), point(NOON - 7200, 100, 5)];
        let second = reading(&points, Some(&first), at(NOON + 300));
        assert_eq!((second.totals.delivery_attempts, second.totals.bounces), (9, 6));
        let third = reading(&points[1..], Some(&second), at(NOON + 600));
        assert_eq!(third.totals, second.totals, "a bucket that vanished or shrank takes nothing away");
        let fourth = reading(&points, Some(&third), at(NOON + 900));
        assert_eq!(fourth.totals, second.totals, "a bucket that comes back counts once");
        let emptied = reading(&[], Some(&fourth), at(NOON + 1200));
        let fifth = reading(&points, Some(&emptied), at(NOON + 1500));
        assert_eq!(fifth.totals, second.totals, "one empty answer is no reason to count two weeks anew");
    }

    #[test]
    fn a_bucket_that_is_answered_twice_counts_its_higher_numbers() {
        let points = [point(NOON - 900, 3, 1), point(NOON - 900, 500, 0)];
        let first = reading(&points, None, at(NOON + 10));
        let [again, other] = points;
        let second = reading(&[other, again], Some(&first), at(NOON + 20));
        assert_eq!((second.totals, second.last_day().delivery_attempts), (Counts::default(), 500));
    }

    #[test]
    fn the_unfinished_bucket_is_not_in_the_gauges() {
        let seen = reading(&[point(NOON, 77, 0), point(NOON - 900, 90, 0)], None, at(NOON + 100));
        assert_eq!(seen.last_bucket_end, Some(NOON));
        assert_eq!(seen.last_day().delivery_attempts, 90);
        assert_eq!(seen.attempts().collect::<Vec<_>>(), [(NOON - 900, 90)]);
        assert!((seen.rate() - 0.1).abs() < f64::EPSILON);
    }

    #[test]
    fn silence_is_zero_after_one_bucket_of_grace() {
        let points = [point(NOON - 900, 90, 0)];
        let graced = reading(&points, None, at(NOON + 1700));
        assert!(graced.rate() > 0.0);
        let quiet = reading(&points, None, at(NOON + 1800));
        assert!(quiet.rate().abs() < f64::EPSILON);
        assert_eq!(quiet.last_day().delivery_attempts, 90);
        let next_day = reading(&points, None, at(NOON + DAY + 1800));
        assert_eq!(next_day.last_day(), Counts::default());
        assert_eq!(next_day.last_bucket_end, Some(NOON), "the fact that SES told stands");
    }

    #[test]
    fn a_day_holds_96_buckets() {
        let points: Vec<_> = (0..200).map(|back| point(NOON - 900 * back, 1, 0)).collect();
        assert_eq!(reading(&points, None, at(NOON + 5)).last_day().delivery_attempts, 96);
    }
}
