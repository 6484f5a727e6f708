//! Simulated weeks: the forecast of every quarter hour held against what came.

use std::time::{Duration, UNIX_EPOCH};

use super::past::Past;
use super::window::Quota;
use super::{Verdict, forecast};

const BUCKET: i64 = 900;
const DAY: usize = 96;
/// A Monday, 00:00.
const BEGIN: i64 = 1_799_625_600;
/// Two weeks of history, then one week to be forecast, then a day to see what came.
const HISTORY: usize = 14 * DAY;
const JUDGED: usize = 7 * DAY;
/// Other weeks than those that the numbers of the forecast were chosen with.
const SEED: u64 = 100_000;
const LENGTH: usize = HISTORY + JUDGED + DAY;

/// Who sends: attempts of each bucket, and the quota.
struct Story {
    attempts: Vec<f64>,
    /// Of the 24 hours that end with each bucket.
    days: Vec<f64>,
    limit: f64,
    /// From when on what drives it can be seen.
    seen_from: usize,
    /// Buckets in which nobody can tell whether a batch will end.
    undecided: std::ops::Range<usize>,
}

/// What came of one kind of story.
#[derive(Default, Debug)]
struct Score {
    /// Moments with exhaustion within four hours, and those of them that announced it within five.
    due: usize,
    announced: usize,
    /// How far off each announcement was, in minutes.
    errors: Vec<f64>,
    /// Moments without exhaustion within 24 hours, and those that announced one within four hours with half of the
    /// quota used: what the alert looks at.
    calm: usize,
    false_alarms: usize,
    /// The same while nobody could tell.
    undecided: usize,
    undecided_alarms: usize,
    /// Of the false alarms, those that had lasted for the 15 minutes of the alert.
    lasting: usize,
    /// Announcements within four hours, and those of them that did not come within twice the time and a bucket.
    promises: usize,
    broken: usize,
    /// Of these, the ones made while more than a fiftieth of the quota was left: not on the edge, where noise decides.
    broken_with_room: usize,
}

impl Story {
    fn new(limit: f64, attempts: impl FnMut(usize) -> f64) -> Self {
        let attempts: Vec<f64> = (0..LENGTH).map(attempts).map(f64::round).collect();
        let day = |last: usize| attempts[(last + 1).saturating_sub(DAY)..=last].iter().sum();
        Self { days: (0..LENGTH).map(day).collect(), attempts, limit, seen_from: 0, undecided: 0..0 }
    }

    /// The sum of the 24 hours before `minute` of bucket `at`.
    fn sent(&self, at: usize, minute: usize) -> f64 {
        let part = float(minute) / 15.0;
        self.days[at - 1] + part * (self.days[at] - self.days[at - 1])
    }

    /// When the quota is really used up, in minutes from bucket `at`; none if not within 24 hours.
    fn comes(&self, at: usize, minute: usize) -> Option<usize> {
        let bucket = (at..at + DAY).find(|bucket| self.days[*bucket] >= self.limit)?;
        let within = (0..15).find(|within| self.sent(bucket, *within) >= self.limit).unwrap_or(15);
        Some(((bucket - at) * 15 + within).saturating_sub(minute))
    }

    /// What the judgement says in bucket `at`, which has not finished. Statistics are read every five minutes, `read`
    /// minutes into a bucket for the first time: until then the bucket before it is not known either.
    fn says(&self, at: usize, minute: usize, read: usize) -> Option<Verdict> {
        let known = if read <= minute { at } else { at - 1 };
        let began = |bucket: usize| BEGIN + BUCKET * i64::try_from(bucket).unwrap();
        let buckets = (known.saturating_sub(HISTORY)..known).filter(|bucket| self.attempts[*bucket] > 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, positive and small")]
        let buckets = buckets.map(|bucket| (began(bucket), self.attempts[bucket] as u32));
        let past = Past::new(began(known), buckets)?;
        forecast(Quota { limit: self.limit, sent: self.sent(at, minute) }, time(at, minute), &past)
    }

    fn judge(&self, score: &mut Score, random: &mut fastrand::Rng) {
        let mut before = false;
        for at in HISTORY..HISTORY + JUDGED {
            let minute = random.usize(0..15);
            if self.sent(at, minute) >= self.limit {
                before = false;
                continue;
            }
            let comes = self.comes(at, minute);
            let since = time(at, minute).duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
            let says = self
                .says(at, minute, random.usize(0..5))
                .and_then(|verdict| verdict.exhaustion)
                .map(|when| (when - since) / 60.0);
            let alarm = says.is_some_and(|minutes| minutes < 240.0) && self.sent(at, minute) > self.limit / 2.0;
            match comes {
                Some(truth) if truth <= 240 && at >= self.seen_from => {
                    score.due += 1;
                    if let Some(says) = says.filter(|says| *says <= 300.0) {
                        score.announced += 1;
                        score.errors.push((says - float(truth)).abs());
                    }
                }
                Some(_) => {}
                None if self.undecided.contains(&at) => {
                    score.undecided += 1;
                    score.undecided_alarms += usize::from(alarm);
                }
                None => {
                    score.calm += 1;
                    score.false_alarms += usize::from(alarm);
                    score.lasting += usize::from(alarm && before);
                }
            }
            if let Some(says) = says.filter(|says| *says < 240.0 && !self.undecided.contains(&at)) {
                let broken = comes.is_none_or(|truth| float(truth) > 2.0 * says + 15.0);
                let room = self.sent(at, minute) < 0.98 * self.limit;
                score.promises += 1;
                score.broken += usize::from(broken);
                score.broken_with_room += usize::from(broken && room);
            }
            before = alarm;
        }
    }
}

impl Score {
    fn of(name: &str, stories: u64, story: impl Fn(&mut fastrand::Rng) -> Story) -> Self {
        let mut score = Self::default();
        for seed in SEED..SEED + stories {
            let mut random = fastrand::Rng::with_seed(seed);
            story(&mut random).judge(&mut score, &mut random);
        }
        score.errors.sort_by(f64::total_cmp);
        let Self { due, announced, calm, false_alarms, lasting, undecided, undecided_alarms, .. } = &score;
        let Self { promises, broken, broken_with_room, .. } = &score;
        println!(
            "measured: {name}: {announced} of {due} moments announced, median error {:.0} min, 90 % within {:.0} min; \
             of {promises} announcements {broken} did not come within twice the time, {broken_with_room} of them off the edge; \
             {false_alarms} of {calm} calm moments announced, {lasting} for 15 minutes; \
             {undecided_alarms} of {undecided} undecided ones",
            score.error(0.5),
            score.error(0.9)
        );
        score
    }

    fn error(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a short list"
        )]
        let place = (self.errors.len() as f64 * share) as usize;
        self.errors.get(place).copied().unwrap_or(0.0)
    }

    #[track_caller]
    fn is_good(&self) {
        assert!(self.due >= 500, "too few cases to tell: {}", self.due);
        assert!(float(self.announced) >= 0.95 * float(self.due), "{} of {}", self.announced, self.due);
        assert!(self.error(0.5) <= 20.0, "{}", self.error(0.5));
        assert!(float(self.broken) <= 0.05 * float(self.promises), "{} of {}", self.broken, self.promises);
        assert!(float(self.broken_with_room) <= 0.01 * float(self.promises), "{}", self.broken_with_room);
    }
}

fn time(bucket: usize, minute: usize) -> std::time::SystemTime {
    let since = BEGIN.unsigned_abs() + BUCKET.unsigned_abs() * bucket as u64 + 60 * minute as u64;
    UNIX_EPOCH + Duration::from_secs(since)
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Between one minus and one plus `by`.
fn noise(random: &mut fastrand::Rng, by: f64) -> f64 {
    1.0 - by + 2.0 * by * random.f64()
}

/// Mails of people: more by day than by night, fewer at the weekend; `daily` on a working day.
fn people(bucket: usize, daily: f64) -> f64 {
    let hour = float(bucket % DAY) / 4.0;
    let weekday = bucket / DAY % 7 < 5;
    let shape = 1.0 + 0.8 * ((hour - 14.0) / 24.0 * std::f64::consts::TAU).cos();
    daily / 96.0 * shape * if weekday { 1.0 } else { 0.6 }
}

/// When each night's batch begins and how much of it falls into a bucket.
fn batch(bucket: usize, begins: usize, buckets: usize, size: f64) -> f64 {
    if (begins..begins + buckets).contains(&bucket) { size / float(buckets) } else { 0.0 }
}

/// A batch every night, that fills two thirds of the quota and drains; it begins a little earlier or later.
fn nightly(random: &mut fastrand::Rng) -> Story {
    let nights: Vec<_> = (0..=LENGTH / DAY)
        .map(|night| (night * DAY + 8 + random.usize(0..3), 7 + random.usize(0..3), noise(random, 0.1)))
        .collect();
    let mut random = random.fork();
    Story::new(50_000.0, |bucket| {
        let batches: f64 =
            nights.iter().map(|(begins, buckets, size)| batch(bucket, *begins, *buckets, 24_000.0 * size)).sum();
        (batches + people(bucket, 8_000.0)) * noise(&mut random, 0.1)
    })
}

/// A batch every night to the minute, that alone fills five sixths of the quota.
fn punctual(random: &mut fastrand::Rng) -> Story {
    let nights: Vec<_> = (0..=LENGTH / DAY).map(|night| (night * DAY + 8, noise(random, 0.08))).collect();
    let others = 2_000.0 * random.f64();
    let mut random = random.fork();
    Story::new(50_000.0, |bucket| {
        let batches: f64 = nights.iter().map(|(begins, size)| batch(bucket, *begins, 8, 42_000.0 * size)).sum();
        (batches + people(bucket, others)) * noise(&mut random, 0.1)
    })
}

/// A newsletter as it never was before: within two hours, and too small to use the quota up.
fn one_off(random: &mut fastrand::Rng) -> Story {
    let begins = HISTORY + random.usize(DAY..5 * DAY);
    let (buckets, size) = (random.usize(2..9), 20_000.0 * noise(random, 0.2));
    let mut random = random.fork();
    let mut story = Story::new(50_000.0, |bucket| {
        (batch(bucket, begins, buckets, size) + people(bucket, 15_000.0)) * noise(&mut random, 0.1)
    });
    // The bucket after the last one shows it over: once it has finished, and was read.
    story.undecided = begins..begins + buckets + 2;
    story
}

/// Mails of people, near the limit and never beyond it.
fn steady(random: &mut fastrand::Rng) -> Story {
    let daily = 50_000.0 * (0.5 + 0.4 * random.f64());
    let mut random = random.fork();
    Story::new(50_000.0, |bucket| people(bucket, daily) * noise(&mut random, 0.2))
}

/// Every day a tenth more than the day before, until the quota does not hold it.
fn growing(random: &mut fastrand::Rng) -> Story {
    let growth = 1.06 + 0.09 * random.f64();
    let reaches = 14.5 + 5.0 * random.f64();
    let mut random = random.fork();
    Story::new(50_000.0, |bucket| {
        people(bucket, 50_000.0) * growth.powf(float(bucket) / 96.0 - reaches) * noise(&mut random, 0.05)
    })
}

/// A campaign that goes on until the quota is used up, on top of people's mails.
fn campaign(random: &mut fastrand::Rng) -> Story {
    let begins = HISTORY + random.usize(DAY..5 * DAY);
    let rate = (50_000.0 * noise(random, 0.5)) / 96.0 * (2.0 + 6.0 * random.f64());
    let mut random = random.fork();
    let mut story = Story::new(50_000.0, |bucket| {
        let more = if (begins..begins + 2 * DAY).contains(&bucket) { rate } else { 0.0 };
        (more + people(bucket, 15_000.0)) * noise(&mut random, 0.15)
    });
    // After half an hour two buckets have finished.
    story.seen_from = begins + 2;
    story
}

/// From some hour on a third more, up to nearly twice as much, as before.
fn surge(random: &mut fastrand::Rng) -> Story {
    let begins = HISTORY + random.usize(DAY..4 * DAY);
    let (daily, more) = (50_000.0 * (0.6 + 0.2 * random.f64()), 1.35 + 0.55 * random.f64());
    let mut random = random.fork();
    let mut story = Story::new(50_000.0, |bucket| {
        people(bucket, daily) * if bucket >= begins { more } else { 1.0 } * noise(&mut random, 0.1)
    });
    // A third more in half an hour is noise; within two hours it is not.
    story.seen_from = begins + 8;
    story
}

#[test]
fn what_really_comes_is_announced() {
    Score::of("campaign", 50, campaign).is_good();
    Score::of("growing day by day", 50, growing).is_good();
    Score::of("surge", 60, surge).is_good();
}

#[test]
fn what_drains_is_not_announced() {
    let scores = [
        Score::of("steady", 25, steady),
        Score::of("nightly batch", 25, nightly),
        Score::of("nightly batch of nearly the quota", 25, punctual),
        Score::of("one-off batch", 25, one_off),
    ];
    for score in &scores {
        assert!(score.calm > 15_000 && score.due == 0, "{score:?}");
        assert_eq!(score.lasting, 0);
    }
    let alarms: usize = scores.iter().map(|score| score.false_alarms).sum();
    let calm: usize = scores.iter().map(|score| score.calm).sum();
    assert!(alarms * 10_000 <= calm, "{alarms} of {calm}");
}
