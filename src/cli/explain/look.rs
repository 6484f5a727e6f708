//! The look at AWS: starts the exporter for this once, waits until enough is read, and says why if nothing was.

use tokio::time::timeout;

use super::asked::{self, Told};
use crate::cli::{Common, once, runtime, serve};
use crate::config::Config;
use crate::estate::Estate;
use crate::exporter::Exporter;
use crate::rejection::Rejection;

/// What AWS tells about these errors, or one sentence that says why it was not asked.
pub(super) fn look(common: &Common, rejections: &[Rejection], told: &Told) -> Result<Estate, String> {
    let config = common.config().map_err(|mistakes| one_line(&mistakes.to_string()))?;
    let config = asked::narrowed(config, rejections, told);
    if config.collectors.iter().all(|schedule| !schedule.enabled) {
        return Err("the collectors that could tell are switched off in the configuration".to_owned());
    }
    let runtime = runtime().map_err(|error| format!("{error:#}"))?;
    let seen = runtime.block_on(see(&config, rejections, told));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    seen
}

/// No longer than one reading may take, whatever happens.
async fn see(config: &Config, rejections: &[Rejection], told: &Told) -> Result<Estate, String> {
    let exporter = Exporter::start(config, None).await.map_err(|error| error.to_string())?;
    let mut estate = exporter.estate.clone();
    let enough = |seen: &Estate| asked::enough(seen, rejections, told);
    // What was read until then still tells something.
    let _ = timeout(config.poll.read_timeout, estate.wait_for(enough)).await;
    if !estate.borrow().targets.iter().any(|view| view.has_reading()) {
        return Err(why_nothing(&estate.borrow()));
    }
    // Which regions are of one account is known only with its name.
    let _ = timeout(config.poll.attempt_timeout, estate.wait_for(once::named)).await;
    let seen = estate.borrow().clone();
    if told.account.is_some() && !seen.targets.iter().any(|view| told.means(view)) {
        return Err("no account of the configuration has the name or number of --account".to_owned());
    }
    Ok(seen)
}

/// The first failure, which the others share as a rule.
fn why_nothing(estate: &Estate) -> String {
    let mut slots = estate.targets.iter().flat_map(|view| view.slots.iter().map(move |slot| (view, slot)));
    let first = slots.find_map(|(view, slot)| {
        let failure = slot.last.as_ref()?.failure.as_ref()?;
        Some(one_line(&format!("{}: {failure}", view.target)))
    });
    first.unwrap_or_else(|| "it did not answer in time".to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
