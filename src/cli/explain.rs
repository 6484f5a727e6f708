//! `explain`: what an error of SES means, which role each identity can play, and what mends it: from the text, and from what
//! AWS says about it now.
//!
//! It only reads, and runs nothing of what it is given. The text is never logged, because it holds addresses of people.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use super::{Arguments, Common, Ended, in_colour, print_text, say};
use crate::rejection::{self, LONGEST, Rejection};

mod asked;
mod explanation;
mod facts;
mod look;
mod meaning;
mod person;
mod unverified;

use asked::Told;
use explanation::Explanation;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The error, one line or a whole log; without it, standard input is read. 1 MiB at most.
    #[arg(value_name = "TEXT")]
    text: Option<OsString>,
    #[command(flatten)]
    told: Told,
    /// Ask nobody: say what follows from the text alone.
    #[arg(long)]
    offline: bool,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// The text is no error of SES, or holds nothing that is known.
const COULD_NOT_TELL: u8 = 3;

/// All that `--json` prints.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Report {
    /// Raised when something is taken away or changes its meaning.
    version: u8,
    /// Whether anything in the text is known.
    understood: bool,
    /// Whether AWS has told anything.
    asked: bool,
    /// Why AWS was not asked, or told nothing; left out where there was nothing to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_asked: Option<String>,
    /// One for each error in the text that is known, and one for what is not.
    explanations: Vec<Explanation>,
}

pub(super) fn run(explain: &Explain, common: &Common) -> Result<ExitCode, Ended> {
    let text = text(explain)?;
    if text.len() > LONGEST {
        say("the text is longer than 1 MiB; what follows the first MiB was not read");
    }
    let report = report(&rejection::read(&text), explain, common);
    print_text(&if explain.json { json(&report)? } else { person::page(&report, in_colour()) })?;
    Ok(if report.understood { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_TELL) })
}

fn report(rejections: &[Rejection], explain: &Explain, common: &Common) -> Report {
    let mut explanations: Vec<Explanation> = rejections.iter().map(Explanation::of).collect();
    let to_ask = !explain.offline && !asked::wanted(rejections, &explain.told).is_empty();
    let seen = to_ask.then(|| look::look(common, rejections, &explain.told)).transpose();
    if let Ok(Some(estate)) = &seen {
        for (rejection, explanation) in rejections.iter().zip(&mut explanations) {
            if !asked::collectors(&rejection.reason, &explain.told).is_empty() {
                explanation.learn(facts::of(rejection, &explanation.identities, &explain.told, estate));
            }
        }
    }
    let understood = explanations.iter().any(|one| one.is_understood() || one.is_settled());
    Report { version: 1, understood, asked: matches!(seen, Ok(Some(_))), not_asked: seen.err(), explanations }
}

fn text(explain: &Explain) -> anyhow::Result<String> {
    if let Some(text) = &explain.text {
        return Ok(text.to_string_lossy().into_owned());
    }
    if io::stdin().is_terminal() {
        let kind = clap::error::ErrorKind::MissingRequiredArgument;
        let words = "explain needs the text: ses-exporter explain 'TEXT', or ses-exporter explain < FILE";
        Arguments::command().error(kind, words).exit();
    }
    let mut bytes = Vec::new();
    // One byte more tells that there was more.
    let most = u64::try_from(LONGEST)?.saturating_add(1);
    io::stdin().lock().take(most).read_to_end(&mut bytes).context("can't read the text from standard input")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
