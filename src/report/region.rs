//! One account in one region as `check` tells it: what was read, what was not and why, what was expected.
//!
//! Facts only; what of them has to be mended is for [`super::findings`]. What is not known is absent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::collector::Size;
use crate::collectors::account::{self, Account};
use crate::collectors::configuration_sets::ConfigurationSets;
use crate::collectors::dns::{self, Dns, Domain, Record, Verdict};
use crate::collectors::identities::{self, Identities};
use crate::collectors::identity_details::{self, IdentityDetails};
use crate::estate::{Estate, Subject, TargetView};
use crate::judgement::{Judgement, Seen};
use crate::judgements::coverage::Verified;
use crate::judgements::drift::Drift;
use crate::judgements::expectation::Expectation;
use crate::reference;
use crate::report::judged::Judged;

use super::mend::starts_anew;
use super::moment::Since;
use super::tried::Tried;
use super::{Terms, Word};

/// A target.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Region {
    /// The code of the region, such as `eu-west-1`.
    pub(crate) region: String,
    /// Why it is left alone, with proof: `no_endpoint`, `region_disabled`, `service_control_policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<Word>,
    /// What SES says of sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sending: Option<Sending>,
    /// The domains and addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identities: Option<Counted>,
    /// The records of the domains, looked up in DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dns: Option<Looked>,
    /// What the configuration declares; left out where it declares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<Expected>,
    #[serde(flatten)]
    pub(crate) judged: Judged,
    /// What the enabled collectors ask in an hour, with as many identities and sets as there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls_per_hour: Option<f64>,
    /// What the budget allows in an hour.
    pub(crate) budget_per_hour: f64,
    /// How the last attempt of each collector ended.
    pub(crate) collectors: Vec<Tried>,
}

/// What GetAccount says.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Sending {
    /// Production access; false = sandbox (GetAccount `ProductionAccessEnabled`).
    pub(crate) production: bool,
    /// False = paused (GetAccount `SendingEnabled`).
    pub(crate) enabled: bool,
    /// `HEALTHY`, `PROBATION`, `SHUTDOWN` or a word that SES adds one day (GetAccount `EnforcementStatus`).
    pub(crate) enforcement: String,
    /// The request for production access (GetAccount `Details.ReviewDetails.Status`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<String>,
    /// The support case of the review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) case_id: Option<String>,
    /// In recipients (GetAccount `SendQuota.SentLast24Hours`).
    pub(crate) sent_24h: f64,
    /// In recipients; null where unlimited, left out where SES does not say.
    #[serde(default, deserialize_with = "null_is_unlimited", skip_serializing_if = "Option::is_none")]
    pub(crate) quota_24h: Option<f64>,
    /// Sent of quota; left out where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota_used: Option<f64>,
    /// Since when the four states above are as they are; only an agent tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<SendingSince>,
}

/// Since when the states of sending are as they are.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SendingSince {
    /// Of `production`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) production: Option<Since>,
    /// Of `enabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enabled: Option<Since>,
    /// Of `enforcement`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enforcement: Option<Since>,
    /// Of `review`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<Since>,
}

/// The identities.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Counted {
    /// How many there are.
    pub(crate) all: usize,
    /// How many of them are verified themselves.
    pub(crate) verified: usize,
    /// Those that neither are verified nor stand below a verified domain, as far as they bear series.
    pub(crate) can_not_send: Vec<String>,
    /// The domains among those that SES looks at again only when it is told to.
    #[serde(skip)]
    pub(crate) given_up: BTreeSet<String>,
    /// Since when each of those is not verified as it is; only an agent tells it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) since: BTreeMap<String, Since>,
}

/// What was declared, and what became of it.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Expected {
    /// `production`, `sandbox` or `unused`.
    pub(crate) state: Word,
    /// Left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) as_expected: Option<bool>,
    /// In recipients in 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_quota: Option<u32>,
    /// Declared, and not able to send or not there at all.
    pub(crate) missing: Vec<String>,
    /// Declared, and SES does not say.
    pub(crate) unknown: Vec<String>,
    /// There, and not declared.
    pub(crate) unexpected: Vec<String>,
}

/// The DNS records of the domains that were described so far.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Looked {
    /// How many say what SES needs.
    pub(crate) right: usize,
    /// Those that do not.
    pub(crate) wrong: Vec<Wrong>,
    /// How many nobody has answered for.
    pub(crate) not_known: usize,
}

/// A record that is wrong.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Wrong {
    /// The domain.
    pub(crate) identity: String,
    /// A word of the label `record`, such as `dkim1`.
    pub(crate) record: Word,
    /// Where the record has to be.
    pub(crate) name: String,
    /// What should stand there.
    pub(crate) expected: String,
    /// A word of `ses_identity_dns_record_problem`; left out after the first look, which proves little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Word>,
    /// Since when it is wrong for this reason.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
}

impl Region {
    /// What is known of a target.
    pub(crate) fn of(terms: &Terms, estate: &Estate, view: &TargetView, seen: &Seen<'_>) -> Self {
        let collectors = Tried::all(terms, estate, view);
        let blank = Self {
            region: view.target.region.to_string(),
            budget_per_hour: terms.requests_per_second * 3600.0,
            collectors,
            ..Self::default()
        };
        if let Some(reason) = view.skipped {
            return Self { skipped: Some(reason.as_str().into()), ..blank };
        }
        let identities = seen.reading::<Identities>();
        let remembered = Remembered::of(terms, view);
        Self {
            sending: seen.reading::<Account>().map(|reading| Sending::of(reading, remembered)),
            identities: identities.map(|reading| Counted::of(reading, seen.reading::<IdentityDetails>(), remembered)),
            dns: seen.reading::<Dns>().map(|reading| Looked::of(reading, remembered)),
            expected: Expected::of(seen),
            judged: Judged::of(terms, seen),
            calls_per_hour: identities.map(|reading| {
                let sets = seen.reading::<ConfigurationSets>().map_or(0, |sets| sets.sets.len());
                let size = Size { identities: count(reading.identities.len()), configuration_sets: count(sets) };
                reference::calls_per_hour(&terms.schedules, size)
            }),
            ..blank
        }
    }

    /// Whether anybody sends from here or has prepared to.
    pub(crate) fn in_use(&self) -> bool {
        let sent = self.sending.as_ref().is_some_and(|sending| sending.sent_24h > 0.0);
        sent || self.identities.as_ref().is_some_and(|identities| identities.all > 0)
    }
}

/// What the keeper remembers of a target, where that is to be told.
#[derive(Clone, Copy)]
pub(super) struct Remembered<'a>(Option<&'a TargetView>);

impl<'a> Remembered<'a> {
    pub(super) fn of(terms: &Terms, view: &'a TargetView) -> Self {
        Self(terms.remembers.then_some(view))
    }

    /// Since when a state holds.
    pub(super) fn since(self, subject: &Subject) -> Option<Since> {
        self.0?.since(subject).and_then(Since::of)
    }
}

/// An unlimited quota is infinite, which JSON can't say.
fn null_is_unlimited<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Some(<Option<f64> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or(f64::INFINITY)))
}

/// SES allows some ten thousand.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Sending {
    /// Who has paused it, as far as SES tells: SHUTDOWN is the word for a pause by AWS.
    pub(crate) fn paused_by(&self) -> &'static str {
        if self.enforcement == "SHUTDOWN" { "paused by AWS" } else { "paused by the account" }
    }

    /// The state alone, whoever remembers what.
    pub(crate) fn now(reading: &account::Reading) -> Self {
        Self::of(reading, Remembered(None))
    }

    pub(super) fn of(reading: &account::Reading, remembered: Remembered<'_>) -> Self {
        let limit = reading.max_24h.filter(|limit| limit.is_finite());
        Self {
            production: reading.production_access,
            enabled: reading.sending_enabled,
            enforcement: reading.enforcement_status.clone(),
            review: reading.review_status.clone(),
            case_id: reading.review_case_id.clone(),
            sent_24h: reading.sent_24h,
            quota_24h: reading.max_24h,
            quota_used: limit.map(|limit| if limit > 0.0 { reading.sent_24h / limit } else { 1.0 }),
            since: remembered.0.map(|_| SendingSince {
                production: remembered.since(&Subject::ProductionAccess),
                enabled: remembered.since(&Subject::SendingEnabled),
                enforcement: remembered.since(&Subject::EnforcementStatus),
                review: remembered.since(&Subject::ReviewStatus),
            }),
        }
    }
}

impl Counted {
    fn of(
        reading: &identities::Reading,
        details: Option<&identity_details::Reading>,
        remembered: Remembered<'_>,
    ) -> Self {
        let all = &reading.identities;
        let (verified, perhaps) = (Verified::of(all), Verified::perhaps(all));
        let can_not = |name: &str| !verified.covers(name) && !perhaps.covers(name);
        let can_not: Vec<_> = reading.shown().filter(|(_, identity)| can_not(&identity.name)).collect();
        let since = can_not.iter().filter_map(|(label, identity)| {
            let since = remembered.since(&Subject::Verification(Arc::clone(&identity.name)))?;
            Some((label.to_string(), since))
        });
        let given_up = can_not.iter().filter(|(_, identity)| {
            let details = details.and_then(|reading| reading.identities.get(&identity.name)).map(|details| &**details);
            !identity.name.contains('@') && starts_anew(identity.status.as_deref().unwrap_or_default(), details)
        });
        Self {
            given_up: given_up.map(|(label, _)| label.to_string()).collect(),
            all: all.len(),
            verified: all.iter().filter(|identity| identity.verified() == Some(true)).count(),
            since: since.collect(),
            can_not_send: can_not.into_iter().map(|(label, _)| label.to_string()).collect(),
        }
    }
}

impl Expected {
    pub(super) fn of(seen: &Seen<'_>) -> Option<Self> {
        let verdict = Judgement::judge(&Expectation, seen)?;
        let drift = Judgement::judge(&Drift, seen);
        let with = |sought: Option<bool>| {
            let all = drift.iter().flat_map(|drift| &drift.expected);
            all.filter(|(_, verified)| *verified == sought).map(|(label, _)| label.clone()).collect()
        };
        Some(Self {
            state: verdict.expected.as_str().into(),
            as_expected: verdict.as_expected,
            minimum_quota: verdict.minimum_quota,
            missing: with(Some(false)),
            unknown: with(None),
            unexpected: drift.iter().flat_map(|drift| &drift.unexpected).map(ToString::to_string).collect(),
        })
    }
}

impl Looked {
    fn of(reading: &dns::Reading, remembered: Remembered<'_>) -> Self {
        let mut looked = Self { right: 0, wrong: Vec::new(), not_known: 0 };
        for domain in &reading.domains {
            for record in &domain.records {
                match record.verdict {
                    Some(Verdict::Ok) if !record.looked_wrong() => looked.right += 1,
                    Some(Verdict::Wrong(_)) => looked.wrong.push(Wrong::of(domain, record, remembered)),
                    _ if record.looked_wrong() => looked.wrong.push(Wrong::of(domain, record, remembered)),
                    _ => looked.not_known += 1,
                }
            }
        }
        looked
    }
}

impl Wrong {
    fn of(domain: &Domain, record: &Record, remembered: Remembered<'_>) -> Self {
        let label = record.expected.label;
        let reason = match record.verdict {
            Some(Verdict::Wrong(reason)) => Some(reason.as_str().into()),
            _ => None,
        };
        Self {
            identity: domain.identity.to_string(),
            record: label.as_str().into(),
            name: record.expected.name.clone(),
            expected: record.expected.text(),
            reason,
            since: remembered.since(&Subject::Record(Arc::clone(&domain.identity), label)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlimited_quota_is_null_in_json_and_unlimited_again_where_it_is_read() {
        let sending = |quota: &str| {
            let json = format!(r#"{{"production":true,"enabled":true,"enforcement":"HEALTHY","sent_24h":1.0{quota}}}"#);
            serde_json::from_str::<Sending>(&json).expect("JSON")
        };
        assert_eq!(sending(r#","quota_24h":null"#).quota_24h, Some(f64::INFINITY));
        assert_eq!(sending(r#","quota_24h":7.0"#).quota_24h, Some(7.0));
        assert_eq!(sending("").quota_24h, None);
        let written = serde_json::to_value(sending(r#","quota_24h":null"#)).expect("JSON");
        assert_eq!(written.get("quota_24h"), Some(&serde_json::Value::Null));
    }

    #[test]
    fn a_region_is_in_use_once_something_is_prepared_or_sent() {
        assert!(!Region::default().in_use());
        let prepared = Counted { all: 1, verified: 0, can_not_send: Vec::new(), ..Counted::default() };
        assert!(Region { identities: Some(prepared), ..Region::default() }.in_use());
    }
}
