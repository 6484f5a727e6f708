//! The estate as facts: what `/api/v1/estate` tells of each account and region. The names of the fields are those of its
//! JSON; what is not known is left out.
//!
//! Pure, like the report. It says what was read and judged, not what is to be mended, and names identities as the labels
//! of the metrics do.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::collectors::account::{self, Account};
use crate::collectors::configuration_sets::{self, ConfigurationSets};
use crate::estate::{Estate, Slot, TargetView};
use crate::judgement::{Judgement, Seen};
use crate::judgements::forecast::{self, Forecast};
use crate::judgements::send_path::{self, SendPaths};
use crate::target::partition;

use super::judged::Standby;
use super::moment::Moment;
use super::region::{Expected, Remembered, Sending};
use super::tried::Tried;
use super::{Terms, VERSION, Word, newest};

mod filter;
mod identity;

pub(crate) use filter::{Cursor, Filter};
pub(crate) use identity::Identity;
use identity::Window;

/// Everything that is known of the targets that were asked for.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Facts {
    /// Raised when something is taken away or changes its meaning.
    version: u8,
    /// The time of the newest reading of all targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Moment>,
    /// In the order of the configuration.
    targets: Vec<Target>,
    /// The query of the page that follows, relative to this address; left out on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// The place where a page was to begin is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// One account in one region.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Target {
    /// The value of the label `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Twelve digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    /// The code of the region, such as `eu-west-1`.
    region: String,
    /// The partition of the region, such as `aws`.
    partition: Word,
    /// Why it is left alone, with proof: `no_endpoint`, `region_disabled`, `service_control_policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<Word>,
    /// How the last attempt of each collector ended, and of when its reading is.
    collectors: Vec<Read>,
    /// What SES says of sending (GetAccount).
    #[serde(skip_serializing_if = "Option::is_none")]
    sending: Option<Sending>,
    /// The rest of what GetAccount says.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    /// What is in sight of the quota of 24 hours; left out while too little is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<Ahead>,
    /// Those that bear series on the metrics page, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    identities: Option<Vec<Identity>>,
    /// Those that bear series on the metrics page, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_sets: Option<Vec<ConfigurationSet>>,
    /// What `[[expect]]` declares, and what became of it; left out where it declares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Expected>,
    /// The declared `[[send_paths]]`.
    send_paths: Vec<SendPath>,
    /// The regions that this one stands by for, by `[[failover]]`.
    failover: Vec<Standby>,
}

/// What became of a collector's last attempt, and when it read last.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Read {
    #[serde(flatten)]
    tried: Tried,
    /// When its last good reading began.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<Moment>,
}

/// The settings of the account in the region.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Settings {
    /// In messages a second; null where unlimited (GetAccount `SendQuota.MaxSendRate`).
    #[serde(skip_serializing_if = "Option::is_none")]
    max_messages_per_second: Option<f64>,
    /// The support case of the request for production access (GetAccount `Details.ReviewDetails.CaseId`).
    #[serde(skip_serializing_if = "Option::is_none")]
    review_case_id: Option<String>,
    /// Why the account-level suppression list takes addresses (GetAccount `SuppressionAttributes.SuppressedReasons`).
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_reasons: Option<Vec<String>>,
    /// The Virtual Deliverability Manager is on (GetAccount `VdmAttributes.VdmEnabled`).
    #[serde(skip_serializing_if = "Option::is_none")]
    vdm_enabled: Option<bool>,
    /// Dedicated IP addresses are warmed up automatically (GetAccount `DedicatedIpAutoWarmupEnabled`).
    auto_warmup_enabled: bool,
}

/// What is in sight of the quota within 24 hours.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Ahead {
    /// When it will be used up; left out where that is not in sight, or is so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    exhausted_at: Option<Moment>,
    /// When a quota that is used up has room again.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered_at: Option<Moment>,
}

/// A configuration set. What is left out was not read, or SES does not say.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ConfigurationSet {
    /// Its name.
    name: String,
    /// SES sends mail that names it (GetConfigurationSet `SendingOptions.SendingEnabled`).
    #[serde(skip_serializing_if = "Option::is_none")]
    sending_enabled: Option<bool>,
    /// Its bounces and complaints are counted (GetConfigurationSet `ReputationOptions.ReputationMetricsEnabled`).
    #[serde(skip_serializing_if = "Option::is_none")]
    reputation_metrics_enabled: Option<bool>,
    /// Its mail goes over TLS only (GetConfigurationSet `DeliveryOptions.TlsPolicy`).
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_required: Option<bool>,
    /// Where it overrides the account (GetConfigurationSet `SuppressionOptions.SuppressedReasons`).
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_reasons: Option<Vec<String>>,
    /// Who hears of its events (GetConfigurationSetEventDestinations).
    #[serde(skip_serializing_if = "Option::is_none")]
    event_destinations: Option<Vec<EventDestination>>,
}

/// An event destination of a configuration set.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EventDestination {
    /// Its name.
    name: String,
    /// It gets events.
    enabled: bool,
    /// The types of events that it gets, such as `BOUNCE`.
    events: Vec<String>,
}

/// Mail that is declared.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SendPath {
    /// The name in the configuration.
    path: String,
    /// Whether SES would take it; left out while what could refuse it has not been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<bool>,
    /// Why SES would refuse it: words of `ses_send_path_blocked`.
    reasons: Vec<Word>,
}

impl Facts {
    /// What is known now, from the cursor on and up to the limit.
    pub(crate) fn of(terms: &Terms, estate: &Estate, filter: &Filter) -> Result<Self, Gone> {
        let now = Instant::now();
        let mut views = estate.targets.iter().filter(|view| filter.wants(view)).peekable();
        if let Some(cursor) = &filter.cursor {
            while views.next_if(|view| !cursor.is_at(view)).is_some() {}
            views.peek().ok_or(Gone)?;
        }
        let (mut targets, mut end, mut cut) = (Vec::new(), None, false);
        let mut room = filter.limit.unwrap_or(usize::MAX);
        while let Some(view) = views.next_if(|_| room > 0) {
            let window = Window { behind: filter.behind_in(view), most: room.saturating_add(1) };
            let mut target = Target::of(terms, estate, view, &Seen::new(estate, view, now), window);
            cut = target.cut_to(room);
            let told = target.identities.as_deref().unwrap_or_default();
            if told.is_empty() && window.behind.is_some() {
                continue; // it was told on the page before
            }
            room = room.saturating_sub(told.len().max(1));
            end = Some(Cursor::behind(view, told.last().map_or("", |identity| &identity.identity)));
            targets.push(target);
        }
        let more = cut || views.peek().is_some();
        let next = end.filter(|_| more).map(|end| filter.query_behind(&end));
        Ok(Self { version: VERSION, as_of: newest(estate), targets, next })
    }

    /// The same without the times of the readings, which say nothing about SES.
    pub(crate) fn without_times(mut self) -> Self {
        self.as_of = None;
        for target in &mut self.targets {
            target.collectors.iter_mut().for_each(|read| read.read_at = None);
            target.identities.iter_mut().flatten().for_each(Identity::forget_times);
        }
        self
    }
}

/// The identities of one target that bear series, by name; none where it is left alone or the list was not read.
pub(crate) fn identities(terms: &Terms, estate: &Estate, view: &TargetView, now: Instant) -> Option<Vec<Identity>> {
    let polled = view.skipped.is_none();
    polled.then(|| Identity::all(&Seen::new(estate, view, now), Remembered::of(terms, view), Window::ALL)).flatten()
}

impl Target {
    fn of(terms: &Terms, estate: &Estate, view: &TargetView, seen: &Seen<'_>, window: Window<'_>) -> Self {
        let blank = Self {
            account: view.account.as_deref().map(str::to_owned),
            account_id: view.account_id.as_deref().map(str::to_owned),
            region: view.target.region.to_string(),
            partition: partition(&view.target.region).into(),
            skipped: view.skipped.map(|reason| reason.as_str().into()),
            collectors: Read::all(terms, estate, view),
            sending: None,
            settings: None,
            forecast: None,
            identities: None,
            configuration_sets: None,
            expected: None,
            send_paths: Vec::new(),
            failover: Vec::new(),
        };
        if view.skipped.is_some() {
            return blank;
        }
        let (account, remembered) = (seen.reading::<Account>(), Remembered::of(terms, view));
        Self {
            sending: account.map(|reading| Sending::of(reading, remembered)),
            settings: account.map(Settings::of),
            forecast: Judgement::judge(&Forecast, seen).map(Ahead::of),
            identities: Identity::all(seen, remembered, window),
            configuration_sets: seen.reading::<ConfigurationSets>().map(ConfigurationSet::all),
            expected: Expected::of(seen),
            send_paths: SendPath::all(seen),
            failover: Standby::all(seen),
            ..blank
        }
    }

    /// Keeps so many identities, and says whether there were more.
    fn cut_to(&mut self, most: usize) -> bool {
        let Some(identities) = &mut self.identities else { return false };
        let more = identities.len() > most;
        identities.truncate(most);
        more
    }
}

impl Read {
    fn all(terms: &Terms, estate: &Estate, view: &TargetView) -> Vec<Self> {
        let read_at = |slot: &Slot| slot.reading.as_ref().and_then(|reading| Moment::of(reading.at));
        let tried = Tried::all(terms, estate, view).into_iter().zip(&view.slots);
        tried.map(|(tried, slot)| Self { tried, read_at: read_at(slot) }).collect()
    }
}

impl Settings {
    fn of(reading: &account::Reading) -> Self {
        Self {
            max_messages_per_second: reading.max_per_second,
            review_case_id: reading.review_case_id.clone(),
            suppressed_reasons: reading.suppressed_reasons.clone(),
            vdm_enabled: reading.vdm_enabled,
            auto_warmup_enabled: reading.auto_warmup,
        }
    }
}

impl Ahead {
    fn of(verdict: forecast::Verdict) -> Self {
        Self {
            exhausted_at: verdict.exhaustion().and_then(Moment::of),
            recovered_at: verdict.recovery().and_then(Moment::of),
        }
    }
}

impl ConfigurationSet {
    fn all(reading: &configuration_sets::Reading) -> Vec<Self> {
        reading.shown().map(|(name, set)| Self::of(name, set)).collect()
    }

    fn of(name: &str, set: &configuration_sets::ConfigurationSet) -> Self {
        let destination = |one: &configuration_sets::Destination| EventDestination {
            name: one.name.to_string(),
            enabled: one.enabled,
            events: one.events.iter().map(ToString::to_string).collect(),
        };
        Self {
            name: name.to_owned(),
            sending_enabled: set.sending_enabled,
            reputation_metrics_enabled: set.reputation_metrics_enabled,
            tls_required: set.tls_required,
            suppressed_reasons: set.suppressed.as_ref().map(|all| all.iter().map(ToString::to_string).collect()),
            event_destinations: set.destinations.as_ref().map(|all| all.iter().map(destination).collect()),
        }
    }
}

impl SendPath {
    fn all(seen: &Seen<'_>) -> Vec<Self> {
        let verdict = Judgement::judge(&SendPaths, seen);
        let paths = verdict.iter().flat_map(send_path::Verdict::paths);
        let of = |(path, ready, reasons): (&str, _, BTreeSet<send_path::Reason>)| Self {
            path: path.to_owned(),
            ready,
            reasons: reasons.into_iter().map(|reason| reason.as_str().into()).collect(),
        };
        paths.map(of).collect()
    }
}
