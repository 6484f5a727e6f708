//! The tasks that read: one for each collector at each target, each on its own clock.
//!
//! First readings come within a second of the start, spread by chance; from then on a task reads every interval,
//! shifted by chance so that targets don't call together. A late tick delays the next ones, it never bunches them.
//! Nothing is retried here: the next tick is the retry. A panic is a failure like any other, until it is the eleventh
//! within a minute. A collector that builds on others first waits until they have tried, and fails while they have
//! nothing to show.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::aws::{Aws, Door, Failure, FailureKind, SkipReason};
use crate::collector::{AnyCollector, AnyReading, Readings};
use crate::estate::{Dated, Estate, Event, Outcome, Slot, TargetId, TaskId};

/// First readings are spread over this long: an agent is ready quickly, and 1,500 targets don't start in one instant.
const START_WINDOW: Duration = Duration::from_millis(900);
/// The first collector of a target asks first: readiness waits for its answer, and the budget may hold up the others.
const BEHIND_THE_FIRST: Duration = Duration::from_millis(20);
/// However long a reading waits for its turns, it ends after so many times its own limit.
const WAITING: u32 = 10;
/// How many panics a task may have within a minute before the process gives up.
const MOST_PANICS: usize = 10;

/// One collector at one target.
pub struct Task {
    /// Itself.
    pub id: TaskId,
    /// The target.
    pub target: TargetId,
    /// The collector's place among those that run; the first of them asks first.
    pub place: usize,
    /// The collector.
    pub collector: Arc<dyn AnyCollector>,
    /// The target's door to AWS.
    pub door: Arc<Door>,
    /// Longest time of one reading, waiting for its turn not counted.
    pub read_timeout: Duration,
    /// When it reads.
    pub schedule: Schedule,
    /// What the others have read.
    pub estate: watch::Receiver<Estate>,
    /// What the task before it has read, where this one may build on it.
    pub previous: Option<AnyReading>,
}

/// When a task reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// From the start to the first reading.
    pub first: Duration,
    /// From the first to the second reading: an interval and a share of one.
    pub second: Duration,
    /// From then on.
    pub interval: Duration,
}

impl Schedule {
    /// A schedule with the target's and the task's luck in it. `jitter` is the largest share of an interval by which
    /// the second reading is put off.
    pub fn new(interval: Duration, jitter: f64, start: f64, luck: f64) -> Self {
        Self { first: START_WINDOW.mul_f64(start), second: interval.mul_f64(1.0 + jitter * luck), interval }
    }
}

impl Task {
    /// Reads for ever. Returns only when nobody listens any more, or with the reason for which the process must end.
    pub async fn run(mut self, events: mpsc::Sender<Event>) -> Option<String> {
        let mut previous = self.previous.take();
        let mut panics = Panics::default();
        let mut trouble = None;
        let behind = if self.place == 0 { Duration::ZERO } else { BEHIND_THE_FIRST };
        sleep_until(Instant::now() + self.schedule.first + behind).await;
        self.others_have_tried().await?;
        let mut ticks = interval_at(Instant::now() + self.schedule.second, self.schedule.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let began = Instant::now();
            let others = self.readings(&self.estate.borrow(), began);
            let alone = others.is_err();
            let outcome = self.read(previous.as_ref(), others).await;
            if let Some(reading) = &outcome.reading {
                previous = Some(Arc::clone(&reading.value));
            }
            let kind = outcome.failure.as_ref().map(|failure| failure.kind);
            if kind == Some(FailureKind::Panic) && panics.too_many() {
                return Some(format!("collector {} panics all the time", self.collector.declaration().name));
            }
            self.log(trouble, &outcome);
            trouble = kind;
            let duration = began.elapsed();
            // That the target is left alone is for those to tell who have found it out.
            let left_alone = alone && outcome.failure.as_ref().is_some_and(|failure| failure.skip.is_some());
            let event = Event::Tried { target: self.target, task: self.id, outcome, duration };
            if !left_alone && events.send(event).await.is_err() {
                return None;
            }
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.others_are_back(), if alone => ticks.reset(),
            }
        }
    }

    /// Waits for the first attempt of every collector that this one builds on; none when nobody will ever try.
    async fn others_have_tried(&self) -> Option<()> {
        let after = self.collector.declaration().after;
        let tried = |estate: &Estate| after.iter().all(|name| estate.settled(self.target, name));
        self.estate.clone().wait_for(tried).await.ok().map(|_| ())
    }

    /// Waits until the others can be read again: the interval of this one may be much longer.
    async fn others_are_back(&self) {
        let back = |estate: &Estate| self.readings(estate, Instant::now()).is_ok();
        if self.estate.clone().wait_for(back).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn read(&self, previous: Option<&AnyReading>, others: Result<Readings, Failure>) -> Outcome {
        let attempt = async { self.attempt(previous, &others?).await };
        match attempt.await {
            Ok((reading, lacks)) => Outcome { reading: Some(reading), failure: lacks },
            Err(failure) => Outcome { reading: None, failure: Some(failure) },
        }
    }

    async fn attempt(
        &self,
        previous: Option<&AnyReading>,
        others: &Readings,
    ) -> Result<(Dated, Option<Failure>), Failure> {
        let (at, taken) = (SystemTime::now(), Instant::now());
        let aws = Aws::new(Arc::clone(&self.door), self.read_timeout);
        let name = self.collector.declaration().name;
        let reading = AssertUnwindSafe(self.collector.read(&aws, previous, others, at)).catch_unwind();
        let Ok(outcome) = timeout(self.read_timeout * WAITING, reading).await else {
            return Err(Failure::timeout(format!("collector {name} was not done after a long time of mostly waiting")));
        };
        let outcome = outcome.unwrap_or_else(|panic| {
            let said =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Err(Failure::new(
                FailureKind::Panic,
                format!("collector {name} panicked: {}", said.unwrap_or("no message")),
            ))
        });
        outcome.map(|(value, lacks)| (Dated { value, at, taken }, lacks))
    }

    /// What the collectors have read that this one builds on. Where one has nothing to show, its failure is ours: it
    /// was told already.
    fn readings(&self, estate: &Estate, now: Instant) -> Result<Readings, Failure> {
        let reading = |name: &&'static str| {
            let view = estate.targets.find(self.target);
            let slot = view.and_then(|view| view.slot(name));
            match slot.and_then(|slot| slot.fresh(now, estate.stale_after)) {
                Some(reading) => Ok((*name, Arc::clone(&reading.value))),
                None => Err(without(name, view.and_then(|view| view.skipped), slot)),
            }
        };
        self.collector.declaration().after.iter().map(reading).collect::<Result<_, _>>().map(Readings)
    }

    /// Tells people when something changes; trouble that goes on is told to those who debug.
    fn log(&self, before: Option<FailureKind>, outcome: &Outcome) {
        let (target, collector) = (self.door.target(), self.collector.declaration().name);
        let Some(failure) = &outcome.failure else {
            if before.is_some() {
                tracing::info!(%target, collector, "{collector} of {target} can be read again");
            }
            return;
        };
        let kind = failure.kind.as_str();
        let what = if outcome.reading.is_some() { "all of " } else { "" };
        if failure.skip.is_none() && !failure.told && before != Some(failure.kind) {
            tracing::warn!(%target, collector, kind, "can't read {what}{collector} of {target}: {failure}");
        } else {
            tracing::debug!(%target, collector, kind, "still can't read {what}{collector} of {target}: {failure}");
        }
    }
}

/// The failure of a collector that builds on one without a reading. Whoever has none has told why.
fn without(name: &str, skipped: Option<SkipReason>, slot: Option<&Slot>) -> Failure {
    let cause = slot.and_then(|slot| slot.last.as_ref()).and_then(|last| last.failure.as_ref());
    let because = cause.map_or_else(|| "its last reading is too old".to_owned(), |cause| cause.message.clone());
    let kind = cause.map_or(FailureKind::Timeout, |cause| cause.kind);
    Failure { skip: skipped, told: true, ..Failure::new(kind, format!("{name} can't be read: {because}")) }
}

/// Counts the panics of the last minute.
#[derive(Debug, Default)]
pub struct Panics(VecDeque<Instant>);

impl Panics {
    /// Notes one more, and says whether that is one too many.
    pub fn too_many(&mut self) -> bool {
        let now = Instant::now();
        self.0.push_back(now);
        self.0.retain(|at| now.duration_since(*at) < Duration::from_mins(1));
        self.0.len() > MOST_PANICS
    }
}
