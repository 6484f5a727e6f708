//! The poll schedule over a simulated day: the real poller, budget and keeper, on a clock that costs nothing.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sesv2::operation::get_account::GetAccountError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use ses_exporter::aws::{self, Budget, Door, Failure, FailureKind, Limits, Operation, Requests, Session};
use ses_exporter::collector::{AnyCollector, Ask, Collector, Cost, Declaration};
use ses_exporter::config::Config;
use ses_exporter::estate::{self, Estate, Event, Slot, TargetId, TargetView, Targets, TaskId};
use ses_exporter::metric::Family;
use ses_exporter::poller::{Schedule, Task};
use ses_exporter::target::{Account, Target};
use ses_exporter::telemetry::Telemetry;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const OPERATION: Operation = Operation { service: "sesv2", name: "GetAccount" };

/// What happened at one target.
#[derive(Clone, Default)]
struct Diary {
    in_flight: bool,
    requests: u64,
    /// The last three starts of a request, newest first.
    starts: [Option<Instant>; 3],
    /// By collector: the last start, the longest time between two, how many.
    readings: [(Option<Instant>, Duration, u64); 4],
}

struct World {
    start: Instant,
    diaries: Vec<Diary>,
    hash: DefaultHasher,
    /// Rules that were broken, in words.
    broken: Vec<String>,
}

/// What came of a simulated time.
struct Outcome {
    diaries: Vec<Diary>,
    hash: u64,
    broken: Vec<String>,
    end: Instant,
    estate: Estate,
}

/// A collector that asks a service which answers after a while, and writes down when it was asked.
struct Probe {
    place: usize,
    calls: u64,
    latency: Duration,
    world: Arc<Mutex<World>>,
}

impl Probe {
    fn begin(&self, target: usize) {
        let mut world = self.world.lock().unwrap();
        let now = Instant::now();
        let at = now - world.start;
        (at, target, self.place).hash(&mut world.hash);
        let diary = &mut world.diaries[target];
        let two_in_flight = std::mem::replace(&mut diary.in_flight, true);
        diary.requests += 1;
        // Two at once while starting, afterwards one in two seconds.
        let too_fast = diary.starts[1].is_some_and(|before| now - before < Duration::from_millis(1999));
        diary.starts = [Some(now), diary.starts[0], diary.starts[1]];
        if two_in_flight {
            world.broken.push(format!("two requests in flight at target {target} after {at:?}"));
        }
        if too_fast {
            world.broken.push(format!("three requests within two seconds at target {target} after {at:?}"));
        }
    }
}

impl Collector for Probe {
    type Reading = ();
    const DECLARATION: Declaration = Declaration {
        name: "probe",
        about: "",
        actions: &[],
        after: &[],
        interval: Duration::from_mins(1),
        enabled: true,
        cost: |_, interval| Cost::of_reading(1, interval),
    };
    const METRICS: &'static [&'static dyn Family<()>] = &[];

    async fn read(&self, ask: Ask<'_, ()>) -> Result<(), Failure> {
        let target: usize = ask.aws.target().region.parse().unwrap();
        {
            let mut world = self.world.lock().unwrap();
            let (last, longest, count) = &mut world.diaries[target].readings[self.place];
            let now = Instant::now();
            *longest = last.map_or(*longest, |last| (now - last).max(*longest));
            (*last, *count) = (Some(now), *count + 1);
        }
        for _ in 0..self.calls {
            let request = || async {
                self.begin(target);
                sleep(self.latency).await;
                self.world.lock().unwrap().diaries[target].in_flight = false;
                Ok::<(), SdkError<GetAccountError, HttpResponse>>(())
            };
            ask.aws.call(OPERATION, request).await?;
        }
        Ok(())
    }
}

/// Lets a world of `targets` run for `time`, and answers what happened and a hash of when.
fn simulate(seed: u64, targets: usize, time: Duration) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World {
            start: Instant::now(),
            diaries: vec![Diary::default(); targets],
            hash: DefaultHasher::new(),
            broken: vec![],
        };
        let world = Arc::new(Mutex::new(world));
        let config = Config::default();
        let telemetry = Arc::new(Telemetry::new("test", "test").unwrap());
        let limits = Limits {
            in_flight: Semaphore::new(64),
            attempt_timeout: Duration::from_secs(10),
            collectors: 3.into(),
            telemetry,
        };
        let (limits, requests) = (Arc::new(limits), Arc::new(Requests::default()));
        let account = Arc::new(Account {
            name: Some(format!("seed {seed}")),
            role: None,
            profile: None,
            regions: (0..targets).map(|number| number.to_string()).collect(),
        });
        let sdk = aws::Sdk { aws: &config.aws, poll: &config.poll, http: aws::client(), credentials: None };
        let session = Session::new(&account, &sdk, Arc::clone(&limits), Arc::clone(&requests)).await;
        let session = Arc::new(session);
        let mut luck = fastrand::Rng::with_seed(seed);
        // Account, statistics, identities of ten pages, and a slice of details: more than any of 1,500 targets costs.
        let probes: Vec<(Arc<dyn AnyCollector>, Duration)> = [(1, 1), (1, 5), (10, 5), (1, 1)]
            .into_iter()
            .enumerate()
            .map(|(place, (calls, minutes))| {
                let latency = Duration::from_millis(luck.u64(20..400));
                let probe = Probe { place, calls, latency, world: Arc::clone(&world) };
                (Arc::new(probe) as Arc<dyn AnyCollector>, Duration::from_mins(minutes))
            })
            .collect();
        let (events, receive) = mpsc::channel::<Event>(1024);
        let collectors = probes.iter().map(|(collector, _)| Arc::clone(collector)).collect();
        let (publish, estate) = watch::channel(Estate {
            collectors,
            stale_after: config.poll.stale_after,
            expectations: Arc::default(),
            targets: Targets::default(),
            layout: 0,
        });
        let (mut tasks, mut views) = (JoinSet::new(), Vec::new());
        for (number, region) in account.regions.iter().enumerate() {
            let target = Target { account: Arc::clone(&account), region: Arc::from(region.as_str()) };
            let budget = Arc::new(Budget::new(config.budget.requests_per_second, config.budget.burst));
            let door =
                Arc::new(Door::new(target.clone(), Arc::clone(&session), Arc::clone(&limits), budget, Arc::default()));
            let start = luck.f64();
            for (place, (collector, interval)) in probes.iter().enumerate() {
                let task = Task {
                    id: TaskId(place as u64),
                    target: TargetId(number as u64),
                    place,
                    collector: Arc::clone(collector),
                    door: Arc::clone(&door),
                    read_timeout: config.poll.read_timeout,
                    schedule: Schedule::new(*interval, config.poll.jitter, start, luck.f64()),
                    estate: estate.clone(),
                    previous: None,
                };
                tasks.spawn(task.run(events.clone()));
            }
            views.push(Arc::new(TargetView {
                id: TargetId(number as u64),
                caller: None,
                target,
                account: None,
                account_id: None,
                skipped: None,
                slots: (0..probes.len()).map(|place| Arc::new(Slot::new("probe", TaskId(place as u64)))).collect(),
                requests: Arc::default(),
                sts_requests: None,
            }));
        }
        publish.send_modify(|estate| estate.targets = views.into_iter().collect());
        tasks.spawn(async move {
            estate::keep(receive, publish).await;
            None
        });
        sleep(time).await;
        let picture = estate.borrow().clone();
        drop(tasks);
        let world = world.lock().unwrap();
        Outcome {
            diaries: world.diaries.clone(),
            hash: world.hash.finish(),
            broken: world.broken.clone(),
            end: Instant::now(),
            estate: picture,
        }
    })
}

/// Longest allowed time between two readings: an interval, half of one by which the second may be put off, and the
/// wait for the turn of each of ten calls, behind calls of the others.
fn longest_allowed(place: usize) -> Duration {
    Duration::from_mins([1, 5, 5, 1][place]).mul_f64(1.5) + Duration::from_mins(1)
}

fn hold(outcome: &Outcome, time: Duration) {
    assert!(outcome.broken.is_empty(), "{} rules broken, such as {:?}", outcome.broken.len(), outcome.broken.first());
    for (number, diary) in outcome.diaries.iter().enumerate() {
        for (place, (last, longest, count)) in diary.readings.iter().enumerate() {
            let last = last.unwrap_or_else(|| panic!("target {number} was never read by {place}"));
            let longest = (*longest).max(outcome.end - last);
            assert!(longest <= longest_allowed(place), "target {number} was not read by {place} for {longest:?}");
            let due = time.as_secs() / [60, 300, 300, 60][place];
            assert!(
                (due.saturating_sub(2)..=due + 1).contains(count),
                "target {number}: {count} readings by {place}, {due} due"
            );
        }
    }
    let lost =
        outcome.estate.targets.iter().filter(|view| view.slots.iter().any(|slot| slot.reading.is_none())).count();
    assert_eq!(lost, 0, "targets whose readings never reached the estate");
}

#[test]
fn a_day_of_1500_targets_keeps_every_rule() {
    // A day in an optimised build or on demand; an hour has every kind of tick in it too.
    let long = std::env::var_os("SES_EXPORTER_LONG").is_some() || !cfg!(debug_assertions);
    let time = if long { Duration::from_hours(24) } else { Duration::from_hours(1) };
    let began = std::time::Instant::now();
    let outcome = simulate(1, 1500, time);
    let readings: u64 = outcome.diaries.iter().flat_map(|diary| diary.readings).map(|(_, _, count)| count).sum();
    println!("{readings} readings in {time:?} of the world took {:?}", began.elapsed());
    hold(&outcome, time);
}

#[test]
fn the_same_seed_makes_the_same_schedule_and_another_seed_another_one() {
    let seeds = if std::env::var_os("SES_EXPORTER_LONG").is_some() { 1000 } else { 20 };
    let time = Duration::from_mins(30);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..seeds {
        let (first, second) = (simulate(seed, 10, time), simulate(seed, 10, time));
        hold(&first, time);
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert!(seen.insert(first.hash), "seed {seed} makes a schedule that another one made");
    }
}

/// A collector with a fault of ours in it.
struct Faulty;

impl Collector for Faulty {
    type Reading = ();
    const DECLARATION: Declaration = Declaration {
        name: "faulty",
        about: "",
        actions: &[],
        after: &[],
        interval: Duration::from_mins(1),
        enabled: true,
        cost: |_, interval| Cost::of_reading(1, interval),
    };
    const METRICS: &'static [&'static dyn Family<()>] = &[];

    async fn read(&self, _: Ask<'_, ()>) -> Result<(), Failure> {
        panic!("index out of bounds");
    }
}

/// Runs a faulty collector for nine minutes and a half of the world: what it reported, and why it ended if it did.
async fn run_faulty(interval: Duration) -> (Vec<FailureKind>, Option<String>) {
    let config = Config::default();
    let telemetry = Arc::new(Telemetry::new("test", "test").unwrap());
    let limits = Limits {
        in_flight: Semaphore::new(64),
        attempt_timeout: Duration::from_secs(10),
        collectors: 3.into(),
        telemetry,
    };
    let limits = Arc::new(limits);
    let account = Account { name: Some("a".into()), role: None, profile: None, regions: vec!["us-east-1".into()] };
    let account = Arc::new(account);
    let sdk = aws::Sdk { aws: &config.aws, poll: &config.poll, http: aws::client(), credentials: None };
    let session = Arc::new(Session::new(&account, &sdk, Arc::clone(&limits), Arc::default()).await);
    let target = Target { account, region: Arc::from("us-east-1") };
    let empty = Estate {
        collectors: [].into(),
        stale_after: config.poll.stale_after,
        expectations: Arc::default(),
        targets: Targets::default(),
        layout: 0,
    };
    let (_publish, estate) = watch::channel(empty);
    let task = Task {
        id: TaskId::default(),
        target: TargetId::default(),
        place: 0,
        collector: Arc::new(Faulty),
        door: Arc::new(Door::new(target, session, limits, Arc::new(Budget::new(0.5, 2)), Arc::default())),
        read_timeout: config.poll.read_timeout,
        schedule: Schedule::new(interval, 0.0, 0.0, 0.0),
        estate,
        previous: None,
    };
    let (send, mut receive) = mpsc::channel(1024);
    let ended = tokio::time::timeout(Duration::from_secs(9 * 60 + 30), task.run(send)).await.ok().flatten();
    let mut kinds = Vec::new();
    while let Ok(event) = receive.try_recv() {
        if let Event::Tried { outcome: estate::Outcome { failure: Some(failure), .. }, .. } = event {
            kinds.push(failure.kind);
        }
    }
    (kinds, ended)
}

#[tokio::test(start_paused = true)]
async fn a_panic_now_and_then_is_a_failure_like_any_other() {
    let (kinds, ended) = run_faulty(Duration::from_mins(1)).await;
    assert_eq!((kinds, ended), (vec![FailureKind::Panic; 10], None));
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_panic_within_a_minute_ends_the_task_with_a_reason() {
    let (kinds, ended) = run_faulty(Duration::from_secs(1)).await;
    assert_eq!(kinds.len(), 10);
    assert_eq!(ended.as_deref(), Some("collector faulty panics all the time"));
}

#[test]
fn readings_of_many_targets_spread_over_the_minute() {
    let outcome = simulate(7, 600, Duration::from_mins(10));
    let last: Vec<Instant> = outcome.diaries.iter().filter_map(|diary| diary.readings[0].0).collect();
    let mut by_second = std::collections::BTreeMap::<u64, usize>::new();
    for at in &last {
        *by_second.entry((outcome.end - *at).as_secs() % 60).or_default() += 1;
    }
    // 600 targets put off by up to half a minute: 20 a second on average.
    let most = by_second.values().max().copied().unwrap_or_default();
    assert!(by_second.len() >= 28 && most <= 45, "{most} in one second, {} seconds used", by_second.len());
}
