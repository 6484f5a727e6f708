//! Section `[budget]`: how much the agent asks of AWS at most.

use super::reader::{Document, number, whole};
use super::section::{Section, Shape, key};
use super::{Budget, Schedule, aws};
use crate::collector::Size;
use crate::collectors::{ALL, Row};
use crate::config::mistakes::At;

pub(super) const SECTION: Section = Section {
    name: "budget",
    shape: Shape::Once,
    about: "How much the agent asks of AWS at most. SES answers about one request a second for each account and \
            region, shared with your own programs; what this agent takes, they lack.",
    keys: &[
        key(
            "requests_per_second",
            "0.5",
            "Requests a second in one account and region: 0.01 to 1, up to 1000 with endpoint_url.",
        ),
        key("burst", "2", "Requests that may go out at once in one account and region while starting: 1 to 100."),
        key("max_in_flight", "64", "Requests on their way at once over all accounts and regions: 1 to 1024."),
    ],
};

/// One request in 100 s: slower than that, a listing of many pages never ends.
const SLOWEST: f64 = 0.01;
/// The rate of SES' own limit (Service quotas in Amazon SES: one request a second for most operations).
const OF_AWS: f64 = 1.0;
/// A simulator or emulator has no such limit.
const OF_SIMULATOR: f64 = 1000.0;

/// What every account and region costs at least.
const SMALLEST: Size = Size { identities: 1, configuration_sets: 0 };

pub(super) fn read(document: &mut Document<'_>, schedules: &[Schedule]) -> Budget {
    let simulated = document.at(&[aws::SECTION.name, "endpoint_url"]).is_some();
    let mut section = document.section(&SECTION);
    let budget = Budget {
        requests_per_second: section.get("requests_per_second", number(SLOWEST..=OF_SIMULATOR)),
        // Start-up must not look like an attack; 100 requests at once are a minute and a half of the budget of AWS.
        burst: section.get("burst", whole(1..=100)),
        // Each is an open file; 1024 of them are the soft limit of most systems.
        max_in_flight: section.get("max_in_flight", whole(1..=1024)),
    };
    if budget.requests_per_second > OF_AWS && !simulated {
        let what = "is over AWS' own limit of one request a second; set 0.01 to 1";
        section.note("requests_per_second", what);
    }
    check_enough(document, &budget, schedules);
    budget
}

/// Collectors that ask oftener than the budget lets them fall ever further behind, and their readings grow stale while
/// all looks well.
fn check_enough(document: &mut Document<'_>, budget: &Budget, schedules: &[Schedule]) {
    let rows = ALL.iter().zip(schedules).filter(|(_, schedule)| schedule.enabled);
    let hourly =
        |(row, schedule): (&Row, &Schedule)| (row.declaration.cost)(SMALLEST, schedule.interval).calls_per_hour;
    let needed = rows.map(hourly).sum::<f64>() / 3600.0;
    let mut keys: Vec<String> =
        schedules.iter().map(|schedule| format!("collectors.{}.interval", schedule.name)).collect();
    keys.push(format!("{}.requests_per_second", SECTION.name));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    if needed <= budget.requests_per_second || !document.notes.spare(&keys) {
        return;
    }
    let what = format!(
        "{} a second are too few for the intervals of the collectors, which take {needed:.2} at least in each account and \
         region; set more, or longer intervals",
        budget.requests_per_second
    );
    let at = document.at(&[SECTION.name, "requests_per_second"]).unwrap_or(At::Byte(0));
    document.notes.add(at, format!("{}.requests_per_second", SECTION.name), what);
}
