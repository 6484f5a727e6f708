//! A layout: what is polled from now on, and what of the last picture stays in the next one.
//!
//! Whoever draws it up has decided already what still counts; here it is only carried over, as it stands at the moment
//! at which the configuration comes into force. Nothing here reads, starts or ends anything.

use std::sync::Arc;
use std::time::Duration;

use super::{Estate, Slot, TargetId, TargetView, TaskId};
use crate::aws::Requests;
use crate::collector::AnyCollector;
use crate::expectations::Expectations;
use crate::target::Target;

/// The picture of a configuration that comes into force.
pub struct Layout {
    /// The collectors that run.
    pub collectors: Arc<[Arc<dyn AnyCollector>]>,
    /// How old a reading may be and still be shown.
    pub stale_after: Duration,
    /// What the operator declared about the targets.
    pub expectations: Arc<Expectations>,
    /// Every target, in the order of the configuration. What is missing here goes.
    pub targets: Vec<Arranged>,
    /// The configuration's number.
    pub number: u64,
}

/// One target of a layout.
pub struct Arranged {
    /// The same as before where it was polled before.
    pub id: TargetId,
    /// Account and region.
    pub target: Target,
    /// One place for each collector, in their order.
    pub places: Vec<Place>,
    /// Requests sent on behalf of this target.
    pub requests: Arc<Requests>,
    /// Calls to STS, where they count for this target.
    pub sts_requests: Option<Arc<Requests>>,
}

/// The place of one collector at one target.
pub struct Place {
    /// The collector's name.
    pub collector: &'static str,
    /// Who reads for it from now on.
    pub task: TaskId,
    /// What stays of what was seen.
    pub keep: Keep,
}

/// What a new configuration leaves of what a collector saw at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything: it means what it meant.
    All,
    /// The reading goes out of sight, because labels or filters have changed, and the next one may build on it.
    Hidden,
    /// The reading counts for nothing any more.
    Counts,
}

impl Layout {
    pub(super) fn arrange(self, estate: &mut Estate) {
        let views = self.targets.into_iter().map(|arranged| {
            let before = estate.targets.find(arranged.id).map(|view| &**view);
            Arc::new(view(arranged, before))
        });
        let targets = views.collect();
        let Self { collectors, stale_after, expectations, number: layout, .. } = self;
        *estate = Estate { collectors, stale_after, expectations, targets, layout };
    }
}

fn view(arranged: Arranged, before: Option<&TargetView>) -> TargetView {
    let Arranged { id, target, places, requests, sts_requests } = arranged;
    let of_role = target.account.role.as_ref().and_then(|role| role.account_id()).map(Arc::from);
    TargetView {
        id,
        account: target.account.name.as_deref().map(Arc::from).or_else(|| before?.account.clone()),
        account_id: of_role.or_else(|| before?.account_id.clone()),
        caller: before.and_then(|view| view.caller.clone()),
        skipped: before.and_then(|view| view.skipped),
        slots: places.iter().map(|place| slot(place, before)).collect(),
        requests,
        sts_requests,
        target,
    }
}

fn slot(place: &Place, before: Option<&TargetView>) -> Arc<Slot> {
    let Some(before) = before.and_then(|view| view.slots.iter().find(|slot| slot.collector == place.collector)) else {
        return Arc::new(Slot::new(place.collector, place.task));
    };
    match place.keep {
        Keep::All if before.task == place.task => Arc::clone(before),
        Keep::All => Arc::new(Slot { task: place.task, ..Slot::clone(before) }),
        Keep::Hidden | Keep::Counts => {
            Arc::new(Slot { task: place.task, reading: None, last: None, ..Slot::clone(before) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::time::Instant;

    use super::*;
    use crate::aws::{Failure, FailureKind};
    use crate::estate::Dated;
    use crate::estate::{Event, Outcome, apply};
    use crate::target::Account;

    fn layout(targets: &[(u64, &str, TaskId, Keep)]) -> Layout {
        let arranged = |(id, region, task, keep): &(u64, &str, TaskId, Keep)| {
            let account = Account { name: Some("shop".into()), role: None, profile: None, regions: vec![] };
            Arranged {
                id: TargetId(*id),
                target: Target { account: Arc::new(account), region: Arc::from(*region) },
                places: vec![Place { collector: "account", task: *task, keep: *keep }],
                requests: Arc::default(),
                sts_requests: None,
            }
        };
        Layout {
            collectors: [].into(),
            stale_after: Duration::from_hours(1),
            expectations: Arc::default(),
            targets: targets.iter().map(arranged).collect(),
            number: 1,
        }
    }

    fn tried(target: u64, task: TaskId, number: Option<u32>) -> Event {
        let dated = |number: u32| Dated { value: Arc::new(number), at: SystemTime::UNIX_EPOCH, taken: Instant::now() };
        let failure = number.is_none().then(|| Failure::new(FailureKind::Timeout, "late".to_owned()));
        let outcome = Outcome { reading: number.map(dated), failure };
        Event::Tried { target: TargetId(target), task, outcome, duration: Duration::ZERO }
    }

    /// Region, what is shown, whether an attempt is known, how many failed.
    fn seen(estate: &Estate) -> Vec<(String, Option<u32>, bool, u64)> {
        let of = |view: &Arc<TargetView>| {
            let slot = &view.slots[0];
            let number = slot.reading.as_ref().and_then(|reading| reading.value.downcast_ref().copied());
            (view.target.region.to_string(), number, slot.last.is_some(), slot.failures.values().sum())
        };
        estate.targets.iter().map(of).collect()
    }

    fn estate() -> Estate {
        Estate {
            collectors: [].into(),
            stale_after: Duration::ZERO,
            expectations: Arc::default(),
            targets: std::iter::empty().collect(),
            layout: 0,
        }
    }

    #[test]
    fn what_still_counts_is_carried_over_wherever_it_stands() {
        let mut estate = estate();
        let task = TaskId(1);
        let all = |keep| [(1, "eu-west-1", task, keep), (2, "eu-west-2", task, keep), (3, "eu-west-3", task, keep)];
        apply(&mut estate, Event::Arranged(layout(&all(Keep::All))));
        for target in 1..=3 {
            apply(&mut estate, tried(target, task, None));
            apply(&mut estate, tried(target, task, Some(7)));
        }
        let next = TaskId(2);
        let changed = [
            (4, "ap-south-1", next, Keep::All),
            (3, "eu-west-3", next, Keep::Hidden),
            (1, "eu-west-1", task, Keep::All),
        ];
        apply(&mut estate, Event::Arranged(layout(&changed)));
        let expected = [
            ("ap-south-1".to_owned(), None, false, 0),
            ("eu-west-3".to_owned(), None, false, 1),
            ("eu-west-1".to_owned(), Some(7), true, 1),
        ];
        assert_eq!(seen(&estate), expected);
    }

    #[test]
    fn what_an_older_task_still_says_counts_for_nothing() {
        let mut estate = estate();
        apply(&mut estate, Event::Arranged(layout(&[(1, "eu-west-1", TaskId(1), Keep::All)])));
        apply(&mut estate, Event::Arranged(layout(&[(1, "eu-west-1", TaskId(2), Keep::All)])));
        apply(&mut estate, tried(1, TaskId(1), Some(7)));
        apply(&mut estate, tried(9, TaskId(2), Some(7)));
        assert_eq!(seen(&estate), [("eu-west-1".to_owned(), None, false, 0)]);
        apply(&mut estate, tried(1, TaskId(2), Some(8)));
        assert_eq!(seen(&estate), [("eu-west-1".to_owned(), Some(8), true, 0)]);
    }
}
