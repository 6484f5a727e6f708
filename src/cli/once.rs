//! `once`: poll everything once and write the page, for cron and the textfile collector.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::time::timeout;

use super::{Ended, print_text, runtime, say, serve};
use crate::config::Config;
use crate::estate::Estate;
use crate::exporter::Exporter;
use crate::exposition::{Encoding, Format};

/// The arguments of `once`.
#[derive(Debug, clap::Args)]
pub(super) struct Once {
    /// Write the page to this file, whole or not at all, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(once: &Once, config: &Config) -> Result<ExitCode, Ended> {
    once.output.as_deref().map_or(Ok(()), check)?;
    let runtime = runtime()?;
    let polled = runtime.block_on(poll(config));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    let Polled { page, failures, anything_read } = polled?;
    match &once.output {
        // The last good numbers stay, with their times on them.
        Some(file) if !anything_read => {
            say(&format!("{} stays as it is, because nothing could be read", file.display()));
        }
        Some(file) => write(file, &page)?,
        None => drop(print_text(&page)?),
    }
    for failure in &failures {
        say(failure);
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of one round.
struct Polled {
    page: String,
    failures: Vec<String>,
    anything_read: bool,
}

/// Lets every collector try every target once.
async fn poll(config: &Config) -> anyhow::Result<Polled> {
    let exporter = Exporter::start(config, None).await?;
    let mut estate = exporter.estate.clone();
    estate.wait_for(complete).await.context("the keeper ended")?;
    // Without the account's id its series have no label. An STS that does not answer must not hold up cron for ever;
    // that it did not is told below.
    let _ = timeout(config.poll.attempt_timeout, estate.wait_for(named)).await;
    let seen = estate.borrow().clone();
    let page = exporter.pages.get((Format::Text, Encoding::Identity), Duration::from_mins(1)).await;
    let page = page.ok_or_else(|| anyhow!("the page could not be built"))?;
    Ok(Polled {
        page: without_process(&String::from_utf8(page.to_vec())?),
        failures: failures(&seen),
        anything_read: seen.targets.iter().any(|view| view.has_reading()),
    })
}

/// A page that is read from a file tells nothing about a process that has ended, and node_exporter, which reads it, has
/// `process_` families of its own.
fn without_process(page: &str) -> String {
    let about_process = |line: &str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        name.starts_with("process_")
    };
    page.split_inclusive('\n').filter(|line| !about_process(line)).collect()
}

/// Whether every collector has tried every target that is not left alone.
pub(super) fn complete(estate: &Estate) -> bool {
    estate.targets.iter().all(|view| view.slots.iter().all(|slot| view.settled(slot.collector)))
}

/// Whether the account of every target is known.
pub(super) fn named(estate: &Estate) -> bool {
    estate.targets.iter().all(|view| view.account.is_some())
}

fn failures(estate: &Estate) -> Vec<String> {
    let nameless = estate.targets.iter().filter(|view| view.account.is_none());
    let nameless =
        nameless.map(|view| format!("{} is not on the page: AWS has not told the account's id", view.target));
    let views = estate.targets.iter().filter(|view| view.skipped.is_none());
    let slots = views.flat_map(|view| view.slots.iter().zip(&*estate.collectors).map(move |pair| (view, pair)));
    let unread = slots.filter_map(|(view, (slot, collector))| {
        // What builds on a collector that can't be read has nothing of its own to tell.
        let unread = |name: &&str| view.slot(name).is_some_and(|slot| slot.reading.is_none());
        if collector.declaration().after.iter().any(unread) {
            return None;
        }
        let failure = slot.last.as_ref()?.failure.as_ref()?;
        let what = if slot.reading.is_some() { "all of " } else { "" };
        Some(format!("can't read {what}{} of {}: {failure}", slot.collector, view.target))
    });
    let nothing = estate.targets.iter().all(|view| view.skipped.is_some());
    let nothing = nothing.then(|| "every target is skipped, so the page holds nothing of SES".to_owned());
    nothing.into_iter().chain(nameless).chain(unread).collect()
}

/// A folder that is not there is told before AWS is asked for nothing.
fn check(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        bail!("can't write {}: there is no such folder; create it or name another file", file.display());
    }
    Ok(())
}

/// Writes beside the file and renames: whoever reads it never sees half a page.
fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    let beside = file.with_extension(format!("prom.{}.tmp", std::process::id()));
    let written = fs::write(&beside, page).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("can't write {}", file.display()))
}
