//! The frame of the status page: the answer, the way to its parts, and what else there is to look at.

use std::collections::HashSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::asked::Asked;
use super::view::{Tone, View};
use super::{STYLE, findings, freshness, identities, matrix, paths};
use crate::report::findings::Severity;
use crate::report::words::counted;

/// The parts, by anchor and name, in their order.
const PARTS: [(&str, &str); 6] = [
    ("mend", "To mend"),
    ("regions", "Regions"),
    ("identities", "Identities"),
    ("paths", "Send paths"),
    ("failovers", "Failovers"),
    ("freshness", "Freshness"),
];

/// What was built.
const REVISION: &str = match option_env!("SES_EXPORTER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The page.
pub(super) fn page(view: &View<'_>, asked: &Asked, looking: bool) -> Markup {
    let (tone, answer) = answer(view, looking);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (answer) " – SES Exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(view, asked, tone, &answer))
                main {
                    (findings::section(view))
                    (matrix::section(view, asked))
                    (identities::section(view, asked))
                    (paths::send_paths(view))
                    (paths::failovers(view))
                    (freshness::section(view))
                }
                (footer(view))
            }
        }
    }
}

fn header(view: &View<'_>, asked: &Asked, tone: Tone, answer: &str) -> Markup {
    let skipped = view.places().filter(|place| place.region.skipped.is_some()).count();
    let read = view.places().filter(|place| place.region.sending.is_some()).count();
    let wanting = view.places().filter(|place| place.is_wanting(view)).count();
    let of = format!("{}, {} read", counted(view.report.accounts.len(), "account"), counted(read, "region"));
    html! {
        header {
            p.product { "SES Exporter" }
            h1 class=(tone.class()) { (answer) }
            p {
                (of)
                @if skipped > 0 { ", " (skipped) " skipped" }
                @if wanting > 0 {
                    ". " a.warn href="#freshness" { "The last look fell short in " (counted(wanting, "region")) }
                }
                @if let Some(now) = view.now { ". As of " time datetime=(now) { (now) } "." }
                " " (refresh(asked))
            }
            nav aria-label="Parts of this page" {
                ul { @for (anchor, name) in PARTS { li { a href={ "#" (anchor) } { (name) } } } }
            }
        }
    }
}

/// Nobody is interrupted who has not asked for it.
fn refresh(asked: &Asked) -> Markup {
    let other = Asked { refresh: !asked.refresh, ..asked.clone() };
    html! {
        @if asked.refresh { "It looks again every minute. " }
        a href=(other.link("")) { @if asked.refresh { "Stop that" } @else { "Look again every minute" } }
    }
}

/// One sentence: can what is in use send?
fn answer(view: &View<'_>, looking: bool) -> (Tone, String) {
    let with = |severity| {
        let findings = view.report.findings.iter().filter(move |finding| finding.severity == severity);
        findings.flat_map(|one| one.regions.iter().map(move |region| (one.account.as_deref(), region.as_str())))
    };
    let broken: HashSet<_> = with(Severity::CanNotSend).collect();
    let untold: HashSet<_> = with(Severity::CouldNotTell).collect();
    let is_broken = |account: Option<&str>, region: &str| broken.contains(&(account, region));
    let used = view
        .places()
        .filter(|place| place.matters() || is_broken(place.account.account.as_deref(), &place.region.region));
    let used = used.count();
    let to_look_at = view.report.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    match view.report.verdict {
        _ if looking => (Tone::Unknown, still_looking(view)),
        Severity::CanNotSend => (Tone::Bad, can_not_send(broken.len(), used)),
        Severity::NotAsDeclared => {
            let unlike: HashSet<_> = with(Severity::NotAsDeclared).collect();
            let unlike = counted(unlike.len(), "region");
            (Tone::Bad, format!("{}, {unlike} not as declared", can_send(used)))
        }
        Severity::CouldNotTell if untold.is_empty() => {
            (Tone::Unknown, "No fault is known, but not everything could be read".to_owned())
        }
        Severity::CouldNotTell => {
            let untold = counted(untold.len(), "region");
            (Tone::Unknown, format!("No fault is known, but {untold} could not be read in full"))
        }
        Severity::Warning => (Tone::Warn, format!("{}, {} to look at", can_send(used), counted(to_look_at, "thing"))),
        Severity::AllWell => (Tone::Good, can_send(used)),
    }
}

fn still_looking(view: &View<'_>) -> String {
    let silent = view.places().filter(|place| place.target.slots.iter().all(|slot| slot.last.is_none())).count();
    match silent {
        0 => "The first look is not over: not everything has been read yet".to_owned(),
        silent => format!("The first look is not over: {} did not answer yet", counted(silent, "region")),
    }
}

fn can_not_send(broken: usize, used: usize) -> String {
    let should = if broken == 1 { "it should" } else { "they should" };
    format!("{broken} of {} in use cannot send as {should}", counted(used, "region"))
}

fn can_send(used: usize) -> String {
    match used {
        0 => "No region is in use".to_owned(),
        1 => "The one region in use can send".to_owned(),
        used => format!("All {used} regions in use can send"),
    }
}

fn footer(view: &View<'_>) -> Markup {
    let links = [
        (view.metrics.as_str(), "Metrics"),
        ("./api/v1/check", "Report as JSON"),
        ("./api/v1/estate", "Facts as JSON"),
        ("./config", "Configuration"),
        ("./-/healthy", "Health"),
        ("./-/ready", "Readiness"),
    ];
    html! {
        footer {
            p { "ses-exporter " (env!("CARGO_PKG_VERSION")) ", revision " (REVISION) }
            nav aria-label="Other pages" { ul { @for (to, name) in links { li { a href=(to) { (name) } } } } }
        }
    }
}
