//! What one connection is doing, and until when it may go on like that.
//!
//! The stream and the conversation tell; the conversation's clock and whoever needs the place ask. No IO, no waiting for a
//! client.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;
use crate::telemetry::ConnectionClosed;

/// Where a connection stands between two requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Kept alive; not one byte of another request yet.
    Idle,
    /// New, or some bytes of a request's head are there.
    Reading,
    /// The site is answering.
    Answering,
    /// The site has answered; the answer is being sent.
    Sending,
}

/// What one connection is doing, told by its stream and its conversation, read by whoever needs its place.
#[derive(Debug)]
pub(super) struct Connection {
    state: Mutex<State>,
    leave: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// When the socket stopped to take what is to be sent.
    stalled: Option<Instant>,
    /// Chosen to make room.
    closing: Option<ConnectionClosed>,
}

impl Connection {
    /// One that was just accepted.
    pub(super) fn new() -> Connection {
        let state = State { phase: Phase::Reading, since: Instant::now(), stalled: None, closing: None };
        Connection { state: Mutex::new(state), leave: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes arrived.
    pub(super) fn received(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Reading);
        }
    }

    /// A head is complete.
    pub(super) fn asked(&self) {
        self.state().enter(Phase::Answering);
    }

    /// The site has answered. The answer's time goes on.
    pub(super) fn answered(&self) {
        self.state().phase = Phase::Sending;
    }

    /// The socket takes nothing at the moment.
    pub(super) fn stalled(&self) {
        self.state().stalled.get_or_insert_with(Instant::now);
    }

    /// The socket took something.
    pub(super) fn progressed(&self) {
        self.state().stalled = None;
    }

    /// The socket has taken everything there was.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        if state.phase == Phase::Sending {
            state.enter(Phase::Idle);
        }
    }

    /// Whether no request is in flight.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since().is_some()
    }

    /// Whether the client refuses bytes that are ready for it.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled_since().is_some()
    }

    /// Since when no request is in flight.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        matches!(state.phase, Phase::Idle | Phase::Reading).then_some(state.since)
    }

    /// Since when the client has taken nothing of what is ready for it.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.state().stalled
    }

    /// When this connection's time is over if nothing happens until then, and what that would be called.
    pub(super) fn deadline(&self, limits: &Limits) -> (Instant, ConnectionClosed) {
        let state = self.state();
        let (time, reason) = match state.phase {
            Phase::Idle => (limits.keep_alive, ConnectionClosed::Idle),
            Phase::Reading => (limits.header_timeout, ConnectionClosed::HeaderTimeout),
            Phase::Answering | Phase::Sending => (limits.answer_timeout, ConnectionClosed::WriteTimeout),
        };
        let phase_ends = state.since + time;
        match state.stalled.map(|since| since + limits.write_timeout) {
            Some(stall_ends) if stall_ends < phase_ends => (stall_ends, ConnectionClosed::WriteTimeout),
            _ => (phase_ends, reason),
        }
    }

    /// Waits until this connection is asked to make room, and says why.
    pub(super) async fn asked_to_leave(&self) -> ConnectionClosed {
        loop {
            if let Some(reason) = self.state().closing {
                return reason;
            }
            self.leave.notified().await;
        }
    }

    /// Asks this connection to make room.
    pub(super) fn ask_to_leave(&self, reason: ConnectionClosed) {
        self.state().closing = Some(reason);
        self.leave.notify_one();
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
        self.stalled = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_phase_has_its_own_time() {
        let limits = Limits::default();
        let connection = Connection::new();
        let rest = || {
            let (at, reason) = connection.deadline(&limits);
            (at.duration_since(Instant::now()), reason)
        };
        assert_eq!(rest(), (limits.header_timeout, ConnectionClosed::HeaderTimeout));
        tokio::time::advance(Duration::from_secs(3)).await;
        connection.received();
        assert_eq!(rest(), (Duration::from_secs(2), ConnectionClosed::HeaderTimeout), "a dribble buys no time");
        connection.asked();
        assert_eq!(rest(), (limits.answer_timeout, ConnectionClosed::WriteTimeout));
        connection.flushed();
        assert!(!connection.is_waiting(), "hyper flushes while the site is still thinking");
        connection.answered();
        connection.stalled();
        tokio::time::advance(Duration::from_secs(1)).await;
        connection.stalled();
        assert_eq!(rest(), (Duration::from_secs(4), ConnectionClosed::WriteTimeout));
        connection.progressed();
        let left = limits.answer_timeout.saturating_sub(Duration::from_secs(1));
        assert_eq!(rest(), (left, ConnectionClosed::WriteTimeout));
        connection.flushed();
        assert_eq!(rest(), (limits.keep_alive, ConnectionClosed::Idle));
        connection.received();
        assert_eq!(rest(), (limits.header_timeout, ConnectionClosed::HeaderTimeout));
    }
}
