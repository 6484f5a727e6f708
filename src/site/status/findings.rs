//! What is to be mended: each finding with its places, since when, and the step that mends it.

use std::collections::HashMap;

use maud::{Markup, html};

use super::view::{NO_ACCOUNT, Tone, View, code};
use crate::remedy::Remedy;
use crate::report::findings::{Finding, Severity};
use crate::report::words::counted;

/// So many are shown: the worst come first, and the report has them all.
const MOST_FINDINGS: usize = 100;

/// Account and region, to the number of their row.
type Rows<'a> = HashMap<(Option<&'a str>, &'a str), usize>;

/// All of them, the worst first. Where there are worse ones, those to look at are folded.
pub(super) fn section(view: &View<'_>) -> Markup {
    let findings = &view.report.findings;
    let rows: Rows<'_> = view
        .places()
        .map(|place| ((place.account.account.as_deref(), place.region.region.as_str()), place.number))
        .collect();
    let shown = findings.get(..MOST_FINDINGS).unwrap_or(findings);
    // The worst come first, so that the mild ones are the end.
    let (worse, to_look_at) = shown.split_at(shown.partition_point(|one| one.severity > Severity::Warning));
    html! {
        section #mend aria-labelledby="mend-title" {
            h2 #mend-title { "To mend" }
            @if findings.is_empty() { p { "Nothing is known that is to be mended." } }
            @if !worse.is_empty() { (list(view, worse, &rows)) }
            @if !to_look_at.is_empty() {
                details open[worse.is_empty()] {
                    summary { (counted(to_look_at.len(), "thing")) " to look at" }
                    (list(view, to_look_at, &rows))
                }
            }
            @if findings.len() > MOST_FINDINGS {
                p { (findings.len() - MOST_FINDINGS) " more are in " a href="./api/v1/check" { "the report" } "." }
            }
        }
    }
}

fn list(view: &View<'_>, findings: &[Finding], rows: &Rows<'_>) -> Markup {
    html! { ol.findings { @for finding in findings { (item(view, finding, rows)) } } }
}

fn item(view: &View<'_>, finding: &Finding, rows: &Rows<'_>) -> Markup {
    let others = finding.remedies.len().saturating_sub(1);
    html! {
        li class=(Tone::from(finding.severity).class()) {
            h3 {
                span.badge { (badge(finding.severity)) } " "
                (finding.account.as_deref().unwrap_or(NO_ACCOUNT))
            }
            @if !finding.regions.is_empty() {
                p.places { @for region in &finding.regions { (place(finding, region, rows)) " " } }
            }
            p {
                (finding.what)
                @if let Some(since) = view.since(finding.since) { span.dim { ", " (since) } }
            }
            @if let Some(first) = finding.remedies.first() { (remedy(first)) }
            @if others > 0 {
                details {
                    summary { (others) @if others == 1 { " more step" } @else { " more steps" } }
                    @for other in finding.remedies.iter().skip(1) { (remedy(other)) }
                }
            }
        }
    }
}

fn badge(severity: Severity) -> &'static str {
    match severity {
        Severity::AllWell => "Well",
        Severity::Warning => "Look at",
        Severity::CouldNotTell => "Can’t tell",
        Severity::NotAsDeclared => "Not so",
        Severity::CanNotSend => "Can’t send",
    }
}

/// To its row.
fn place(finding: &Finding, region: &str, rows: &Rows<'_>) -> Markup {
    html! {
        @match rows.get(&(finding.account.as_deref(), region)) {
            Some(number) => a href={ "#target-" (number) } { (region) },
            None => (region),
        }
    }
}

/// One step: a sentence, the command and the DNS records, each to be copied as a whole.
pub(super) fn remedy(remedy: &Remedy) -> Markup {
    html! {
        div.remedy {
            p { (remedy.sentence) }
            @for line in remedy.command.iter().chain(&remedy.records) { pre { (code(line)) } }
        }
    }
}
