//! An explanation for people: the verdict first, then what it means, what to look at, what mends it. No width is assumed: lines
//! are wrapped at 100 characters, commands never.

use std::fmt::Write as _;

use super::Report;
use super::meaning::{Explained, Explanation};
use crate::cli::wrap::{lines, wrap};

/// Lines that a terminal and a chat both show without breaking them.
const WIDTH: usize = 100;

const NOTHING: &str = "This is no error of SES that is known here.";
const NOTHING_FURTHER: &str = "Give the whole error, with the sentence in it: the name of an exception or a number alone says \
     little. If SES did say it, it is new here.";

pub(super) fn page(report: &Report, colour: bool) -> String {
    let mut page = String::new();
    if report.explanations.is_empty() {
        headline(&mut page, NOTHING, colour);
        page.push('\n');
        paragraph(&mut page, "", "", NOTHING_FURTHER);
    }
    for (at, explanation) in report.explanations.iter().enumerate() {
        page.push_str(if at > 0 { "\n\n" } else { "" });
        one(&mut page, explanation, colour);
    }
    page
}

fn one(page: &mut String, explanation: &Explanation, colour: bool) {
    headline(page, &explanation.verdict, colour);
    if explanation.times > 1 {
        let _ = writeln!(page, "(on {} lines of the text)", explanation.times);
    }
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
    if !explanation.remedies.is_empty() {
        page.push_str("\nWhat mends it:\n");
    }
    for (at, remedy) in explanation.remedies.iter().enumerate() {
        paragraph(page, &format!("{:>3}. ", at + 1), "     ", &remedy.sentence);
        if let Some(command) = &remedy.command {
            let _ = writeln!(page, "       {command}");
        }
    }
}

fn headline(page: &mut String, words: &str, colour: bool) {
    let (bold, plain) = if colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    let _ = writeln!(page, "{bold}{words}{plain}");
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
    wrap(page, words, &lines(WIDTH, first, others).break_words(false));
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
        let report = Report { version: 1, understood: false, explanations: Vec::new() };
        assert!(page(&report, true).starts_with("\u{1b}[1mThis is no error"));
        assert!(!page(&report, false).contains('\u{1b}'));
    }
}
