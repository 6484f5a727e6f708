//! The regions of every account: whether each may send, how much of its quota is used, and what is known of it.
//!
//! Regions as AWS hands them out, which nobody uses, are told in one row of their account, and so are those left alone.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::asked::Asked;
use super::freshness::trouble;
use super::links::{Console, Runbook, console, metrics};
use super::view::{Place, Tone, View, ago, cell, head, word};
use crate::estate::Slot;
use crate::report::findings::MUCH;
use crate::report::region::{Expected, Region, Sending};
use crate::report::tried::{Outcome, Tried};
use crate::report::words::{NOT_KNOWN, NOTHING, counted, dns, expected, is_idle, quota, state};

const COLUMNS: [&str; 8] =
    ["Region", "Sending", "Quota of 24 hours", "Identities", "DNS", "As declared", "Read", "Go to"];
/// Beyond this many rows a page is a burden, and the facts tell more.
const MOST_ROWS: usize = 2000;
/// A few regions that nobody uses have their rows; dozens would bury the others.
const FEW_IDLE: usize = 3;

/// All accounts.
pub(super) fn section(view: &View<'_>, asked: &Asked) -> Markup {
    let mut accounts: Vec<Vec<Place<'_>>> = Vec::new();
    for place in view.places().take(MOST_ROWS) {
        match accounts.last_mut() {
            Some(same) if same.first().is_some_and(|first| std::ptr::eq(first.account, place.account)) => {
                same.push(place);
            }
            _ => accounts.push(vec![place]),
        }
    }
    let more = view.estate.targets.len().saturating_sub(MOST_ROWS);
    html! {
        section #regions aria-labelledby="regions-title" {
            h2 #regions-title { "Regions" }
            table role="table" aria-labelledby="regions-title" {
                (head(&COLUMNS))
                @for places in &accounts { (account(view, asked, places)) }
            }
            @if more > 0 { p { (counted(more, "region")) " more: " a href="./api/v1/estate" { "facts as JSON" } } }
        }
    }
}

fn account(view: &View<'_>, asked: &Asked, places: &[Place<'_>]) -> Markup {
    let (skipped, polled): (Vec<Place<'_>>, Vec<_>) = places.iter().partition(|place| place.region.skipped.is_some());
    let (idle, others): (Vec<Place<'_>>, Vec<_>) = polled.iter().partition(|place| is_idle(place.region));
    let folded = idle.len() > FEW_IDLE;
    let shown = if folded { &others } else { &polled };
    html! {
        tbody role="rowgroup" {
            @if let Some(first) = places.first() {
                tr.account role="row" {
                    th scope="rowgroup" role="rowheader" colspan=(COLUMNS.len()) aria-colspan=(COLUMNS.len()) {
                        (name(*first))
                    }
                }
            }
            @for place in shown { (row(view, asked, *place)) }
            @if folded { (fold(&idle)) }
            @if !skipped.is_empty() { (left_alone(&skipped)) }
        }
    }
}

fn name(place: Place<'_>) -> Markup {
    let name = place.account_name();
    let id = place.account.account_id.as_deref().filter(|id| *id != name);
    html! {
        (name) @if let Some(id) = id { " " span.dim { (id) } }
        @match (&place.account.role, &place.account.caller) {
            (Some(role), _) => span.dim { " by the role " (role) },
            (None, Some(caller)) => span.dim { " as " (caller) },
            (None, None) => "",
        }
    }
}

fn fold(idle: &[Place<'_>]) -> Markup {
    html! {
        tr role="row" {
            td.wide role="cell" colspan=(COLUMNS.len()) aria-colspan=(COLUMNS.len()) {
                details {
                    summary { (counted(idle.len(), "region")) " in the sandbox, with nothing declared, and not in use" }
                    ul.inline {
                        @for place in idle { li #{ "target-" (place.number) } { (place.region.region) } }
                    }
                }
            }
        }
    }
}

fn left_alone(skipped: &[Place<'_>]) -> Markup {
    let mut reasons: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
    for place in skipped {
        reasons.entry(place.region.skipped.as_deref().unwrap_or_default()).or_default().push(*place);
    }
    html! {
        tr role="row" {
            td.wide role="cell" colspan=(COLUMNS.len()) aria-colspan=(COLUMNS.len()) {
                @for (reason, places) in &reasons {
                    details {
                        summary { (counted(places.len(), "region")) " skipped: " (reason.replace('_', " ")) }
                        ul.inline {
                            @for place in places { li #{ "target-" (place.number) } { (place.region.region) } }
                        }
                    }
                }
            }
        }
    }
}

fn row(view: &View<'_>, asked: &Asked, place: Place<'_>) -> Markup {
    let region = place.region;
    let [_, sending, quota, identities, dns_column, declared, read, links] = COLUMNS;
    html! {
        tr role="row" #{ "target-" (place.number) } {
            th scope="row" role="rowheader" { (region.region) }
            (cell(sending, &self::sending(view, region)))
            (cell(quota, &self::quota_used(place)))
            (cell(identities, &self::identities(asked, place)))
            (cell(dns_column, &word(dns_tone(region), &dns(region))))
            (cell(declared, &self::declared(region)))
            (cell(read, &self::read(view, place)))
            (cell(links, &html! {
                (metrics(view, place, None)) " " (console(&region.region, Console::Account))
                @if let Some(runbook) = runbook(view, place) { " " (runbook.link(&region.region)) }
            }))
        }
    }
}

fn sending(view: &View<'_>, region: &Region) -> Markup {
    let Some(sending) = &region.sending else { return word(Tone::Unknown, "not known") };
    let paused = is_paused(sending);
    let as_declared = region.expected.as_ref().is_some_and(|declared| declared.as_expected == Some(true));
    let tone = match (paused, sending.enforcement.as_str()) {
        (true, _) => Tone::Bad,
        (false, "HEALTHY") if sending.production || as_declared => Tone::Good,
        _ => Tone::Warn,
    };
    let base = if sending.production { "production" } else { "sandbox" };
    let words = match sending.enforcement.as_str() {
        "PROBATION" if !paused => format!("{base}, under review (probation)"),
        "SHUTDOWN" => state(sending),
        _ if paused => "paused by you".to_owned(),
        _ => state(sending),
    };
    let since = sending.since.and_then(|since| match (paused, sending.enforcement.as_str()) {
        (true, "SHUTDOWN") | (false, "PROBATION") => since.enforcement,
        (true, _) => since.enabled,
        _ => since.production,
    });
    html! {
        (word(tone, &words))
        @if let Some(since) = view.since(since) { " " span.note { (since) } }
    }
}

fn is_paused(sending: &Sending) -> bool {
    sending.enforcement == "SHUTDOWN" || !sending.enabled
}

/// In words, with a bar where there is a limit.
fn quota_used(place: Place<'_>) -> Markup {
    let Some(sending) = &place.region.sending else { return html! { (NOT_KNOWN) } };
    html! {
        (quota(sending))
        @if let Some(used) = sending.quota_used {
            " " meter min="0" max="1" optimum="0" low=(MUCH) high="0.95" value={ (used.clamp(0.0, 1.0)) }
                aria-label={ "Quota used in " (place.region.region) } {}
            " " span.note { (format!("{:.0}\u{a0}%", used * 100.0)) }
        }
        @if let Some(at) = &place.region.judged.quota_exhausted_at { " " span.warn { "used up at " span.short { (at) } } }
    }
}

fn identities(asked: &Asked, place: Place<'_>) -> Markup {
    let Some(counted) = &place.region.identities else { return html! { (NOT_KNOWN) } };
    if counted.all == 0 {
        return html! { (NOTHING) };
    }
    let can_not = counted.can_not_send.len();
    let here = asked.at(place.account.account.as_deref().unwrap_or_default(), &place.region.region);
    html! {
        a href=(here.link("#identities")) { (counted.verified) " of " (counted.all) " verified" }
        @if can_not > 0 { " " (word(Tone::Bad, &format!("{can_not} cannot send"))) }
    }
}

fn dns_tone(region: &Region) -> Tone {
    match &region.dns {
        Some(dns) if !dns.wrong.is_empty() => Tone::Bad,
        Some(dns) if dns.right > 0 => Tone::Good,
        _ => Tone::Dim,
    }
}

fn declared(region: &Region) -> Markup {
    let Some(declared) = &region.expected else { return html! { (NOTHING) } };
    let missing = !declared.missing.is_empty() || !declared.unexpected.is_empty();
    let tone = match declared.as_expected {
        Some(true) if missing => Tone::Warn,
        holds => Tone::of(holds),
    };
    html! { span.short { (declared.state) ": " (word(tone, &expected(region))) } }
}

/// That all is fresh and how old the oldest is, or else what is not.
fn read(view: &View<'_>, place: Place<'_>) -> Markup {
    let wanting = |(tried, slot): &(&Tried, &Slot)| tried.outcome != Outcome::Ok || view.is_stale(slot);
    let oldest = place.collectors().filter_map(|(_, slot)| view.age(slot)).max();
    html! {
        @if place.collectors().any(|both| wanting(&both)) {
            ul.plain {
                @for (tried, slot) in place.collectors().filter(wanting) {
                    li.warn { (tried.collector) ": " (trouble(view, tried, slot)) }
                }
            }
        } @else if let Some(oldest) = oldest { span.short { "all, " (ago(oldest)) } }
    }
}

/// The one about the worst that is so.
fn runbook(view: &View<'_>, place: Place<'_>) -> Option<Runbook> {
    let region = place.region;
    let outcome = |outcome| region.collectors.iter().any(|tried| tried.outcome == outcome);
    let of_sending = region.sending.as_ref().and_then(|sending| of_sending(region, sending));
    let in_time = || place.collectors().all(|(_, slot)| !view.is_stale(slot));
    match of_sending {
        Some(runbook) => Some(runbook),
        None if region.sending.is_none() && region.expected.is_some() => Some(Runbook::DeclaredRegionUnreadable),
        None if outcome(Outcome::Denied) => Some(Runbook::AccessDenied),
        None if !in_time() => Some(Runbook::CollectorStale),
        None if outcome(Outcome::Failed) || outcome(Outcome::Partly) => Some(Runbook::CollectorFailing),
        None if region.expected.as_ref().is_some_and(|declared| !declared.missing.is_empty()) => {
            Some(Runbook::ExpectedIdentityNotVerified)
        }
        None if region.dns.as_ref().is_some_and(|dns| !dns.wrong.is_empty()) => Some(Runbook::DnsRecordWrong),
        None => None,
    }
}

fn of_sending(region: &Region, sending: &Sending) -> Option<Runbook> {
    let declared = region.expected.as_ref();
    let broken = declared.filter(|declared| declared.as_expected == Some(false));
    match (broken, sending.quota_used) {
        _ if is_paused(sending) => Some(Runbook::SendingPaused),
        _ if sending.enforcement != "HEALTHY" => Some(Runbook::UnderReview),
        (Some(declared), _) => Some(of_broken(declared, sending)),
        (None, Some(used)) if used >= 1.0 => Some(Runbook::QuotaExhausted),
        (None, Some(used)) if used > MUCH => Some(Runbook::QuotaHigh),
        _ if declared.is_none() && !sending.production && region.in_use() => Some(Runbook::RegionInSandbox),
        _ => None,
    }
}

/// What was declared is not so.
fn of_broken(declared: &Expected, sending: &Sending) -> Runbook {
    match (&*declared.state, sending.production, sending.review.as_deref()) {
        ("production", false, Some("PENDING")) => Runbook::ProductionAccessReviewPending,
        ("production", false, Some("DENIED")) => Runbook::ProductionAccessDenied,
        ("production", false, Some("FAILED")) => Runbook::ProductionAccessReviewFailed,
        ("production", false, _) => Runbook::ProductionAccessMissing,
        ("production", true, _) => Runbook::QuotaBelowDeclared,
        _ => Runbook::UnexpectedRegionActive,
    }
}
