//! What became of a collector's last attempt, in words: the outcome, the action that is denied, the message.
//!
//! Facts only. It names nothing of what was read, and no e-mail address where the configuration keeps them out.

use super::{Terms, Word};
use crate::collector::AnyCollector;
use crate::estate::{Estate, Slot, TargetView};

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
        tried.failure = Some(terms.shown(message));
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

/// What could not be read. Failures of one kind have one cause, so the first of them speaks; denied actions are each
/// told.
pub(super) fn unread(collectors: &[Tried]) -> Vec<String> {
    let mut told = Vec::new();
    let mut kinds = Vec::new();
    for tried in collectors {
        let Some(failure) = &tried.failure else { continue };
        match (tried.outcome, &tried.denied) {
            (Outcome::Denied, Some(action)) => {
                told.push(format!("{action} is denied, and {} needs it", tried.collector));
            }
            (Outcome::Denied | Outcome::Failed | Outcome::Partly, _) if !kinds.contains(&&tried.kind) => {
                kinds.push(&tried.kind);
                told.push(format!("can't read {}: {failure}", tried.collector));
            }
            _ => {}
        }
    }
    told
}

/// A message of AWS without the addresses in it: what stands before an `@` becomes `…`. AWS names the identity that it
/// refuses, and the configuration may ask for addresses to stay out.
pub(super) fn without_addresses(message: &str) -> String {
    let local = |c: char| c.is_alphanumeric() || "!#$%&'*+-.=?^_`{|}~".contains(c);
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
        assert_eq!(cleaned("ann=x?y@b.example"), "…@b.example");
        assert_eq!(cleaned("ann@b@c"), "…@…@c");
        assert_eq!(cleaned("no answer in time"), "no answer in time");
    }
}
