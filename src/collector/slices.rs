//! What collectors share that read more than one reading can hold: a pass over everything, cut into slices.
//!
//! SES answers about once a second, so a reading asks [`CALLS`] questions at most and puts the answers into what the
//! slices before it found. A pass over everything begins every [`PASS`] slices, or when the last one is over.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::aws::{Failure, FailureKind, Operation};

/// The calls of one slice at most: a third of the default budget, which the other collectors share.
pub const CALLS: u32 = 10;
/// From the start of one pass to the next, in slices.
pub const PASS: u32 = 15;

/// Whether a pass that began then is over, so that the next one may begin.
pub fn pass_is_due(began: Option<SystemTime>, now: SystemTime, interval: Duration) -> bool {
    began.is_none_or(|began| times_over(began, now, interval * PASS, interval) >= 1.0)
}

/// How often a span fits between two moments. Half a slice is given for free, since slices are never quite on time;
/// a clock that was set back makes everything due.
pub fn times_over(then: SystemTime, now: SystemTime, span: Duration, interval: Duration) -> f64 {
    now.duration_since(then).map_or(f64::INFINITY, |age| (age + interval / 2).as_secs_f64() / span.as_secs_f64())
}

/// The questions that AWS refuses for good: a permission that is missing, an operation that a server does not know.
/// Each is left out until the next pass; the others go on.
#[derive(Clone, Debug, Default)]
pub struct Refusals(BTreeMap<Operation, (SystemTime, Failure)>);

impl Refusals {
    /// Whether a question was refused so lately that it is not asked again.
    pub fn hold(&self, operation: Operation, now: SystemTime, interval: Duration) -> bool {
        self.0.get(&operation).is_some_and(|(at, _)| !pass_is_due(Some(*at), now, interval))
    }

    /// Notes that a question was answered.
    pub fn answered(&mut self, operation: Operation) {
        self.0.remove(&operation);
    }

    /// Notes that a question was refused.
    pub fn refused(&mut self, operation: Operation, now: SystemTime, failure: Failure) {
        self.0.insert(operation, (now, failure));
    }

    /// All refusals in one line, so that nobody has to find out about them one by one; of the kind of the first.
    pub fn told(&self) -> Option<Failure> {
        let messages: Vec<&str> = self.0.values().map(|(_, failure)| &*failure.message).collect();
        let (_, first) = self.0.values().next()?;
        Some(Failure { message: messages.join("; "), ..first.clone() })
    }
}

/// Whether a failure can be the fault of what was asked for: a permission that is missing, a name or an operation that
/// AWS does not know, an answer that makes no sense. It does not pass by itself, and others must not wait for it.
pub fn of_one_thing(failure: &Failure) -> bool {
    let kinds = [FailureKind::AccessDenied, FailureKind::Rejected, FailureKind::Unexpected];
    failure.skip.is_none() && kinds.contains(&failure.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{SES_GET_IDENTITY_DKIM_ATTRIBUTES as DKIM, SESV2_GET_EMAIL_IDENTITY as DESCRIBE, SkipReason};

    #[test]
    fn a_refusal_holds_until_the_next_pass_and_for_that_question_only() {
        let (minute, now) = (Duration::from_mins(1), SystemTime::UNIX_EPOCH + Duration::from_hours(1));
        let mut refusals = Refusals::default();
        refusals.refused(DKIM, now, Failure::new(FailureKind::AccessDenied, "no"));
        assert!(refusals.hold(DKIM, now + minute * 14, minute));
        assert!(!refusals.hold(DKIM, now + minute * 15, minute));
        assert!(!refusals.hold(DESCRIBE, now, minute));
        refusals.answered(DKIM);
        assert_eq!(refusals.told(), None);
    }

    #[test]
    fn refusals_are_told_together() {
        let mut refusals = Refusals::default();
        for (operation, text) in [(DESCRIBE, "no b"), (DKIM, "no a")] {
            refusals.refused(operation, SystemTime::UNIX_EPOCH, Failure::new(FailureKind::AccessDenied, text));
        }
        assert_eq!(refusals.told().unwrap().message, "no a; no b");
    }

    #[test]
    fn trouble_of_the_way_or_of_the_target_is_nobodys_own() {
        assert!(of_one_thing(&Failure::unexpected("x")));
        assert!(!of_one_thing(&Failure::timeout("x")));
        let denied = Failure::new(FailureKind::AccessDenied, "x");
        assert!(!of_one_thing(&Failure { skip: Some(SkipReason::ServiceControlPolicy), ..denied }));
    }
}
