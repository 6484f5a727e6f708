//! How fresh the readings are: a row for each collector, and every place where it fails or is stale.

use std::time::Duration;

use maud::{Markup, html};

use super::view::{Place, Tone, View, ago, cell, head, word};
use crate::estate::Slot;
use crate::report::tried::{Outcome, Tried};
use crate::report::words::{counted, outcome};

const COLUMNS: [&str; 5] = ["Collector", "Read", "Newest", "Oldest", "What is missing"];
/// So many places are told of a collector; the row of each region has its own.
const MOST_PLACES: usize = 50;

/// What became of one collector everywhere.
#[derive(Default)]
struct Sum<'a> {
    polled: usize,
    good: usize,
    newest: Option<Duration>,
    oldest: Option<Duration>,
    /// Where it fails or is stale.
    wanting: Vec<(Place<'a>, &'a Tried, &'a Slot)>,
}

/// All collectors that run.
pub(super) fn section(view: &View<'_>) -> Markup {
    let mut sums: Vec<Sum<'_>> = view.estate.collectors.iter().map(|_| Sum::default()).collect();
    for place in view.places().filter(|place| place.region.skipped.is_none()) {
        for (sum, (tried, slot)) in sums.iter_mut().zip(place.collectors()) {
            sum.add(view, place, tried, slot);
        }
    }
    html! {
        section #freshness aria-labelledby="freshness-title" {
            h2 #freshness-title { "Freshness" }
            table role="table" aria-labelledby="freshness-title" {
                (head(&COLUMNS))
                tbody role="rowgroup" {
                    @for (collector, sum) in view.estate.collectors.iter().zip(&sums) {
                        (row(view, collector.declaration().name, sum))
                    }
                }
            }
        }
    }
}

impl<'a> Sum<'a> {
    fn add(&mut self, view: &View<'_>, place: Place<'a>, tried: &'a Tried, slot: &'a Slot) {
        self.polled += 1;
        if let Some(age) = view.age(slot) {
            self.newest = Some(self.newest.map_or(age, |newest| newest.min(age)));
            self.oldest = Some(self.oldest.map_or(age, |oldest| oldest.max(age)));
        }
        if tried.outcome == Outcome::Ok && !view.is_stale(slot) {
            self.good += 1;
        } else {
            self.wanting.push((place, tried, slot));
        }
    }
}

fn row(view: &View<'_>, name: &str, sum: &Sum<'_>) -> Markup {
    let [_, read, newest, oldest, missing] = COLUMNS;
    let tone = if sum.good == sum.polled { Tone::Good } else { Tone::Warn };
    let age = |time: Option<Duration>| html! { (time.map_or_else(|| "never".to_owned(), ago)) };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (name) }
            (cell(read, &word(tone, &format!("{} of {}", sum.good, sum.polled))))
            (cell(newest, &age(sum.newest)))
            (cell(oldest, &age(sum.oldest)))
            (cell(missing, &wanting(view, sum)))
        }
    }
}

fn wanting(view: &View<'_>, sum: &Sum<'_>) -> Markup {
    let all = &sum.wanting;
    html! {
        @if all.is_empty() { span.dim { "nothing" } }
        @else {
            details {
                summary { (counted(all.len(), "region")) }
                ul {
                    @for (place, tried, slot) in all.iter().take(MOST_PLACES) {
                        li {
                            (place.link()) ": " (trouble(view, tried, slot))
                            @if let Some(failure) = &tried.failure { ": " (failure) }
                        }
                    }
                    @if all.len() > MOST_PLACES { li { (all.len() - MOST_PLACES) " more" } }
                }
            }
        }
    }
}

/// Why a reading is missing, and how old the last one is.
pub(super) fn trouble(view: &View<'_>, tried: &Tried, slot: &Slot) -> String {
    let why = outcome(tried).unwrap_or_else(|| "stale".to_owned());
    match view.age(slot) {
        Some(age) if view.is_stale(slot) => format!("{why}, stale, read {}", ago(age)),
        Some(age) => format!("{why}, read {}", ago(age)),
        None if tried.outcome == Outcome::NotTried => why,
        None => format!("{why}, never read"),
    }
}
