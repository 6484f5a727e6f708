//! One account in one region as `check` tells it: what was read, what was not and why, what was expected.
//!
//! Facts only; what of them has to be mended is for [`super::findings`]. What is not known is absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collector::{AnyCollector, Size};
use crate::collectors::account::{self, Account};
use crate::collectors::configuration_sets::ConfigurationSets;
use crate::collectors::dns::{self, Dns, Domain, Record, Verdict};
use crate::collectors::identities::{self, Identities};
use crate::estate::{Estate, Slot, Subject, TargetView};
use crate::judgement::{Judgement, Seen};
use crate::judgements::coverage::Verified;
use crate::judgements::drift::Drift;
use crate::judgements::expectation::Expectation;
use crate::reference;
use crate::report::judged::Judged;

use super::moment::Since;
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
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Counted {
    /// How many there are.
    pub(crate) all: usize,
    /// How many of them are verified themselves.
    pub(crate) verified: usize,
    /// Those that neither are verified nor stand below a verified domain, as far as they bear series.
    pub(crate) can_not_send: Vec<String>,
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

/// What became of a collector's last attempt.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Tried {
    /// Its name.
    pub(crate) collector: Word,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The IAM action that is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) denied: Option<Word>,
    /// The collector without whose reading it can't read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) builds_on: Option<Word>,
    /// What went wrong, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// A word of `ses_exporter_collector_failures_total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Word>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// All was read.
    Ok,
    /// There is a reading, and it lacks something.
    Partly,
    /// A permission is missing.
    Denied,
    /// It could not be read.
    Failed,
    /// What it builds on could not be read.
    BuildsOn,
    /// The target is left alone.
    Skipped,
    /// It has not come to it yet.
    NotTried,
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
            identities: identities.map(|reading| Counted::of(reading, remembered)),
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
            quota_used: limit.filter(|limit| *limit > 0.0).map(|limit| reading.sent_24h / limit),
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
    fn of(reading: &identities::Reading, remembered: Remembered<'_>) -> Self {
        let all = &reading.identities;
        let (verified, perhaps) = (Verified::of(all), Verified::perhaps(all));
        let can_not = |name: &str| !verified.covers(name) && !perhaps.covers(name);
        let can_not: Vec<_> = reading.shown().filter(|(_, identity)| can_not(&identity.name)).collect();
        let since = can_not.iter().filter_map(|(label, identity)| {
            let since = remembered.since(&Subject::Verification(Arc::clone(&identity.name)))?;
            Some((label.to_string(), since))
        });
        Self {
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

impl Tried {
    /// Of every collector, in the order of the table. Its messages hold addresses only where the configuration shows them.
    pub(crate) fn all(terms: &Terms, estate: &Estate, view: &TargetView) -> Vec<Self> {
        let collectors = view.slots.iter().zip(&*estate.collectors);
        collectors.map(|(slot, collector)| Self::of(terms, view, slot, &**collector)).collect()
    }

    fn of(terms: &Terms, view: &TargetView, slot: &Slot, collector: &dyn AnyCollector) -> Self {
        let (actions, after) = (collector.declaration().actions, collector.declaration().after);
        let mut tried = Self {
            collector: slot.collector.into(),
            outcome: Outcome::NotTried,
            denied: None,
            builds_on: None,
            failure: None,
            kind: None,
        };
        if view.skipped.is_some() {
            tried.outcome = Outcome::Skipped;
            return tried;
        }
        let Some(last) = &slot.last else { return tried };
        let Some(failure) = &last.failure else {
            tried.outcome = Outcome::Ok;
            return tried;
        };
        let unread = |name: &&&str| view.slot(name).is_some_and(|other| other.reading.is_none());
        tried.builds_on = after.iter().find(unread).map(|name| (*name).into());
        let message = &failure.message;
        tried.failure = Some(if terms.plain_addresses { message.clone() } else { without_addresses(message) });
        tried.kind = Some(failure.kind.as_str().into());
        tried.denied = failure.is_denied().then(|| action(actions, message)).flatten().map(Word::from);
        tried.outcome = match (&tried.builds_on, failure.is_denied(), &slot.reading) {
            (Some(_), ..) => Outcome::BuildsOn,
            (None, true, _) => Outcome::Denied,
            (None, false, Some(_)) => Outcome::Partly,
            (None, false, None) => Outcome::Failed,
        };
        tried
    }
}

/// A message of AWS without the addresses in it: what stands before an `@` becomes `…`. AWS names the identity that it
/// refuses, and the configuration may ask for addresses to stay out.
pub(super) fn without_addresses(message: &str) -> String {
    let local = |c: char| c.is_alphanumeric() || "!#$%&'*+-.^_`{|}~".contains(c);
    let mut parts = message.split('@');
    let last = parts.next_back().unwrap_or_default();
    let kept: String = parts.map(|part| part.trim_end_matches(local).to_owned() + "…@").collect();
    kept + last
}

/// The action among `actions` whose operation the message names.
fn action(actions: &[&'static str], message: &str) -> Option<&'static str> {
    let operation = |action: &str| action.split_once(':').map_or(0, |(_, name)| name.len());
    let named = |action: &&&'static str| action.split_once(':').is_some_and(|(_, name)| message.contains(name));
    // The longest: GetConfigurationSet is inside of GetConfigurationSetEventDestinations.
    actions.iter().filter(named).max_by_key(|action| operation(action)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_that_is_denied_is_the_one_that_the_message_names() {
        let actions =
            ["ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations", "ses:ListConfigurationSets"];
        let denied = |message| action(&actions, message);
        assert_eq!(denied("GetConfigurationSet: AccessDenied"), Some("ses:GetConfigurationSet"));
        assert_eq!(
            denied("GetConfigurationSetEventDestinations: AccessDenied"),
            Some("ses:GetConfigurationSetEventDestinations")
        );
        assert_eq!(denied("no credentials"), None);
    }

    #[test]
    fn a_message_keeps_its_sense_and_loses_its_addresses() {
        let cleaned = without_addresses;
        assert_eq!(cleaned("on resource: identity/ann.b+c@shop.example."), "on resource: identity/…@shop.example.");
        assert_eq!(cleaned("<ann@a.example>, bob@b.example"), "<…@a.example>, …@b.example");
        assert_eq!(cleaned("\"ann b\"@a.example"), "\"ann b\"…@a.example", "SES takes no quoted local parts");
        assert_eq!(cleaned("ann@b@c"), "…@…@c");
        assert_eq!(cleaned("no answer in time"), "no answer in time");
    }

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
        let prepared = Counted { all: 1, verified: 0, can_not_send: Vec::new(), since: BTreeMap::new() };
        assert!(Region { identities: Some(prepared), ..Region::default() }.in_use());
    }
}
