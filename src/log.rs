//! Logging: to standard error, as text for people or as JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// A person should look.
    Error,
    /// Degraded and going on.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Every reading.
    Debug,
    /// Everything.
    Trace,
}

/// How it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// One line of text an event, in colour on a terminal.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}

/// Starts logging. What libraries say is never shown: the SDK prints signed requests, whole answers of metadata services and
/// what credential helpers write to standard error. What matters of it is in our own messages.
pub fn start(level: Level, form: Form) -> Result<(), TryInitError> {
    let ours = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let filter = Targets::new().with_target("ses_exporter", ours);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let layer = match form {
        Form::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(colour).with_target(false).boxed(),
        Form::Json => fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).with_target(false).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
    // A panic belongs in the log like everything else; its message alone, since a backtrace is not one line.
    std::panic::set_hook(Box::new(|panic| tracing::error!("panic: {}", panic.to_string().replace('\n', " "))));
    Ok(())
}
