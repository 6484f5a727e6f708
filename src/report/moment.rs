//! Points in time of a report, and since when something is so: in JSON, and in words for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;

use crate::estate;

/// A point in time: RFC 3339 in JSON, in UTC and whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String", extend("format" = "date-time")))]
pub(crate) struct Moment(SystemTime);

/// Since when something is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Since {
    /// When the agent first saw it so.
    pub(crate) since: Moment,
    /// It was so when the agent looked for the first time, so it may be older.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) since_at_least: bool,
}

impl Moment {
    /// A time on the wall clock; none before 1970 or after the year 9999, which RFC 3339 can't write.
    pub(crate) fn of(at: SystemTime) -> Option<Self> {
        const YEAR_10000: u64 = 253_402_300_800; // seconds since 1970
        let seconds = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
        (seconds < YEAR_10000).then(|| Self(UNIX_EPOCH + Duration::from_secs(seconds)))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        humantime::format_rfc3339_seconds(self.0).fmt(f)
    }
}

impl serde::Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time =
            humantime::parse_rfc3339(&text).map_err(|_| D::Error::custom("a time is not in RFC 3339 and UTC"))?;
        Self::of(time).ok_or_else(|| D::Error::custom("a time is out of range"))
    }
}

impl Since {
    /// What the keeper remembers.
    pub(crate) fn of(since: estate::Since) -> Option<Self> {
        Some(Self { since: Moment::of(since.at)?, since_at_least: since.at_least })
    }

    /// For people: `since 14:05 UTC (2 h)`, `for at least 3 h`.
    pub(crate) fn words(self, now: Moment) -> String {
        let age = age(now.0.duration_since(self.since.0).unwrap_or_default());
        if self.since_at_least {
            return format!("for at least {age}");
        }
        let (since, now) = (self.since.to_string(), now.to_string());
        let day = |text: &str| text.split('T').next().unwrap_or_default().to_owned();
        let time = since.get(11..16).unwrap_or_default();
        let day = if day(&since) == day(&now) { String::new() } else { day(&since) + " " };
        format!("since {day}{time} UTC ({age})")
    }
}

/// In its largest unit: how long exactly is told by the time beside it.
pub(crate) fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        serde_json::from_value(text.into()).expect("a time")
    }

    #[test]
    fn people_read_the_time_of_day_and_how_long_that_is() {
        let now = moment("2026-11-22T16:30:00Z");
        let words = |since: &str, since_at_least| Since { since: moment(since), since_at_least }.words(now);
        assert_eq!(words("2026-11-22T16:29:50Z", false), "since 16:29 UTC (10 s)");
        assert_eq!(words("2026-11-22T14:05:00Z", false), "since 14:05 UTC (2 h)");
        assert_eq!(words("2026-11-21T14:05:00Z", false), "since 2026-11-21 14:05 UTC (26 h)");
        assert_eq!(words("2026-11-10T16:30:00Z", false), "since 2026-11-10 16:30 UTC (12 days)");
        assert_eq!(words("2026-11-22T16:00:00Z", true), "for at least 30 min");
        assert_eq!(words("2026-11-22T17:00:00Z", true), "for at least 0 s", "a clock that was set back");
    }

    #[test]
    fn a_time_that_can_not_be_written_is_none_and_one_that_can_be_is_read_again() {
        assert_eq!(Moment::of(UNIX_EPOCH - Duration::from_secs(1)), None);
        let at = |seconds| Moment::of(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(253_402_300_800), None);
        let last = at(253_402_300_799).expect("a time");
        assert_eq!(last.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(serde_json::from_value::<Moment>(serde_json::to_value(last).expect("JSON")).ok(), Some(last));
        assert!(serde_json::from_value::<Moment>("14:05".into()).is_err());
    }
}
