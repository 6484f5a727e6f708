//! The report for people: the verdict first, then what to mend, then a table for each account.
//!
//! No line is wider than [`WIDTH`] but those that are copied, commands and DNS records, and nothing that AWS or a name holds can move the cursor.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::wrap::{harmless, lines, wrap};
use crate::reference::thousands;
use crate::report::findings::{Finding, Severity};
use crate::report::moment::Moment;
use crate::report::region::Region;
use crate::report::tried::Outcome;
use crate::report::words::{NOT_KNOWN, counted, dns, expected, is_idle, outcome, quota, state};
use crate::report::{Account, Report};

/// Lines that a terminal and a chat both show without breaking them.
const WIDTH: usize = 100;
/// So many are shown for a finding.
const MOST_REMEDIES: usize = 3;
/// A word that SES adds one day may be long; the columns of the table are not.
const WIDEST_CELL: usize = 24;
/// Between two columns, as far as there is room.
const GAPS: [usize; 2] = [2, 1];
const COLUMNS: [&str; 8] = ["REGION", "STATE (REVIEW)", "QUOTA USED", "VERIFIED", "DNS", "EXPECTED", "READ", "CALLS/H"];
/// A few regions that nobody uses have their rows; dozens, as with "all", would bury the others.
const FEW_IDLE: usize = 5;
type Row = [String; COLUMNS.len()];

pub(super) fn page(report: &Report, colour: bool) -> String {
    let mut page = format!("{}\n", painted(&headline(report), report.verdict, colour));
    if !report.findings.is_empty() {
        page.push('\n');
    }
    for finding in &report.findings {
        self::finding(&mut page, finding, report.as_of, colour);
    }
    for account in &report.accounts {
        page.push('\n');
        self::account(&mut page, account);
    }
    if let Some(resolvers) = &report.resolvers {
        let named: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
        let machine = if report.as_of.is_some() { "the agent's machine" } else { "this machine" };
        let named = if named.is_empty() { format!("the resolvers of {machine}") } else { named.join(", ") };
        page.push('\n');
        paragraph(&mut page, "", "    ", &format!("DNS asked at {named}"));
    }
    if let Some(as_of) = report.as_of {
        paragraph(&mut page, "", "    ", &format!("Told by an agent whose newest reading is of {as_of}"));
    }
    page
}

fn headline(report: &Report) -> String {
    let regions = report.accounts.iter().flat_map(|account| &account.regions);
    let read = regions.filter(|region| region.sending.is_some()).count();
    let of = format!("{}, {} read", counted(report.accounts.len(), "account"), counted(read, "region"));
    if report.findings.is_empty() {
        return format!("All well: {of}");
    }
    let with = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let parts = [
        (with(Severity::CanNotSend), "cannot send"),
        (with(Severity::NotAsDeclared), "not as declared"),
        (with(Severity::CouldNotTell), "could not be told"),
        (with(Severity::Warning), "to look at"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("{} to mend ({}): {of}", counted(report.findings.len(), "thing"), parts.join(", "))
}

fn painted(words: &str, severity: Severity, colour: bool) -> String {
    let code = match severity {
        Severity::AllWell => "1;32",
        Severity::Warning => "1;33",
        Severity::CouldNotTell => "1;35",
        Severity::NotAsDeclared | Severity::CanNotSend => "1;31",
    };
    if colour { format!("\u{1b}[{code}m{words}\u{1b}[0m") } else { words.to_owned() }
}

fn finding(page: &mut String, finding: &Finding, now: Option<Moment>, colour: bool) {
    let word = match finding.severity {
        Severity::AllWell => "WELL",
        Severity::Warning => "LOOK AT",
        Severity::CouldNotTell => "CAN'T TELL",
        Severity::NotAsDeclared => "NOT SO",
        Severity::CanNotSend => "CAN'T SEND",
    };
    let account = finding.account.as_deref().unwrap_or("an unknown account");
    let place = if finding.regions.is_empty() { String::new() } else { format!(" {}", finding.regions.join(", ")) };
    let since = finding.since.zip(now).map(|(since, now)| format!(", {}", since.words(now))).unwrap_or_default();
    let mut text = String::new();
    paragraph(&mut text, &format!("{word:<10} "), "           ", &format!("{account}{place}: {}{since}", finding.what));
    // Coloured afterwards: what can't be seen has no width.
    let rest = text.strip_prefix(word).unwrap_or(&text);
    let _ = write!(page, "{}{rest}", painted(word, finding.severity, colour));
    for remedy in finding.remedies.iter().take(MOST_REMEDIES) {
        paragraph(page, "           - ", "             ", &remedy.sentence);
        for line in remedy.command.iter().chain(&remedy.records) {
            let _ = writeln!(page, "             {}", harmless(line));
        }
    }
    if let more @ 1.. = finding.remedies.len().saturating_sub(MOST_REMEDIES) {
        let _ = writeln!(page, "           - and {more} more, which --json has");
    }
}

fn account(page: &mut String, account: &Account) {
    let name = account.account.as_deref().unwrap_or("unknown");
    let id = account.account_id.as_deref().filter(|id| *id != name).map(|id| format!(" ({id})")).unwrap_or_default();
    let who = match (&account.role, &account.caller) {
        (Some(role), _) => format!(" by the role {role}"),
        (None, Some(caller)) => format!(" as {caller}"),
        (None, None) => String::new(),
    };
    paragraph(page, "", "  ", &format!("Account {name}{id}{who}"));
    let polled: Vec<&Region> = account.regions.iter().filter(|region| region.skipped.is_none()).collect();
    let (idle, others): (Vec<&Region>, Vec<&Region>) = polled.iter().partition(|region| is_idle(region));
    let many = idle.len() > FEW_IDLE && !others.is_empty();
    let shown = if many { others } else { polled };
    if !shown.is_empty() {
        table(page, &shown);
    }
    if many {
        let names: Vec<&str> = idle.iter().map(|region| region.region.as_str()).collect();
        paragraph(page, "  ", "    ", &format!("in the sandbox, and not in use: {}", names.join(", ")));
    }
    let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for region in &account.regions {
        if let Some(reason) = &region.skipped {
            skipped.entry(reason).or_default().push(&region.region);
        }
    }
    for (reason, regions) in skipped {
        let words = format!("skipped, {}: {}", reason.replace('_', " "), regions.join(", "));
        paragraph(page, "  ", "    ", &words);
    }
}

fn table(page: &mut String, regions: &[&Region]) {
    let rows: Vec<Row> = regions.iter().map(|region| row(region)).collect();
    let head = COLUMNS.map(str::to_owned);
    let mut widths = [0; COLUMNS.len()];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let cells: usize = widths.iter().sum();
    let gap = GAPS.into_iter().find(|gap| cells + gap * COLUMNS.len() <= WIDTH);
    if let Some(gap) = gap {
        line(page, &head, &widths, gap);
    }
    for (row, region) in rows.iter().zip(regions) {
        match gap {
            Some(gap) => line(page, row, &widths, gap),
            None => sentence(page, row),
        }
        for tried in &region.collectors {
            if let Some(words) = outcome(tried) {
                paragraph(page, "    ", "      ", &format!("{}: {words}", tried.collector));
            }
        }
    }
    if let Some(region) = regions.first() {
        let names: Vec<&str> = region.collectors.iter().map(|tried| &*tried.collector).collect();
        let budget = thousands(region.budget_per_hour);
        let words = format!("collectors: {}; at most {budget} calls an hour in a region", names.join(", "));
        paragraph(page, "  ", "    ", &words);
    }
}

fn line(page: &mut String, row: &Row, widths: &[usize], gap: usize) {
    let mut text = String::new();
    for (cell, width) in row.iter().zip(widths) {
        // Writing to a String can't fail, here and above.
        let _ = write!(text, "{:gap$}{cell:<width$}", "");
    }
    let _ = writeln!(page, "{}", text.trim_end());
}

/// A row of a table that is too wide.
fn sentence(page: &mut String, row: &Row) {
    let cells = COLUMNS.iter().zip(row).map(|(column, cell)| format!("{} {cell}", column.to_lowercase()));
    paragraph(page, "  ", "    ", &cells.collect::<Vec<_>>().join(", "));
}

fn row(region: &Region) -> Row {
    let read = region.collectors.iter().filter(|tried| tried.outcome == Outcome::Ok).count();
    let not_known = || NOT_KNOWN.to_owned();
    let cells = [
        region.region.clone(),
        region.sending.as_ref().map_or_else(not_known, state),
        region.sending.as_ref().map_or_else(not_known, quota),
        region.identities.as_ref().map_or_else(not_known, |all| format!("{} of {}", all.verified, all.all)),
        dns(region),
        expected(region),
        format!("{read} of {}", region.collectors.len()),
        region.calls_per_hour.map_or_else(not_known, thousands),
    ];
    cells.map(|cell| cut(&cell))
}

fn cut(cell: &str) -> String {
    if cell.chars().count() <= WIDEST_CELL {
        return harmless(cell);
    }
    harmless(&cell.chars().take(WIDEST_CELL - 1).chain(['…']).collect::<String>())
}

/// Words between spaces, as many to a line as fit; a word that is longer than a line is broken.
fn paragraph(page: &mut String, first: &str, others: &str, words: &str) {
    wrap(page, &harmless(words), &lines(WIDTH, first, others));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::region::Sending;

    fn lines(words: &str) -> Vec<String> {
        let mut page = String::new();
        paragraph(&mut page, "* ", "  ", words);
        page.lines().map(str::to_owned).collect()
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_no_word_is_lost() {
        let words = format!("{} {} end", "word ".repeat(30).trim_end(), "x".repeat(250));
        let lines = lines(&words);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
        let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(&words));
        assert_eq!(lines.first().map(|line| line.starts_with("* word word")), Some(true));
    }

    #[test]
    fn many_regions_that_nobody_uses_are_one_line() {
        let region = |name: String, production: bool| Region {
            region: name,
            sending: Some(Sending {
                production,
                enabled: true,
                enforcement: "HEALTHY".to_owned(),
                review: None,
                case_id: None,
                sent_24h: 0.0,
                quota_24h: Some(200.0),
                quota_used: Some(0.0),
                since: None,
            }),
            ..Region::default()
        };
        let page = |count: usize| {
            let idle = (0..count).map(|number| region(format!("idle-{number}"), false));
            let regions = idle.chain([region("busy".to_owned(), true)]).collect();
            let (account_id, caller, role) = (None, None, None);
            let mut page = String::new();
            account(&mut page, &Account { account: None, account_id, caller, role, regions });
            page
        };
        let line = |count: usize| page(count).lines().find(|line| line.contains("idle-0")).map(str::to_owned);
        assert!(line(FEW_IDLE).is_some_and(|line| line.starts_with("  idle-0  sandbox ")), "{}", page(FEW_IDLE));
        let folded = "  in the sandbox, and not in use: idle-0, idle-1, idle-2, idle-3, idle-4, idle-5";
        assert_eq!(line(FEW_IDLE + 1).as_deref(), Some(folded));
        assert!(page(FEW_IDLE + 1).contains("  busy    production "), "{}", page(FEW_IDLE + 1));
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(lines("a\u{1b}[2Jb \u{202e}c"), ["* a\u{fffd}[2Jb \u{fffd}c"]);
        assert_eq!(cut(&"é".repeat(30)).chars().count(), WIDEST_CELL);
    }
}
