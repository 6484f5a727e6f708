//! Collector `configuration_sets`: whether each set may send, and which events its destinations get to hear of.
//! (SES v2 ListConfigurationSets, GetConfigurationSet, GetConfigurationSetEventDestinations)
//!
//! Each set is two calls, so they are read in slices; the list is asked once in a pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_sesv2::operation::get_configuration_set::GetConfigurationSetOutput;
use aws_sdk_sesv2::types::EventDestination;

use crate::aws::{
    Aws, Failure, SESV2_GET_CONFIGURATION_SET, SESV2_GET_CONFIGURATION_SET_EVENT_DESTINATIONS,
    SESV2_LIST_CONFIGURATION_SETS,
};
use crate::collector::slices::{CALLS, PASS, of_one_thing, pass_is_due};
use crate::collector::{Ask, Collector, Cost, Declaration, Size, per_hour};
use crate::metric::{Family, flag, gauge};

/// The collector with its settings.
pub struct ConfigurationSets {
    /// From one slice to the next.
    pub interval: Duration,
    /// Nothing but this one is looked at; none = every set. All are listed.
    pub only: Option<String>,
}

/// The calls for one set.
const CALLS_PER_SET: u32 = 2;
/// SES documents no largest page for this list; its other lists take a hundred.
const PAGE_SIZE: i32 = 100;
/// Twice what SES allows in a region (10,000 sets): an endless chain of tokens ends somewhere.
const MAX_PAGES: u32 = 200;
/// The sets of a target that bear series; the judgements know all of them. SES allows 10,000 in a region.
const MOST_SHOWN: usize = 1000;

/// One configuration set. What is `None` was not read, or SES left it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationSet {
    /// `SendingOptions.SendingEnabled`.
    pub sending_enabled: Option<bool>,
    /// `ReputationOptions.ReputationMetricsEnabled`.
    pub reputation_metrics_enabled: Option<bool>,
    /// `DeliveryOptions.TlsPolicy` is REQUIRE.
    pub tls_required: Option<bool>,
    /// `SuppressionOptions.SuppressedReasons`, where the set overrides those of the account.
    pub suppressed: Option<Vec<Arc<str>>>,
    /// The event destinations; none while they were not read.
    pub destinations: Option<Vec<Destination>>,
}

/// An event destination of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `Name`.
    pub name: Arc<str>,
    /// `Enabled`.
    pub enabled: bool,
    /// `MatchingEventTypes`, such as BOUNCE.
    pub events: Vec<Arc<str>>,
}

impl ConfigurationSet {
    /// Whether an enabled destination hears of this event, such as BOUNCE; none while they were not read.
    pub fn covers(&self, event: &str) -> Option<bool> {
        let hears =
            |destination: &Destination| destination.enabled && destination.events.iter().any(|one| &**one == event);
        self.destinations.as_ref().map(|destinations| destinations.iter().any(hears))
    }
}

impl ConfigurationSet {
    fn take(&mut self, answer: GetConfigurationSetOutput) {
        self.sending_enabled = answer.sending_options.map(|options| options.sending_enabled);
        self.reputation_metrics_enabled = answer.reputation_options.map(|options| options.reputation_metrics_enabled);
        let tls_policy = answer.delivery_options.and_then(|options| options.tls_policy);
        self.tls_required = tls_policy.map(|policy| policy.as_str() == "REQUIRE");
        let reasons = answer.suppression_options.and_then(|options| options.suppressed_reasons);
        self.suppressed = reasons.map(|reasons| reasons.iter().map(|reason| Arc::from(reason.as_str())).collect());
    }
}

/// Every set of the target, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// By name; none for a set that no slice has come to yet.
    pub sets: BTreeMap<Arc<str>, Option<Arc<ConfigurationSet>>>,
    /// When the last pass began.
    pass_began: Option<SystemTime>,
    /// The sets that this pass has not come to yet, last first.
    ahead: Vec<Arc<str>>,
    /// The sets that could not be read when they were asked for last, and why.
    unreadable: BTreeMap<Arc<str>, Failure>,
}

/// The configuration sets of a region, and when SES listed them.
#[derive(Clone, Copy)]
pub struct Sets<'a> {
    /// By name; none for a set that has not been read.
    pub all: &'a BTreeMap<Arc<str>, Option<Arc<ConfigurationSet>>>,
    /// When the names were read.
    pub listed_at: SystemTime,
}

impl Collector for ConfigurationSets {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "configuration_sets",
        about: "Configuration sets: sending, reputation metrics, TLS, suppression, and where their events go, a slice of \
                ten calls at a time.",
        actions: &["ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations", "ses:ListConfigurationSets"],
        after: &[],
        interval: Duration::from_mins(1),
        enabled: true,
        cost,
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &gauge(
            "ses_configuration_set_sending_enabled",
            "Whether SES sends mail that names the configuration set (polled from GetConfigurationSet SendingOptions.SendingEnabled).",
            ["configuration_set"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    out.push_known([name], set.sending_enabled.map(flag));
                }
            },
        ),
        &gauge(
            "ses_configuration_set_reputation_metrics_enabled",
            "Whether SES counts bounces and complaints of the configuration set in CloudWatch (polled from GetConfigurationSet ReputationOptions.ReputationMetricsEnabled).",
            ["configuration_set"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    out.push_known([name], set.reputation_metrics_enabled.map(flag));
                }
            },
        ),
        &gauge(
            "ses_configuration_set_tls_required",
            "Whether mail of the configuration set is sent over TLS only: 1 = REQUIRE (polled from GetConfigurationSet DeliveryOptions.TlsPolicy).",
            ["configuration_set"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    out.push_known([name], set.tls_required.map(flag));
                }
            },
        ),
        &gauge(
            "ses_configuration_set_suppression_reason_enabled",
            "Whether the configuration set suppresses addresses for this reason, where it overrides the account (polled from GetConfigurationSet SuppressionOptions.SuppressedReasons).",
            ["configuration_set", "reason"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    for reason in ["BOUNCE", "COMPLAINT"] {
                        let suppressed = set.suppressed.as_ref();
                        let enabled = suppressed.map(|reasons| reasons.iter().any(|one| &**one == reason));
                        out.push_known([name, reason], enabled.map(flag));
                    }
                }
            },
        ),
        &gauge(
            "ses_configuration_set_event_destination_enabled",
            "Whether the event destination gets events (polled from GetConfigurationSetEventDestinations Enabled).",
            ["configuration_set", "event_destination"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    for destination in set.destinations.iter().flatten() {
                        out.push([name, &destination.name], flag(destination.enabled));
                    }
                }
            },
        ),
        &gauge(
            "ses_configuration_set_event_covered",
            "Whether an enabled event destination of the configuration set gets this event (polled from GetConfigurationSetEventDestinations MatchingEventTypes).",
            ["configuration_set", "event"],
            |reading: &Reading, out| {
                for (name, set) in reading.shown() {
                    for (event, event_type) in [("bounce", "BOUNCE"), ("complaint", "COMPLAINT")] {
                        out.push_known([name, event], set.covers(event_type).map(flag));
                    }
                }
            },
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let mut reading = ask.previous.cloned().unwrap_or_default();
        let mut left = CALLS;
        if reading.ahead.is_empty() && pass_is_due(reading.pass_began, ask.now, self.interval) {
            let (names, calls) = list(ask.aws).await?;
            reading.begin_pass(names, ask.now);
            if let Some(only) = &self.only {
                reading.ahead.retain(|name| **name == **only);
            }
            left = left.saturating_sub(calls).max(CALLS_PER_SET);
        }
        for _ in 0..left / CALLS_PER_SET {
            let Some(name) = reading.ahead.pop() else { break };
            let looked = look(ask.aws, &name, reading.remembered(&name)).await?;
            reading.take(name, looked);
        }
        Ok(reading)
    }

    fn lacks(reading: &Reading) -> Option<Failure> {
        reading.unreadable.values().next().cloned()
    }
}

/// What a look at one set has found.
#[derive(Default)]
struct Looked {
    /// The set; none if nothing is known of it.
    set: Option<ConfigurationSet>,
    /// What could not be read of it, and why.
    lacking: Option<Failure>,
    /// It has been deleted since it was listed.
    gone: bool,
}

/// Asks both questions about a set. One that is not answered for this set leaves what was `known` before, and does not
/// hold up the other question, nor other sets.
async fn look(aws: &Aws, name: &str, known: Option<ConfigurationSet>) -> Result<Looked, Failure> {
    let mut looked = Looked { set: known, ..Looked::default() };
    let request = || aws.sesv2().get_configuration_set().configuration_set_name(name).send();
    if let Some(answer) = looked.answer(aws.call(SESV2_GET_CONFIGURATION_SET, request).await)? {
        looked.set.get_or_insert_default().take(answer);
    }
    let request = || aws.sesv2().get_configuration_set_event_destinations().configuration_set_name(name).send();
    let answer = aws.call(SESV2_GET_CONFIGURATION_SET_EVENT_DESTINATIONS, request).await;
    if let Some(answer) = looked.answer(answer)? {
        // SES leaves out an empty list.
        let destinations = answer.event_destinations().iter().map(destination).collect();
        looked.set.get_or_insert_default().destinations = Some(destinations);
    }
    Ok(looked)
}

impl Looked {
    /// An answer about the set; none if it is the set's own fault that there is none.
    fn answer<T>(&mut self, answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if failure.code.as_deref() == Some("NotFoundException") => {
                self.gone = true;
                Ok(None)
            }
            Err(failure) if of_one_thing(&failure) => {
                self.lacking.get_or_insert(failure);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Reading {
    /// A new pass: forgets the sets that are gone, and has all others ahead, those that were never read first.
    fn begin_pass(&mut self, names: Vec<String>, now: SystemTime) {
        let mut before = std::mem::take(&mut self.sets);
        self.sets =
            names.into_iter().map(Arc::from).map(|name| (Arc::clone(&name), before.remove(&name).flatten())).collect();
        self.pass_began = Some(now);
        self.unreadable.retain(|name, _| self.sets.contains_key(name));
        let (read, unread): (Vec<_>, Vec<_>) = self.sets.iter().partition(|(_, set)| set.is_some());
        self.ahead = unread.into_iter().chain(read).map(|(name, _)| Arc::clone(name)).rev().collect();
    }

    /// What is known of a set, unless it could not be read last time either: what is older than two passes goes.
    fn remembered(&self, name: &str) -> Option<ConfigurationSet> {
        let known = self.sets.get(name)?.as_deref().filter(|_| !self.unreadable.contains_key(name));
        known.cloned()
    }

    /// Takes what a look at a set has found.
    fn take(&mut self, name: Arc<str>, looked: Looked) {
        match looked.lacking {
            Some(failure) => self.unreadable.insert(Arc::clone(&name), failure),
            None => self.unreadable.remove(&name),
        };
        if looked.gone {
            self.sets.remove(&name);
        } else {
            self.sets.insert(name, looked.set.map(Arc::new));
        }
    }

    /// The sets with the time of their list; none before the first.
    pub fn listed(&self) -> Option<Sets<'_>> {
        Some(Sets { all: &self.sets, listed_at: self.pass_began? })
    }

    /// The sets that were read, by name, as many as bear series.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &ConfigurationSet)> {
        self.sets.iter().filter_map(|(name, set)| Some((&**name, &**set.as_ref()?))).take(MOST_SHOWN)
    }
}

/// The names of all sets, and how many calls that took.
async fn list(aws: &Aws) -> Result<(Vec<String>, u32), Failure> {
    let mut names = Vec::new();
    let mut token = None;
    for calls in 1..=MAX_PAGES {
        let request =
            || aws.sesv2().list_configuration_sets().page_size(PAGE_SIZE).set_next_token(token.clone()).send();
        let page = aws.call(SESV2_LIST_CONFIGURATION_SETS, request).await?;
        // An empty list says that there are none; no list at all says nothing.
        let Some(list) = page.configuration_sets else {
            return Err(Failure::unexpected("ListConfigurationSets answered without ConfigurationSets"));
        };
        names.extend(list);
        let next = page.next_token.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok((names, calls));
        }
        if next == token {
            return Err(Failure::unexpected("ListConfigurationSets answered the same NextToken twice"));
        }
        token = next;
    }
    Err(Failure::unexpected(format!("ListConfigurationSets answered more than {MAX_PAGES} pages")))
}

fn destination(destination: &EventDestination) -> Destination {
    Destination {
        name: Arc::from(destination.name()),
        enabled: destination.enabled,
        events: destination.matching_event_types().iter().map(|event| Arc::from(event.as_str())).collect(),
    }
}

/// The pages of the list and two calls for each set in a pass, which lasts until all sets were read.
fn cost(size: Size, interval: Duration) -> Cost {
    let slices = size.configuration_sets.div_ceil(CALLS / CALLS_PER_SET).max(PASS);
    let pages = size.configuration_sets.div_ceil(PAGE_SIZE.unsigned_abs()).max(1);
    let calls = f64::from(pages + size.configuration_sets * CALLS_PER_SET);
    Cost { calls_per_hour: calls * per_hour(interval) / f64::from(slices), sweep: Some(interval * slices) }
}
