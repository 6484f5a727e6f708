//! `check`: is the installation whole, and can everybody send who is meant to? One look at everything, one verdict.
//!
//! It starts the exporter as `serve` does, so it sees what `serve` would see. It changes nothing, and never shows a
//! credential.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Ended, in_colour, once, print_text, runtime, serve};
use crate::config::Config;
use crate::exporter::Exporter;
use crate::report::Report;
use crate::report::findings::Severity;

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
    let report = report?;
    let page = if check.json {
        serde_json::to_string_pretty(&report).context("can't write JSON")? + "\n"
    } else {
        person::page(&report, in_colour())
    };
    print_text(&page)?;
    Ok(ExitCode::from(report.exit_code))
}

/// Lets every collector try every target once; then, if there is time, until nothing is left to mend.
async fn look(config: &Config, wait: Option<Duration>) -> anyhow::Result<Report> {
    let end = wait.and_then(|wait| Instant::now().checked_add(wait));
    let exporter = Exporter::start(config, None).await?;
    let mut estate = exporter.estate.clone();
    estate.wait_for(once::complete).await.context("the keeper ended")?;
    // An STS that does not answer is a finding and must not hold up the rest.
    let _ = timeout(config.poll.attempt_timeout, estate.wait_for(once::named)).await;
    if let Some(end) = end {
        // Whether all is well or the time is over, the report below tells.
        let _ = timeout_at(end, estate.wait_for(|seen| Report::of(config, seen).exit_code == 0)).await;
    }
    let report = Report::of(config, &estate.borrow());
    Ok(report)
}
