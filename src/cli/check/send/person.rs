//! The report about a mail for people: the verdict first, then each reason with what mends it, then the other regions.
//!
//! No line is wider than [`WIDTH`] but those that are copied: commands and DNS records. Nothing that AWS or a name holds
//! can move the cursor.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::wrap::{harmless, lines, wrap};
use crate::expectations::Recipients;
use crate::judgements::send_path::Reason;
use crate::remedy::Remedy;
use crate::report::send::question::Question;
use crate::report::send::{InRegion, SendReport, Verdict};

/// Lines that a terminal and a chat both show without breaking them.
const WIDTH: usize = 100;
/// So many recipients are named in the headline.
const MOST_RECIPIENTS: usize = 3;

pub(super) fn page(report: &SendReport, colour: bool) -> String {
    let mut page = String::new();
    headline(&mut page, report, colour);
    if report.mail.wants_any() {
        page.push('\n');
        table(&mut page, &report.regions, colour);
        page.push('\n');
        paragraph(&mut page, "", "", "--region REGION instead of --all-regions says what mends it in one of them.");
        return page;
    }
    for region in &report.regions {
        page.push('\n');
        self::region(&mut page, region, colour);
    }
    let missing = |one: &InRegion| one.reasons.iter().any(|one| one.reason == Reason::IdentityMissing);
    if !report.mail.all_regions && report.regions.iter().any(missing) {
        page.push('\n');
        paragraph(&mut page, "", "", "--all-regions says whether another region has an identity for the sender.");
    }
    if !report.others.is_empty() {
        page.push_str("\nElsewhere:\n");
        table(&mut page, &report.others, colour);
    }
    page
}

/// In capitals, as people shout it over a desk.
const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "ACCEPTED",
        Verdict::AcceptedBut => "ACCEPTED, BUT",
        Verdict::CouldNotTell => "COULD NOT TELL",
        Verdict::Refused => "REFUSED",
    }
}

fn painted(words: &str, verdict: Verdict, colour: bool) -> String {
    let code = match verdict {
        Verdict::Accepted => "1;32",
        Verdict::AcceptedBut => "1;33",
        Verdict::CouldNotTell => "1;35",
        Verdict::Refused => "1;31",
    };
    if colour { format!("\u{1b}[{code}m{words}\u{1b}[0m") } else { words.to_owned() }
}

/// Adds lines that begin with the word of a verdict. Coloured afterwards: what can't be seen has no width.
fn verdict_line(page: &mut String, verdict: Verdict, first: &str, others: &str, words: &str, colour: bool) {
    let mut text = String::new();
    paragraph(&mut text, first, others, words);
    let rest = text.strip_prefix(word(verdict)).unwrap_or(&text);
    let _ = write!(page, "{}{rest}", painted(word(verdict), verdict, colour));
}

fn headline(page: &mut String, report: &SendReport, colour: bool) {
    let places: Vec<&str> = report.regions.iter().map(|region| &*region.region).collect();
    let takes = |region: &&InRegion| region.verdict <= Verdict::AcceptedBut;
    let place = match places.as_slice() {
        _ if report.mail.wants_any() => {
            format!("{} of {} regions take it", report.regions.iter().filter(takes).count(), places.len())
        }
        [] => "no region was looked at".to_owned(),
        few if few.len() <= MOST_RECIPIENTS => few.join(", "),
        many => format!("{} regions", many.len()),
    };
    let first = format!("{}: ", word(report.verdict));
    verdict_line(page, report.verdict, &first, "  ", &format!("{} ({place})", mail(&report.mail)), colour);
}

fn mail(mail: &Question) -> String {
    let to = match &mail.to {
        Recipients::Any => "anyone".to_owned(),
        Recipients::Only(all) if all.len() <= MOST_RECIPIENTS => all.join(", "),
        Recipients::Only(all) => format!("{} recipients", all.len()),
    };
    let set = mail.configuration_set.as_ref().map(|set| format!(" with {set}")).unwrap_or_default();
    format!("mail from {} to {to}{set}", mail.from)
}

fn region(page: &mut String, region: &InRegion, colour: bool) {
    let account = region.account.as_deref().unwrap_or("an unknown account");
    let first = format!("{} ", word(region.verdict));
    verdict_line(page, region.verdict, &first, "  ", &format!("{account} {}", region.region), colour);
    for reason in &region.reasons {
        point(page, &reason.what, &reason.remedies);
    }
    for warning in &region.warnings {
        point(page, &warning.what, &warning.remedies);
    }
    for unread in &region.unread {
        point(page, unread, &[]);
    }
}

fn point(page: &mut String, what: &str, remedies: &[Remedy]) {
    paragraph(page, "  * ", "    ", what);
    for remedy in remedies {
        paragraph(page, "    - ", "      ", &remedy.sentence);
        for line in remedy.command.iter().chain(&remedy.records) {
            let _ = writeln!(page, "        {}", harmless(line));
        }
    }
}

/// One line for each region, and one for all those of which the same could not be told.
fn table(page: &mut String, regions: &[InRegion], colour: bool) {
    let several = regions.windows(2).any(|two| matches!(two, [one, other] if one.account != other.account));
    let name = |region: &InRegion| match region.account.as_deref().filter(|_| several) {
        Some(account) => harmless(&format!("{account} {}", region.region)),
        None => region.region.clone(),
    };
    let width = regions.iter().map(|region| name(region).chars().count()).max().unwrap_or_default();
    let mut untold: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for region in regions {
        if region.verdict == Verdict::CouldNotTell {
            untold.entry(in_words(region)).or_default().push(name(region));
            continue;
        }
        let name = name(region);
        let verdict = painted(&format!("{:<14}", word(region.verdict)), region.verdict, colour);
        let words = in_words(region);
        let _ = writeln!(page, "{}", format!("  {name:<width$}  {verdict}  {}", harmless(&words)).trim_end());
    }
    for (why, names) in untold {
        let first = format!("{}: ", word(Verdict::CouldNotTell));
        let mut text = String::new();
        verdict_line(&mut text, Verdict::CouldNotTell, &first, "    ", &format!("{why}: {}", names.join(", ")), colour);
        let _ = write!(page, "  {text}");
    }
}

fn in_words(region: &InRegion) -> String {
    let reasons = region.reasons.iter().map(|reason| reason.reason.as_str().to_owned());
    let warnings = region.warnings.iter().map(|warning| warning.warning.as_str().to_owned());
    let words: Vec<String> = reasons.chain(warnings).collect();
    if words.is_empty() { region.unread.first().cloned().unwrap_or_default() } else { words.join(", ") }
}

fn paragraph(page: &mut String, first: &str, others: &str, words: &str) {
    wrap(page, &harmless(words), &lines(WIDTH, first, others));
}
