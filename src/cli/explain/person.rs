//! An explanation for people: the verdict first, then what it means, what to look at, what mends it. No width is assumed: lines
//! are wrapped at 100 characters, commands never.

use std::fmt::Write as _;

use super::Report;
use super::explanation::{Explained, Explanation};
use super::facts::{Facts, Found};
use crate::cli::wrap::{harmless, lines, wrap};
use crate::remedy::Remedy;
use crate::report::region::Sending;

/// Lines that a terminal and a chat both show without breaking them.
const WIDTH: usize = 100;

/// So many names are read; --json has all.
const MOST_NAMES: usize = 5;

const NOTHING: &str = "This is no error of SES that is known here.";
const NOTHING_FURTHER: &str = "Give the whole error, with the sentence in it: the name of an exception or a number alone says \
     little. If SES did say it, it is new here.";

pub(super) fn page(report: &Report, colour: bool) -> String {
    let mut page = String::new();
    if report.explanations.is_empty() {
        painted(&mut page, NOTHING, BOLD, colour);
        page.push('\n');
        paragraph(&mut page, "", "", NOTHING_FURTHER);
    }
    for (at, explanation) in report.explanations.iter().enumerate() {
        page.push_str(if at > 0 { "\n\n" } else { "" });
        one(&mut page, explanation, colour);
    }
    if let Some(why) = &report.not_asked {
        page.push('\n');
        paragraph(&mut page, "", "", &format!("AWS was not asked: {why}"));
    }
    page
}

fn one(page: &mut String, explanation: &Explanation, colour: bool) {
    let first = explanation.facts.as_ref().and_then(|facts| facts.places.first());
    painted(page, &explanation.verdict, first.map_or(BOLD, paint), colour);
    if explanation.times > 1 {
        let _ = writeln!(page, "(on {} lines of the text)", explanation.times);
    }
    if !explanation.is_settled() {
        from_the_text(page, explanation);
    }
    if let Some(facts) = &explanation.facts {
        self::facts(page, facts, explanation.is_settled(), colour);
    }
}

/// What the text alone tells.
fn from_the_text(page: &mut String, explanation: &Explanation) {
    for Explained { written, roles, .. } in &explanation.identities {
        let _ = writeln!(page, "\n  {written}");
        for role in roles {
            paragraph(page, "    - ", "      ", role.about());
        }
    }
    if explanation.more_identities {
        page.push_str("\n  and others: the list was cut\n");
    }
    for meaning in &explanation.meaning {
        page.push('\n');
        paragraph(page, "", "", meaning);
    }
    list(page, "Look at:", &explanation.look_at);
    remedies(page, "What mends it:", &explanation.remedies, "");
}

/// What AWS says: the place whose verdict stands above, then the others.
fn facts(page: &mut String, facts: &Facts, settled: bool, colour: bool) {
    for (at, found) in facts.places.iter().enumerate() {
        page.push('\n');
        painted(page, &heading(found), BOLD, colour);
        if at > 0 || !settled {
            paragraph(page, "  ", "  ", &found.verdict);
        }
        place(page, found);
    }
    if facts.places.is_empty() {
        page.push_str("\nAWS tells nothing about it: no account that was looked at has SES there.\n");
    }
    for (what, names) in [("Nothing of it in", &facts.others), ("Could not be read:", &facts.unread)] {
        if !names.is_empty() {
            page.push('\n');
            paragraph(page, "", "  ", &format!("{what} {}", some(names)));
        }
    }
}

/// The first of them, and how many more there are.
fn some(names: &[String]) -> String {
    let first = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST_NAMES) {
        Some(more @ 1..) => format!("{first} and {more} more"),
        _ => first,
    }
}

fn place(page: &mut String, found: &Found) {
    for identity in &found.identities {
        let _ = writeln!(page, "  {}", identity.name);
        for says in &identity.says {
            paragraph(page, "    - ", "      ", says);
        }
        for record in &identity.wrong_records {
            paragraph(page, "    - wrong in the DNS: ", "      ", record);
        }
    }
    for more in &found.more {
        paragraph(page, "  ", "  ", more);
    }
    let title = if found.remedies.len() > 1 { "What mends it, all of it:" } else { "What mends it:" };
    remedies(page, title, &found.remedies, &found.wrong());
    let others: Vec<String> = found.alternatives.iter().map(|remedy| remedy.sentence.clone()).collect();
    list(page, "Or (--json has the commands):", &others);
}

/// `main (111111111111) in eu-west-1: production, 12 of 50,000 sent`.
fn heading(found: &Found) -> String {
    let id = found.account_id.as_deref().filter(|id| Some(*id) != found.account.as_deref());
    let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
    let account = found.account.as_deref().unwrap_or("an unknown account");
    let state = found.sending.as_ref().map(|sending| state(sending, found.review_case.as_deref()));
    let state = state.map(|state| format!(": {state}")).unwrap_or_default();
    format!("{account}{id} in {}{state}", found.region)
}

fn state(sending: &Sending, case: Option<&str>) -> String {
    let case = case.map(|case| format!(", case {case}")).unwrap_or_default();
    let mut words = vec![match sending.review.as_deref() {
        _ if sending.production => "production".to_owned(),
        Some("PENDING") => format!("in the sandbox, and AWS is deciding about production access{case}"),
        Some("DENIED") => format!("in the sandbox, and AWS has denied production access{case}"),
        Some("FAILED") => format!("in the sandbox, and the request for production access got lost{case}"),
        Some("NOT_REQUESTED") => "in the sandbox, and nobody has asked for production access".to_owned(),
        _ => "in the sandbox".to_owned(),
    }];
    if sending.enforcement == "SHUTDOWN" || !sending.enabled {
        words.push(sending.paused_by().to_owned());
    } else if sending.enforcement != "HEALTHY" {
        words.push(format!("under review by AWS ({})", sending.enforcement));
    }
    words.join(", ")
}

/// The records of a remedy are left out where they are told already, with what is wrong about them.
fn remedies(page: &mut String, title: &str, remedies: &[Remedy], told: &str) {
    if !remedies.is_empty() {
        let _ = writeln!(page, "\n{title}");
    }
    for (at, remedy) in remedies.iter().enumerate() {
        let number = if remedies.len() > 1 { format!("{:>3}. ", at + 1) } else { "  ".to_owned() };
        paragraph(page, &number, &" ".repeat(number.len()), &remedy.sentence);
        if let Some(command) = &remedy.command {
            let _ = writeln!(page, "       {command}");
        }
        for record in remedy.records.iter().filter(|record| !told.contains(record.as_str())) {
            let _ = writeln!(page, "       {record}");
        }
    }
}

/// What programs of terminals understand as bold, and as bold in a colour.
const BOLD: &str = "1";
const RED: &str = "1;31";
const GREEN: &str = "1;32";

/// What is mended may be refused for another reason now.
fn paint(found: &Found) -> &'static str {
    match found.still_so {
        Some(false) if found.remedies.is_empty() => GREEN,
        Some(_) => RED,
        None => BOLD,
    }
}

fn painted(page: &mut String, words: &str, paint: &str, colour: bool) {
    let mut lines = String::new();
    paragraph(&mut lines, "", "", words);
    for line in lines.lines() {
        let (on, off) = if colour { (format!("\u{1b}[{paint}m"), "\u{1b}[0m") } else { (String::new(), "") };
        let _ = writeln!(page, "{on}{line}{off}");
    }
}

fn list(page: &mut String, title: &str, items: &[String]) {
    if !items.is_empty() {
        let _ = writeln!(page, "\n{title}");
    }
    for item in items {
        paragraph(page, "  * ", "    ", item);
    }
}

/// Words between spaces, as many to a line as fit.
fn paragraph(page: &mut String, first: &str, others: &str, words: &str) {
    wrap(page, &harmless(words), &lines(WIDTH, first, others).break_words(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped_between_words() {
        let mut page = String::new();
        paragraph(&mut page, "  * ", "    ", "word ".repeat(30).trim_end());
        assert!(page.lines().all(|line| line.len() <= WIDTH) && page.lines().count() == 2, "{page}");
        assert!(page.starts_with("  * word") && page.contains("\n    word"));
        let mut page = String::new();
        paragraph(&mut page, "", "", &"x".repeat(300));
        assert_eq!(page.len(), 301);
    }

    #[test]
    fn colour_is_for_terminals() {
        let report = Report { version: 1, understood: false, asked: false, not_asked: None, explanations: Vec::new() };
        assert!(page(&report, true).starts_with("\u{1b}[1mThis is no error"));
        assert!(!page(&report, false).contains('\u{1b}'));
    }
}
