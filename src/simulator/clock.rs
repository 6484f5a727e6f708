//! The simulated world's clock: a source of time plus an offset that only grows.
//!
//! Two times are told apart. [`Clock::now`] is what Amazon SES is shown to know (send buckets, the story of a demo) and can be
//! advanced. [`Clock::wall`] is the time of the transport: the `Date` header and the life of temporary keys follow it, because a
//! client that runs on the real clock could not refresh its keys in time after a jump. It never sleeps and never goes back.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of time with an offset.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    offset: Duration,
}

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Clock {
        Clock::from_fn(SystemTime::now)
    }

    /// A clock that asks `source`; a test hands in its own.
    pub fn from_fn(source: impl Fn() -> SystemTime + Send + Sync + 'static) -> Clock {
        Clock { source: Arc::new(source), offset: Duration::ZERO }
    }

    /// The world's time: the source plus everything it was advanced by.
    pub fn now(&self) -> SystemTime {
        self.wall() + self.offset
    }

    /// The source's time, without the offset.
    pub fn wall(&self) -> SystemTime {
        (self.source)()
    }

    /// Moves the world's time forward.
    pub fn advance(&mut self, by: Duration) {
        self.offset = self.offset.saturating_add(by);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clock").field("offset", &self.offset).finish_non_exhaustive()
    }
}

/// Whole seconds since 1970; times before it count as 0.
pub(super) fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time that many whole seconds after 1970.
pub(super) fn from_epoch(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// `2026-11-22T10:15:00Z`, the form of timestamps in the XML of SES v1 and STS.
pub(super) fn iso_time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// `Sun, 22 Nov 2026 10:15:00 GMT`, the form of the `Date` header (RFC 9110, 5.6.7).
pub(super) fn http_date(time: SystemTime) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = iso_time(time);
    let part = |range: std::ops::Range<usize>| iso.get(range).unwrap_or_default();
    let days = epoch_seconds(time) / 86_400;
    let weekday = WEEKDAYS.iter().cycle().nth(usize::try_from(days % 7).unwrap_or(0)).unwrap_or(&"Thu");
    let month = part(5..7).parse::<usize>().unwrap_or(1).saturating_sub(1);
    let month = MONTHS.get(month).unwrap_or(&"Jan");
    format!("{weekday}, {} {month} {} {} GMT", part(8..10), part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_header_is_written_as_rfc_9110_shows_it() {
        assert_eq!(http_date(from_epoch(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(from_epoch(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(from_epoch(1_709_164_800)), "Thu, 29 Feb 2024 00:00:00 GMT");
    }

    #[test]
    fn advancing_moves_the_world_but_not_the_wall() {
        let mut clock = Clock::from_fn(|| from_epoch(1_000));
        clock.advance(Duration::from_secs(500));
        assert_eq!(epoch_seconds(clock.now()), 1_500);
        assert_eq!(epoch_seconds(clock.wall()), 1_000);
    }
}
