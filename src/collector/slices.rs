//! What collectors share that read more than one reading can hold: a pass over everything, cut into slices.
//!
//! SES answers about once a second, so a reading asks [`CALLS`] questions at most and puts the answers into what the
//! slices before it found. A pass over everything begins every [`PASS`] slices, or when the last one is over.

use std::collections::BTreeMap;
use std::future::Future;
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

    /// The answer to a question, and none if it is refused for good.
    ///
    /// # Errors
    /// Any other failure, which fails the slice.
    pub async fn answered<T>(
        &mut self,
        operation: Operation,
        now: SystemTime,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        match answer.await {
            Ok(answer) => {
                self.0.remove(&operation);
                Ok(Some(answer))
            }
            Err(failure) if failure.skip.is_none() && for_good(&failure) => {
                self.0.insert(operation, (now, failure));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// All refusals in one line, so that nobody has to find out about them one by one; of the kind of the first.
    pub fn told(&self) -> Option<Failure> {
        let messages: Vec<&str> = self.0.values().map(|(_, failure)| &*failure.message).collect();
        let (_, first) = self.0.values().next()?;
        Some(Failure { message: messages.join("; "), ..first.clone() })
    }
}

fn for_good(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::AccessDenied | FailureKind::Rejected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{SES_GET_IDENTITY_DKIM_ATTRIBUTES as DKIM, SESV2_GET_EMAIL_IDENTITY as DESCRIBE};

    #[tokio::test]
    async fn a_refusal_holds_until_the_next_pass_and_for_that_question_only() {
        let (minute, now) = (Duration::from_mins(1), SystemTime::UNIX_EPOCH + Duration::from_hours(1));
        let mut refusals = Refusals::default();
        let denied = Failure::new(FailureKind::AccessDenied, "no");
        let answer = refusals.answered(DKIM, now, async { Err::<(), _>(denied.clone()) }).await;
        assert_eq!(answer, Ok(None));
        assert!(refusals.hold(DKIM, now + minute * 14, minute));
        assert!(!refusals.hold(DKIM, now + minute * 15, minute));
        assert!(!refusals.hold(DESCRIBE, now, minute));
        assert_eq!(refusals.told().as_ref(), Some(&denied));
        assert_eq!(refusals.answered(DKIM, now, async { Ok(7) }).await, Ok(Some(7)));
        assert_eq!(refusals.told(), None);
    }

    #[tokio::test]
    async fn refusals_are_told_together() {
        let mut refusals = Refusals::default();
        for (operation, text) in [(DESCRIBE, "no b"), (DKIM, "no a")] {
            let denied = Failure::new(FailureKind::AccessDenied, text);
            let answer = refusals.answered(operation, SystemTime::UNIX_EPOCH, async { Err::<(), _>(denied) });
            assert_eq!(answer.await, Ok(None));
        }
        assert_eq!(refusals.told().unwrap().message, "no a; no b");
    }

    #[tokio::test]
    async fn what_passes_by_itself_fails_the_slice() {
        let slow = Failure::timeout("slow");
        let answer = async { Err::<(), _>(slow.clone()) };
        let mut refusals = Refusals::default();
        assert_eq!(refusals.answered(DKIM, SystemTime::UNIX_EPOCH, answer).await, Err(slow));
        assert_eq!(refusals.told(), None);
    }
}
