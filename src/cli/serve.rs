//! `serve`: poll AWS in the background, answer scrapes, until told to stop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_credential_types::Credentials;
use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::reload::{self, Source};
use super::{Common, Ended, Web, runtime};
use crate::config::Config;
use crate::exporter::{Exporter, InForce, Readiness};
use crate::shutdown::{Hangups, Signals};
use crate::site::{Api, Configuration, Desk, Lifecycle, Routes, Status};
use crate::web::{self, Gate, GateError, Limits, Listener};

/// Name look-ups that hang in threads are left behind after this long.
pub(super) const LEAVE_THREADS: Duration = Duration::from_millis(200);

pub(super) fn run(config: &Config, common: &Common, web: &Web) -> Result<ExitCode, Ended> {
    if web.watch && common.config_file.is_none() {
        return Err(anyhow!("--config.watch needs --config.file: there is no file to watch").into());
    }
    let source = Source::of(common, web.watch);
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let gate = gate(web)?;
        let listeners = bind(web)?;
        Ok(serve(config, Some(source), web, gate, listeners, None).await?)
    });
    runtime.shutdown_timeout(LEAVE_THREADS);
    ended
}

/// What stands between the port and the pages.
pub(super) fn gate(web: &Web) -> Result<Gate, Ended> {
    match web.config_file.as_deref().map(Gate::from_file).transpose() {
        Ok(gate) => Ok(gate.unwrap_or_else(Gate::open)),
        Err(GateError::Mistaken(mistakes)) => Err(mistakes.into()),
        Err(error @ GateError::NoRandomness) => Err(anyhow::Error::from(error).into()),
    }
}

/// Listens before anything else is done: a port that is taken must not cost a call to AWS.
pub(super) fn bind(web: &Web) -> anyhow::Result<Vec<Listener>> {
    if web.systemd_socket {
        return web::passed_by_systemd().map_err(|error| anyhow!("{error}"));
    }
    // Its sentence holds the system's reason already, so the chain of causes would tell it twice.
    web.listen_addresses.iter().map(|address| web::bind(address).map_err(|error| anyhow!("{error}"))).collect()
}

/// The URL of a page; where it is behind a file, what a client has to know instead.
pub(super) fn place(scheme: &str, listener: &Listener, path: &str) -> String {
    match listener.local_addr() {
        Some(_) => format!("{scheme}://{listener}{path}"),
        None => format!("{listener} ({scheme}, {path})"),
    }
}

/// Serves until a signal, then stops: not ready, no new connections, answers in flight finished, all within two seconds.
/// Without a source the configuration stays as it is.
pub(super) async fn serve(
    config: &Config,
    source: Option<Source>,
    web: &Web,
    gate: Gate,
    listeners: Vec<Listener>,
    credentials: Option<Credentials>,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new().context("can't listen for signals")?;
    // Without a source SIGHUP ends the process, as it does when a terminal is closed.
    let hangups = source.as_ref().map(|_| Hangups::new()).transpose().context("can't listen for signals")?;
    let scheme = if gate.speaks_tls() { "https" } else { "http" };
    for listener in &listeners {
        tracing::info!(address = %listener, "listening on {}", place(scheme, listener, &web.telemetry_path));
    }
    // Looking for the region may take seconds where instance metadata does not answer.
    let mut exporter = tokio::select! {
        started = Exporter::start(config, credentials) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "{signal}: stopping");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let (stop, stopping) = watch::channel(false);
    let (wish, wishes) = mpsc::channel(reload::MOST_WISHES);
    let lifecycle = match &source {
        Some(_) if web.enable_lifecycle => Lifecycle::On(wish),
        Some(_) => Lifecycle::Off,
        None => Lifecycle::Fixed,
    };
    let name = source.as_ref().map_or_else(|| "the demo".to_owned(), Source::name);
    let desk = Arc::new(Desk::new(exporter.in_force.clone(), exporter.estate.clone()));
    let routes = Arc::new(Routes {
        telemetry_path: web.telemetry_path.clone(),
        pages: exporter.pages.clone(),
        readiness: exporter.readiness(),
        api: Api::new(Arc::clone(&desk), exporter.readiness()),
        status: Status::new(Arc::clone(&desk), exporter.readiness(), web.telemetry_path.clone()),
        configuration: Configuration::new(desk, exporter.in_force.clone(), name),
        lifecycle,
        stopping: stopping.clone(),
    });
    let server =
        web::serve(listeners, routes, Arc::new(gate), Limits::default(), Arc::clone(&exporter.telemetry), stopping);
    let mut server = tokio::spawn(server);
    let watchdog = tokio::spawn(report(exporter.readiness(), exporter.in_force.clone()));
    let goes_on = async {
        match (&source, hangups) {
            (Some(source), Some(hangups)) => reload::follow(&mut exporter, source, hangups, wishes).await,
            _ => exporter.failed().await,
        }
    };
    let code = tokio::select! {
        signal = signals.next() => {
            // First not ready, then the word about it: whoever has read the log must not be told "ready".
            stop.send_replace(true);
            tracing::info!(signal, "{signal}: stopping");
            ExitCode::SUCCESS
        }
        reason = goes_on => {
            tracing::error!("can't go on: {reason}");
            ExitCode::FAILURE
        }
        ended = &mut server => {
            tracing::error!("the HTTP server ended: {ended:?}");
            return Ok(ExitCode::FAILURE);
        }
    };
    watchdog.abort();
    notify(&[NotifyState::Stopping]);
    stop.send_replace(true);
    tokio::select! {
        _ = &mut server => {}
        signal = signals.next() => tracing::warn!(signal, "{signal} again: ending at once"),
    }
    Ok(code)
}

/// Tells systemd when the agent is ready, and from then on, as long as readings are tried, that it lives.
async fn report(mut readiness: Readiness, in_force: watch::Receiver<InForce>) {
    while readiness.waiting_for() > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    tracing::info!("ready: {}", readiness.summary());
    notify(&[NotifyState::Ready]);
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut moved = Instant::now();
    loop {
        if readiness.moved() {
            moved = Instant::now();
        }
        let patience = patience(&in_force.borrow().config);
        if moved.elapsed() < patience {
            notify(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "nothing was read or tried for {}; systemd will be told no more",
                humantime::format_duration(patience)
            );
        }
        sleep(limit / 2).await;
    }
}

/// How long nothing may be tried: a second reading may be put off by as much as an interval, and waits for its turn.
fn patience(config: &Config) -> Duration {
    let intervals = config.collectors.iter().filter(|schedule| schedule.enabled).map(|schedule| schedule.interval);
    intervals.min().unwrap_or_default() * 3 + Duration::from_mins(2)
}

fn notify(state: &[NotifyState<'_>]) {
    // Outside of systemd there is nobody to tell.
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("systemd does not listen: {error}");
    }
}
