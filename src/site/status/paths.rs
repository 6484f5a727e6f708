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
    let rows: Vec<_> = all.into_iter().map(|(place, path)| path_row(view, place, path)).collect();
    declared("paths", "Send paths", "[[send_paths]]", &PATHS, &rows)
}

/// Each declared failover, those first that are not ready.
pub(super) fn failovers(view: &View<'_>) -> Markup {
    let all = view.places().flat_map(|place| place.region.judged.failovers.iter().map(move |pair| (place, pair)));
    let mut all: Vec<(Place<'_>, &Standby)> = all.collect();
    all.sort_by_key(|(_, pair)| worst_first(pair.ready));
    let rows: Vec<_> = all.into_iter().map(|(place, pair)| failover_row(view, place, pair)).collect();
    declared("failovers", "Failovers", "[[failover]]", &FAILOVERS, &rows)
}

/// A table of what `key` of the configuration declares.
fn declared(id: &str, title: &str, key: &str, columns: &[&str], rows: &[Markup]) -> Markup {
    let titled = format!("{id}-title");
    html! {
        section id=(id) aria-labelledby=(titled) {
            h2 id=(titled) { (title) }
            @if rows.is_empty() { p { "None is declared: the configuration has no " code { (key) } "." } }
            @else {
                table role="table" aria-labelledby=(titled) {
                    (head(columns))
                    tbody role="rowgroup" { @for row in rows { (row) } }
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
