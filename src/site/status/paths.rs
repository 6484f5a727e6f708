//! Declared send paths and failovers: whether SES would take the mail, why not, and what mends it.

use maud::{Markup, html};

use super::findings::remedy;
use super::links::{Runbook, metrics};
use super::view::{Place, Tone, View, cell, head, word, yes_or_no};
use crate::report::judged::{Path, Standby};

const PATHS: [&str; 5] = ["Send path", "Account, region", "Ready", "Why not, and what mends it", "Go to"];
const FAILOVERS: [&str; 5] = ["Stands by", "Takes over from", "Ready", "Why not", "Go to"];

/// Each declared path in each of its regions, those first that are not ready.
pub(super) fn send_paths(view: &View<'_>) -> Markup {
    let all = view.places().flat_map(|place| place.region.judged.send_paths.iter().map(move |path| (place, path)));
    let mut all: Vec<(Place<'_>, &Path)> = all.collect();
    all.sort_by_key(|(_, path)| worst_first(path.ready));
    html! {
        section #paths aria-labelledby="paths-title" {
            h2 #paths-title { "Send paths" }
            @if all.is_empty() { p { "None is declared: the configuration has no " code { "[[send_paths]]" } "." } }
            @else {
                table role="table" aria-labelledby="paths-title" {
                    (head(&PATHS))
                    tbody role="rowgroup" { @for (place, path) in all { (path_row(view, place, path)) } }
                }
            }
        }
    }
}

/// Each declared failover, those first that are not ready.
pub(super) fn failovers(view: &View<'_>) -> Markup {
    let all = view.places().flat_map(|place| place.region.judged.failovers.iter().map(move |pair| (place, pair)));
    let mut all: Vec<(Place<'_>, &Standby)> = all.collect();
    all.sort_by_key(|(_, pair)| worst_first(pair.ready));
    html! {
        section #failovers aria-labelledby="failovers-title" {
            h2 #failovers-title { "Failovers" }
            @if all.is_empty() { p { "None is declared: the configuration has no " code { "[[failover]]" } "." } }
            @else {
                table role="table" aria-labelledby="failovers-title" {
                    (head(&FAILOVERS))
                    tbody role="rowgroup" { @for (place, pair) in all { (failover_row(view, place, pair)) } }
                }
            }
        }
    }
}

const fn worst_first(ready: Option<bool>) -> u8 {
    match ready {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    }
}

fn path_row(view: &View<'_>, place: Place<'_>, path: &Path) -> Markup {
    let [_, at, ready, why, links] = PATHS;
    let reasons = html! {
        @if path.reasons.is_empty() { span.dim { "-" } }
        @for reason in &path.reasons {
            p { (reason.what) }
            @if let Some(first) = reason.remedies.first() { (remedy(first)) }
        }
    };
    let go_to = html! {
        (metrics(view, place, None))
        @if path.ready == Some(false) { " " (Runbook::SendPathBlocked.link(&path.path)) }
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (path.path) }
            (cell(at, &place.link()))
            (cell(ready, &word(Tone::of(path.ready), yes_or_no(path.ready))))
            (cell(why, &reasons))
            (cell(links, &go_to))
        }
    }
}

fn failover_row(view: &View<'_>, place: Place<'_>, pair: &Standby) -> Markup {
    let [_, primary, ready, why, links] = FAILOVERS;
    let reasons: Vec<String> = pair.reasons.iter().map(|reason| reason.as_str().replace('_', " ")).collect();
    let reasons = if reasons.is_empty() { "-".to_owned() } else { reasons.join(", ") };
    let go_to = html! {
        (metrics(view, place, None))
        @if pair.ready == Some(false) { " " (Runbook::FailoverNotReady.link(&place.region.region)) }
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (place.link()) }
            (cell(primary, &html! { (pair.primary) }))
            (cell(ready, &word(Tone::of(pair.ready), yes_or_no(pair.ready))))
            (cell(why, &html! { (reasons) }))
            (cell(links, &go_to))
        }
    }
}
