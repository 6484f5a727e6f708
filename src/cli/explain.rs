//! `explain`: what an error of SES means, which role each identity can play, and what mends it, from the text alone.
//!
//! It runs nothing, asks nobody and keeps nothing: the text is never logged, because it holds addresses of people.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use super::{Arguments, Ended, in_colour, print_text, say};
use crate::rejection::{self, LONGEST};

mod meaning;
mod person;
mod unverified;

use meaning::Explanation;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The error, one line or a whole log; without it, standard input is read. 1 MiB at most.
    #[arg(value_name = "TEXT")]
    text: Option<OsString>,
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
    /// One for each error in the text that is known, and one for what is not.
    explanations: Vec<Explanation>,
}

pub(super) fn run(explain: &Explain) -> Result<ExitCode, Ended> {
    let text = text(explain)?;
    if text.len() > LONGEST {
        say("the text is longer than 1 MiB; what follows the first MiB was not read");
    }
    let explanations: Vec<Explanation> = rejection::read(&text).iter().map(Explanation::of).collect();
    let understood = explanations.iter().any(Explanation::is_understood);
    let report = Report { version: 1, understood, explanations };
    print_text(&if explain.json { json(&report)? } else { person::page(&report, in_colour()) })?;
    Ok(if understood { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_TELL) })
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
