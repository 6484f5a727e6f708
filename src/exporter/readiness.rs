//! Whether the agent has something to say already: ready for scrapes, done with its first look. It asks nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::InForce;
use crate::estate::{Estate, TargetView};

/// Readiness waits this long for a target's first answer: an agent whose AWS hangs must not be restarted for ever.
const READY_AFTER: Duration = Duration::from_secs(30);
/// Nor does whoever asks for everything wait longer than this for the first attempt of every collector: it has been
/// tried three times where AWS hangs, and what was not tried is told as such.
const LOOKED_AFTER: Duration = Duration::from_mins(2);
/// The first collector of the table, whose answer makes a target ready.
const FIRST: usize = 0;

/// Whether the agent has something to say about every target.
#[derive(Clone)]
pub struct Readiness {
    pub(super) estate: watch::Receiver<Estate>,
    pub(super) in_force: watch::Receiver<InForce>,
    pub(super) started: Instant,
}

impl Readiness {
    /// How many targets are still waited for; 0 = ready. A change of the configuration does not take readiness back:
    /// whoever scrapes would lose the targets that stay.
    pub fn waiting_for(&self) -> usize {
        if self.started.elapsed() >= READY_AFTER {
            return 0;
        }
        let settled = |view: &Arc<TargetView>| view.slots.get(FIRST).is_some_and(|slot| view.settled(slot.collector));
        self.estate.borrow().targets.iter().filter(|view| !settled(view)).count()
    }

    /// Whether a collector has not tried a target yet under this configuration, or an account is not known, and both may still come: what is
    /// told of everything would seem better than it is.
    pub fn still_looking(&self) -> bool {
        let looked = |view: &Arc<TargetView>| {
            view.account.is_some() && view.slots.iter().all(|slot| view.settled(slot.collector))
        };
        self.in_force.borrow().begun.elapsed() < LOOKED_AFTER && !self.estate.borrow().targets.iter().all(looked)
    }

    /// Whether anything was tried since the last look, be it in vain: readings that stand still are a fault of ours.
    pub fn moved(&mut self) -> bool {
        let moved = self.estate.has_changed().unwrap_or(false);
        self.estate.mark_unchanged();
        moved
    }

    /// What came of the targets, in words for the log.
    pub fn summary(&self) -> String {
        let estate = self.estate.borrow();
        let (mut read, mut failing, mut skipped) = (0, 0, BTreeMap::<&str, usize>::new());
        for view in &*estate.targets {
            match (view.skipped, view.slots.get(FIRST).is_some_and(|slot| slot.reading.is_some())) {
                (Some(reason), _) => *skipped.entry(reason.as_str()).or_default() += 1,
                (None, true) => read += 1,
                (None, false) => failing += 1,
            }
        }
        let skipped = skipped.iter().map(|(reason, count)| format!(", {count} skipped ({reason})"));
        let read = if read == 1 { "1 target".to_owned() } else { format!("{read} targets") };
        format!("{read} read, {failing} without an answer{}", skipped.collect::<String>())
    }
}
