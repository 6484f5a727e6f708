//! The estate: one immutable picture of everything the agent has seen, and its only writer, the keeper.
//!
//! Readings are shared, never copied: a new picture costs pointers. A reading that fails leaves the last good one in
//! place with its age; how old a reading may be before its series go is decided where it is shown ([`Slot::fresh`]).

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::aws::{Failure, FailureKind, Requests, SkipReason};
use crate::collector::{AnyCollector, AnyReading};
use crate::expectations::Expectations;
use crate::metric::{Family, counter, flag, gauge};
use crate::target::{Target, partition};

pub use layout::{Arranged, Keep, Layout, Place};
pub use since::{Since, Subject};

mod layout;
mod since;

use since::Memory;

/// Everything seen, at one moment.
#[derive(Clone, Default)]
pub struct Estate {
    /// The collectors that run; a target's slots are in their order.
    pub collectors: Arc<[Arc<dyn AnyCollector>]>,
    /// How old a reading may be and still be shown.
    pub stale_after: Duration,
    /// What the operator declared about the targets.
    pub expectations: Arc<Expectations>,
    /// Every target, in the order of the configuration.
    pub targets: Targets,
    /// How many configurations have come into force so far.
    pub layout: u64,
}

/// A target for as long as it is polled: its place changes with the configuration, this does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TargetId(pub u64);

/// One task that reads, as long as it runs: what another one under an older configuration still says counts for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskId(pub u64);

/// Targets in their order, each of which is found at once.
#[derive(Clone, Default)]
pub struct Targets {
    views: Arc<[Arc<TargetView>]>,
    places: Arc<HashMap<TargetId, usize>>,
}

impl Targets {
    /// The target, unless it is polled no more.
    pub fn find(&self, id: TargetId) -> Option<&Arc<TargetView>> {
        self.views.get(*self.places.get(&id)?)
    }

    fn find_mut(&mut self, id: TargetId) -> Option<&mut TargetView> {
        let place = *self.places.get(&id)?;
        Arc::make_mut(&mut self.views).get_mut(place).map(Arc::make_mut)
    }
}

impl Deref for Targets {
    type Target = [Arc<TargetView>];

    fn deref(&self) -> &Self::Target {
        &self.views
    }
}

impl FromIterator<Arc<TargetView>> for Targets {
    fn from_iter<I: IntoIterator<Item = Arc<TargetView>>>(views: I) -> Self {
        let views: Arc<[_]> = views.into_iter().collect();
        let places =
            views.iter().enumerate().map(|(place, view): (usize, &Arc<TargetView>)| (view.id, place)).collect();
        Self { views, places: Arc::new(places) }
    }
}

/// One target as it is known.
#[derive(Clone)]
pub struct TargetView {
    /// Which one it is.
    pub id: TargetId,
    /// Account and region.
    pub target: Target,
    /// The value of the label `account`; none until AWS has told the account's id.
    pub account: Option<Arc<str>>,
    /// The account's twelve digits.
    pub account_id: Option<Arc<str>>,
    /// Who asks, as an ARN (STS GetCallerIdentity `Arn`); none until AWS has told it, and where a role is assumed.
    pub caller: Option<Arc<str>>,
    /// Why the target is left alone.
    pub skipped: Option<SkipReason>,
    /// One slot a collector.
    pub slots: Vec<Arc<Slot>>,
    /// Requests sent on behalf of this target.
    pub requests: Arc<Requests>,
    /// Calls to STS on behalf of the whole account; they count for its first region.
    pub sts_requests: Option<Arc<Requests>>,
}

/// What one collector last saw at one target.
#[derive(Clone)]
pub struct Slot {
    /// The collector's name.
    pub collector: &'static str,
    /// Who reads for it now.
    pub task: TaskId,
    /// The last good reading.
    pub reading: Option<Dated>,
    /// How the last attempt ended; none before the first.
    pub last: Option<Attempt>,
    /// Failed attempts by kind.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Since when what it read is as it is.
    since: Arc<Memory>,
}

/// A reading with its time.
#[derive(Clone)]
pub struct Dated {
    /// The reading.
    pub value: AnyReading,
    /// When it was taken, on the wall clock.
    pub at: SystemTime,
    /// The same on a clock that never jumps.
    pub taken: Instant,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What went wrong, if anything.
    pub failure: Option<Failure>,
    /// How long it took, waiting for its turn included.
    pub duration: Duration,
}

impl Estate {
    /// Whether the collector's first attempt at a target is over, or not needed.
    pub fn settled(&self, target: TargetId, collector: &str) -> bool {
        self.targets.find(target).is_some_and(|view| view.settled(collector))
    }
}

impl Slot {
    /// An empty slot.
    pub fn new(collector: &'static str, task: TaskId) -> Self {
        Self { collector, task, reading: None, last: None, failures: BTreeMap::new(), since: Arc::default() }
    }

    /// Whether the last attempt failed, or left something out.
    pub fn has_failed(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.failure.is_some())
    }

    /// The last good reading, unless it is older than `stale_after`.
    pub fn fresh(&self, now: Instant, stale_after: Duration) -> Option<&Dated> {
        self.reading.as_ref().filter(|reading| now.saturating_duration_since(reading.taken) < stale_after)
    }
}

/// What came of an attempt: a reading, a failure, or a reading that lacks something.
pub struct Outcome {
    /// The reading.
    pub reading: Option<Dated>,
    /// Why there is none, or why it is not whole.
    pub failure: Option<Failure>,
}

/// What the keeper is told.
pub enum Event {
    /// A collector tried to read a target.
    Tried {
        /// The target.
        target: TargetId,
        /// Who tried.
        task: TaskId,
        /// What came of it.
        outcome: Outcome,
        /// How long it took.
        duration: Duration,
    },
    /// AWS has told the id of the account that these targets belong to.
    Identified {
        /// Which ones.
        targets: Vec<TargetId>,
        /// The account's twelve digits.
        account_id: Arc<str>,
        /// Whose the credentials are, as an ARN.
        caller: Arc<str>,
    },
    /// A configuration comes into force.
    Arranged(Layout),
}

/// Applies events until all who could send one are gone, and publishes each new picture.
pub async fn keep(mut events: mpsc::Receiver<Event>, estate: watch::Sender<Estate>) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, 1024).await > 0 {
        let mut next = estate.borrow().clone();
        for event in batch.drain(..) {
            apply(&mut next, event);
        }
        estate.send_replace(next);
    }
}

/// An event about a target that is not there any more changes nothing.
fn apply(estate: &mut Estate, event: Event) {
    match event {
        Event::Tried { target, task, outcome, duration } => {
            if let Some(view) = estate.targets.find_mut(target) {
                tried(view, task, outcome, duration);
            }
        }
        Event::Identified { targets, account_id, caller } => {
            for target in targets {
                if let Some(view) = estate.targets.find_mut(target) {
                    view.account.get_or_insert_with(|| Arc::clone(&account_id));
                    view.account_id = Some(Arc::clone(&account_id));
                    view.caller = Some(Arc::clone(&caller));
                }
                warn_of_twin(&estate.targets, target);
            }
        }
        Event::Arranged(layout) => layout.arrange(estate),
    }
}

/// Only AWS can tell that two configured accounts are one; the page shows the first that could be read.
fn warn_of_twin(targets: &Targets, target: TargetId) {
    let Some(view) = targets.find(target) else { return };
    let same = |other: &TargetView| other.account == view.account && other.target.region == view.target.region;
    if targets.iter().any(|other| other.id != target && same(other)) {
        let (account, region) = (view.account.as_deref().unwrap_or_default(), &*view.target.region);
        tracing::warn!(
            account,
            region,
            "account {account} is configured twice in {region}; remove one entry, or give each regions of its own"
        );
    }
}

fn tried(view: &mut TargetView, task: TaskId, outcome: Outcome, duration: Duration) {
    let slot = view.slots.iter_mut().find(|slot| slot.task == task);
    let Some(slot) = slot.map(Arc::make_mut) else { return };
    let Outcome { reading, failure } = outcome;
    view.skipped = failure.as_ref().and_then(|failure| failure.skip);
    if let Some(reading) = reading {
        let previous = slot.reading.as_ref().map(|previous| &previous.value);
        slot.since = Arc::new(slot.since.following(previous, &reading));
        slot.reading = Some(reading);
    }
    if let Some(failure) = failure.as_ref().filter(|failure| failure.skip.is_none()) {
        *slot.failures.entry(failure.kind).or_default() += 1;
    }
    slot.last = Some(Attempt { failure, duration });
}

/// What a target says about the agent's work on it. All of it comes from the slots, so it can't disagree with the data.
pub const METRICS: &[&dyn Family<TargetView>] = &[
    &gauge(
        "ses_exporter_target_info",
        "Always 1, with the account id and the partition of a target.",
        ["aws_account_id", "partition"],
        |view: &TargetView, out| {
            if let Some(id) = &view.account_id {
                out.push([id, partition(&view.target.region)], 1.0);
            }
        },
    ),
    &gauge(
        "ses_exporter_target_skipped",
        "1 while a target is left alone, with the proven reason; it is asked again every hour.",
        ["reason"],
        |view: &TargetView, out| {
            if let Some(reason) = view.skipped {
                out.push([reason.as_str()], 1.0);
            }
        },
    ),
    &gauge(
        "ses_exporter_collector_success",
        "Whether the collector's last attempt succeeded in full.",
        ["collector"],
        |view: &TargetView, out| {
            for (slot, last) in view.attempts() {
                out.push([slot.collector], flag(last.failure.is_none()));
            }
        },
    ),
    &gauge(
        "ses_exporter_collector_duration_seconds",
        "How long the collector's last attempt took, waiting for its turn included.",
        ["collector"],
        |view: &TargetView, out| {
            for (slot, last) in view.attempts() {
                out.push([slot.collector], last.duration.as_secs_f64());
            }
        },
    ),
    &gauge(
        "ses_exporter_collector_last_success_timestamp_seconds",
        "When the collector last succeeded, as Unix time; its series are of that age.",
        ["collector"],
        |view: &TargetView, out| {
            for (slot, _) in view.attempts() {
                let at = slot.reading.as_ref().and_then(|reading| reading.at.duration_since(UNIX_EPOCH).ok());
                out.push_known([slot.collector], at.map(|since| milliseconds(since.as_secs_f64())));
            }
        },
    ),
    &counter(
        "ses_exporter_collector_failures_total",
        "Failed attempts of the collector by kind; a series appears with its first failure.",
        ["collector", "kind"],
        |view: &TargetView, out| {
            for (slot, _) in view.attempts() {
                for (kind, count) in &slot.failures {
                    out.push([slot.collector, kind.as_str()], number(*count));
                }
            }
        },
    ),
    &counter(
        "ses_exporter_aws_requests_total",
        "Requests sent to AWS, each attempt counted; calls to STS count for the account's first region.",
        ["service", "operation"],
        |view: &TargetView, out| {
            let sts = view.sts_requests.iter().flat_map(|requests| requests.snapshot());
            for (operation, count) in view.requests.snapshot().into_iter().chain(sts) {
                out.push([operation.service, operation.name], number(count));
            }
        },
    ),
];

impl TargetView {
    /// The slots that were tried; none while the target is skipped.
    fn attempts(&self) -> impl Iterator<Item = (&Slot, &Attempt)> {
        let slots = if self.skipped.is_some() { [].iter() } else { self.slots.iter() };
        slots.filter_map(|slot| Some((&**slot, slot.last.as_ref()?)))
    }

    /// Whether anything was ever read.
    pub fn has_reading(&self) -> bool {
        self.slots.iter().any(|slot| slot.reading.is_some())
    }

    /// What the collector of this name last saw.
    pub fn slot(&self, collector: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.collector == collector).map(|slot| &**slot)
    }

    /// Since when a state holds; none where it is not known, or well and not worth remembering.
    pub fn since(&self, subject: &Subject) -> Option<Since> {
        self.slots.iter().find_map(|slot| slot.since.of(subject))
    }

    /// Whether the collector's first attempt is over, or not needed.
    pub fn settled(&self, collector: &str) -> bool {
        self.skipped.is_some() || self.slot(collector).is_some_and(|slot| slot.last.is_some())
    }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only")]
fn number(count: u64) -> f64 {
    count as f64
}
