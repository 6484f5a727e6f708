//! The next configuration while it is wired up: target by target, what is kept and what is started.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::wiring::{Change, Ends, Running, Signed, Tasks, Wiring, reach};
use crate::aws::{Budget, Door, Limits, Requests, Session};
use crate::collector::AnyCollector;
use crate::collectors;
use crate::config::{self, Config};
use crate::estate::{Arranged, Event, Keep, Layout, Place, TargetId, TaskId};
use crate::poller::{Schedule, Task};
use crate::target::{Account, Role, Target};

/// By account, as far as it is known, and region.
pub(super) type Budgets = HashMap<(String, String), Arc<Budget>>;

/// A collector that runs.
pub(super) struct Collecting {
    pub(super) collector: Arc<dyn AnyCollector>,
    pub(super) interval: Duration,
    /// What it leaves of what was read under the configuration before.
    keep: Keep,
}

/// A target with its tasks.
pub(super) struct Polled {
    pub(super) id: TargetId,
    pub(super) target: Target,
    way: Way,
    door: Arc<Door>,
    requests: Arc<Requests>,
    tasks: Vec<Polling>,
}

/// What a door is made of.
struct Way {
    session: Arc<Session>,
    limits: Arc<Limits>,
    budget: Arc<Budget>,
}

/// A task, and what it was started with.
struct Polling {
    id: TaskId,
    collector: Arc<dyn AnyCollector>,
    door: Arc<Door>,
    pace: Pace,
    /// It ran before the last configuration.
    kept: bool,
    _ends: Ends,
}

/// When a task reads and how long that may take: interval, jitter, time limit.
type Pace = (Duration, f64, Duration);

/// What ran before, and what has come of the next configuration so far.
pub(super) struct Draft<'a> {
    config: &'a Config,
    wiring: &'a mut Wiring,
    tasks: &'a mut Tasks,
    collectors: &'a [Collecting],
    /// What was not taken over yet.
    left: Vec<Polled>,
    old_budgets: Budgets,
    layout: Layout,
    made: Made,
}

/// What runs now.
#[derive(Default)]
pub(super) struct Made {
    pub(super) budgets: Budgets,
    pub(super) polled: Vec<Polled>,
    pub(super) change: Change,
}

impl Collecting {
    /// The enabled collectors in the order of the table, each kept where it reads as it did before.
    pub(super) fn all(before: Option<&Running>, config: &Config) -> Vec<Self> {
        let rows = collectors::ALL.iter().zip(&config.collectors);
        let one = |(row, schedule): (&collectors::Row, &config::Schedule)| {
            let (name, interval) = (row.declaration.name, schedule.interval);
            let keep = before.map_or(Keep::Counts, |before| keep(row, &before.config, config));
            let known = before.and_then(|before| before.collectors.iter().find(|one| one.is(name)));
            let collector = match known.filter(|known| keep == Keep::All && known.interval == interval) {
                Some(known) => Arc::clone(&known.collector),
                None => (row.make)(config),
            };
            Self { collector, interval, keep }
        };
        rows.filter(|(_, schedule)| schedule.enabled).map(one).collect()
    }

    fn is(&self, name: &str) -> bool {
        self.collector.declaration().name == name
    }

    fn pace(&self, config: &Config) -> Pace {
        (self.interval, config.poll.jitter, config.poll.read_timeout)
    }
}

/// What a configuration leaves of the readings of a collector. Labels come from the collectors that it builds on.
fn keep(row: &collectors::Row, before: &Config, now: &Config) -> Keep {
    let built_on = collectors::ALL.iter().filter(|other| row.declaration.after.contains(&other.declaration.name));
    if !(row.same)(before, now) {
        Keep::Counts
    } else if built_on.map(|other| keep(other, before, now)).all(|kept| kept == Keep::All) {
        Keep::All
    } else {
        Keep::Hidden
    }
}

impl<'a> Draft<'a> {
    /// Nothing is taken over yet.
    pub(super) fn new(
        config: &'a Config,
        collectors: &'a [Collecting],
        before: Option<Running>,
        wiring: &'a mut Wiring,
        tasks: &'a mut Tasks,
    ) -> Self {
        let layout = Layout {
            collectors: collectors.iter().map(|one| Arc::clone(&one.collector)).collect(),
            stale_after: config.poll.stale_after,
            expectations: Arc::new(config.expectations.clone()),
            targets: Vec::new(),
            number: wiring.estate.borrow().layout + 1,
        };
        let mut made = Made::default();
        let (mut left, mut old_budgets) = (Vec::new(), Budgets::new());
        if let Some(Running { config: before, budgets, polled, .. }) = before {
            let rate = |config: &Config| (config.budget.requests_per_second, config.budget.burst);
            if rate(&before) == rate(config) {
                old_budgets = budgets;
            }
            if reach(&before.aws) == reach(&config.aws) {
                left = polled;
            } else {
                // Another AWS has other accounts, whatever they are called. The old tasks end here.
                made.change.removed = polled.len();
            }
        }
        Self { config, wiring, tasks, collectors, left, old_budgets, layout, made }
    }

    /// Takes over what goes on at a target, and starts the rest. The first target of an account shows its calls to STS.
    pub(super) fn add(&mut self, target: Target, signed: &Signed, limits: &Arc<Limits>, first: bool) {
        let way = self.way(&target, signed, limits);
        let same = |polled: &Polled| who(&polled.target) == who(&target);
        let mut before = self.left.iter().position(same).map(|at| self.left.swap_remove(at));
        let old = before.as_mut().map_or_else(Vec::new, |before| std::mem::take(&mut before.tasks));
        let (had, new) = (old.len(), before.is_none());
        let (id, requests) = match &before {
            Some(before) => (before.id, Arc::clone(&before.requests)),
            None => (TargetId(self.number()), Arc::default()),
        };
        let door = match before {
            Some(before) if before.way.is(&way) => before.door,
            _ => Arc::new(way.door(&target, &requests)),
        };
        door.declare(self.is_declared(&target));
        let (tasks, places) = self.tasks(id, &door, old);
        let goes_on = had == tasks.len() && tasks.iter().all(|task| task.kept);
        let change = &mut self.made.change;
        let count = if new {
            &mut change.added
        } else if goes_on {
            &mut change.kept
        } else {
            &mut change.changed
        };
        *count += 1;
        let sts_requests = first.then(|| Arc::clone(&signed.sts_requests));
        let counted = Arc::clone(&requests);
        self.layout.targets.push(Arranged { id, target: target.clone(), places, requests: counted, sts_requests });
        self.made.polled.push(Polled { id, target, way, door, requests, tasks });
    }

    /// What runs now and how it looks. The tasks that were not taken over have ended.
    pub(super) fn finish(mut self) -> (Made, Layout) {
        self.made.change.removed += self.left.len();
        (self.made, self.layout)
    }

    fn way(&mut self, target: &Target, signed: &Signed, limits: &Arc<Limits>) -> Way {
        let Account { role, profile, .. } = &*target.account;
        let id = role.as_ref().and_then(Role::account_id);
        // Two entries of one account share what SES grants it.
        let owner = (id.or(profile.as_deref()).unwrap_or_default().to_owned(), target.region.to_string());
        let (rate, burst) = (self.config.budget.requests_per_second, self.config.budget.burst);
        let kept = self.old_budgets.get(&owner).cloned();
        let budget = self.made.budgets.entry(owner);
        let budget = budget.or_insert_with(|| kept.unwrap_or_else(|| Arc::new(Budget::new(rate, burst))));
        Way { session: Arc::clone(&signed.session), limits: Arc::clone(limits), budget: Arc::clone(budget) }
    }

    fn is_declared(&self, target: &Target) -> bool {
        let Account { name, role, .. } = &*target.account;
        let id = role.as_ref().and_then(Role::account_id);
        self.config.expectations.may_concern(name.as_deref(), id, &target.region)
    }

    /// One task for each collector: the old one if nothing about it has changed, else a new one.
    fn tasks(&mut self, target: TargetId, door: &Arc<Door>, mut old: Vec<Polling>) -> (Vec<Polling>, Vec<Place>) {
        let mut luck = fastrand::Rng::with_seed(seed(door.target()));
        let start = luck.f64();
        let (mut tasks, mut places) = (Vec::new(), Vec::new());
        for (place, one) in self.collectors.iter().enumerate() {
            let (pace, collector) = (one.pace(self.config), one.collector.declaration().name);
            let schedule = Schedule::new(one.interval, self.config.poll.jitter, start, luck.f64());
            let is_same = |old: &Polling| {
                Arc::ptr_eq(&old.door, door) && Arc::ptr_eq(&old.collector, &one.collector) && old.pace == pace
            };
            let (task, keep) = match old.iter().position(is_same) {
                Some(at) => (Polling { kept: true, ..old.swap_remove(at) }, Keep::All),
                None => (self.start(one, place, target, door, schedule), one.keep),
            };
            places.push(Place { collector, task: task.id, keep });
            tasks.push(task);
        }
        (tasks, places)
    }

    fn start(
        &mut self,
        one: &Collecting,
        place: usize,
        target: TargetId,
        door: &Arc<Door>,
        schedule: Schedule,
    ) -> Polling {
        let (id, collector) = (TaskId(self.number()), Arc::clone(&one.collector));
        let estate = self.wiring.estate.clone();
        let previous = estate.borrow().targets.find(target).and_then(|view| {
            let slot = view.slot(collector.declaration().name).filter(|_| one.keep != Keep::Counts)?;
            Some(Arc::clone(&slot.reading.as_ref()?.value))
        });
        let read_timeout = self.config.poll.read_timeout;
        let task =
            Task { id, target, place, collector, door: Arc::clone(door), read_timeout, schedule, estate, previous };
        let ends = Ends(self.tasks.spawn(once_published(task, self.layout.number, self.wiring.events.clone())));
        let collector = Arc::clone(&one.collector);
        Polling { id, collector, door: Arc::clone(door), pace: one.pace(self.config), kept: false, _ends: ends }
    }

    fn number(&mut self) -> u64 {
        self.wiring.numbers += 1;
        self.wiring.numbers
    }
}

/// Runs a task as soon as the picture has a place for what it reads.
async fn once_published(task: Task, layout: u64, events: mpsc::Sender<Event>) -> Option<String> {
    let mut estate = task.estate.clone();
    estate.wait_for(|estate| estate.layout >= layout).await.ok().map(drop)?;
    task.run(events).await
}

impl Way {
    /// Whether both are made of the same things, and not only of equal ones.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.session, &other.session)
            && Arc::ptr_eq(&self.limits, &other.limits)
            && Arc::ptr_eq(&self.budget, &other.budget)
    }

    fn door(&self, target: &Target, requests: &Arc<Requests>) -> Door {
        let Self { session, limits, budget } = self;
        let (session, limits, budget) = (Arc::clone(session), Arc::clone(limits), Arc::clone(budget));
        Door::new(target.clone(), session, limits, budget, Arc::clone(requests))
    }
}

/// What makes a target another one, as far as the configuration tells.
fn who(target: &Target) -> (&str, Option<&str>, Option<&Role>, Option<&str>) {
    let Account { name, role, profile, regions: _ } = &*target.account;
    (&target.region, name.as_deref(), role.as_ref(), profile.as_deref())
}

/// Where a target stands in the spread is its own, so that two agents with one configuration call together only
/// when they were started together, and a schedule can be foretold.
fn seed(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    (target.account.name.as_deref(), &target.account.profile, &*target.region).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse("t.toml", text, Path::new("."), None).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn what_stays_of_a_reading_follows_from_what_has_changed() {
        let keeps = |text: &str| {
            let (before, now) = (Config::default(), config(text));
            collectors::ALL.iter().map(|row| (row.declaration.name, keep(row, &before, &now))).collect::<Vec<_>>()
        };
        let expected = |changed: &[(&'static str, Keep)]| {
            let of = |name| changed.iter().find(|(known, _)| *known == name).map_or(Keep::All, |(_, keep)| *keep);
            collectors::ALL.iter().map(|row| (row.declaration.name, of(row.declaration.name))).collect::<Vec<_>>()
        };
        for same in
            ["", "[poll]\njitter = 0.1\n", "[collectors.identities]\ninterval = \"2m\"\n", "[budget]\nburst = 9\n"]
        {
            assert_eq!(keeps(same), expected(&[]), "{same}");
        }
        let labels = [("identities", Keep::Counts), ("identity_details", Keep::Hidden), ("dns", Keep::Hidden)];
        assert_eq!(keeps("[identities]\nemail_addresses = \"none\"\n"), expected(&labels));
        let tags = [("identities", Keep::Counts), ("identity_details", Keep::Counts), ("dns", Keep::Hidden)];
        assert_eq!(keeps("[identities]\ntags = [\"team\"]\n"), expected(&tags));
        assert_eq!(keeps("[dns]\nqueries_per_second = 9\n"), expected(&[("dns", Keep::Counts)]));
    }

    #[test]
    fn a_target_is_the_same_whatever_the_other_regions_are() {
        let target = |name: &str, regions: &[&str]| {
            let regions = regions.iter().map(|region| (*region).to_owned()).collect();
            let account = Account { name: Some(name.to_owned()), role: None, profile: None, regions };
            Target { account: Arc::new(account), region: Arc::from("eu-west-1") }
        };
        let one = target("shop", &["eu-west-1"]);
        assert_eq!(who(&one), who(&target("shop", &["af-south-1", "eu-west-1"])));
        assert_ne!(who(&one), who(&target("labs", &["eu-west-1"])));
        assert_ne!(who(&one), who(&Target { region: Arc::from("eu-west-2"), ..one.clone() }));
    }
}
