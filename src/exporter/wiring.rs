//! From a configuration to running tasks, and from one configuration to the next.
//!
//! What a task is made of is kept as long as its part of the configuration stays the same: limits, budgets, sessions,
//! doors, collectors. A task goes on if everything that it is made of was kept, so it loses no reading and its clock
//! goes on. Everything else is ended and, where it is still wanted, started anew. Nothing in here can fail.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::accounts::{Homes, announce};
use super::draft::{Budgets, Collecting, Draft, Made, Polled};
use crate::aws::{Limits, Requests, Sdk, Session};
use crate::config::{Aws, Config};
use crate::estate::{Estate, Event, Layout, TargetId};
use crate::report::words::counted;
use crate::target::{Account, Target};
use crate::telemetry::Telemetry;

/// Every task of the agent; one that ends with a text ends the process.
pub(super) type Tasks = JoinSet<Option<String>>;

/// What became of the targets with a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Those that go on as if nothing had happened.
    pub kept: usize,
    /// Those of which a task was started anew, or ended.
    pub changed: usize,
    /// Those that were not polled before.
    pub added: usize,
    /// Those that are polled no more.
    pub removed: usize,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, changed, added, removed } = *self;
        write!(f, "{} unchanged, {changed} changed, {added} new, {removed} removed", counted(kept, "target"))
    }
}

/// What wires up one configuration after the other.
pub(super) struct Wiring {
    pub(super) http: SharedHttpClient,
    /// Taken instead of those of the AWS environment.
    pub(super) credentials: Option<Credentials>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) estate: watch::Receiver<Estate>,
    pub(super) homes: Homes,
    /// The last number that a target or a task was given.
    pub(super) numbers: u64,
    pub(super) running: Option<Running>,
}

/// What runs by one configuration.
pub(super) struct Running {
    pub(super) config: Config,
    pub(super) collectors: Vec<Collecting>,
    pub(super) budgets: Budgets,
    pub(super) polled: Vec<Polled>,
    limits: Arc<Limits>,
    signed: Vec<Signed>,
    /// Those who ask whose the credentials are.
    _identifying: Vec<Ends>,
}

/// An account with its credentials.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) account: Arc<Account>,
    pub(super) session: Arc<Session>,
    pub(super) sts_requests: Arc<Requests>,
}

/// Ends a task together with itself.
pub(super) struct Ends(pub(super) AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Wiring {
    /// What SDK clients are made from.
    pub(super) fn sdk<'a>(&self, config: &'a Config) -> Sdk<'a> {
        Sdk { aws: &config.aws, poll: &config.poll, http: self.http.clone(), credentials: self.credentials.clone() }
    }

    /// Puts a configuration into force, and returns once the picture shows it.
    pub(super) async fn put(&mut self, config: &Config, accounts: Vec<Account>, tasks: &mut Tasks) -> Change {
        let collectors = Collecting::all(self.running.as_ref(), config);
        let limits = self.limits(config, &collectors);
        let signed = self.sign(config, accounts, &limits).await;
        let before = self.running.take();
        let mut draft = Draft::new(config, &collectors, before, self, tasks);
        for one in &signed {
            for (nth, region) in one.account.regions.iter().enumerate() {
                let target = Target { account: Arc::clone(&one.account), region: Arc::from(region.as_str()) };
                draft.add(target, one, &limits, nth == 0);
            }
        }
        let (Made { budgets, polled, change }, layout) = draft.finish();
        self.publish(layout).await;
        let identifying = self.identify(&signed, &polled, tasks);
        let config = config.clone();
        self.running = Some(Running { config, collectors, budgets, polled, limits, signed, _identifying: identifying });
        change
    }

    /// The limits of the process, kept where they are the same.
    fn limits(&self, config: &Config, collectors: &[Collecting]) -> Arc<Limits> {
        let first = collectors.iter().filter(|one| one.collector.declaration().after.is_empty()).count();
        let bounds = |config: &Config| (config.budget.max_in_flight, config.poll.attempt_timeout);
        if let Some(before) = self.running.as_ref().filter(|before| bounds(&before.config) == bounds(config)) {
            before.limits.collectors.store(first, Ordering::Relaxed);
            return Arc::clone(&before.limits);
        }
        let (in_flight, attempt_timeout) = bounds(config);
        let (in_flight, collectors) = (Semaphore::new(in_flight), AtomicUsize::new(first));
        Arc::new(Limits { in_flight, attempt_timeout, collectors, telemetry: Arc::clone(&self.telemetry) })
    }

    /// Credentials for every account, kept where nothing but its name or its regions has changed.
    async fn sign(&self, config: &Config, accounts: Vec<Account>, limits: &Arc<Limits>) -> Vec<Signed> {
        let same = |before: &&Running| {
            Arc::ptr_eq(&before.limits, limits)
                && before.config.poll.connect_timeout == config.poll.connect_timeout
                && reach(&before.config.aws) == reach(&config.aws)
        };
        let before = self.running.as_ref().filter(same);
        let mut left: Vec<&Signed> = before.map_or_else(Vec::new, |before| before.signed.iter().collect());
        let mut signed = Vec::new();
        for account in accounts {
            let serves = |one: &&&Signed| {
                let Account { role, profile, .. } = &*one.account;
                (role, profile) == (&account.role, &account.profile) && one.session.serves(&account)
            };
            // Where several would do, each entry keeps its own, and with it what is polled by it.
            let own = left.iter().position(|one| serves(&one) && *one.account == account);
            let named = || left.iter().position(|one| serves(&one) && one.account.name == account.name);
            let any = || left.iter().position(|one| serves(&one));
            let kept = own.or_else(named).or_else(any).map(|at| left.remove(at));
            if kept.is_none_or(|kept| *kept.account != account) {
                announce(&account);
            }
            signed.push(match kept {
                Some(kept) => Signed { account: Arc::new(account), ..kept.clone() },
                None => self.sign_in(config, account, limits).await,
            });
        }
        signed
    }

    async fn sign_in(&self, config: &Config, account: Account, limits: &Arc<Limits>) -> Signed {
        let sts_requests = Arc::<Requests>::default();
        let session = Session::new(&account, &self.sdk(config), Arc::clone(limits), Arc::clone(&sts_requests)).await;
        Signed { account: Arc::new(account), session: Arc::new(session), sts_requests }
    }

    async fn publish(&mut self, layout: Layout) {
        let number = layout.number;
        // Both fail only where the keeper has ended, and the process with it.
        let _ = self.events.send(Event::Arranged(layout)).await;
        let _ = self.estate.wait_for(|estate| estate.layout >= number).await.map(drop);
    }

    /// Finds out whose the credentials are, where that is not known of a target and no role tells it.
    fn identify(&self, signed: &[Signed], polled: &[Polled], tasks: &mut Tasks) -> Vec<Ends> {
        let estate = self.estate.borrow();
        let unknown = |polled: &&Polled| estate.targets.find(polled.id).is_some_and(|view| view.caller.is_none());
        let mut identifying = Vec::new();
        for one in signed.iter().filter(|one| one.account.role.is_none()) {
            let its = polled.iter().filter(|polled| Arc::ptr_eq(&polled.target.account, &one.account));
            let targets: Vec<TargetId> = its.filter(unknown).map(|polled| polled.id).collect();
            if !targets.is_empty() {
                let asking = identify(Arc::clone(&one.session), targets, self.events.clone());
                identifying.push(Ends(tasks.spawn(asking)));
            }
        }
        identifying
    }
}

/// How AWS is reached, whatever the regions.
pub(super) fn reach(aws: &Aws) -> (Option<&str>, Option<&str>, bool, bool) {
    let Aws { regions: _, profile, endpoint_url, use_fips, use_dual_stack } = aws;
    (profile.as_deref(), endpoint_url.as_deref(), *use_fips, *use_dual_stack)
}

/// Asks who the credentials are until AWS answers.
async fn identify(session: Arc<Session>, targets: Vec<TargetId>, events: mpsc::Sender<Event>) -> Option<String> {
    let mut pause = Duration::from_secs(1);
    let mut said = false;
    loop {
        match session.identity().await {
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
