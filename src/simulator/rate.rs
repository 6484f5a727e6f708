//! The request rate of Amazon SES: one bucket of tokens for each account and region, over both of its APIs.
//!
//! "All actions (except SendEmail, SendRawEmail, SendTemplatedEmail) are throttled at one request per second. Not adjustable"
//! (<https://docs.aws.amazon.com/ses/latest/dg/quotas.html#quotas-api>). Whether that is one request for each action or for all
//! together is not documented; the harder reading is taken. It uses the runtime's clock, never the world's: a jump refills nothing.

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
    tokens: HashMap<(String, String), Tokens>,
}

#[derive(Debug, Clone, Copy)]
struct Tokens {
    left: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(rate: Option<Rate>) -> Limiter {
        Limiter { rate, tokens: HashMap::new() }
    }

    /// Takes one token; false when there is none.
    pub(super) fn admit(&mut self, account: &str, region: &str, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let full = Tokens { left: rate.burst, at: now };
        let tokens = self.tokens.entry((account.to_owned(), region.to_owned())).or_insert(full);
        let gained = rate.per_second * since(tokens.at, now).as_secs_f64();
        *tokens = Tokens { left: (tokens.left + gained).min(rate.burst), at: now };
        if tokens.left < 1.0 {
            return false;
        }
        tokens.left -= 1.0;
        true
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
    fn without_a_rate_nothing_is_refused() {
        let mut limiter = Limiter::new(None);
        let now = Instant::now();
        assert!((0..100).all(|_| limiter.admit("1", "a", now)));
    }
}
