//! What happens in a world as its clock passes: a region is paused and resumes, a pending identity becomes verified, another is lost.
//!
//! Scenes are told when someone looks, in the order of their times, however far the clock jumped. No task waits for them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::dns::DnsFault;
use super::identity::Identity;

/// One change of one region at a time after the world began.
#[derive(Debug, Clone)]
pub struct Scene {
    /// How long after the world began.
    pub after: Duration,
    /// Again and again, each time this much later.
    pub every: Option<Duration>,
    /// Whose region.
    pub account: String,
    /// Which region.
    pub region: String,
    /// What changes.
    pub change: Change,
}

/// A change of a region.
#[derive(Debug, Clone)]
pub enum Change {
    /// A JSON merge patch of the account state (GetAccount's shape).
    Account(Value),
    /// An identity appears, or takes this state.
    Identity(Box<Identity>),
    /// The identity of this name, if there is one, takes this status and keeps all its details.
    IdentityStatus(String, String),
    /// An identity is deleted.
    IdentityGone(String),
    /// A fault of the DNS begins; it is the world's, whatever the region.
    DnsBroken(DnsFault),
    /// The same fault ends.
    DnsMended(DnsFault),
}

/// The scenes still to come.
#[derive(Debug, Default)]
pub(super) struct Story {
    scenes: Vec<Scene>,
    due: BinaryHeap<Reverse<(Duration, usize)>>,
}

impl Story {
    pub(super) fn add(&mut self, scene: Scene) {
        self.due.push(Reverse((scene.after, self.scenes.len())));
        self.scenes.push(scene);
    }

    /// The next scene that is due by then, and when it was.
    pub(super) fn next(&mut self, began: SystemTime, now: SystemTime) -> Option<(SystemTime, Scene)> {
        let passed = now.duration_since(began).unwrap_or_default();
        let Reverse((after, index)) = *self.due.peek()?;
        if after > passed {
            return None;
        }
        self.due.pop();
        let scene = self.scenes.get(index)?.clone();
        if let Some(every) = scene.every.filter(|every| !every.is_zero()) {
            self.due.push(Reverse((after + every, index)));
        }
        Some((began + after, scene))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(after: u64, every: Option<u64>, name: &str) -> Scene {
        Scene {
            after: Duration::from_secs(after),
            every: every.map(Duration::from_secs),
            account: "1".to_owned(),
            region: "eu-west-1".to_owned(),
            change: Change::IdentityGone(name.to_owned()),
        }
    }

    fn told(story: &mut Story, seconds: u64) -> Vec<String> {
        let began = SystemTime::UNIX_EPOCH;
        let now = began + Duration::from_secs(seconds);
        std::iter::from_fn(|| story.next(began, now))
            .map(|(at, scene)| match scene.change {
                Change::IdentityGone(name) => {
                    format!("{name}@{}", at.duration_since(began).map_or(0, |after| after.as_secs()))
                }
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn scenes_are_told_in_order_even_after_a_jump() {
        let mut story = Story::default();
        story.add(scene(60, Some(100), "paused"));
        story.add(scene(90, Some(100), "resumed"));
        story.add(scene(70, None, "once"));
        assert_eq!(told(&mut story, 59), Vec::<String>::new());
        assert_eq!(told(&mut story, 65), ["paused@60"]);
        assert_eq!(told(&mut story, 260), ["once@70", "resumed@90", "paused@160", "resumed@190", "paused@260"]);
    }
}
