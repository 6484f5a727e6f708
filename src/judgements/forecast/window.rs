//! The window of 24 hours as it rolls on: what is in it, what ages out, what comes in.
//!
//! It takes the sum from GetAccount, which is exact, and the shape from the buckets, whose sum is scaled to it.

use super::inflow::Inflow;
use super::past::Past;
use crate::collectors::sending::BUCKET;

/// How far it looks: after a day nothing in the window is known, all is guessed.
const STEPS: i32 = 96;
/// GetSendStatistics counts mails and the quota counts recipients, of which a mail has 50 at most. Beyond that the
/// buckets do not hold the mail that the quota counts.
const MOST_RECIPIENTS: f64 = 50.0;

/// The 24-hour quota, in recipients.
#[derive(Clone, Copy)]
pub(super) struct Quota {
    /// Of any 24 hours; infinite = unlimited.
    pub(super) limit: f64,
    /// In the last 24 hours.
    pub(super) sent: f64,
}

/// The window as of one moment.
pub(super) struct Window<'a> {
    quota: Quota,
    /// Seconds since 1970.
    now: i64,
    past: &'a Past,
    inflow: Inflow<'a>,
    /// Recipients that an attempt stands for.
    scale: f64,
}

impl<'a> Window<'a> {
    /// None where the buckets do not explain what was sent.
    pub(super) fn new(quota: Quota, now: i64, past: &'a Past) -> Option<Self> {
        let mut window = Self { quota, now, past, inflow: Inflow::new(past), scale: 1.0 };
        let attempts: f64 = (1 - STEPS..=0).map(|step| window.sent_in(step)).sum();
        if attempts > 0.0 {
            window.scale = quota.sent / attempts;
        }
        (window.scale <= MOST_RECIPIENTS && (attempts > 0.0 || quota.sent <= 0.0)).then_some(window)
    }

    /// When the window will hold the limit, in seconds since 1970. Where what is expected stays just below it, noise
    /// decides, and the answer is when the limit is as likely to have been met as not.
    pub(super) fn exhaustion(&self) -> Option<f64> {
        let change = |step| self.sent_in(step) - self.sent_in(step - STEPS);
        let beyond = |level| level - self.quota.limit;
        self.first(|_, level| beyond(level), change)
            .or_else(|| self.first(|step, level| beyond(level) + self.noise(step), change))
    }

    /// What noise adds in so many steps, in one case of two: as in any random walk, it grows with the root of them.
    fn noise(&self, step: i32) -> f64 {
        self.inflow.noise() * self.quota.sent / f64::from(STEPS) * f64::from(step).sqrt()
    }

    /// When enough has aged out for one recipient more. Nothing comes in meanwhile: mail is refused.
    pub(super) fn recovery(&self) -> Option<f64> {
        self.first(|_, level| self.quota.limit - 1.0 - level, |step| -self.sent_in(step - STEPS))
    }

    /// When `beyond` of a step and the level turns from negative, the level changing by `change` in each step.
    fn first(&self, beyond: impl Fn(i32, f64) -> f64, change: impl Fn(i32) -> f64) -> Option<f64> {
        let mut level = self.quota.sent;
        for step in 1..=STEPS {
            let before = beyond(step - 1, level);
            level = (level + change(step)).max(0.0);
            let after = beyond(step, level);
            if after >= 0.0 {
                let part = (-before / (after - before)).clamp(0.0, 1.0);
                return Some(self.at(f64::from(step - 1) + part));
            }
        }
        None
    }

    /// The time so many steps from now, in seconds since 1970.
    fn at(&self, steps: f64) -> f64 {
        (seconds(self.now) + steps * seconds(BUCKET)).round()
    }

    /// Recipients in the 15 minutes that end so many steps from now, which are parts of two buckets.
    fn sent_in(&self, step: i32) -> f64 {
        let last = self.now.div_euclid(BUCKET) + i64::from(step);
        let over = seconds(self.now.rem_euclid(BUCKET)) / seconds(BUCKET);
        self.scale * ((1.0 - over) * self.bucket(last - 1) + over * self.bucket(last))
    }

    /// Attempts in the bucket: known, or expected.
    fn bucket(&self, bucket: i64) -> f64 {
        self.past.known(bucket).unwrap_or_else(|| self.inflow.at(bucket))
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 stay far below 2^53")]
fn seconds(count: i64) -> f64 {
    count as f64
}
