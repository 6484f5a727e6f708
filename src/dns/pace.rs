//! How fast the process asks DNS: so many queries a second, so many on their way at once.
//!
//! The resolvers belong to everybody on the network; a sweep over thousands of records must not crowd them out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// Each query on its way holds a socket.
const MOST_IN_FLIGHT: usize = 16;

/// Gives out turns, one after the other, evenly spaced.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    /// When the next turn begins.
    next: Mutex<Instant>,
    in_flight: Semaphore,
}

impl Pace {
    /// At most `queries_per_second`.
    pub(super) fn new(queries_per_second: u32) -> Self {
        let period = Duration::from_secs(1) / queries_per_second.max(1);
        Self { period, next: Mutex::new(Instant::now()), in_flight: Semaphore::new(MOST_IN_FLIGHT) }
    }

    /// Waits until a query may go out. It is on its way for as long as the turn is held.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.in_flight.acquire().await.ok();
        sleep_until(self.reserve()).await;
        permit
    }

    /// Unused time saves up nothing: a quiet hour must not end in a burst.
    fn reserve(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (*next).max(Instant::now());
        *next = at + self.period;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_evenly_spaced_and_a_quiet_hour_saves_up_nothing() {
        let pace = Pace::new(4);
        let start = Instant::now();
        let mut at = Vec::new();
        for turn in 0..6 {
            if turn == 3 {
                tokio::time::advance(Duration::from_hours(1)).await;
            }
            drop(pace.turn().await);
            at.push(start.elapsed().as_millis());
        }
        assert_eq!(at, [0, 250, 500, 3_600_500, 3_600_750, 3_601_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_sixteen_are_on_their_way() {
        let pace = Pace::new(1000);
        let mut held = Vec::new();
        for _ in 0..16 {
            held.push(pace.turn().await);
        }
        assert!(tokio::time::timeout(Duration::from_mins(1), pace.turn()).await.is_err());
        held.pop();
        assert!(tokio::time::timeout(Duration::from_mins(1), pace.turn()).await.is_ok());
    }
}
