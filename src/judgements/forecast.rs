//! Judgement `forecast`: when will the 24-hour quota be used up, and when does room come back?
//!
//! The quota counts the last 24 hours and has no reset: what was sent ages out a day later, bucket by bucket, and what is
//! sent meanwhile comes in. A line through the sum would announce the end of every batch's quota; this follows the
//! window itself, in steps of 15 minutes for 24 hours.
//!
//! What ages out is known: the buckets of the last day, scaled to the sum that GetAccount tells. What comes in is taken
//! to be like the same hours of last week, or of yesterday where those fit better, at today's level: the median of the
//! last 12 hours against them, or the last 90 minutes where all of those have shifted together. A rate that those hours
//! do not know, such as a campaign's, goes on for eight times as long as it has lasted. Where the sum is expected to stay
//! just below the limit, the noise of today decides, and the time told is the one by which it is as likely as not to
//! have met it.
//!
//! It is as of the readings, and says nothing where they tell too little. It expects no batch to begin that never ran.

mod inflow;
mod past;
mod pattern;
#[cfg(test)]
mod weeks;
mod window;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::collectors::account::Account;
use crate::collectors::sending::Sending;
use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, gauge};
use past::Past;
use window::{Quota, Window};

/// The judgement.
pub struct Forecast;

/// What is in sight within 24 hours, in seconds since 1970.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// When the quota will be used up; none where it is already.
    exhaustion: Option<f64>,
    /// When the quota that is used up has room again; none where it has.
    recovery: Option<f64>,
}

impl Verdict {
    /// When the quota will be used up.
    pub fn exhaustion(&self) -> Option<SystemTime> {
        self.exhaustion.and_then(moment)
    }

    /// When there is room again.
    pub fn recovery(&self) -> Option<SystemTime> {
        self.recovery.and_then(moment)
    }
}

fn moment(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

impl Judgement for Forecast {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "forecast",
        about: "When the 24-hour quota will be used up as mail goes out now and went out in the same hours before, and when \
                room comes back.",
        from: &["account", "sending"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[
        &gauge(
            "ses_send_quota_exhaustion_timestamp_seconds",
            "When the 24-hour quota is expected to be used up, as Unix time; absent if not within 24 hours, or if it is used up already (judged from GetAccount SendQuota and GetSendStatistics DeliveryAttempts).",
            [],
            |verdict: &Verdict, out| out.push_known([], verdict.exhaustion),
        ),
        &gauge(
            "ses_send_quota_recovery_timestamp_seconds",
            "When enough has aged out of a 24-hour quota that is used up for mail to be accepted again, as Unix time; absent while there is room (judged from GetAccount SendQuota and GetSendStatistics DeliveryAttempts).",
            [],
            |verdict: &Verdict, out| out.push_known([], verdict.recovery),
        ),
    ];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        let (account, at) = seen.dated::<Account>()?;
        let quota = Quota { limit: account.max_24h?, sent: account.sent_24h };
        forecast(quota, at, &Past::of(seen.reading::<Sending>()?)?)
    }
}

/// An unlimited quota is never used up, and one that is used up already has nothing to forecast but its end.
fn forecast(quota: Quota, at: SystemTime, past: &Past) -> Option<Verdict> {
    if quota.limit.is_infinite() {
        return None;
    }
    let now = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let window = Window::new(quota, i64::try_from(now).ok()?, past)?;
    Some(if quota.sent >= quota.limit {
        Verdict { exhaustion: None, recovery: window.recovery() }
    } else {
        Verdict { exhaustion: window.exhaustion(), recovery: None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::sending::BUCKET;

    /// A quarter-hour on the clock, at which the newest bucket has just finished.
    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 96;

    /// The buckets that ended so long before now, in quarter-hours, and their attempts.
    fn past(buckets: impl IntoIterator<Item = (i64, u32)>) -> Option<Past> {
        let mut buckets: Vec<_> =
            buckets.into_iter().map(|(back, attempts)| (NOW - (back + 1) * BUCKET, attempts)).collect();
        buckets.sort_unstable();
        Past::new(NOW, buckets.into_iter())
    }

    fn at(seconds: i64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
    }

    fn says(limit: f64, sent: f64, past: &Past) -> Option<Verdict> {
        forecast(Quota { limit, sent }, at(NOW), past)
    }

    /// In seconds from now.
    fn ahead(when: Option<f64>) -> Option<f64> {
        Some(when? - f64::from(i32::try_from(NOW).unwrap()))
    }

    #[test]
    fn without_history_the_rate_of_now_goes_on_for_a_while() {
        let new = past((0..4).map(|back| (back, 100))).unwrap();
        assert_eq!(ahead(says(1400.0, 400.0, &new).unwrap().exhaustion), Some(9000.0));
        assert_eq!(says(9000.0, 400.0, &new), Some(Verdict::default()), "not for more than eight hours");
    }

    #[test]
    fn recipients_count_and_not_mails() {
        let new = past((0..4).map(|back| (back, 100))).unwrap();
        assert_eq!(ahead(says(2800.0, 800.0, &new).unwrap().exhaustion), Some(9000.0));
        assert_eq!(says(40_000.0, 39_000.0, &new), None, "buckets that do not explain the sum tell nothing");
    }

    #[test]
    fn what_is_sent_again_as_it_ages_out_adds_nothing() {
        let steady = past((0..14 * DAY).map(|back| (back, 100))).unwrap();
        assert_eq!(says(9700.0, 9600.0, &steady), Some(Verdict::default()));
    }

    #[test]
    fn a_batch_that_has_ended_is_not_announced() {
        let ended = past((3..10).map(|back| (back, 1000)).chain([(0, 5), (1, 5), (2, 5)])).unwrap();
        assert_eq!(says(7500.0, 7015.0, &ended), Some(Verdict::default()));
    }

    #[test]
    fn ninety_minutes_at_another_level_are_believed() {
        let shifted = past((0..14 * DAY).map(|back| (back, if back < 6 { 140 } else { 100 }))).unwrap();
        assert_eq!(ahead(says(10_000.0, 9_840.0, &shifted).unwrap().exhaustion), Some(4.0 * 900.0));
        let one_is_off = past((0..14 * DAY).map(|back| (back, [140, 140, 0].get(as_place(back)).map_or(100, |n| *n))));
        assert_eq!(says(10_000.0, 9_580.0, &one_is_off.unwrap()), Some(Verdict::default()));
    }

    #[test]
    fn just_below_the_limit_noise_decides() {
        // Neither yesterday nor last week repeats itself in steps of five.
        let noisy = past((0..14 * DAY).map(|back| (back, [90, 110, 100, 100, 100][as_place(back % 5)]))).unwrap();
        let ahead = |limit| ahead(says(limit, 9_590.0, &noisy).unwrap().exhaustion);
        // What is expected goes up and down by 20.
        assert!(ahead(9_640.0).is_some_and(|seconds| seconds < 8.0 * 3600.0), "{:?}", ahead(9_640.0));
        assert_eq!(ahead(10_000.0), None, "more than noise brings");
    }

    fn as_place(back: i64) -> usize {
        usize::try_from(back).unwrap()
    }

    #[test]
    fn a_quota_that_is_used_up_has_room_when_enough_ages_out() {
        // 100 in the oldest bucket of the window, 500 an hour later: 301 of them must go.
        let used_up = past([(95, 100), (91, 500)]).unwrap();
        let verdict = says(200.0, 600.0, &used_up).unwrap();
        assert_eq!((verdict.exhaustion, ahead(verdict.recovery)), (None, Some(4142.0)));
        let exact = says(600.0, 600.0, &used_up).unwrap();
        assert_eq!(ahead(exact.recovery), Some(9.0), "room for one recipient");
    }

    #[test]
    fn a_quota_that_never_ends_has_no_forecast() {
        let steady = past((0..DAY).map(|back| (back, 100))).unwrap();
        assert_eq!(says(f64::INFINITY, 9600.0, &steady), None);
    }

    #[test]
    fn too_little_tells_nothing() {
        assert!(past([]).is_none(), "no mail in two weeks");
        let long_ago = past([(500, 100)]).unwrap();
        assert_eq!(says(200.0, 100.0, &long_ago), None, "nothing in the window that GetAccount says holds 100");
        assert_eq!(says(200.0, 0.0, &long_ago), Some(Verdict::default()));
        let nothing = past([(7, 0)]).unwrap();
        assert_eq!(says(200.0, 0.0, &nothing), Some(Verdict::default()));
    }

    #[test]
    fn clocks_that_differ_do_no_harm() {
        let late = past((0..4).map(|back| (back, 100))).unwrap();
        for skew in [-60, 60, 900] {
            let verdict = forecast(Quota { limit: 1400.0, sent: 400.0 }, at(NOW + skew), &late).unwrap();
            assert!(verdict.exhaustion.is_some(), "{skew}");
        }
        for skew in [-7200, 10 * 86_400] {
            assert_eq!(forecast(Quota { limit: 1400.0, sent: 400.0 }, at(NOW + skew), &late), None, "{skew}");
        }
        let ahead_or_ages_ago = past([(-9, 1_000_000), (100_000, 1_000_000), (1, 100), (0, 100)]).unwrap();
        assert_eq!(says(9000.0, 200.0, &ahead_or_ages_ago), Some(Verdict::default()));
    }
}
