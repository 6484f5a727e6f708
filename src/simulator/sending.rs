//! What a region sends: the 15-minute buckets of SES v1 GetSendStatistics, and the sum that GetAccount calls SentLast24Hours.
//!
//! A bucket is a pure function of (profile, seed, account, region, bucket, now), and of the messages that the send operations took
//! ([`Posted`]). Nothing else is stored, so two weeks of history exist from the first second, and `SentLast24Hours` agrees with the
//! buckets. Bounces arrive late: those of a bucket go on growing for
//! hours after it closed. Nothing ever shrinks, except that a bucket leaves the window of two weeks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::chance;
use super::clock::{epoch_seconds, from_epoch};

/// Length of a bucket in seconds: "each of which represents 15 minutes of activity" (SendDataPoints).
const BUCKET: u64 = 900;
const DAY: u64 = 86_400;
/// GetSendStatistics answers "the last two weeks of sending activity".
const TWO_WEEKS: u64 = 14 * DAY;
/// The share of bounces that is known while the bucket is open; receiving servers refuse most bad addresses at once.
const PROMPT_BOUNCES: f64 = 0.6;

/// One data point of GetSendStatistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The begin of the quarter hour.
    pub start: SystemTime,
    /// Messages that SES tried to deliver.
    pub delivery_attempts: u64,
    /// Messages that bounced, as far as known by now.
    pub bounces: u64,
    /// Messages that a recipient complained about.
    pub complaints: u64,
    /// Messages that SES refused, for a virus for example.
    pub rejects: u64,
}

/// Where the buckets of a region come from.
#[derive(Debug, Clone, Default)]
pub enum Sending {
    /// Nothing was ever sent.
    #[default]
    Nothing,
    /// Generated: a daily shape with some noise.
    Profile(Profile),
    /// Exactly these; those outside the last two weeks are not shown.
    Exactly(Vec<Bucket>),
}

/// How much is sent, and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Messages in 24 hours.
    pub daily: f64,
    /// Share of messages that bounce in the end, 0 to 1.
    pub bounces: f64,
    /// Share of messages that are complained about, 0 to 1.
    pub complaints: f64,
    /// Share of messages that SES refuses, 0 to 1.
    pub rejects: f64,
    /// How long after the end of a bucket its last bounce arrives.
    pub bounces_late_by: Duration,
    /// An extra wave of messages.
    pub campaign: Option<Campaign>,
}

/// Messages on top of the daily ones, at a steady rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Campaign {
    /// When it begins.
    pub from: SystemTime,
    /// When it ends.
    pub until: SystemTime,
    /// Messages an hour.
    pub per_hour: f64,
}

/// A time in which sending was paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    pub(super) from: u64,
    pub(super) until: Option<u64>,
}

/// Recipients of messages that a send operation took in a quarter hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Posted {
    /// Those that count against the daily quota.
    pub(super) counted: u64,
    /// Those of them to whom SES tries to deliver: all that are not suppressed.
    pub(super) delivered: u64,
}

/// The quarter hour of a time, counted from the epoch.
pub(super) fn quarter_hour(seconds: u64) -> u64 {
    seconds / BUCKET
}

/// The oldest quarter hour that anything tells of.
pub(super) fn whole_window_before(seconds: u64) -> u64 {
    seconds.saturating_sub(TWO_WEEKS) / BUCKET
}

impl Profile {
    /// A healthy sender of that many messages in 24 hours: 1.2 % bounces (some of them three hours late), 0.02 % complaints.
    pub fn healthy(daily: f64) -> Profile {
        Profile {
            daily,
            bounces: 0.012,
            complaints: 0.0002,
            rejects: 0.000_05,
            bounces_late_by: Duration::from_hours(3),
            campaign: None,
        }
    }
}

/// The sends of one region, seen at one moment.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    pub(super) sending: &'a Sending,
    pub(super) silences: &'a [Silence],
    /// What was taken by the quarter hour.
    pub(super) posted: &'a BTreeMap<u64, Posted>,
    /// What makes the noise of this region its own.
    pub(super) key: u64,
    pub(super) now: SystemTime,
}

impl Ledger<'_> {
    /// The buckets of the last two weeks that have any sends, in no particular order: AWS does not sort them either.
    pub(super) fn buckets(&self) -> Vec<Bucket> {
        let now = epoch_seconds(self.now);
        let oldest = now.saturating_sub(TWO_WEEKS);
        let mut found: Vec<Bucket> = match self.sending {
            Sending::Nothing => Vec::new(),
            Sending::Exactly(buckets) => {
                buckets.iter().filter(|bucket| (oldest..=now).contains(&epoch_seconds(bucket.start))).copied().collect()
            }
            Sending::Profile(profile) => (oldest.div_ceil(BUCKET)..=now / BUCKET)
                .map(|index| self.bucket(profile, index, now))
                .filter(|bucket| bucket.delivery_attempts > 0 || bucket.rejects > 0)
                .collect(),
        };
        self.posted.range(whole_window_before(now)..).for_each(|(quarter, posted)| add(&mut found, *quarter, *posted));
        found.sort_by_key(|bucket| chance::mix(self.key, epoch_seconds(bucket.start)));
        found
    }

    /// Messages in the 24 hours before now. At a quarter hour it is the sum of the last 96 buckets; in between, the oldest one
    /// fades out.
    pub(super) fn sent_last_24_hours(&self) -> u64 {
        let now = epoch_seconds(self.now);
        let from = now.saturating_sub(DAY);
        // A quarter hour counts until its end is 24 hours ago.
        let posted: u64 = self.posted.range(from / BUCKET..).map(|(_, posted)| posted.counted).sum();
        posted + self.generated_since(from, now)
    }

    fn generated_since(&self, from: u64, now: u64) -> u64 {
        match self.sending {
            Sending::Nothing => 0,
            Sending::Exactly(buckets) => buckets
                .iter()
                .filter(|bucket| (from..=now).contains(&epoch_seconds(bucket.start)))
                .map(|bucket| bucket.delivery_attempts)
                .sum(),
            Sending::Profile(profile) => {
                let attempts = |index| self.bucket(profile, index, now).delivery_attempts;
                let fading = attempts(from / BUCKET) * (BUCKET - from % BUCKET) / BUCKET;
                fading + (from / BUCKET + 1..=now / BUCKET).map(attempts).sum::<u64>()
            }
        }
    }

    fn bucket(&self, profile: &Profile, index: u64, now: u64) -> Bucket {
        let start = index * BUCKET;
        let until = (start + BUCKET).min(now);
        let dice = |salt: u64| chance::share(chance::mix(self.key.wrapping_add(salt), index));
        let noise = 0.9 + 0.2 * dice(1);
        let per_second = profile.daily / number(DAY) * shape(index) * noise;
        let mut attempts = per_second * number(self.active(start, until));
        if let Some(wave) = &profile.campaign {
            let active = self.active(start.max(epoch_seconds(wave.from)), until.min(epoch_seconds(wave.until)));
            attempts += wave.per_hour / 3600.0 * number(active);
        }
        // Adding a die before rounding down keeps small numbers unbiased and never lets a bucket shrink.
        let sent = whole(attempts + dice(2));
        let of = |portion: f64, salt: u64| whole(number(sent) * portion + dice(salt)).min(sent);
        let known = ripeness(now.saturating_sub(start + BUCKET), profile.bounces_late_by);
        Bucket {
            start: from_epoch(start),
            delivery_attempts: sent,
            bounces: of(profile.bounces * known, 3),
            complaints: of(profile.complaints, 4),
            rejects: of(profile.rejects, 5),
        }
    }

    /// Seconds between the two in which sending was not paused.
    fn active(&self, from: u64, until: u64) -> u64 {
        let silent: u64 = self
            .silences
            .iter()
            .map(|silence| silence.until.unwrap_or(u64::MAX).min(until).saturating_sub(silence.from.max(from)))
            .sum();
        until.saturating_sub(from).saturating_sub(silent)
    }
}

/// Adds what was posted in a quarter hour to its bucket.
fn add(buckets: &mut Vec<Bucket>, quarter: u64, posted: Posted) {
    let start = from_epoch(quarter * BUCKET);
    if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.start == start) {
        bucket.delivery_attempts += posted.delivered;
    } else if posted.delivered > 0 {
        let (delivery_attempts, bounces, complaints, rejects) = (posted.delivered, 0, 0, 0);
        buckets.push(Bucket { start, delivery_attempts, bounces, complaints, rejects });
    }
}

/// The daily shape: busiest at 14:00 UTC, mean 1 over a day.
fn shape(index: u64) -> f64 {
    let quarter = number(index % 96);
    1.0 + 0.6 * ((quarter - 32.0) / 96.0 * std::f64::consts::TAU).sin()
}

fn ripeness(since_closed: u64, late_by: Duration) -> f64 {
    let late_by = late_by.as_secs();
    if late_by == 0 {
        return 1.0;
    }
    PROMPT_BOUNCES + (1.0 - PROMPT_BOUNCES) * (number(since_closed) / number(late_by)).min(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "seconds and messages stay far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and that is what is wanted"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_795_348_800;

    fn ledger(sending: &Sending, now: u64) -> Ledger<'_> {
        const NOTHING: &BTreeMap<u64, Posted> = &BTreeMap::new();
        Ledger { sending, silences: &[], posted: NOTHING, key: 42, now: from_epoch(now) }
    }

    #[test]
    fn buckets_are_aligned_within_two_weeks_and_unsorted() {
        let sending = Sending::Profile(Profile::healthy(96_000.0));
        let buckets = ledger(&sending, NOON + 450).buckets();
        assert_eq!(buckets.len(), 1_344);
        assert!(buckets.iter().all(|bucket| epoch_seconds(bucket.start).is_multiple_of(900)));
        assert!(buckets.iter().all(|bucket| epoch_seconds(bucket.start) + TWO_WEEKS >= NOON));
        assert!(!buckets.is_sorted_by_key(|bucket| bucket.start));
    }

    #[test]
    fn buckets_without_sends_are_left_out() {
        let sending = Sending::Profile(Profile::healthy(10.0));
        let buckets = ledger(&sending, NOON).buckets();
        assert!((60..300).contains(&buckets.len()), "{} buckets of 140 messages", buckets.len());
    }

    #[test]
    fn the_24_hour_sum_agrees_with_the_buckets() {
        let sending = Sending::Profile(Profile::healthy(50_000.0));
        let ledger = ledger(&sending, NOON);
        let sum: u64 = ledger
            .buckets()
            .iter()
            .filter(|bucket| epoch_seconds(bucket.start) >= NOON - DAY)
            .map(|bucket| bucket.delivery_attempts)
            .sum();
        assert_eq!(ledger.sent_last_24_hours(), sum);
        assert!((48_000..52_000).contains(&sum), "{sum}");
    }

    #[test]
    fn bounces_arrive_late_and_never_leave() {
        let sending = Sending::Profile(Profile { bounces: 0.05, ..Profile::healthy(960_000.0) });
        let bounces_at = |now| {
            let buckets = ledger(&sending, now).buckets();
            buckets.iter().find(|bucket| epoch_seconds(bucket.start) == NOON - 900).map(|bucket| bucket.bounces)
        };
        let history: Vec<u64> = (0..20).filter_map(|step| bounces_at(NOON - 800 + step * 800)).collect();
        assert!(history.is_sorted(), "{history:?}");
        assert!(history.last() > bounces_at(NOON).as_ref(), "{history:?}");
    }

    #[test]
    fn a_paused_region_sends_nothing() {
        let sending = Sending::Profile(Profile::healthy(96_000.0));
        let silences = [Silence { from: NOON - 1800, until: Some(NOON - 900) }];
        let ledger = Ledger { silences: &silences, ..ledger(&sending, NOON) };
        let starts: Vec<u64> = ledger.buckets().iter().map(|bucket| epoch_seconds(bucket.start)).collect();
        assert!(!starts.contains(&(NOON - 1800)));
        assert!(starts.contains(&(NOON - 2700)) && starts.contains(&(NOON - 900)));
    }
}
