//! The wiring: the only file that knows everyone. From a checked configuration to running tasks.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::aws::{self, Budget, Door, Limits, Requests, Session};
use crate::collector::AnyCollector;
use crate::collectors;
use crate::config::{Config, ConfiguredAccount, Regions};
use crate::estate::{self, Estate, Event, Slot, TargetView};
use crate::page::{self, Pages, Sources};
use crate::poller::{Schedule, Task};
use crate::target::{Account, REGIONS, Target, partition};
use crate::telemetry::Telemetry;

/// Readiness waits this long for a target's first answer: an agent whose AWS hangs must not be restarted for ever.
const READY_AFTER: Duration = Duration::from_secs(30);
/// Nor does whoever asks for everything wait longer than this for the first attempt of every collector: it has been
/// tried three times where AWS hangs, and what was not tried is told as such.
const LOOKED_AFTER: Duration = Duration::from_mins(2);
/// The first collector of the table, whose answer makes a target ready.
const FIRST: usize = 0;

/// Why the agent can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody said where to look.
    #[error(
        "no region: neither the configuration nor the AWS environment names one; set SES_EXPORTER_REGIONS (a list, or all), \
         [aws] regions, or AWS_REGION"
    )]
    NoRegion,
    /// What the environment, a profile or the metadata service names is none. Its text may be anything, so it is not shown.
    #[error("the region of the AWS environment is no code of a region; set AWS_REGION to one such as \"eu-west-1\"")]
    NotARegion,
    /// Two entries turned out to be one target, once the regions of the environment were known.
    #[error("account {account} is configured twice in {region}; remove one entry, or give each regions of its own")]
    Twin {
        /// The value of the label.
        account: String,
        /// The region's code.
        region: String,
    },
    /// A declaration of ours is wrong.
    #[error("can't register the agent's own metrics: {0}")]
    Telemetry(#[from] prometheus::Error),
}

impl StartError {
    /// Whether the operator can mend it.
    pub fn is_configuration(&self) -> bool {
        !matches!(self, Self::Telemetry(_))
    }
}

/// The running agent. Dropping it ends every task.
pub struct Exporter {
    /// The picture.
    pub estate: watch::Receiver<Estate>,
    /// Where pages are asked for.
    pub pages: Pages,
    /// What the agent counts about itself.
    pub telemetry: Arc<Telemetry>,
    /// Every task; one that ends with a text ends the process.
    tasks: JoinSet<Option<String>>,
    started: Instant,
}

impl Exporter {
    /// Starts to poll what `config` says. AWS is asked in the background; this returns at once.
    ///
    /// `credentials` take the place of those that the AWS environment holds: the simulator's keys are in no environment.
    pub async fn start(config: &Config, credentials: Option<Credentials>) -> Result<Self, StartError> {
        let revision = option_env!("SES_EXPORTER_REVISION").unwrap_or("unknown");
        let telemetry = Arc::new(Telemetry::new(env!("CARGO_PKG_VERSION"), revision)?);
        let stale_after = config.poll.stale_after;
        let running = running(config);
        telemetry.set_collectors(
            running.iter().map(|(collector, every)| (collector.declaration().name, *every, stale_after)),
        );
        telemetry.config_loaded(SystemTime::now());

        let limits = Arc::new(Limits {
            in_flight: Semaphore::new(config.budget.max_in_flight),
            attempt_timeout: config.poll.attempt_timeout,
            collectors: running.iter().filter(|(collector, _)| collector.declaration().after.is_empty()).count(),
            telemetry: Arc::clone(&telemetry),
        });
        let sdk = aws::Sdk { aws: &config.aws, poll: &config.poll, http: aws::client(), credentials };
        let (send, receive) = mpsc::channel(1024);
        let collectors = running.iter().map(|(collector, _)| Arc::clone(collector)).collect();
        let (publish, estate) = watch::channel(Estate {
            collectors,
            stale_after,
            expectations: Arc::new(config.expectations.clone()),
            targets: [].into(),
        });
        let mut wiring = Wiring {
            config,
            sdk,
            limits,
            running,
            send,
            estate: estate.clone(),
            views: Vec::new(),
            budgets: HashMap::new(),
            tasks: JoinSet::new(),
        };
        for account in &config.accounts {
            wiring.account(account).await?;
        }
        let Wiring { views, mut tasks, .. } = wiring;
        publish.send_modify(|estate| estate.targets = views.into());
        tasks.spawn(async move {
            estate::keep(receive, publish).await;
            None
        });
        let sources = Sources { estate: estate.clone(), telemetry: Arc::clone(&telemetry) };
        let (pages, build) = page::pages(sources);
        tasks.spawn(build);
        Ok(Self { estate, pages, telemetry, tasks, started: Instant::now() })
    }

    /// Waits until a task can't go on, and says why. That is the end of the process.
    pub async fn failed(&mut self) -> String {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Some(reason))) => return reason,
                Some(Ok(None)) => {}
                Some(Err(panic)) => return format!("a task that must not end has ended: {panic}"),
                None => std::future::pending().await,
            }
        }
    }

    /// Tells whether every target has answered, failed or had its time. Clones tell the same.
    pub fn readiness(&self) -> Readiness {
        Readiness { estate: self.estate.clone(), started: self.started }
    }
}

/// Whether the agent has something to say about every target.
#[derive(Clone)]
pub struct Readiness {
    estate: watch::Receiver<Estate>,
    started: Instant,
}

impl Readiness {
    /// How many targets are still waited for; 0 = ready.
    pub fn waiting_for(&self) -> usize {
        if self.started.elapsed() >= READY_AFTER {
            return 0;
        }
        let settled = |view: &Arc<TargetView>| view.slots.get(FIRST).is_some_and(|slot| view.settled(slot.collector));
        self.estate.borrow().targets.iter().filter(|view| !settled(view)).count()
    }

    /// Whether a collector has not tried a target yet, or an account is not known, and both may still come: what is
    /// told of everything would seem better than it is.
    pub fn still_looking(&self) -> bool {
        let looked = |view: &Arc<TargetView>| {
            view.account.is_some() && view.slots.iter().all(|slot| view.settled(slot.collector))
        };
        self.started.elapsed() < LOOKED_AFTER && !self.estate.borrow().targets.iter().all(looked)
    }

    /// Whether anything was tried since the last look, be it in vain: readings that stand still are a fault of ours.
    pub fn moved(&mut self) -> bool {
        let moved = self.estate.has_changed().unwrap_or(false);
        self.estate.mark_unchanged();
        moved
    }

    /// What came of the targets, in words for the log.
    pub fn summary(&self) -> String {
        let estate = self.estate.borrow();
        let (mut read, mut failing, mut skipped) = (0, 0, BTreeMap::<&str, usize>::new());
        for view in &*estate.targets {
            match (view.skipped, view.slots.get(FIRST).is_some_and(|slot| slot.reading.is_some())) {
                (Some(reason), _) => *skipped.entry(reason.as_str()).or_default() += 1,
                (None, true) => read += 1,
                (None, false) => failing += 1,
            }
        }
        let skipped = skipped.iter().map(|(reason, count)| format!(", {count} skipped ({reason})"));
        let read = if read == 1 { "1 target".to_owned() } else { format!("{read} targets") };
        format!("{read} read, {failing} without an answer{}", skipped.collect::<String>())
    }
}

/// The enabled collectors with their intervals, in the order of the table.
fn running(config: &Config) -> Vec<(Arc<dyn AnyCollector>, Duration)> {
    let rows = collectors::ALL.iter().zip(&config.collectors);
    rows.filter(|(_, schedule)| schedule.enabled)
        .map(|(row, schedule)| ((row.make)(config), schedule.interval))
        .collect()
}

/// What is at hand while accounts are wired up.
struct Wiring<'a> {
    config: &'a Config,
    sdk: aws::Sdk<'a>,
    limits: Arc<Limits>,
    running: Vec<(Arc<dyn AnyCollector>, Duration)>,
    send: mpsc::Sender<Event>,
    estate: watch::Receiver<Estate>,
    views: Vec<Arc<TargetView>>,
    /// By account, as far as it is known, and region.
    budgets: HashMap<(String, String), Arc<Budget>>,
    tasks: JoinSet<Option<String>>,
}

impl Wiring<'_> {
    async fn account(&mut self, configured: &ConfiguredAccount) -> Result<(), StartError> {
        let account = Arc::new(self.resolve(configured).await?);
        let sts_requests = Arc::new(Requests::default());
        let session = Session::new(&account, &self.sdk, Arc::clone(&self.limits), Arc::clone(&sts_requests));
        let session = Arc::new(session.await);
        announce(&account);
        let first = self.views.len();
        for (nth, region) in account.regions.iter().enumerate() {
            let twin = |view: &Arc<TargetView>| {
                view.account.as_deref() == account.name.as_deref() && *view.target.region == **region
            };
            if let (Some(name), true) = (&account.name, self.views.iter().any(twin)) {
                return Err(StartError::Twin { account: name.clone(), region: region.clone() });
            }
            let requests = if nth == 0 { Arc::clone(&sts_requests) } else { Arc::default() };
            self.target(&account, region, &session, requests);
        }
        if account.role.is_none() {
            let targets = (first..self.views.len()).collect();
            self.tasks.spawn(identify(session, targets, self.send.clone()));
        }
        Ok(())
    }

    /// Fills in what the configuration left to the AWS environment.
    async fn resolve(&self, configured: &ConfiguredAccount) -> Result<Account, StartError> {
        let profile = configured.profile.as_deref();
        let regions = configured.regions.as_ref().unwrap_or(&self.config.aws.regions);
        let mut regions = match regions {
            Regions::List(list) => list.clone(),
            Regions::All => {
                let of_role = configured.role.as_ref().and_then(|role| role.partition()).map(str::to_owned);
                let partition = match of_role {
                    Some(partition) => partition,
                    None => partition(&self.sdk.home(profile).await.unwrap_or_default()).to_owned(),
                };
                let inside = REGIONS.iter().filter(|region| region.partition == partition);
                inside.map(|region| region.name.to_owned()).collect()
            }
            Regions::FromEnvironment => {
                let home = self.sdk.home(profile).await;
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if home.as_ref().is_some_and(|home| home.is_empty() || !home.chars().all(plain)) {
                    return Err(StartError::NotARegion);
                }
                home.into_iter().collect()
            }
        };
        for region in &self.config.also {
            let of_account = regions.first().is_none_or(|first| partition(first) == partition(region));
            if of_account && !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        if regions.is_empty() {
            return Err(StartError::NoRegion);
        }
        let name = configured.name.clone();
        let name = name.or_else(|| configured.role.as_ref().and_then(|role| role.account_id()).map(str::to_owned));
        Ok(Account { name, role: configured.role.clone(), profile: configured.profile.clone(), regions })
    }

    fn target(&mut self, account: &Arc<Account>, region: &str, session: &Arc<Session>, requests: Arc<Requests>) {
        let target = Target { account: Arc::clone(account), region: Arc::from(region) };
        // Two entries of one account share what SES grants it.
        let owner = account.role.as_ref().and_then(|role| role.account_id()).or(account.profile.as_deref());
        let (rate, burst) = (self.config.budget.requests_per_second, self.config.budget.burst);
        let shared = self.budgets.entry((owner.unwrap_or_default().to_owned(), region.to_owned()));
        let budget = Arc::clone(shared.or_insert_with(|| Arc::new(Budget::new(rate, burst))));
        let id = account.role.as_ref().and_then(|role| role.account_id());
        let door =
            Door::new(target.clone(), Arc::clone(session), Arc::clone(&self.limits), budget, Arc::clone(&requests));
        let declared = self.config.expectations.may_concern(account.name.as_deref(), id, region);
        let door = Arc::new(if declared { door.never_skipped() } else { door });
        let mut luck = fastrand::Rng::with_seed(seed(&target));
        let start = luck.f64();
        for (place, (collector, interval)) in self.running.iter().enumerate() {
            let task = Task {
                target: self.views.len(),
                place,
                collector: Arc::clone(collector),
                door: Arc::clone(&door),
                read_timeout: self.config.poll.read_timeout,
                schedule: Schedule::new(*interval, self.config.poll.jitter, start, luck.f64()),
                estate: self.estate.clone(),
            };
            self.tasks.spawn(task.run(self.send.clone()));
        }
        self.views.push(Arc::new(TargetView {
            account: account.name.as_deref().map(Arc::from),
            account_id: id.map(Arc::from),
            caller: None,
            skipped: None,
            slots: self
                .running
                .iter()
                .map(|(collector, _)| Arc::new(Slot::new(collector.declaration().name)))
                .collect(),
            requests,
            target,
        }));
    }
}

/// Where a target stands in the spread is its own, so that two agents with one configuration call together only
/// when they were started together, and a schedule can be foretold.
fn seed(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    (target.account.name.as_deref(), &target.account.profile, &*target.region).hash(&mut hasher);
    hasher.finish()
}

/// Says loudly what is polled: a region that nobody chose is the commonest trap.
fn announce(account: &Account) {
    let name = account.name.as_deref().or(account.profile.as_deref()).unwrap_or("default");
    let role = account.role.as_ref().map(|role| role.arn.as_str());
    tracing::info!(account = name, role, "polling account {name} in {}", account.regions.join(", "));
}

/// Asks who the credentials are until AWS answers.
async fn identify(session: Arc<Session>, targets: Vec<usize>, events: mpsc::Sender<Event>) -> Option<String> {
    let mut pause = Duration::from_secs(1);
    let mut said = false;
    loop {
        match session.identify().await {
            Ok((account_id, arn)) => {
                tracing::info!(account_id, arn, "the credentials belong to account {account_id} as {arn}");
                let event = Event::Identified { targets, account_id: account_id.into(), caller: arn.into() };
                let _ = events.send(event).await; // nobody listens: the agent is stopping
                return None;
            }
            Err(failure) if said => tracing::debug!("still can't tell whose credentials these are: {failure}"),
            Err(failure) => tracing::warn!("can't tell whose credentials these are: {failure}"),
        }
        said = true;
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_mins(1));
    }
}
