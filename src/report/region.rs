//! One account in one region as `check` tells it: what was read, what was not and why, what was expected.
//!
//! Facts only; what of them has to be mended is for [`super::findings`]. What is not known is absent.

use crate::collector::{AnyCollector, Size};
use crate::collectors::account::{self, Account};
use crate::collectors::configuration_sets::ConfigurationSets;
use crate::collectors::dns::{Dns, Record, Verdict};
use crate::collectors::identities::{self, Identities};
use crate::config::Config;
use crate::estate::{Estate, Slot, TargetView};
use crate::judgement::{Judgement, Seen};
use crate::judgements::coverage::Verified;
use crate::judgements::drift::Drift;
use crate::judgements::expectation::Expectation;
use crate::reference;

/// A target.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Region {
    pub(crate) region: String,
    /// Why it is left alone, with proof: `no_endpoint`, `region_disabled`, `service_control_policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sending: Option<Sending>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identities: Option<Counted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dns: Option<Looked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<Expected>,
    /// What the enabled collectors ask in an hour, with as many identities and sets as there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls_per_hour: Option<f64>,
    /// What the budget allows in an hour.
    pub(crate) budget_per_hour: f64,
    pub(crate) collectors: Vec<Tried>,
}

/// What GetAccount says.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Sending {
    pub(crate) production: bool,
    pub(crate) enabled: bool,
    pub(crate) enforcement: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<String>,
    pub(crate) sent_24h: f64,
    /// In recipients; null where unlimited, left out where SES does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota_24h: Option<f64>,
    /// Sent of quota; left out where there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota_used: Option<f64>,
}

/// The identities.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Counted {
    pub(crate) all: usize,
    pub(crate) verified: usize,
    /// Those that neither are verified nor stand below a verified domain, as far as they bear series.
    pub(crate) can_not_send: Vec<String>,
}

/// What was declared, and what became of it.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize)]
pub(crate) struct Expected {
    pub(crate) state: &'static str,
    /// Left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) as_expected: Option<bool>,
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
#[derive(Debug, serde::Serialize)]
pub(crate) struct Looked {
    pub(crate) right: usize,
    pub(crate) wrong: Vec<Wrong>,
    pub(crate) not_known: usize,
}

/// A record that is wrong.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Wrong {
    pub(crate) identity: String,
    pub(crate) record: &'static str,
    pub(crate) name: String,
    /// A word of `ses_identity_dns_record_problem`; left out after the first look, which proves little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// What became of a collector's last attempt.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Tried {
    pub(crate) collector: &'static str,
    pub(crate) outcome: Outcome,
    /// The IAM action that is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) denied: Option<&'static str>,
    /// The collector without whose reading it can't read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) builds_on: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// A word of `ses_exporter_collector_failures_total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok,
    /// There is a reading, and it lacks something.
    Partly,
    Denied,
    Failed,
    BuildsOn,
    Skipped,
    NotTried,
}

impl Region {
    /// What is known of a target.
    pub(crate) fn of(config: &Config, estate: &Estate, view: &TargetView, seen: &Seen<'_>) -> Self {
        let collectors = Tried::all(estate, view);
        let blank = Self {
            region: view.target.region.to_string(),
            budget_per_hour: config.budget.requests_per_second * 3600.0,
            collectors,
            ..Self::default()
        };
        if let Some(reason) = view.skipped {
            return Self { skipped: Some(reason.as_str()), ..blank };
        }
        let identities = seen.reading::<Identities>();
        Self {
            sending: seen.reading::<Account>().map(Sending::of),
            identities: identities.map(Counted::of),
            dns: seen.reading::<Dns>().map(|reading| {
                Looked::of(
                    reading.domains.iter().flat_map(|one| one.records.iter().map(|record| (&*one.identity, record))),
                )
            }),
            expected: Expected::of(seen),
            calls_per_hour: identities.map(|reading| {
                let sets = seen.reading::<ConfigurationSets>().map_or(0, |sets| sets.sets.len());
                let size = Size { identities: count(reading.identities.len()), configuration_sets: count(sets) };
                reference::calls_per_hour(config, size)
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

/// SES allows some ten thousand.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Sending {
    pub(crate) fn of(reading: &account::Reading) -> Self {
        let limit = reading.max_24h.filter(|limit| limit.is_finite());
        Self {
            production: reading.production_access,
            enabled: reading.sending_enabled,
            enforcement: reading.enforcement_status.clone(),
            review: reading.review_status.clone(),
            sent_24h: reading.sent_24h,
            quota_24h: reading.max_24h,
            quota_used: limit.filter(|limit| *limit > 0.0).map(|limit| reading.sent_24h / limit),
        }
    }
}

impl Counted {
    fn of(reading: &identities::Reading) -> Self {
        let all = &reading.identities;
        let (verified, perhaps) = (Verified::of(all), Verified::perhaps(all));
        let can_not = |name: &str| !verified.covers(name) && !perhaps.covers(name);
        let can_not = reading.shown().filter(|(_, identity)| can_not(&identity.name));
        Self {
            all: all.len(),
            verified: all.iter().filter(|identity| identity.verified() == Some(true)).count(),
            can_not_send: can_not.map(|(label, _)| label.to_string()).collect(),
        }
    }
}

impl Expected {
    fn of(seen: &Seen<'_>) -> Option<Self> {
        let verdict = Judgement::judge(&Expectation, seen)?;
        let drift = Judgement::judge(&Drift, seen);
        let with = |sought: Option<bool>| {
            let all = drift.iter().flat_map(|drift| &drift.expected);
            all.filter(|(_, verified)| *verified == sought).map(|(label, _)| label.clone()).collect()
        };
        Some(Self {
            state: verdict.expected.as_str(),
            as_expected: verdict.as_expected,
            minimum_quota: verdict.minimum_quota,
            missing: with(Some(false)),
            unknown: with(None),
            unexpected: drift.iter().flat_map(|drift| &drift.unexpected).map(ToString::to_string).collect(),
        })
    }
}

impl Looked {
    fn of<'a>(records: impl Iterator<Item = (&'a str, &'a Record)>) -> Self {
        let mut looked = Self { right: 0, wrong: Vec::new(), not_known: 0 };
        for (identity, record) in records {
            let reason = match record.verdict {
                Some(Verdict::Ok) if !record.looked_wrong() => {
                    looked.right += 1;
                    continue;
                }
                Some(Verdict::Wrong(reason)) => Some(reason.as_str()),
                _ if record.looked_wrong() => None,
                _ => {
                    looked.not_known += 1;
                    continue;
                }
            };
            let (record, name) = (record.expected.label.as_str(), record.expected.name.clone());
            looked.wrong.push(Wrong { identity: identity.to_owned(), record, name, reason });
        }
        looked
    }
}

impl Tried {
    /// Of every collector, in the order of the table.
    pub(crate) fn all(estate: &Estate, view: &TargetView) -> Vec<Self> {
        let collectors = view.slots.iter().zip(&*estate.collectors);
        collectors.map(|(slot, collector)| Self::of(view, slot, &**collector)).collect()
    }

    fn of(view: &TargetView, slot: &Slot, collector: &dyn AnyCollector) -> Self {
        let (actions, after) = (collector.declaration().actions, collector.declaration().after);
        let mut tried = Self {
            collector: slot.collector,
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
        tried.builds_on = after.iter().find(unread).copied();
        tried.failure = Some(failure.message.clone());
        tried.kind = Some(failure.kind.as_str());
        tried.denied = failure.is_denied().then(|| action(actions, &failure.message)).flatten();
        tried.outcome = match (tried.builds_on, failure.is_denied(), &slot.reading) {
            (Some(_), ..) => Outcome::BuildsOn,
            (None, true, _) => Outcome::Denied,
            (None, false, Some(_)) => Outcome::Partly,
            (None, false, None) => Outcome::Failed,
        };
        tried
    }
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
    fn a_region_is_in_use_once_something_is_prepared_or_sent() {
        assert!(!Region::default().in_use());
        let prepared = Counted { all: 1, verified: 0, can_not_send: Vec::new() };
        assert!(Region { identities: Some(prepared), ..Region::default() }.in_use());
    }
}
