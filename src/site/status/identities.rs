//! The identities, a page at a time: those with a fault first, each with what is wrong.
//!
//! There may be a million of them. They are gone through twice, a region at a time, so that only one region's and those
//! that are shown are in memory.

use maud::{Markup, html};

use super::asked::Asked;
use super::links::{Console, Runbook, console, metrics};
use super::view::{Place, Tone, View, cell, code, head, word, yes_or_no};
use crate::reference::thousands;
use crate::report::estate::{Identity, identities};
use crate::report::region::Wrong;

const COLUMNS: [&str; 8] =
    ["Identity", "Account, region", "Can send", "Verification", "DKIM", "MAIL FROM", "DNS records", "Go to"];
/// On a page: as many as one scrolls through.
const PER_PAGE: usize = 50;
/// In the order of the pages.
const FAULTY_FIRST: [bool; 2] = [true, false];

/// One page of those that were asked for.
struct Found<'a> {
    rows: Vec<(Place<'a>, Identity)>,
    all: usize,
    faulty: usize,
    page: usize,
    pages: usize,
}

/// The form, and what it finds.
pub(super) fn section(view: &View<'_>, asked: &Asked) -> Markup {
    let found = Found::of(view, asked);
    html! {
        section #identities aria-labelledby="identities-title" {
            h2 #identities-title { "Identities" }
            (form(asked))
            p role="status" { (summary(asked, &found)) }
            @if !found.rows.is_empty() {
                table role="table" aria-labelledby="identities-title" {
                    (head(&COLUMNS))
                    tbody role="rowgroup" { @for (place, identity) in &found.rows { (row(view, *place, identity)) } }
                }
            }
            (pager(asked, &found))
        }
    }
}

impl<'a> Found<'a> {
    fn of(view: &'a View<'_>, asked: &Asked) -> Self {
        let wanted: Vec<(Place<'a>, usize, usize)> = view
            .places()
            .filter(|place| is_place(asked, *place))
            .map(|place| {
                let all = matching(view, asked, place);
                let faulty = all.iter().filter(|identity| is_faulty(place, identity)).count();
                (place, faulty, all.len() - faulty)
            })
            .collect();
        let faulty: usize = wanted.iter().map(|(_, faulty, _)| faulty).sum();
        let all = faulty + wanted.iter().map(|(_, _, well)| well).sum::<usize>();
        let pages = all.div_ceil(PER_PAGE).max(1);
        let page = asked.page.clamp(1, pages);
        let mut skip = (page - 1) * PER_PAGE;
        let mut rows = Vec::new();
        for wants_faulty in FAULTY_FIRST {
            for (place, faulty, well) in &wanted {
                let there = if wants_faulty { *faulty } else { *well };
                if skip >= there || rows.len() >= PER_PAGE {
                    skip = skip.saturating_sub(there);
                    continue;
                }
                let kind = matching(view, asked, *place).into_iter();
                let kind = kind.filter(|identity| is_faulty(*place, identity) == wants_faulty);
                rows.extend(kind.skip(skip).take(PER_PAGE - rows.len()).map(|identity| (*place, identity)));
                skip = 0;
            }
        }
        Self { rows, all, faulty, page, pages }
    }
}

fn is_place(asked: &Asked, place: Place<'_>) -> bool {
    let account = place.account.account.as_deref().unwrap_or_default();
    let is = |wanted: &str, there: &str| wanted.is_empty() || wanted == there;
    is(&asked.account, account) && is(&asked.region, &place.region.region)
}

fn matching(view: &View<'_>, asked: &Asked, place: Place<'_>) -> Vec<Identity> {
    let part = asked.identity.to_lowercase();
    let mut all = identities(view.terms, view.estate, place.target, view.instant).unwrap_or_default();
    all.retain(|identity| identity.identity.to_lowercase().contains(&part));
    all
}

/// Something about it is to be mended.
fn is_faulty(place: Place<'_>, identity: &Identity) -> bool {
    let dkim = identity.dkim.as_ref().is_some_and(|dkim| dkim.signing_enabled && dkim.status != "SUCCESS");
    let mail_from = identity.mail_from.as_ref().is_some_and(|mail_from| mail_from.status != "SUCCESS");
    identity.can_send == Some(false) || dkim || mail_from || wrong(place, identity).next().is_some()
}

/// The records of an identity that do not say what SES needs.
fn wrong<'a>(place: Place<'a>, identity: &Identity) -> impl Iterator<Item = &'a Wrong> {
    let all = place.region.dns.iter().flat_map(|dns| &dns.wrong);
    all.filter(move |record| record.identity == identity.identity)
}

fn form(asked: &Asked) -> Markup {
    let refresh = if asked.refresh { "on" } else { "" };
    let hidden = [("account", asked.account.as_str()), ("region", &asked.region), ("refresh", refresh)];
    let all = Asked { page: 1, refresh: asked.refresh, ..Asked::default() };
    html! {
        form action="./#identities" method="get" role="search" aria-label="Identities" {
            label for="identity" { "Part of the name" }
            input #identity name="identity" type="search" value=(asked.identity) autocomplete="off" spellcheck="false";
            @for (name, value) in hidden.into_iter().filter(|(_, value)| !value.is_empty()) {
                input type="hidden" name=(name) value=(value);
            }
            button { "Filter" }
            @if asked.is_filtered() {
                a href=(all.link("#identities")) { "Show all" }
            }
        }
    }
}

fn summary(asked: &Asked, found: &Found<'_>) -> String {
    let number =
        |count: usize| u32::try_from(count).map_or_else(|_| count.to_string(), |count| thousands(count.into()));
    let place = match (asked.account.as_str(), asked.region.as_str()) {
        ("", "") => String::new(),
        (account, "") => format!(" of {account}"),
        ("", region) => format!(" in {region}"),
        (account, region) => format!(" of {account} in {region}"),
    };
    let with = if asked.identity.is_empty() { String::new() } else { format!(" with “{}”", asked.identity) };
    let identities = if found.all == 1 { "identity" } else { "identities" };
    let first = if found.faulty > 0 { ", those come first" } else { "" };
    let (all, faulty) = (number(found.all), number(found.faulty));
    format!("{all} {identities}{place}{with}, {faulty} with a fault{first}. Page {} of {}.", found.page, found.pages)
}

fn row(view: &View<'_>, place: Place<'_>, identity: &Identity) -> Markup {
    let [_, at, can_send, verification, dkim, mail_from, dns, links] = COLUMNS;
    html! {
        tr role="row" {
            th.name scope="row" role="rowheader" { (identity.identity) }
            (cell(at, &place.link()))
            (cell(can_send, &word(Tone::of(identity.can_send), yes_or_no(identity.can_send))))
            (cell(verification, &self::verification(view, identity)))
            (cell(dkim, &self::dkim(view, identity)))
            (cell(mail_from, &self::mail_from(view, identity)))
            (cell(dns, &records(view, place, identity)))
            (cell(links, &html! {
                (metrics(view, place, Some(&identity.identity))) " "
                (console(&place.region.region, Console::Identities))
                @if let Some(runbook) = runbook(place, identity) { " " (runbook.link(&identity.identity)) }
            }))
        }
    }
}

/// A status of SES: good or not.
fn status(view: &View<'_>, status: &str, bad: Tone, since: Option<crate::report::moment::Since>) -> Markup {
    let tone = if status == "SUCCESS" { Tone::Good } else { bad };
    html! {
        (word(tone, &status.to_lowercase().replace('_', " ")))
        @if let Some(since) = view.since(since) { " " span.note { (since) } }
    }
}

fn verification(view: &View<'_>, identity: &Identity) -> Markup {
    let bad = if identity.can_send == Some(true) { Tone::Dim } else { Tone::Bad };
    match &identity.verification {
        Some(word) => status(view, word, bad, identity.since),
        None => word(Tone::Unknown, yes_or_no(None)),
    }
}

fn dkim(view: &View<'_>, identity: &Identity) -> Markup {
    match &identity.dkim {
        Some(dkim) if dkim.signing_enabled => status(view, &dkim.status, Tone::Bad, dkim.since),
        Some(_) => word(Tone::Dim, "off"),
        None => word(Tone::Dim, yes_or_no(None)),
    }
}

fn mail_from(view: &View<'_>, identity: &Identity) -> Markup {
    let Some(mail_from) = &identity.mail_from else { return word(Tone::Dim, "-") };
    let bad = if mail_from.rejects_on_mx_failure { Tone::Bad } else { Tone::Warn };
    html! { span.name { (mail_from.domain) } " " (status(view, &mail_from.status, bad, mail_from.since)) }
}

fn records(view: &View<'_>, place: Place<'_>, identity: &Identity) -> Markup {
    let right = identity.dns.iter().flatten().filter(|record| record.ok == Some(true)).count();
    html! {
        @if wrong(place, identity).next().is_some() {
            ul.plain { @for record in wrong(place, identity) { li { (failing(view, record)) } } }
        } @else if right > 0 { (word(Tone::Good, &format!("{right} right"))) }
        @else { (word(Tone::Dim, "-")) }
    }
}

/// What is wrong with a record, and what has to stand there.
fn failing(view: &View<'_>, record: &Wrong) -> Markup {
    let reason = record.reason.as_deref().unwrap_or("wrong_at_the_first_look").replace('_', " ");
    html! {
        span.bad { (record.record) }
        ": " (reason)
        @if let Some(since) = view.since(record.since) { " " span.note { (since) } }
        br; (code(&record.expected))
    }
}

/// The one about the worst that is so.
fn runbook(place: Place<'_>, identity: &Identity) -> Option<Runbook> {
    if identity.can_send == Some(false) {
        return Some(match identity.verification.as_deref() {
            Some("PENDING") => Runbook::IdentityPendingTooLong,
            Some("TEMPORARY_FAILURE") => Runbook::IdentityTemporaryFailure,
            _ => Runbook::IdentityVerificationFailed,
        });
    }
    if let Some(mail_from) = identity.mail_from.as_ref().filter(|mail_from| mail_from.status != "SUCCESS") {
        let rejects = mail_from.rejects_on_mx_failure;
        return Some(if rejects { Runbook::MailFromRejecting } else { Runbook::MailFromDegraded });
    }
    match identity.dkim.as_ref().filter(|dkim| dkim.signing_enabled).map(|dkim| dkim.status.as_str()) {
        Some("SUCCESS") | None => wrong(place, identity).next().map(|_| Runbook::DnsRecordWrong),
        Some("TEMPORARY_FAILURE") => Some(Runbook::DkimTemporaryFailure),
        Some(_) => Some(Runbook::DkimBroken),
    }
}

fn pager(asked: &Asked, found: &Found<'_>) -> Markup {
    let to = |page: usize| Asked { page, ..asked.clone() }.link("#identities");
    html! {
        @if found.pages > 1 {
            nav aria-label="Pages of identities" {
                ul {
                    @if found.page > 1 {
                        li { a href=(to(1)) { "First" } }
                        li { a href=(to(found.page - 1)) rel="prev" { "Previous" } }
                    }
                    @if found.page < found.pages {
                        li { a href=(to(found.page + 1)) rel="next" { "Next" } }
                        li { a href=(to(found.pages)) { "Last" } }
                    }
                }
            }
        }
    }
}
