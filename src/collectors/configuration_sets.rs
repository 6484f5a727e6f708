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
    Aws, Failure, FailureKind, SESV2_GET_CONFIGURATION_SET, SESV2_GET_CONFIGURATION_SET_EVENT_DESTINATIONS,
    SESV2_LIST_CONFIGURATION_SETS,
};
use crate::collector::slices::{CALLS, PASS, Refusals, pass_is_due};
use crate::collector::{Ask, Collector, Cost, Declaration, Size, per_hour};
use crate::metric::{Family, flag, gauge};

/// The collector with its settings.
pub struct ConfigurationSets {
    /// From one slice to the next.
    pub interval: Duration,
}

/// The calls for one set.
const CALLS_PER_SET: u32 = 2;
/// More pages than any region can have sets: an endless chain of tokens ends somewhere.
const MAX_PAGES: u32 = 1000;
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
    /// The questions that AWS refuses.
    refusals: Refusals,
    /// The sets that could not be read when they were asked for last, and why.
    unreadable: BTreeMap<Arc<str>, Failure>,
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
            left = left.saturating_sub(calls).max(CALLS_PER_SET);
        }
        for _ in 0..left / CALLS_PER_SET {
            let Some(name) = reading.ahead.pop() else { break };
            match self.set(&ask, &mut reading.refusals, &name).await {
                // The others do not wait for a set whose answer makes no sense.
                Err(failure) if failure.kind == FailureKind::Unexpected => {
                    reading.unreadable.insert(name, failure);
                }
                set => reading.take(name, set?),
            }
        }
        Ok(reading)
    }

    fn lacks(reading: &Reading) -> Option<Failure> {
        reading.refusals.told().or_else(|| reading.unreadable.values().next().cloned())
    }
}

impl ConfigurationSets {
    /// One set; none if it has been deleted since it was listed.
    async fn set(
        &self,
        ask: &Ask<'_, Reading>,
        refusals: &mut Refusals,
        name: &str,
    ) -> Result<Option<ConfigurationSet>, Failure> {
        let mut set = ConfigurationSet::default();
        let operation = SESV2_GET_CONFIGURATION_SET;
        if !refusals.hold(operation, ask.now, self.interval) {
            let request = || ask.aws.sesv2().get_configuration_set().configuration_set_name(name).send();
            let answer = unless_gone(ask.aws.call(operation, request));
            match refusals.answered(operation, ask.now, answer).await? {
                Some(Some(answer)) => set.take(answer),
                Some(None) => return Ok(None),
                None => {} // refused: the destinations may be known all the same
            }
        }
        let operation = SESV2_GET_CONFIGURATION_SET_EVENT_DESTINATIONS;
        if !refusals.hold(operation, ask.now, self.interval) {
            let request =
                || ask.aws.sesv2().get_configuration_set_event_destinations().configuration_set_name(name).send();
            let answer = unless_gone(ask.aws.call(operation, request));
            let answer = refusals.answered(operation, ask.now, answer).await?.flatten();
            // SES leaves out an empty list.
            set.destinations = answer.map(|answer| answer.event_destinations().iter().map(destination).collect());
        }
        Ok(Some(set))
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

    /// Takes what a set is now; none if it is gone.
    fn take(&mut self, name: Arc<str>, set: Option<ConfigurationSet>) {
        self.unreadable.remove(&name);
        match set {
            Some(set) => self.sets.insert(name, Some(Arc::new(set))),
            None => self.sets.remove(&name),
        };
    }

    /// The sets that were read, by name, as many as bear series.
    fn shown(&self) -> impl Iterator<Item = (&str, &ConfigurationSet)> {
        self.sets.iter().filter_map(|(name, set)| Some((&**name, &**set.as_ref()?))).take(MOST_SHOWN)
    }
}

/// The names of all sets, and how many calls that took.
async fn list(aws: &Aws) -> Result<(Vec<String>, u32), Failure> {
    let mut names = Vec::new();
    let mut token = None;
    for calls in 1..=MAX_PAGES {
        let request = || aws.sesv2().list_configuration_sets().set_next_token(token.clone()).send();
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

/// A set can be deleted between two calls.
async fn unless_gone<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>, Failure> {
    match answer.await {
        Err(failure) if failure.code.as_deref() == Some("NotFoundException") => Ok(None),
        answer => answer.map(Some),
    }
}

fn destination(destination: &EventDestination) -> Destination {
    Destination {
        name: Arc::from(destination.name()),
        enabled: destination.enabled,
        events: destination.matching_event_types().iter().map(|event| Arc::from(event.as_str())).collect(),
    }
}

/// One list and two calls for each set in a pass, which lasts until all sets were read.
fn cost(size: Size, interval: Duration) -> Cost {
    let slices = size.configuration_sets.div_ceil(CALLS / CALLS_PER_SET).max(PASS);
    let calls = f64::from(1 + size.configuration_sets * CALLS_PER_SET);
    Cost { calls_per_hour: calls * per_hour(interval) / f64::from(slices), sweep: Some(interval * slices) }
}
