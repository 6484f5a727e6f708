//! What follows from the tables: the metrics table, the DNS records and what can be wrong with them, the cost and the IAM
//! policy. A test holds the README and `deploy/` to them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::collector::Size;
use crate::collectors::{self, dns};
use crate::config::{Config, Schedule};
use crate::metric::About;
use crate::{estate, judgements, telemetry};

/// Every metric as Markdown: one table a collector, then the agent's own.
pub fn metrics() -> String {
    let mut text = String::new();
    for row in collectors::ALL {
        let declaration = &row.declaration;
        let needs = match declaration.actions {
            [] => "Needs no permission".to_owned(),
            actions => format!("Needs `{}`", actions.join("`, `")),
        };
        // Writing to a String can't fail, here and below.
        let _ = write!(
            text,
            "### Collector `{}`\n\n{} Every {}. {needs}. Each series has the labels `account` and `aws_region`.\n\n",
            declaration.name,
            declaration.about,
            humantime::format_duration(declaration.interval),
        );
        table(&mut text, (row.families)());
    }
    for judgement in judgements::ALL {
        let declaration = judgement.declaration();
        let _ = write!(
            text,
            "### Judgement `{}`\n\n{} Weighs what `{}` read. Each series has the labels `account` and `aws_region`.\n\n",
            declaration.name,
            declaration.about,
            declaration.from.join("`, `"),
        );
        table(&mut text, judgement.families());
    }
    text.push_str("### The agent, per target\n\nEach series has the labels `account` and `aws_region`.\n\n");
    table(&mut text, estate::METRICS.iter().map(|family| family.about()));
    text.push_str("### The agent itself\n\n");
    table(&mut text, telemetry::METRICS.iter().copied());
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn table<'a>(text: &mut String, families: impl IntoIterator<Item = About<'a>>) {
    text.push_str("| metric | kind | own labels | meaning |\n|---|---|---|---|\n");
    for about in families {
        let labels: Vec<String> = about.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(" ") };
        let _ = writeln!(
            text,
            "| `{}` | {} | {labels} | {} |",
            about.name,
            about.kind.as_str(),
            about.help.replace('|', "\\|")
        );
    }
    text.push('\n');
}

/// The records that collector `dns` looks for, and what it can find wrong with them, as Markdown.
pub fn dns_records() -> String {
    let records = dns::Label::ALL.iter().map(|label| (label.as_str(), label.about()));
    let reasons = dns::Reason::ALL.iter().map(|reason| (reason.as_str(), reason.about()));
    words("record", "what is looked for", records) + "\n" + &words("reason", "what it means", reasons)
}

/// A table of words and their meanings.
fn words<'a>(word: &str, meaning: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows = rows.map(|(word, about)| format!("| `{word}` | {about} |\n"));
    format!("| {word} | {meaning} |\n|---|---|\n") + &rows.collect::<String>()
}

/// Identities of a region for which the cost is told: a few, many, and as many as SES allows.
const SIZES: [u32; 3] = [10, 1_000, 10_000];
/// Configuration sets of such a region.
const CONFIGURATION_SETS: u32 = 10;

/// What the enabled collectors ask of AWS in one account and region of this size, in calls an hour.
pub fn calls_per_hour(schedules: &[Schedule], size: Size) -> f64 {
    let rows = collectors::ALL.iter().zip(schedules).filter(|(_, schedule)| schedule.enabled);
    rows.map(|(row, schedule)| (row.declaration.cost)(size, schedule.interval).calls_per_hour).sum()
}

/// What the enabled collectors ask of AWS in one account and region, as Markdown.
pub fn cost(config: &Config) -> String {
    let mut text = String::from("| collector | every |");
    // Writing to a String can't fail, here and below.
    for size in SIZES {
        let _ = write!(text, " {} identities |", thousands(f64::from(size)));
    }
    text.push_str("\n|---|---|---:|---:|---:|\n");
    let sized = |identities| Size { identities, configuration_sets: CONFIGURATION_SETS };
    let mut sweeps = String::new();
    for (row, schedule) in collectors::ALL.iter().zip(&config.collectors).filter(|(_, schedule)| schedule.enabled) {
        let (name, every) = (schedule.name, humantime::format_duration(schedule.interval));
        let cost = SIZES.map(|identities| (row.declaration.cost)(sized(identities), schedule.interval));
        let _ = write!(text, "| `{name}` | {every} |");
        for cost in &cost {
            let _ = write!(text, " {} |", thousands(cost.calls_per_hour));
        }
        text.push('\n');
        if cost.iter().any(|cost| cost.sweep.is_some()) {
            let _ = write!(sweeps, "| `{name}`, everything seen once | |");
            for cost in cost {
                let sweep = cost.sweep.map(|sweep| humantime::format_duration(whole_minutes(sweep)).to_string());
                let _ = write!(sweeps, " {} |", sweep.unwrap_or_default());
            }
            sweeps.push('\n');
        }
    }
    let _ = write!(text, "| together, calls an hour | |");
    for sum in SIZES.map(|identities| calls_per_hour(&config.collectors, sized(identities))) {
        let _ = write!(text, " {} |", thousands(sum));
    }
    text + "\n" + &sweeps
}

fn whole_minutes(time: Duration) -> Duration {
    let rest = if time < Duration::from_mins(1) { 0 } else { time.as_secs() % 60 };
    Duration::from_secs(time.as_secs() - rest)
}

/// `1,800`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The policy that the enabled collectors need, and not one action more.
pub fn iam_policy(config: &Config) -> String {
    let rows = collectors::ALL.iter().zip(&config.collectors).filter(|(_, schedule)| schedule.enabled);
    let mut actions: Vec<&str> = rows.flat_map(|(row, _)| row.declaration.actions).copied().collect();
    actions.sort_unstable();
    actions.dedup();
    let mut statement = vec![Statement { sid: "ReadSes", effect: "Allow", action: actions, resource: vec!["*"] }];
    let roles = config.accounts.iter().filter_map(|account| Some(account.role.as_ref()?.arn.as_str()));
    let roles: BTreeSet<&str> = roles.collect();
    if !roles.is_empty() {
        let (action, resource) = (vec!["sts:AssumeRole"], roles.into_iter().collect());
        statement.push(Statement { sid: "AssumeRoles", effect: "Allow", action, resource });
    }
    let policy = Policy { version: "2012-10-17", statement };
    // Strings and lists of strings always have a JSON form.
    serde_json::to_string_pretty(&policy).map(|text| text + "\n").unwrap_or_default()
}

/// An IAM policy in the order in which AWS writes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    version: &'a str,
    statement: Vec<Statement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    sid: &'a str,
    effect: &'a str,
    action: Vec<&'a str>,
    resource: Vec<&'a str>,
}
