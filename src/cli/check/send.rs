//! `check send`: would SES take this mail from this region, and if not, why, and what mends it? It sends nothing.
//!
//! It looks as `check` does, at no more than the question needs: few collectors, few names.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, timeout, timeout_at};

use super::{COULD_NOT_TELL, once, serve};
use crate::cli::{Ended, in_colour, print_text, runtime, say};
use crate::config::{Config, ConfiguredAccount, Focus, Regions};
use crate::estate::Estate;
use crate::expectations::{Expectations, is_account_id};
use crate::exporter::Exporter;
use crate::judgement::Judgement;
use crate::judgements::forecast::Forecast;
use crate::judgements::send_path::SendPaths;
use crate::report::Terms;
use crate::report::send::question::{Question, Words};
use crate::report::send::{SendReport, is_settled};

mod person;

/// The arguments of `check send`.
#[derive(Debug, clap::Args)]
pub(super) struct Send {
    /// The sender: an e-mail address, or a domain for any address at it.
    #[arg(long, value_name = "SENDER")]
    from: String,
    /// The recipients: e-mail addresses and domains, or "any"; several with commas, or with --to again.
    #[arg(long, value_name = "RECIPIENT", required = true, value_delimiter = ',')]
    to: Vec<String>,
    /// The region from which it is sent; several with commas. Without it, every region that is polled.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    region: Vec<String>,
    /// The configuration set that the mail names; without it, the default one of the sender's identity counts.
    #[arg(long, value_name = "NAME")]
    configuration_set: Option<String>,
    /// How many recipients count against the quota; without it, all that --to names but the mailbox simulator.
    #[arg(long, value_name = "NUMBER")]
    recipients: Option<u32>,
    /// One of the configured accounts, by its name or its twelve digits.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Look at every region that has SES, and say which would take the mail.
    #[arg(long)]
    all_regions: bool,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
    /// Look again until SES would take it or this time is over, such as "10m".
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

/// From one look to the next while somebody waits. The budget still says how much is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// So long it looks for what the first round has left open: a default configuration set among many.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(send: &Send, config: &Config) -> Result<ExitCode, Ended> {
    match answer(send, config) {
        Ok(report) => {
            print_text(&page(&report, send.json)?)?;
            Ok(ExitCode::from(report.exit_code))
        }
        Err(why) => {
            say(&format!("{why:#}"));
            Ok(ExitCode::from(COULD_NOT_TELL))
        }
    }
}

fn page(report: &SendReport, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string_pretty(report).context("can't write JSON")? + "\n");
    }
    Ok(person::page(report, in_colour()))
}

fn answer(send: &Send, config: &Config) -> anyhow::Result<SendReport> {
    let question = Question::read(Words {
        from: send.from.clone(),
        to: send.to.clone(),
        configuration_set: send.configuration_set.clone(),
        recipients: send.recipients,
        account: send.account.clone(),
        regions: send.region.clone(),
        all_regions: send.all_regions,
    })
    .map_err(|mistaken| anyhow::anyhow!("--{mistaken}"))?;
    let config = config_of(&question, config.clone())?;
    let runtime = runtime()?;
    let report = runtime.block_on(look(&question, &config, send.wait));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    report
}

/// The configuration with the accounts and regions of the question, and with nothing that it does not need.
fn config_of(question: &Question, mut config: Config) -> anyhow::Result<Config> {
    if let Some(account) = &question.account {
        config.accounts.retain(|one| may_be(one, account));
    }
    let single = config.accounts.len() == 1;
    for account in &mut config.accounts {
        let configured = account.regions.as_ref().unwrap_or(&config.aws.regions);
        account.regions = Some(regions(question, configured, single));
    }
    config.expectations = Expectations::default();
    config.identities.tags = Vec::new();
    config.focus = Some(Focus {
        identities: question.identities().into_iter().collect(),
        configuration_set: question.configuration_set.clone(),
    });
    let needed = |name| SendPaths::DECLARATION.from.contains(&name) || Forecast::DECLARATION.from.contains(&name);
    for schedule in &mut config.collectors {
        schedule.enabled = needed(schedule.name);
        schedule.interval = schedule.interval.min(INTERVAL);
    }
    if config.accounts.is_empty() {
        anyhow::bail!(
            "no account is called {}; name one that is configured, by its name or its twelve digits",
            question.account.as_deref().unwrap_or_default()
        );
    }
    Ok(config)
}

/// An account whose id only AWS can tell may be the one.
fn may_be(configured: &ConfiguredAccount, account: &str) -> bool {
    let id = configured.role.as_ref().and_then(|role| role.account_id());
    configured.name.as_deref() == Some(account) || id == Some(account) || (id.is_none() && is_account_id(account))
}

/// A region that is asked about is looked at also where it is not configured, as long as it is clear in which account.
fn regions(question: &Question, configured: &Regions, single: bool) -> Regions {
    match configured {
        _ if question.all_regions => Regions::All,
        // What the environment names is no choice of the user's, who has named a region here.
        Regions::FromEnvironment if !question.regions.is_empty() => Regions::List(question.regions.clone()),
        Regions::List(list) if single => {
            let mut list: Vec<String> = list.iter().chain(&question.regions).cloned().collect();
            list.sort();
            list.dedup();
            Regions::List(list)
        }
        configured => configured.clone(),
    }
}

/// Looks until the answer is there; then, if there is time, until it is good.
async fn look(question: &Question, config: &Config, wait: Option<Duration>) -> anyhow::Result<SendReport> {
    let end = wait.and_then(|wait| Instant::now().checked_add(wait));
    let (terms, exporter) = (Terms::of(config), Exporter::start(config, None).await?);
    let mut estate = exporter.estate.clone();
    // An STS that does not answer must not hold up the rest, unless it has to tell which account is meant.
    let found = |seen: &Estate| once::named(seen) && (question.targets(seen).is_ok() || identified(seen));
    let _ = timeout(config.poll.attempt_timeout, estate.wait_for(found)).await;
    SendReport::of(&terms, &estate.borrow(), question)?;
    let settled = timeout(PATIENCE, estate.wait_for(|seen| is_settled(&terms, seen, question))).await.is_ok();
    if !settled {
        estate.wait_for(once::complete).await.context("the keeper ended")?;
    }
    if let Some(end) = end {
        let good = |seen: &Estate| SendReport::of(&terms, seen, question).is_ok_and(|report| report.exit_code == 0);
        // Whether it is good or the time is over, the report below tells.
        let _ = timeout_at(end, estate.wait_for(good)).await;
    }
    let report = SendReport::of(&terms, &estate.borrow(), question)?;
    Ok(report)
}

/// Whether AWS has told the id of every account.
fn identified(estate: &Estate) -> bool {
    estate.targets.iter().all(|view| view.account_id.is_some())
}
