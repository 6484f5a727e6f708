//! Sections `[collectors.<name>]`: which collectors run, and how often.

use std::time::Duration;

use humantime::format_duration;
use toml::de::DeTable;

use super::mistakes::At;
use super::reader::{Document, Written, duration, flag, refuse_unknown};
use super::section::{Section, Shape, optional};
use super::{Poll, Schedule};
use crate::collectors::ALL;

pub(super) const SECTION: Section = Section {
    name: "collectors",
    shape: Shape::PerCollector,
    about: "Which collectors run, and how often. SES answers most of these questions about once a second for each \
            account and region, and your own programs share that rate: short intervals take from them.",
    // The defaults stand in each collector's declaration.
    keys: &[
        optional("enabled", "true", "Whether it runs."),
        optional("interval", r#""5m""#, "From one reading to the next: \"1s\" to \"1day\"."),
    ],
};

/// SES allows a request a second, so nothing can be read more often. What is read less than daily is no monitoring.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// The last good reading must outlive the failure of two in a row.
const STALE_INTERVALS: u32 = 3;

/// Reads the schedule of every collector, in the order of the table.
pub(super) fn read(document: &mut Document<'_>, poll: &Poll) -> Vec<Schedule> {
    let value = document.root.get(SECTION.name);
    let table = value.and_then(|value| value.get_ref().as_table());
    if let Some(table) = table {
        let known: Vec<_> = ALL.iter().map(|row| row.declaration.name).collect();
        refuse_unknown(table, SECTION.name, "collector", &known, &mut document.notes);
    } else if let Some(value) = value {
        let at = At::Byte(value.span().start);
        document.notes.add(at, SECTION.name, "must hold a section for each collector; write [collectors.<name>]");
    }
    let mut schedules = Vec::new();
    for row in ALL {
        let declared = &row.declaration;
        let path = format!("{}.{}", SECTION.name, declared.name);
        let value = table.and_then(|table| table.get(declared.name));
        let mut section = Written::open(&SECTION, path, value, &mut document.notes);
        schedules.push(Schedule {
            name: declared.name,
            enabled: section.optional("enabled", flag).unwrap_or(declared.enabled),
            interval: section.optional("interval", duration(INTERVAL.0..=INTERVAL.1)).unwrap_or(declared.interval),
        });
    }
    check_any(document, table, &schedules);
    check_after(document, &schedules);
    check_stale_after(document, poll, &schedules);
    schedules
}

/// An agent without collectors would look alive and watch nothing.
fn check_any(document: &mut Document<'_>, table: Option<&DeTable<'_>>, schedules: &[Schedule]) {
    if schedules.iter().any(|schedule| schedule.enabled) {
        return;
    }
    let first = table.and_then(|table| table.values().map(|value| value.span().start).min());
    document.notes.add(At::Byte(first.unwrap_or(0)), SECTION.name, "all collectors are switched off; enable one");
}

/// A collector that builds on one that does not run would fail for ever.
fn check_after(document: &mut Document<'_>, schedules: &[Schedule]) {
    let runs = |name: &str| schedules.iter().any(|schedule| schedule.name == name && schedule.enabled);
    for row in ALL {
        let name = row.declaration.name;
        for needed in row.declaration.after.iter().filter(|needed| runs(name) && !runs(needed)) {
            let key = format!("{}.{needed}.enabled", SECTION.name);
            let at = document.at(&[SECTION.name, needed, "enabled"]).unwrap_or(At::Byte(0));
            document.notes.add(
                at,
                key,
                format!("collector {name} builds on this one; enable it, or switch {name} off too"),
            );
        }
    }
}

/// Told where `stale_after` stands; if the file leaves it out, at the interval that is too long for its default.
fn check_stale_after(document: &mut Document<'_>, poll: &Poll, schedules: &[Schedule]) {
    let enabled = schedules.iter().filter(|schedule| schedule.enabled);
    let Some(longest) = enabled.max_by_key(|schedule| schedule.interval) else { return };
    let interval_key = format!("{}.{}.interval", SECTION.name, longest.name);
    let least = longest.interval.saturating_mul(STALE_INTERVALS);
    if poll.stale_after >= least || !document.notes.spare(&["poll.stale_after", &interval_key]) {
        return;
    }
    let (stale, interval, least) =
        (format_duration(poll.stale_after), format_duration(longest.interval), format_duration(least));
    let name = longest.name;
    match (document.at(&["poll", "stale_after"]), document.at(&[SECTION.name, name, "interval"])) {
        (None, Some(at)) => {
            let what = format!(
                "{interval} is more than a third of poll.stale_after, which is {stale}; set that to \"{least}\" or more"
            );
            document.notes.add(at, interval_key, what);
        }
        (at, _) => {
            let what = format!(
                "{stale} is less than three intervals of collector {name}, each {interval}; set \"{least}\" or more"
            );
            document.notes.add(at.unwrap_or(At::Byte(0)), "poll.stale_after", what);
        }
    }
}
