//! The rates of Amazon SES: for each account and region one bucket of tokens for requests, over both of its APIs, and one for mail.
//!
//! "All actions (except SendEmail, SendRawEmail, SendTemplatedEmail) are throttled at one request per second. Not adjustable"
//! (<https://docs.aws.amazon.com/ses/latest/dg/quotas.html#quotas-api>). Whether that is one request for each action or for all
//! together is not documented; the harder reading is taken. The send operations have SendQuota.MaxSendRate instead, which counts
//! recipients: while any of it is left a message goes through, and the ones after it wait until its recipients are paid for
//! (django-ses#59). It uses the runtime's clock, never the world's: a jump refills nothing.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How many requests an account may make in a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: f64,
    /// Requests at once, after a silence.
    pub burst: f64,
}

impl Default for Rate {
    fn default() -> Rate {
        Rate { per_second: 1.0, burst: 2.0 }
    }
}

/// The tokens of all accounts and regions.
#[derive(Debug)]
pub(super) struct Limiter {
    /// No rate, no limit.
    pub(super) rate: Option<Rate>,
    buckets: Buckets,
}

/// What is left of SendQuota.MaxSendRate in all accounts and regions.
#[derive(Debug)]
pub(super) struct MailLimiter {
    /// False: nothing is refused for being too fast.
    pub(super) enforced: bool,
    buckets: Buckets,
}

#[derive(Debug, Default)]
struct Buckets(HashMap<(String, String), Tokens>);

#[derive(Debug, Clone, Copy)]
struct Tokens {
    left: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(rate: Option<Rate>) -> Limiter {
        Limiter { rate, buckets: Buckets::default() }
    }

    /// Takes one token; false when there is none.
    pub(super) fn admit(&mut self, account: &str, region: &str, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let tokens = self.buckets.refilled(account, region, rate, now);
        if tokens.left < 1.0 {
            return false;
        }
        tokens.left -= 1.0;
        true
    }
}

impl MailLimiter {
    pub(super) fn new() -> MailLimiter {
        MailLimiter { enforced: true, buckets: Buckets::default() }
    }

    /// True while any of the rate is left; no rate is unlimited.
    pub(super) fn has_left(&mut self, account: &str, region: &str, per_second: Option<f64>, now: Instant) -> bool {
        let Some(per_second) = per_second.filter(|_| self.enforced) else { return true };
        self.buckets.refilled(account, region, Rate::of_mail(per_second), now).left >= 1.0
    }

    /// Counts the recipients of a message that was taken, also beyond what is left.
    pub(super) fn take(&mut self, account: &str, region: &str, per_second: Option<f64>, recipients: u64, now: Instant) {
        let Some(per_second) = per_second.filter(|_| self.enforced) else { return };
        let recipients = f64::from(u32::try_from(recipients).unwrap_or(u32::MAX));
        self.buckets.refilled(account, region, Rate::of_mail(per_second), now).left -= recipients;
    }
}

impl Rate {
    /// A second's worth of mail at once, and one message at least.
    fn of_mail(per_second: f64) -> Rate {
        Rate { per_second, burst: per_second.max(1.0) }
    }
}

impl Buckets {
    /// The tokens of a region with what they gained since they were last looked at.
    fn refilled(&mut self, account: &str, region: &str, rate: Rate, now: Instant) -> &mut Tokens {
        let full = Tokens { left: rate.burst, at: now };
        let tokens = self.0.entry((account.to_owned(), region.to_owned())).or_insert(full);
        let gained = rate.per_second * since(tokens.at, now).as_secs_f64();
        *tokens = Tokens { left: (tokens.left + gained).min(rate.burst), at: now };
        tokens
    }
}

fn since(earlier: Instant, later: Instant) -> Duration {
    later.saturating_duration_since(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_then_one_a_second_for_each_region() {
        let mut limiter = Limiter::new(Some(Rate::default()));
        let start = Instant::now();
        let mut at = |region, millis| limiter.admit("1", region, start + Duration::from_millis(millis));
        assert_eq!([0, 0, 0].map(|millis| at("a", millis)), [true, true, false]);
        assert!(at("b", 0), "another region has its own bucket");
        assert_eq!([900, 1000, 1100, 2000].map(|millis| at("a", millis)), [false, true, false, true]);
    }

    #[test]
    fn a_message_to_five_is_paid_for_afterwards() {
        let mut limiter = MailLimiter::new();
        let start = Instant::now();
        let mut send = |millis, recipients| {
            let (rate, at) = (Some(1.0), start + Duration::from_millis(millis));
            let left = limiter.has_left("1", "a", rate, at);
            if left {
                limiter.take("1", "a", rate, recipients, at);
            }
            left
        };
        assert!(send(0, 5), "one is left, and that is enough");
        assert_eq!(
            [1_000, 4_500, 5_000, 5_500, 6_000].map(|millis| send(millis, 1)),
            [false, false, true, false, true]
        );
        limiter.enforced = false;
        assert!((0..9).all(|_| limiter.has_left("1", "a", Some(1.0), start)));
    }

    #[test]
    fn without_a_rate_nothing_is_refused() {
        let mut limiter = Limiter::new(None);
        let now = Instant::now();
        assert!((0..100).all(|_| limiter.admit("1", "a", now)));
    }
}
