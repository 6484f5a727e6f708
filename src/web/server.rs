//! Accepting and stopping.
//!
//! The loop never waits for a client and never ends by an error: it is the only door of the agent, and a port scan or an
//! exhausted table of descriptors must not shut it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, sleep_until, timeout};

use super::connections::{Connections, Full, Origin};
use super::conversation::{converse, told_to_stop};
use super::gate::Gate;
use super::socket::{Listener, Socket};
use super::{Limits, Site};
use crate::telemetry::{Telemetry, process};

/// How long to wait after a failed accept, unless a connection ends before. Without a pause a full table of descriptors
/// keeps a whole core busy.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);

/// What every conversation needs to know.
pub(super) struct Server<S> {
    pub(super) site: Arc<S>,
    pub(super) gate: Arc<Gate>,
    pub(super) limits: Limits,
    pub(super) telemetry: Arc<Telemetry>,
}

/// Serves `site` behind `gate` on all `listeners` until `stop` turns true (or its sender is gone).
///
/// Then it stops to listen at once, lets answers in flight finish within [`Limits::grace`], closes all other connections,
/// and returns when none is left. Dropping the future closes everything at once.
pub async fn serve<S: Site>(
    mut listeners: Vec<Listener>,
    site: Arc<S>,
    gate: Arc<Gate>,
    limits: Limits,
    telemetry: Arc<Telemetry>,
    mut stop: watch::Receiver<bool>,
) {
    let limits = within_descriptors(limits, process::max_open_files());
    let mut following = JoinSet::new();
    following.spawn(Arc::clone(&gate).follow(Arc::clone(&telemetry)));
    let server = Arc::new(Server { site, gate, limits, telemetry });
    let connections = Connections::new(&server.limits);
    let mut conversations = JoinSet::new();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = told_to_stop(&mut stop) => break,
            Some(ended) = conversations.join_next() => {
                report(ended);
                continue;
            }
            accepted = accept(&mut listeners) => accepted,
        };
        let (socket, origin) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "cannot accept HTTP connections; closing idle ones and trying again");
                }
                failing = true;
                // It works again when a connection has ended; if there is none, the shortage is somewhere else.
                let ended = async { conversations.join_next().await.map(report) };
                if connections.make_room().is_err() || timeout(PAUSE_AFTER_FAILURE, ended).await.is_err() {
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
                continue;
            }
        };
        failing = false;
        let place = loop {
            match connections.admit(origin) {
                Err(Full::Until(at)) => sleep_until(at).await,
                Err(Full::Refused(reason)) => break Err(reason),
                Ok(seat) => break Ok(seat),
            }
        };
        match place {
            Err(reason) => server.telemetry.http_connection_closed(reason),
            Ok(seat) => {
                let (server, stop) = (Arc::clone(&server), stop.clone());
                conversations.spawn(async move {
                    if let Some(reason) = converse(socket, &seat, &server, stop).await {
                        server.telemetry.http_connection_closed(reason);
                    }
                });
            }
        }
    }
    drop(listeners);
    let _ = timeout(server.limits.grace, async { while conversations.join_next().await.is_some() {} }).await;
    conversations.shutdown().await;
}

/// A conversation catches the panics of the site, so one that panics is a mistake of the server itself.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "an HTTP connection ended by a panic; please report it with the message above");
    }
}

/// The next connection on any listener. The one that had its turn goes to the end, so that none is starved.
async fn accept(listeners: &mut [Listener]) -> io::Result<(Socket, Origin)> {
    poll_fn(|cx| {
        for turn in 0..listeners.len() {
            if let Some(listener) = listeners.get(turn)
                && let Poll::Ready(result) = listener.poll_accept(cx)
            {
                listeners.rotate_left(turn + 1);
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    })
    .await
}

/// Leaves at least half of the process' descriptors to everything else.
fn within_descriptors(mut limits: Limits, descriptors: Option<usize>) -> Limits {
    if let Some(descriptors) = descriptors {
        limits.connections = limits.connections.min(descriptors / 2).max(1);
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_at_most_half_of_the_descriptors() {
        let connections = |descriptors| within_descriptors(Limits::default(), descriptors).connections;
        assert_eq!(connections(None), 4096);
        assert_eq!(connections(Some(1_048_576)), 4096);
        assert_eq!(connections(Some(1024)), 512);
        assert_eq!(connections(Some(0)), 1);
    }
}
