//! The wiring: the only part that knows everyone. From a checked configuration to running tasks, and to the next one.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::aws;
use crate::config::Config;
use crate::estate::{self, Estate};
use crate::page::{self, Pages, Sources};
use crate::telemetry::Telemetry;

mod accounts;
mod draft;
mod readiness;
mod wiring;

pub use readiness::Readiness;
pub use wiring::Change;

use wiring::{Tasks, Wiring};

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
    /// The configuration by which it runs.
    pub in_force: watch::Receiver<InForce>,
    publish: watch::Sender<InForce>,
    wiring: Wiring,
    tasks: Tasks,
    started: Instant,
}

/// A configuration that is in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// What it says.
    pub config: Arc<Config>,
    /// Since when, on the wall clock.
    pub since: SystemTime,
    /// The same on a clock that never jumps.
    pub begun: Instant,
}

impl InForce {
    fn now(config: &Config) -> Self {
        Self { config: Arc::new(config.clone()), since: SystemTime::now(), begun: Instant::now() }
    }
}

impl Exporter {
    /// Starts to poll what `config` says. AWS is asked in the background; this returns at once.
    ///
    /// `credentials` take the place of those that the AWS environment holds: the simulator's keys are in no environment.
    pub async fn start(config: &Config, credentials: Option<Credentials>) -> Result<Self, StartError> {
        let revision = option_env!("SES_EXPORTER_REVISION").unwrap_or("unknown");
        let telemetry = Arc::new(Telemetry::new(env!("CARGO_PKG_VERSION"), revision)?);
        let (events, receive) = mpsc::channel(1024);
        let (picture, estate) = watch::channel(Estate::default());
        let (publish, in_force) = watch::channel(InForce::now(config));
        let sources = Sources { estate: estate.clone(), telemetry: Arc::clone(&telemetry) };
        let (pages, build) = page::pages(sources);
        let mut tasks = Tasks::new();
        tasks.spawn(async move {
            estate::keep(receive, picture).await;
            None
        });
        tasks.spawn(build);
        let wiring = Wiring {
            http: aws::client(),
            credentials,
            telemetry: Arc::clone(&telemetry),
            events,
            estate: estate.clone(),
            homes: accounts::Homes::default(),
            numbers: 0,
            running: None,
        };
        let started = Instant::now();
        let mut exporter = Self { estate, pages, telemetry, in_force, publish, wiring, tasks, started };
        exporter.reload(config).await?;
        Ok(exporter)
    }

    /// Puts another configuration into force. What it says the same about goes on: its readings, their age, its clock.
    ///
    /// # Errors
    /// Where an account has no region, or two turn out to be one. Then nothing has changed.
    pub async fn reload(&mut self, config: &Config) -> Result<Change, StartError> {
        let accounts = accounts::resolve(config, &self.wiring.sdk(config), &mut self.wiring.homes).await?;
        // First, so that no address is shown that the new configuration hides.
        self.publish.send_replace(InForce::now(config));
        let change = self.wiring.put(config, accounts, &mut self.tasks).await;
        let stale_after = config.poll.stale_after;
        let enabled = config.collectors.iter().filter(|schedule| schedule.enabled);
        self.telemetry.set_collectors(enabled.map(|one| (one.name, one.interval, stale_after)));
        self.telemetry.config_loaded(self.in_force.borrow().since);
        self.pages.outdate();
        Ok(change)
    }

    /// Notes that a configuration was refused, and that the one before stays in force.
    pub fn refused(&self) {
        self.telemetry.config_refused();
        self.pages.outdate();
    }

    /// Waits until a task can't go on, and says why. That is the end of the process.
    pub async fn failed(&mut self) -> String {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Some(reason))) => return reason,
                Some(Ok(None)) => {}
                Some(Err(ended)) if ended.is_cancelled() => {} // by a configuration that wants it no more
                Some(Err(panic)) => return format!("a task that must not end has ended: {panic}"),
                None => std::future::pending().await,
            }
        }
    }

    /// Tells whether every target has answered, failed or had its time. Clones tell the same.
    pub fn readiness(&self) -> Readiness {
        Readiness { estate: self.estate.clone(), in_force: self.in_force.clone(), started: self.started }
    }
}
