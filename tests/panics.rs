//! A panic in a reading and in the building of a page. It is a failure like any other, hurts nobody else, and ends the process only where it
//! never stops. That a panic of the site is answered with 500 is shown in `web`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use ses_exporter::aws::{self, Budget, Door, Failure, FailureKind, Limits, Requests, Sdk, Session};
use ses_exporter::collector::{AnyCollector, Ask, Collector, Cost, Declaration};
use ses_exporter::config::Config;
use ses_exporter::estate::{self, Estate, Event, Outcome, Slot, TargetId, TargetView, TaskId};
use ses_exporter::exposition::{Encoding, Format};
use ses_exporter::metric::{Family, gauge};
use ses_exporter::page::{self, Pages, Sources};
use ses_exporter::poller::{Schedule, Task};
use ses_exporter::target::{Account, Target};
use ses_exporter::telemetry::Telemetry;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const KIND: page::Kind = (Format::Text, Encoding::Identity);
/// A reading at which the page panics.
const POISON: usize = 13;

/// A collector whose reading is how often it was asked.
struct Shaky {
    asked: AtomicUsize,
    panics_at: fn(usize) -> bool,
}

impl Collector for Shaky {
    type Reading = usize;
    const DECLARATION: Declaration = Declaration {
        name: "shaky",
        about: "Panics at times.",
        actions: &[],
        after: &[],
        interval: Duration::from_secs(1),
        enabled: true,
        cost: |_, interval| Cost::of_reading(0, interval),
    };
    const METRICS: &'static [&'static dyn Family<usize>] =
        &[&gauge("ses_shaky", "How often it was asked (polled from nobody).", [], |reading: &usize, out| {
            assert_ne!(*reading, POISON, "a page that panics on purpose");
            out.push([], f64::from(u32::try_from(*reading).unwrap()));
        })];

    async fn read(&self, _ask: Ask<'_, usize>) -> Result<usize, Failure> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(!(self.panics_at)(asked), "a reading that panics on purpose");
        Ok(asked)
    }
}

fn shaky(panics_at: fn(usize) -> bool) -> Arc<dyn AnyCollector> {
    Arc::new(Shaky { asked: AtomicUsize::new(0), panics_at })
}

/// An estate of one target, with its keeper, its pages and the pieces to make tasks of.
struct Stage {
    target: Target,
    door: Arc<Door>,
    events: mpsc::Sender<Event>,
    estate: watch::Receiver<Estate>,
    pages: Pages,
    builder: JoinHandle<Option<String>>,
}

/// The task that reads for the collector at this place.
fn task(place: usize) -> TaskId {
    TaskId(place as u64)
}

impl Stage {
    async fn of(collectors: &[Arc<dyn AnyCollector>]) -> Stage {
        let config = Config::parse("test.toml", "", Path::new("."), None).unwrap();
        let telemetry = Arc::new(Telemetry::new("0.0.0", "test").unwrap());
        let account = Arc::new(Account {
            name: Some("main".into()),
            role: None,
            profile: None,
            regions: vec!["eu-west-1".into()],
        });
        let target = Target { account: Arc::clone(&account), region: "eu-west-1".into() };
        let limits = Arc::new(Limits {
            in_flight: Semaphore::new(1),
            attempt_timeout: Duration::from_secs(1),
            collectors: 1.into(),
            telemetry: Arc::clone(&telemetry),
        });
        let credentials = Some(Credentials::new("id", "secret", None, None, "test"));
        let sdk = Sdk { aws: &config.aws, poll: &config.poll, http: aws::client(), credentials };
        let session = Arc::new(Session::new(&account, &sdk, Arc::clone(&limits), Arc::new(Requests::default())).await);
        let budget = Arc::new(Budget::new(1.0, 1));
        let door = Arc::new(Door::new(target.clone(), session, limits, budget, Arc::default()));
        let slot =
            |(place, made): (usize, &Arc<dyn AnyCollector>)| Arc::new(Slot::new(made.declaration().name, task(place)));
        let view = TargetView {
            id: TargetId::default(),
            target: target.clone(),
            account: Some("main".into()),
            account_id: None,
            caller: None,
            skipped: None,
            slots: collectors.iter().enumerate().map(slot).collect(),
            requests: Arc::default(),
            sts_requests: None,
        };
        let (publish, estate) = watch::channel(Estate {
            collectors: collectors.into(),
            stale_after: Duration::from_hours(1),
            expectations: Arc::default(),
            targets: [Arc::new(view)].into_iter().collect(),
            layout: 0,
        });
        let (events, receive) = mpsc::channel(64);
        tokio::spawn(estate::keep(receive, publish));
        let (pages, build) = page::pages(Sources { estate: estate.clone(), telemetry });
        Stage { target, door, events, estate, pages, builder: tokio::spawn(build) }
    }

    /// A task that reads at this interval.
    fn task(&self, place: usize, collector: &Arc<dyn AnyCollector>, interval: Duration) -> JoinHandle<Option<String>> {
        let task = Task {
            id: task(place),
            target: TargetId::default(),
            place,
            collector: Arc::clone(collector),
            door: Arc::clone(&self.door),
            read_timeout: Duration::from_secs(10),
            schedule: Schedule { first: Duration::ZERO, second: interval, interval },
            estate: self.estate.clone(),
            previous: None,
        };
        tokio::spawn(task.run(self.events.clone()))
    }

    /// The first picture of which this is true, and how long it took to come.
    async fn wait(&mut self, holds: impl FnMut(&Estate) -> bool) -> Duration {
        let began = Instant::now();
        timeout(Duration::from_mins(10), self.estate.wait_for(holds)).await.expect("in time").unwrap();
        began.elapsed()
    }

    /// Asks for the page until it is as wanted.
    async fn page_where(&self, wanted: impl Fn(Option<&str>) -> bool) {
        let asks = async {
            loop {
                let page = self.pages.get(KIND, Duration::from_secs(5)).await;
                if wanted(page.as_deref().map(|page| std::str::from_utf8(page).unwrap())) {
                    return;
                }
                sleep(Duration::from_millis(100)).await; // the pause between two looks, not the condition
            }
        };
        timeout(Duration::from_mins(10), asks).await.expect("in time");
    }
}

fn panics(estate: &Estate, place: usize) -> u64 {
    estate.targets[0].slots[place].failures.get(&FailureKind::Panic).copied().unwrap_or_default()
}

fn reading(estate: &Estate, place: usize) -> Option<usize> {
    estate.targets[0].slots[place].reading.as_ref()?.value.downcast_ref().copied()
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_panics_is_counted_and_tried_again_at_the_next_tick() {
    let (bad, good) = (shaky(|asked| asked == 3), shaky(|_| false));
    let mut stage = Stage::of(&[Arc::clone(&bad), Arc::clone(&good)]).await;
    let interval = Duration::from_secs(1);
    let tasks = [stage.task(0, &bad, interval), stage.task(1, &good, interval)];
    stage.wait(|estate| panics(estate, 0) == 1).await;
    assert_eq!(reading(&stage.estate.borrow(), 0), Some(2), "the last good reading stays");
    let back = stage.wait(|estate| reading(estate, 0) == Some(4)).await;
    assert!(back <= Duration::from_secs(5), "{back:?}");
    stage.wait(|estate| reading(estate, 1) >= Some(100)).await;
    let estate = stage.estate.borrow().clone();
    assert_eq!((panics(&estate, 0), panics(&estate, 1)), (1, 0), "counted once, and only where it was");
    assert!(reading(&estate, 0) >= Some(99) && tasks.iter().all(|task| !task.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_panics_all_the_time_ends_the_process_and_a_rare_one_does_not() {
    let bad = shaky(|_| true);
    let mut stage = Stage::of(&[Arc::clone(&bad)]).await;
    let often = stage.task(0, &bad, Duration::from_secs(1));
    let reason = timeout(Duration::from_mins(1), often).await.expect("within a minute").unwrap();
    assert_eq!(reason.as_deref(), Some("collector shaky panics all the time"));
    assert_eq!(panics(&stage.estate.borrow(), 0), 10, "the eleventh within a minute is one too many");
    let rare = stage.task(0, &bad, Duration::from_secs(10));
    stage.wait(|estate| panics(estate, 0) >= 60).await;
    assert!(!rare.is_finished(), "six a minute are told, and no reason to end");
}

/// No page is better than an old one: scrapes fail, and that is seen.
#[tokio::test(start_paused = true)]
async fn a_page_that_panics_is_none_until_it_can_be_built_again() {
    let bad = shaky(|_| false);
    let stage = Stage::of(&[Arc::clone(&bad)]).await;
    let show = async |reading: usize| {
        let dated = estate::Dated { value: Arc::new(reading), at: std::time::SystemTime::now(), taken: Instant::now() };
        let outcome = Outcome { reading: Some(dated), failure: None };
        let event = Event::Tried { target: TargetId::default(), task: task(0), outcome, duration: Duration::ZERO };
        stage.events.send(event).await.unwrap();
    };
    let line = |number: usize| format!("ses_shaky{{account=\"main\",aws_region=\"eu-west-1\"}} {number}\n");
    show(1).await;
    stage.page_where(|page| page.is_some_and(|page| page.contains(&line(1)))).await;
    show(POISON).await;
    stage.page_where(|page| page.is_none()).await;
    show(2).await;
    stage.page_where(|page| page.is_some_and(|page| page.contains(&line(2)))).await;
    assert!(!stage.builder.is_finished());

    show(POISON).await;
    let Stage { pages, builder, .. } = &stage;
    let ends = async {
        while !builder.is_finished() {
            pages.get(KIND, Duration::from_millis(10)).await;
            sleep(Duration::from_millis(100)).await; // the pause between two looks, not the condition
        }
    };
    timeout(Duration::from_mins(10), ends).await.expect("in time");
    let reason = stage.builder.await.unwrap();
    assert_eq!(reason.as_deref(), Some("the page can't be built: every attempt panics"));
    assert_eq!(stage.target.to_string(), "main/eu-west-1");
}
