//! What is known of all identities of a target, and what the next slice is to ask.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::details::{Details, Oldest};
use super::pace::{BATCH, BATCHES, Pace, due, first};
use crate::aws::Failure;
use crate::collector::slices::{Refusals, pass_is_due};
use crate::collectors::identities;

/// Every identity that the list had at the last slice, with what has been read of it so far.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// By name.
    pub identities: BTreeMap<Arc<str>, Arc<Details>>,
    /// Label value and name of those that bear series, sorted by label.
    shown: Vec<(Arc<str>, Arc<str>)>,
    /// When the last pass of batches began.
    pass_began: Option<SystemTime>,
    /// The last name that this pass has read; none between two passes.
    pass_at: Option<Arc<str>>,
    /// The questions that AWS refuses.
    pub(super) refusals: Refusals,
    /// A batch of the last slice whose answer made no sense.
    pub(super) odd: Option<Failure>,
    /// From one slice to the next.
    pub(super) interval: Duration,
}

impl Reading {
    /// The last reading, or none, brought in line with the list of identities.
    pub(super) fn following(
        previous: Option<&Self>,
        list: &identities::Reading,
        interval: Duration,
        now: SystemTime,
    ) -> Self {
        let mut reading = previous.cloned().unwrap_or_default();
        let oldest = oldest(list.identities.len(), interval, now);
        let mut before = std::mem::take(&mut reading.identities);
        for identity in &list.identities {
            let mut details = before.remove(&identity.name).unwrap_or_default();
            if details.identity_type != identity.identity_type || details.status != identity.status {
                Arc::make_mut(&mut details).listed(&identity.identity_type, identity.status.as_ref());
            }
            if details.is_outdated(oldest) {
                Arc::make_mut(&mut details).forget(oldest);
            }
            reading.identities.insert(Arc::clone(&identity.name), details);
        }
        reading.shown = list.shown().map(|(label, identity)| (Arc::clone(label), Arc::clone(&identity.name))).collect();
        reading.interval = interval;
        reading.odd = None;
        reading
    }

    /// Label value and details of those that bear series, sorted by label.
    pub fn shown(&self) -> impl Iterator<Item = (&Arc<str>, &Details)> {
        self.shown.iter().filter_map(|(label, name)| Some((label, &**self.identities.get(name)?)))
    }

    /// The batches of this slice: the next in the pass, which goes by name. A pass that is over rests.
    pub(super) fn batches(&mut self, now: SystemTime) -> Vec<Vec<Arc<str>>> {
        let after = match self.pass_at.take() {
            Some(name) => Bound::Excluded(name),
            None if pass_is_due(self.pass_began, now, self.interval) => {
                self.pass_began = Some(now);
                Bound::Unbounded
            }
            None => return Vec::new(),
        };
        let mut rest = self.identities.range((after, Bound::Unbounded)).map(|(name, _)| Arc::clone(name));
        let slice: Vec<_> = rest.by_ref().take((BATCH * BATCHES) as usize).collect();
        let more = rest.next().is_some();
        self.pass_at = slice.last().filter(|_| more).cloned();
        slice.chunks(BATCH as usize).map(<[_]>::to_vec).collect()
    }

    /// The names of those to describe, at most so many, the most urgent first; nobody but `only`, if there are such.
    pub(super) fn due(&self, now: SystemTime, only: Option<&[String]>, most: u32) -> Vec<Arc<str>> {
        let wanted = |name: &str| only.is_none_or(|only| only.iter().any(|one| one.eq_ignore_ascii_case(name)));
        let due = |(name, details): (&Arc<str>, &Arc<Details>)| {
            Some((due(details, now, self.interval)?, details.is_address(), Arc::clone(name)))
        };
        first(self.identities.iter().filter(|(name, _)| wanted(name)).filter_map(due).collect(), most)
    }

    /// Takes an answer about one identity; one about an identity that is not on the list is nobody's.
    pub(super) fn update(&mut self, name: &str, take: impl FnOnce(&mut Details)) {
        if let Some(details) = self.identities.get_mut(name) {
            take(Arc::make_mut(details));
        }
    }

    /// What the last slice lacks, if anything.
    pub(super) fn lacks(&self) -> Option<Failure> {
        let unreadable = || self.identities.values().find_map(|details| details.unreadable.as_ref()?.1.clone());
        self.refusals.told().or_else(|| self.odd.clone()).or_else(unreadable)
    }
}

/// An answer counts for two passes or rounds: one that fails is nothing yet. At the beginning of time nothing is old.
fn oldest(identities: usize, interval: Duration, now: SystemTime) -> Oldest {
    let pace = Pace::of(identities, interval);
    let before = |span: Duration| now.checked_sub(span * 2).unwrap_or(SystemTime::UNIX_EPOCH);
    Oldest { heard: before(pace.pass), described: before(pace.round) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::identities::{Identity, Settings};
    use crate::collectors::identity_details::details::Described;

    const MINUTE: Duration = Duration::from_mins(1);

    fn list(names: &[&str], status: &str) -> identities::Reading {
        let identity = |name: &&str| Identity {
            name: Arc::from(*name),
            identity_type: Arc::from(if name.contains('@') { "email_address" } else { "domain" }),
            status: Some(Arc::from(status)),
            sending_enabled: true,
        };
        identities::Reading::new(names.iter().map(identity).collect(), &Settings::default())
    }

    fn many(count: usize) -> identities::Reading {
        let names: Vec<String> = (0..count).map(|number| format!("domain-{number:05}.test")).collect();
        list(&names.iter().map(String::as_str).collect::<Vec<_>>(), "SUCCESS")
    }

    fn at(minute: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + MINUTE * (1_000_000 + minute)
    }

    fn describe(reading: &mut Reading, names: &[Arc<str>], now: SystemTime) {
        for name in names {
            reading.update(name, |details| {
                details.described = Some(Described::at(now));
                details.changed = false;
            });
        }
    }

    #[test]
    fn a_pass_reads_everyone_once_and_rests_until_the_next() {
        let list = many(10_000);
        let mut reading = Reading::default();
        let (mut batches, mut seen) = (0, std::collections::HashSet::new());
        for minute in 0..50 {
            reading = Reading::following(Some(&reading), &list, MINUTE, at(minute));
            for batch in reading.batches(at(minute)) {
                batches += 1;
                seen.extend(batch);
            }
        }
        assert_eq!((batches, seen.len()), (100, 10_000), "300 calls, for three questions");
        assert_eq!(reading.batches(at(50)).len(), 2, "a pass that took longer than its rest is followed by the next");
    }

    #[test]
    fn a_small_region_is_read_once_in_fifteen_slices() {
        let list = many(70);
        let mut reading = Reading::default();
        let batches: Vec<usize> = (0..31)
            .map(|minute| {
                reading = Reading::following(Some(&reading), &list, MINUTE, at(minute));
                reading.batches(at(minute)).len()
            })
            .collect();
        assert_eq!(batches.iter().sum::<usize>(), 3);
        assert_eq!((batches[0], batches[15], batches[30]), (1, 1, 1));
    }

    /// So many slices, described as they come: the calls in all, the most in one slice, and what is known then.
    fn walk(identities: usize, slices: u32) -> (u32, u32, Reading) {
        let list = many(identities);
        let mut reading = Reading::default();
        let (mut calls, mut most) = (0, 0);
        for now in (0..slices).map(at) {
            reading = Reading::following(Some(&reading), &list, MINUTE, now);
            let batches = u32::try_from(reading.batches(now).len() * 3).unwrap();
            let due = reading.due(now, None, 10 - batches);
            describe(&mut reading, &due, now);
            let asked = batches + u32::try_from(due.len()).unwrap();
            (calls, most) = (calls + asked, most.max(asked));
        }
        (calls, most, reading)
    }

    #[test]
    fn the_largest_region_costs_ten_calls_a_slice() {
        let (calls, most, _) = walk(10_000, 100);
        assert_eq!((calls, most), (1_000, 10));
    }

    #[test]
    fn one_round_describes_everyone_and_costs_what_the_pace_says() {
        let (first, _, reading) = walk(300, 360);
        assert!(reading.identities.values().all(|details| details.described.is_some()), "one round is over");
        let (second, ..) = walk(300, 720);
        let hourly = f64::from(second - first) / 6.0;
        let said = crate::collectors::identity_details::pace::Pace::of(300, MINUTE).calls_per_hour;
        assert!((hourly / said - 1.0).abs() < 0.02, "{hourly} calls an hour, {said} were said");
    }

    #[test]
    fn the_urgent_come_first() {
        let now = at(100);
        let list = list(&["a.test", "b.test", "c.test", "z.test", "eve@a.test"], "SUCCESS");
        let mut reading = Reading::following(None, &list, MINUTE, now);
        assert_eq!(reading.due(now, None, 9).len(), 5, "all are new");
        let only = ["EVE@a.test".to_owned(), "nobody.test".to_owned()];
        assert_eq!(reading.due(now, Some(&only), 9), [Arc::from("eve@a.test")]);
        assert_eq!(
            reading.due(now, None, 9).last().map(|name| &**name),
            Some("eve@a.test"),
            "domains before addresses"
        );
        let (old, lately) = (at(0), at(99));
        describe(&mut reading, &["a.test".into(), "b.test".into()], old);
        describe(&mut reading, &["c.test".into(), "z.test".into(), "eve@a.test".into()], lately);
        reading.update("b.test", |details| details.status = Some(Arc::from("FAILED")));
        reading.update("z.test", |details| details.changed = true);
        let due = reading.due(now, None, 9);
        assert_eq!(due.iter().map(|name| &**name).collect::<Vec<_>>(), ["z.test", "b.test"]);
    }

    #[test]
    fn one_that_can_not_be_read_makes_way_for_the_others_until_the_next_pass() {
        let mut reading = Reading::following(None, &list(&["a.test", "b.test"], "SUCCESS"), MINUTE, at(0));
        let failure = Failure::unexpected("garbage");
        reading.update("a.test", |details| details.unreadable = Some((at(0), Some(failure.clone()))));
        assert_eq!(reading.lacks(), Some(failure));
        assert_eq!(reading.due(at(1), None, 9), [Arc::from("b.test")]);
        describe(&mut reading, &["b.test".into()], at(1));
        assert_eq!(reading.due(at(14), None, 9), []);
        assert_eq!(reading.due(at(15), None, 9), [Arc::from("a.test")]);
    }

    #[test]
    fn those_that_are_not_well_leave_half_of_a_slice_to_the_others() {
        let names: Vec<String> = (0..100).map(|number| format!("bad-{number:03}.test")).collect();
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.push("good.test");
        let now = at(400);
        let mut reading = Reading::following(None, &list(&names, "SUCCESS"), MINUTE, now);
        let all: Vec<Arc<str>> = reading.identities.keys().cloned().collect();
        describe(&mut reading, &all, at(0));
        for name in all.iter().filter(|name| name.starts_with("bad")) {
            reading.update(name, |details| details.status = Some(Arc::from("FAILED")));
        }
        let due = reading.due(now, None, 4);
        assert_eq!(due.len(), 4);
        assert!(due.contains(&Arc::from("good.test")), "{due:?}");
    }

    #[test]
    fn what_leaves_the_list_is_forgotten_and_what_changes_there_is_described() {
        let mut reading = Reading::following(None, &list(&["a.test", "b.test"], "SUCCESS"), MINUTE, at(0));
        describe(&mut reading, &["a.test".into(), "b.test".into()], at(0));
        let reading = Reading::following(Some(&reading), &list(&["a.test"], "FAILED"), MINUTE, at(1));
        assert_eq!(reading.identities.len(), 1);
        assert_eq!(reading.due(at(1), None, 9), [Arc::from("a.test")]);
    }
}
