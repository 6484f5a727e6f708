//! A limit of requests for everybody together: a bucket of tokens, as `rate_limit` describes it.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::web_config::RateLimit;

/// `burst` tokens, of which every request takes one, and into which one falls every `interval`.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    /// When the bucket will be full again. One instant says it all: no count to keep, nothing to refill.
    full_at: Mutex<Instant>,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(limit: RateLimit) -> Bucket {
        Bucket { limit, full_at: Mutex::new(Instant::now()) }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self) -> bool {
        let now = Instant::now();
        let RateLimit { burst, interval } = self.limit;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let would_be_full = (*full_at).max(now).checked_add(interval);
        match would_be_full {
            Some(at) if at.duration_since(now) <= interval.saturating_mul(burst) => {
                *full_at = at;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_one_an_interval() {
        let bucket = Bucket::new(RateLimit { burst: 3, interval: Duration::from_secs(1) });
        let taken = |times: usize| (0..times).filter(|_| bucket.take()).count();
        assert_eq!(taken(10), 3);
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(taken(10), 0, "a refusal costs nothing and gives nothing");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(taken(10), 1);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(taken(10), 3, "it never holds more than the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn intervals_beyond_all_measure_do_no_harm() {
        let bucket = Bucket::new(RateLimit { burst: u32::MAX, interval: Duration::MAX });
        assert!(!bucket.take());
    }
}
