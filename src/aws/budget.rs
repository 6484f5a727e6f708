//! The turns that one account and region gives out: who may call next, and when.
//!
//! SES answers about one control-plane read a second per account and region, and shares that with the user's own
//! programs. So there is one budget per target over both SES APIs, and never two requests in flight.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep_until};

/// A token bucket whose tokens are handed out one after the other.
#[derive(Debug)]
pub struct Budget {
    /// Time in which one token grows.
    period: Duration,
    state: Mutex<Tokens>,
}

#[derive(Debug)]
struct Tokens {
    /// Whole calls that may start at once. More than one only at start, so that an agent is ready quickly.
    ready: u32,
    /// When the next token has grown.
    next: Instant,
}

/// The right to send one request now. Whoever holds it is the only one in flight.
#[derive(Debug)]
pub struct Turn<'a> {
    _held: MutexGuard<'a, Tokens>,
}

impl Budget {
    /// A budget of `requests_per_second`, which starts with `burst` calls at hand.
    pub fn new(requests_per_second: f64, burst: u32) -> Self {
        let period = Duration::try_from_secs_f64(requests_per_second.recip()).unwrap_or(Duration::from_hours(1));
        Self { period, state: Mutex::new(Tokens { ready: burst, next: Instant::now() }) }
    }

    /// Waits for its turn, first come, first served.
    pub async fn turn(&self) -> Turn<'_> {
        let mut tokens = self.state.lock().await;
        if tokens.ready > 0 {
            tokens.ready -= 1;
        } else {
            sleep_until(tokens.next).await;
        }
        // Unused time saves up nothing: a quiet hour must not end in a burst.
        tokens.next = Instant::now() + self.period;
        Turn { _held: tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_at_once_while_starting_then_one_every_two_seconds() {
        let budget = Budget::new(0.5, 2);
        let start = Instant::now();
        let mut at = Vec::new();
        for _ in 0..5 {
            drop(budget.turn().await);
            at.push(start.elapsed().as_secs());
        }
        assert_eq!(at, [0, 0, 2, 4, 6]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_hour_saves_up_nothing() {
        let budget = Budget::new(0.5, 1);
        drop(budget.turn().await);
        tokio::time::advance(Duration::from_hours(1)).await;
        let start = Instant::now();
        drop(budget.turn().await);
        drop(budget.turn().await);
        assert_eq!(start.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_gets_a_turn_while_another_is_in_flight() {
        let budget = Budget::new(0.5, 2);
        let held = budget.turn().await;
        assert!(tokio::time::timeout(Duration::from_mins(1), budget.turn()).await.is_err());
        drop(held);
        drop(budget.turn().await);
    }
}
