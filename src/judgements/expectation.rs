//! Judgement `expectation`: is a region what the operator declared it to be?
//!
//! SES can't know which regions are meant to send. A declared region in the sandbox is a release that will fail; one
//! that is declared unused and sends is a stolen key, a wrong region in a program, or an open bill.

use crate::collectors::account::{Account, Reading};
use crate::expectations::{Declared, State};
use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, flag, gauge, states};

/// The judgement.
pub struct Expectation;

/// What was declared, and whether it holds.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// What was declared.
    pub expected: State,
    /// None while the region can't be read.
    pub as_expected: Option<bool>,
    /// Messages in 24 hours.
    pub minimum_quota: Option<u32>,
}

const STATES: &[&str] = &[State::Production.as_str(), State::Sandbox.as_str(), State::Unused.as_str()];

impl Judgement for Expectation {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "expectation",
        about: "Whether each region that `[[expect]]` declares is what it declares; nothing about other regions.",
        from: &["account"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[
        &gauge(
            "ses_region_expectation",
            "1 for the state that the configuration declares for the region: production, sandbox or unused; there also while the region can't be read (declared in [[expect]] state).",
            ["expected"],
            |verdict: &Verdict, out| states(out, STATES, &[verdict.expected.as_str()]),
        ),
        &gauge(
            "ses_region_as_expected",
            "Whether the region is what is declared. Production: production access, sending enabled, not SHUTDOWN; sandbox: no production access; unused: no production access and nothing sent in 24 hours; always: at least the declared quota (judged from GetAccount ProductionAccessEnabled, SendingEnabled, EnforcementStatus and SendQuota).",
            [],
            |verdict: &Verdict, out| out.push_known([], verdict.as_expected.map(flag)),
        ),
        &gauge(
            "ses_region_minimum_quota_messages",
            "The smallest sending quota of any 24 hours that will do, counted in recipients (declared in [[expect]] minimum_quota).",
            [],
            |verdict: &Verdict, out| out.push_known([], verdict.minimum_quota.map(f64::from)),
        ),
    ];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        judge(&seen.declared(), seen.reading::<Account>())
    }
}

fn judge(declared: &Declared<'_>, reading: Option<&Reading>) -> Option<Verdict> {
    let (expected, minimum_quota) = (declared.state?, declared.minimum_quota);
    let as_expected = reading.and_then(|reading| holds(expected, minimum_quota, reading));
    Some(Verdict { expected, as_expected, minimum_quota })
}

/// Whether the region is in its state and has its quota; unknown where only a quota that SES left out could tell.
fn holds(expected: State, minimum_quota: Option<u32>, reading: &Reading) -> Option<bool> {
    let in_state = match expected {
        State::Production => {
            reading.production_access && reading.sending_enabled && reading.enforcement_status != "SHUTDOWN"
        }
        State::Sandbox => !reading.production_access,
        // Verified identities alone send nothing; whether they may be there is what `exhaustive` declares.
        State::Unused => !reading.production_access && reading.sent_24h <= 0.0,
    };
    match minimum_quota {
        Some(minimum) if in_state => reading.max_24h.map(|quota| quota >= f64::from(minimum)),
        _ => Some(in_state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Production access, sending enabled, enforcement status, quota, sent.
    fn reading(access: bool, enabled: bool, status: &str, quota: Option<f64>, sent: f64) -> Reading {
        Reading {
            production_access: access,
            sending_enabled: enabled,
            enforcement_status: status.to_owned(),
            review_status: None,
            review_case_id: None,
            max_24h: quota,
            sent_24h: sent,
            max_per_second: None,
            suppressed_reasons: None,
            vdm_enabled: None,
            auto_warmup: false,
        }
    }

    #[test]
    fn each_state_asks_for_its_own() {
        let healthy = |access, sent| reading(access, true, "HEALTHY", Some(200.0), sent);
        for (expected, reading, holds_there) in [
            (State::Production, healthy(true, 5.0), true),
            (State::Production, healthy(true, 0.0), true),
            (State::Production, healthy(false, 0.0), false),
            (State::Production, reading(true, false, "HEALTHY", None, 0.0), false),
            (State::Production, reading(true, true, "SHUTDOWN", None, 0.0), false),
            (State::Production, reading(true, true, "PROBATION", None, 0.0), true),
            (State::Sandbox, healthy(false, 5.0), true),
            (State::Sandbox, healthy(true, 0.0), false),
            (State::Unused, healthy(false, 0.0), true),
            (State::Unused, healthy(false, 1.0), false),
            (State::Unused, healthy(true, 0.0), false),
        ] {
            assert_eq!(holds(expected, None, &reading), Some(holds_there), "{expected:?} {reading:?}");
        }
    }

    #[test]
    fn a_quota_that_is_not_known_decides_nothing() {
        let with = |access, quota| reading(access, true, "HEALTHY", quota, 0.0);
        for (reading, expected) in [
            (with(true, Some(50_000.0)), Some(true)),
            (with(true, Some(f64::INFINITY)), Some(true)),
            (with(true, Some(49_999.0)), Some(false)),
            (with(true, None), None),
            (with(false, None), Some(false)),
        ] {
            assert_eq!(holds(State::Production, Some(50_000), &reading), expected, "{reading:?}");
        }
    }

    #[test]
    fn what_is_declared_stays_when_nothing_can_be_read_and_what_is_not_says_nothing() {
        let declared = Declared { state: Some(State::Sandbox), minimum_quota: Some(10), ..Declared::default() };
        let blind = Verdict { expected: State::Sandbox, as_expected: None, minimum_quota: Some(10) };
        assert_eq!(judge(&declared, None), Some(blind));
        assert_eq!(judge(&Declared::default(), Some(&reading(true, true, "HEALTHY", None, 0.0))), None);
    }
}
