//! Signals. How the process ends: the first SIGTERM or SIGINT asks it to, the second one ends it at once. SIGHUP, where
//! somebody listens for it, ends nothing: it asks for the configuration to be loaded anew.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals that ask a process to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system's default, which is to die at once.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and answers its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// The signal that asks for another configuration.
pub struct Hangups(Signal);

impl Hangups {
    /// Takes the signal over from the system's default, which is to die.
    pub fn new() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}
