//! Since when something is as it is: what the keeper remembers of states from one reading of a collector to the next.
//!
//! SES tells states and seldom when they began. A state that another reading contradicted has begun between the two; one
//! that was there at the first sight is at least as old as that. Of identities and DNS records only what is not well is
//! remembered, so this costs nothing where all is well. It is pure, knows the time by readings alone, and ends with the
//! process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::Dated;
use crate::collector::AnyReading;
use crate::collectors::dns::{self, Label, Reason, Verdict};
use crate::collectors::{account, identities, identity_details};

/// What can be in a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// GetAccount `ProductionAccessEnabled`.
    ProductionAccess,
    /// GetAccount `SendingEnabled`.
    SendingEnabled,
    /// GetAccount `EnforcementStatus`.
    EnforcementStatus,
    /// GetAccount `Details.ReviewDetails.Status`.
    ReviewStatus,
    /// ListEmailIdentities `VerificationStatus` of the identity of this name, while it is not SUCCESS.
    Verification(Arc<str>),
    /// The DKIM status of the identity of this name, while SES should sign and it is not SUCCESS.
    Dkim(Arc<str>),
    /// The status of the MAIL FROM domain of the identity of this name, while it is not SUCCESS.
    MailFrom(Arc<str>),
    /// A DNS record of the domain of this name, while it is wrong.
    Record(Arc<str>, Label),
}

/// Since when a state holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since {
    /// When the first reading that saw it began, on the wall clock.
    pub at: SystemTime,
    /// It was so when it was first looked at, so it may be older.
    pub at_least: bool,
}

/// A state, to be compared with the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Is(bool),
    Word(Arc<str>),
    Wrong(Reason),
}

/// The states that one collector saw at one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory(BTreeMap<Subject, (State, Since)>);

impl Memory {
    /// Since when the state of `subject` holds; none where nothing is remembered of it.
    pub(super) fn of(&self, subject: &Subject) -> Option<Since> {
        self.0.get(subject).map(|(_, since)| *since)
    }

    /// What is to be remembered once `reading` has followed `previous`.
    pub(super) fn following(&self, previous: Option<&AnyReading>, reading: &Dated) -> Self {
        let since = |subject: &Subject, state: &State| match self.0.get(subject) {
            Some((before, since)) if before == state => *since,
            Some(_) => Since { at: reading.at, at_least: false },
            None => Since { at: reading.at, at_least: !previous.is_some_and(|seen| was_known(seen, subject)) },
        };
        let remembered = states(&reading.value).into_iter().map(|(subject, state)| {
            let since = since(&subject, &state);
            (subject, (state, since))
        });
        Self(remembered.collect())
    }
}

/// Every state in a reading that is to be remembered. Collectors that are not named here see none.
fn states(reading: &AnyReading) -> Vec<(Subject, State)> {
    let account = reading.downcast_ref().map(of_account);
    let known = account.or_else(|| reading.downcast_ref().map(of_identities));
    let known = known.or_else(|| reading.downcast_ref().map(of_details));
    known.or_else(|| reading.downcast_ref().map(of_records)).unwrap_or_default()
}

fn of_account(reading: &account::Reading) -> Vec<(Subject, State)> {
    let word = |word: &String| State::Word(Arc::from(word.as_str()));
    let review = reading.review_status.as_ref().map(|status| (Subject::ReviewStatus, word(status)));
    let always = [
        (Subject::ProductionAccess, State::Is(reading.production_access)),
        (Subject::SendingEnabled, State::Is(reading.sending_enabled)),
        (Subject::EnforcementStatus, word(&reading.enforcement_status)),
    ];
    always.into_iter().chain(review).collect()
}

fn of_identities(reading: &identities::Reading) -> Vec<(Subject, State)> {
    let unwell = reading.identities.iter().filter(|identity| identity.verified() == Some(false));
    let state = |one: &identities::Identity| {
        Some((Subject::Verification(Arc::clone(&one.name)), State::Word(Arc::clone(one.status.as_ref()?))))
    };
    unwell.filter_map(state).collect()
}

fn of_details(reading: &identity_details::Reading) -> Vec<(Subject, State)> {
    let mut states = Vec::new();
    for (name, details) in &reading.identities {
        if let Some(dkim) = details.dkim.as_ref().filter(|dkim| dkim.signing_enabled && &*dkim.status != SUCCESS) {
            states.push((Subject::Dkim(Arc::clone(name)), State::Word(Arc::clone(&dkim.status))));
        }
        if let Some(mail_from) = details.mail_from.as_ref().filter(|mail_from| &*mail_from.status != SUCCESS) {
            states.push((Subject::MailFrom(Arc::clone(name)), State::Word(Arc::clone(&mail_from.status))));
        }
    }
    states
}

fn of_records(reading: &dns::Reading) -> Vec<(Subject, State)> {
    let mut states = Vec::new();
    for domain in &reading.domains {
        for record in &domain.records {
            if let Some(Verdict::Wrong(reason)) = record.verdict {
                let subject = Subject::Record(Arc::clone(&domain.identity), record.expected.label);
                states.push((subject, State::Wrong(reason)));
            }
        }
    }
    states
}

/// The word of SES for a state in which nothing is to be done.
const SUCCESS: &str = "SUCCESS";

/// Whether an earlier reading tells how `subject` was, so that a state that it did not have has begun since. An identity
/// that was not on the list was not there.
fn was_known(earlier: &AnyReading, subject: &Subject) -> bool {
    match subject {
        Subject::ProductionAccess | Subject::SendingEnabled | Subject::EnforcementStatus => {
            earlier.is::<account::Reading>()
        }
        Subject::ReviewStatus => {
            earlier.downcast_ref().is_some_and(|reading: &account::Reading| reading.review_status.is_some())
        }
        Subject::Verification(name) => earlier.downcast_ref().is_some_and(|reading: &identities::Reading| {
            let place = reading.identities.binary_search_by(|one| one.name.cmp(name)).ok();
            place.and_then(|place| reading.identities.get(place)).is_none_or(|one| one.status.is_some())
        }),
        Subject::Dkim(name) => details(earlier, name).is_some_and(|one| one.dkim.is_some() || one.described.is_some()),
        Subject::MailFrom(name) => {
            details(earlier, name).is_some_and(|one| one.mail_from.is_some() || one.described.is_some())
        }
        Subject::Record(name, label) => earlier.downcast_ref().is_some_and(|reading: &dns::Reading| {
            let place = reading.domains.binary_search_by(|one| one.identity.cmp(name)).ok();
            let records = place.and_then(|place| reading.domains.get(place)).map(|domain| &domain.records);
            records.into_iter().flatten().any(|one| one.expected.label == *label && one.verdict.is_some())
        }),
    }
}

fn details<'a>(earlier: &'a AnyReading, name: &str) -> Option<&'a identity_details::Details> {
    let reading: &identity_details::Reading = earlier.downcast_ref()?;
    reading.identities.get(name).map(|details| &**details)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use tokio::time::Instant;

    use super::*;
    use crate::collectors::identities::{Identity, Settings};
    use crate::collectors::identity_details::{Details, Dkim};

    fn minute(minutes: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_mins(minutes)
    }

    fn account(production: bool, review: Option<&str>) -> AnyReading {
        Arc::new(account::Reading {
            production_access: production,
            sending_enabled: true,
            enforcement_status: "HEALTHY".to_owned(),
            review_status: review.map(str::to_owned),
            review_case_id: None,
            max_24h: None,
            sent_24h: 0.0,
            max_per_second: None,
            suppressed_reasons: None,
            vdm_enabled: None,
            auto_warmup: false,
        })
    }

    fn list(identities: &[(&str, Option<&str>)]) -> AnyReading {
        let one = |(name, status): &(&str, Option<&str>)| Identity {
            name: Arc::from(*name),
            identity_type: Arc::from("domain"),
            status: status.map(Arc::from),
            sending_enabled: true,
        };
        Arc::new(identities::Reading::new(identities.iter().map(one).collect(), &Settings::default()))
    }

    fn described(dkim: Option<&str>) -> AnyReading {
        let dkim = dkim.map(|status| Dkim { status: Arc::from(status), signing_enabled: true, tokens: Vec::new() });
        let mut details = Details::default();
        details.dkim = dkim;
        let mut reading = identity_details::Reading::default();
        reading.identities.insert(Arc::from("a.example"), Arc::new(details));
        Arc::new(reading)
    }

    /// Readings a minute apart, and since which minute the subject is as it is after each.
    fn told(readings: &[AnyReading], subject: &Subject) -> Vec<Option<(u64, bool)>> {
        let (mut memory, mut previous) = (Memory::default(), None);
        let mut told = Vec::new();
        for (at, reading) in (0..).zip(readings) {
            let dated = Dated { value: Arc::clone(reading), at: minute(at), taken: Instant::now() };
            memory = memory.following(previous, &dated);
            previous = Some(reading);
            let since = memory.of(subject);
            told.push(since.map(|since| {
                (since.at.duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / 60, since.at_least)
            }));
        }
        told
    }

    #[test]
    fn what_was_so_at_first_sight_is_at_least_so_old_and_a_change_is_known() {
        let readings = [account(false, None), account(false, None), account(true, None), account(true, None)];
        let expected = [Some((0, true)), Some((0, true)), Some((2, false)), Some((2, false))];
        assert_eq!(told(&readings, &Subject::ProductionAccess), expected);
        assert_eq!(told(&readings, &Subject::ReviewStatus), [None; 4]);
        let later = [account(false, None), account(false, Some("PENDING")), account(false, Some("DENIED"))];
        assert_eq!(told(&later, &Subject::ReviewStatus), [None, Some((1, true)), Some((2, false))]);
    }

    #[test]
    fn of_identities_only_what_is_not_well_is_remembered() {
        let subject = Subject::Verification(Arc::from("a.example"));
        let readings = [
            list(&[("a.example", Some("SUCCESS")), ("b.example", Some("PENDING"))]),
            list(&[("a.example", Some("TEMPORARY_FAILURE"))]),
            list(&[("a.example", Some("FAILED"))]),
            list(&[]),
            list(&[("a.example", Some("PENDING"))]),
            list(&[("a.example", None)]),
            list(&[("a.example", Some("PENDING"))]),
        ];
        let known = |minute| Some((minute, false));
        let expected = [None, known(1), known(2), None, known(4), None, Some((6, true))];
        assert_eq!(
            told(&readings, &subject),
            expected,
            "one that appears has begun; one that SES was silent about has not"
        );
        let other = Subject::Verification(Arc::from("b.example"));
        assert_eq!(told(&readings[..2], &other), [Some((0, true)), None]);
    }

    #[test]
    fn what_a_slice_reads_for_the_first_time_is_no_change() {
        let subject = Subject::Dkim(Arc::from("a.example"));
        let readings =
            [described(None), described(Some("FAILED")), described(Some("SUCCESS")), described(Some("FAILED"))];
        assert_eq!(told(&readings, &subject), [None, Some((1, true)), None, Some((3, false))]);
    }
}
