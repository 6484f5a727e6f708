//! `check`: is the installation whole, and can everybody send who is meant to? One look at everything, one verdict.
//!
//! It starts the exporter as `serve` does, so it sees what `serve` would see, or asks one that runs. It changes nothing, and never shows a
//! credential.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::agent::{Agent, AgentError};
use super::{Ended, in_colour, once, print_text, runtime, serve};
use crate::config::Config;
use crate::exporter::Exporter;
use crate::report::findings::Severity;
use crate::report::{Report, Terms};

mod person;
mod send;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Check {
    #[command(subcommand)]
    what: Option<What>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
    /// Look again, at the intervals of the configuration, until all is well or this time is over, such as "10m".
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// Ask the agent that runs there instead of AWS: it needs neither configuration nor credentials, and knows since when.
    // The URL may hold a password, which the help must not show.
    #[arg(long, value_name = "URL", env = "SES_EXPORTER_AGENT_URL", hide_env_values = true)]
    from_agent: Option<String>,
}

/// An agent is asked again after so many seconds, unless it names others: it reads no oftener itself.
const ASK_AGAIN: u64 = 10;
/// However long an agent asks for patience, whoever waits sees within this many seconds that all is well.
const LONGEST_PAUSE: u64 = 60;

impl Check {
    /// Whether the report is that of a running agent.
    pub(super) fn asks_an_agent(&self) -> bool {
        self.what.is_none() && self.from_agent.is_some()
    }
}

/// What can be checked by itself.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Say whether SES would take a mail, and if not, why and what mends it: 0 yes, 1 yes, but, 2 no, 3 could not tell. Sends nothing.
    Send(send::Send),
}

/// UNKNOWN of monitoring plugins: also where the command can't even begin.
pub(super) const COULD_NOT_TELL: u8 = Severity::CouldNotTell.exit_code();

pub(super) fn run(check: &Check, config: &Config) -> Result<ExitCode, Ended> {
    if let Some(What::Send(send)) = &check.what {
        return send::run(send, config);
    }
    let runtime = runtime()?;
    let report = runtime.block_on(look(config, check.wait));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    print(check, &report?)
}

/// The same, with the report of an agent.
pub(super) fn ask(check: &Check) -> Result<ExitCode, Ended> {
    let agent = Agent::at(check.from_agent.as_deref().unwrap_or_default()).map_err(anyhow::Error::from)?;
    let runtime = runtime()?;
    let report = runtime.block_on(told(&agent, check.wait));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    print(check, &report.map_err(anyhow::Error::from)?)
}

/// Asks until all is well, the time is over, or another attempt would not do better.
async fn told(agent: &Agent, wait: Option<Duration>) -> Result<Report, AgentError> {
    let end = wait.and_then(|wait| Instant::now().checked_add(wait));
    loop {
        let told = agent.report().await;
        let pause = match &told {
            Ok(report) if report.verdict == Severity::AllWell => return told,
            Ok(_) => ASK_AGAIN,
            Err(error) => match error.again(ASK_AGAIN) {
                Some(pause) => pause.clamp(1, LONGEST_PAUSE),
                None => return told,
            },
        };
        let now = Instant::now();
        match end.filter(|end| *end > now) {
            Some(end) => sleep_until(end.min(now + Duration::from_secs(pause))).await,
            None => return told,
        }
    }
}

fn print(check: &Check, report: &Report) -> Result<ExitCode, Ended> {
    let page = if check.json {
        serde_json::to_string_pretty(report).context("can't write JSON")? + "\n"
    } else {
        person::page(report, in_colour())
    };
    print_text(&page)?;
    Ok(ExitCode::from(report.verdict.exit_code()))
}

/// Lets every collector try every target once; then, if there is time, until nothing is left to mend.
async fn look(config: &Config, wait: Option<Duration>) -> anyhow::Result<Report> {
    let end = wait.and_then(|wait| Instant::now().checked_add(wait));
    let (terms, exporter) = (Terms::of(config), Exporter::start(config, None).await?);
    let mut estate = exporter.estate.clone();
    estate.wait_for(once::complete).await.context("the keeper ended")?;
    // An STS that does not answer is a finding and must not hold up the rest.
    let _ = timeout(config.poll.attempt_timeout, estate.wait_for(once::named)).await;
    if let Some(end) = end {
        // Whether all is well or the time is over, the report below tells.
        let _ = timeout_at(end, estate.wait_for(|seen| Report::of(&terms, seen).exit_code == 0)).await;
    }
    let report = Report::of(&terms, &estate.borrow());
    Ok(report)
}
