//! The way from a refusal to a mail that is taken: what `check send` tells is run as it stands by the real `aws` command line, a
//! person does what only a person can do, and `check send` says yes.
//!
//! Each row is one refusal, one warning or one thing to look at, and the command that is told for it. A test fails where a reason or a
//! need has no row.

use std::collections::BTreeSet;

use serde_json::Value;
use ses_exporter::judgements::send_path::Reason;
use ses_exporter::remedy::{Need, Scope, remedy};
use ses_exporter::simulator::{Account, Region, World};

use super::aws::in_a_shell;
use crate::support::stage::{KEY, MAIN, SECRET};
use crate::support::{Agent, Aws, send::check_send};

mod rows;

use rows::{HERE, Look, Row, THERE};

/// What a person writes where a command has a word in capitals.
const FILLED_IN: [(&str, &str); 3] = [
    ("WEBSITE", "https://shop.example"),
    ("WHAT_YOU_SEND_TO_WHOM_AND_HOW_BOUNCES_ARE_HANDLED", "'Receipts to customers; bounces are taken off the list'"),
    (" ADDRESS ", " owner@shop.example "),
];

fn start(here: Region, there: Region) -> Aws {
    let account = Account::new(MAIN, "main").access_key(KEY, SECRET).region(here).region(there);
    Aws::start(World::empty().with_rate(None).with_account(account))
}

/// What `check send` ends with, and what it tells about the first region.
fn ask(aws: &Aws, mail: &str) -> (i32, Value) {
    let arguments: Vec<String> = mail.split(' ').map(str::to_owned).collect();
    aws.world.clear_requests();
    let (code, report) = check_send(aws, &[HERE, THERE], &arguments);
    assert!(aws.world.requests().iter().all(|asked| !asked.writes), "it only reads");
    (code, report["regions"][0].clone())
}

/// The refusal or the warning with this word.
fn found<'a>(told: &'a Value, word: &str) -> &'a Value {
    let all = |list: &str| told[list].as_array().into_iter().flatten();
    let one = all("reasons").find(|one| one["reason"] == word).or(all("warnings").find(|one| one["warning"] == word));
    one.unwrap_or_else(|| panic!("no {word}: {told:#}"))
}

/// Runs a command as a person would, with the words in capitals filled in, and answers what it says.
fn run_as_told(aws: &Aws, command: &str) -> String {
    let whole = format!("{command} "); // a word at the end is a word, too
    let line = FILLED_IN.iter().fold(whole, |line, (word, value)| line.replace(word, value));
    let mut environment = aws.environment();
    environment.push(("AWS_DEFAULT_REGION", HERE.to_owned())); // older command lines know only this one
    let output = in_a_shell(line.trim(), &environment);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{line}: {err}");
    out.into_owned()
}

/// The writes of the log that were carried out.
fn written(aws: &Aws) -> Vec<String> {
    let log = aws.world.requests().into_iter();
    log.filter(|asked| asked.writes && asked.status == Some(200)).map(|asked| asked.operation).collect()
}

/// The records that were told have to be those that the owner of the domain has published in the end.
fn are_published(aws: &Aws, records: &Value) {
    for record in records.as_array().into_iter().flatten().map(|record| record.as_str().unwrap()) {
        let (name, rest) = record.split_once(' ').unwrap();
        let (kind, value) = rest.split_once(' ').unwrap();
        let zone = aws.world.change(|world| world.dns_records(name)).unwrap_or_else(|| panic!("no zone for {record}"));
        let value = value.trim_end_matches(" and no other");
        let known = zone.iter().any(|(owner, of_kind, data)| {
            owner.trim_end_matches('.') == name
                && format!("{of_kind:?}").eq_ignore_ascii_case(kind)
                && data.trim_matches('"').trim_end_matches('.') == value.trim_matches('"')
        });
        assert!(known, "{record} is not in {zone:?}");
    }
}

#[track_caller]
fn goes_well(row: &Row) {
    let aws = start((row.here)(), (row.there)());
    let mail = format!("{} --region {HERE}", row.mail);
    let (code, told) = ask(&aws, &mail);
    let refusal = found(&told, row.word);
    assert_eq!(code, if refusal["reason"].is_null() { 1 } else { 2 }, "{}: {told:#}", row.word);
    let remedy = &refusal["remedies"][row.remedy];
    let (command, expected) = (remedy["command"].as_str().unwrap(), row.command());
    assert_eq!(command, expected, "{}: {refusal:#}", row.word);

    aws.world.clear_requests();
    let said = run_as_told(&aws, command);
    let writes: Vec<&str> = row.writes.into_iter().collect();
    assert_eq!(written(&aws), writes, "{command}: {said}");
    assert!(said.contains(row.says), "{command} does not say {:?}: {said}", row.says);
    (row.person)(&aws);
    if row.ends == 0 {
        are_published(&aws, &remedy["records"]);
    }
    let (code, told) = ask(&aws, row.again.unwrap_or(&mail));
    assert_eq!(code, row.ends, "{} after `{command}`: {told:#}", row.word);
}

#[test]
fn what_is_wrong_with_the_account_is_mended_as_told() {
    rows::of_account().iter().for_each(goes_well);
}

#[test]
fn what_is_wrong_with_the_sender_is_mended_as_told() {
    rows::of_sender().iter().for_each(goes_well);
}

#[test]
fn the_sandbox_is_left_as_told() {
    rows::of_sandbox().iter().for_each(goes_well);
}

#[test]
fn what_was_warned_of_is_mended_as_told() {
    rows::of_warnings().iter().for_each(goes_well);
}

#[test]
fn what_is_to_be_looked_at_is_there_to_see() {
    for Look { need, scope, here, writes, says } in rows::looks() {
        let aws = start(here(), Region::fresh(THERE));
        let command = remedy(need, scope).command.unwrap();
        let said = run_as_told(&aws, &command);
        assert!(said.contains(says), "{command} does not say {says:?}: {said}");
        assert_eq!(written(&aws), writes.into_iter().collect::<Vec<_>>(), "{command}");
    }
}

/// No mail alone is refused for these two: they are about the mail of a day, which is declared.
#[test]
fn a_quota_that_is_declared_and_too_small_is_raised_as_told() {
    let aws = start(crate::support::stage::production(HERE), Region::fresh(THERE));
    let path = "name = \"orders\"\nfrom = \"shop.example\"\ndaily_messages = 60000\npeak_messages_per_second = 20\n";
    let config = crate::support::stage::quick(&aws, &[HERE], "1s", "1h");
    let agent = Agent::start(&aws, &format!("{config}[[send_paths]]\n{path}regions = [\"{HERE}\"]\n"));
    for reason in DECLARED {
        let labels = [("path", "orders"), ("reason", reason.as_str())];
        agent.page_where(reason.as_str(), |page| page.value("ses_send_path_blocked", &labels) == Some(1.0));
    }
    let told =
        run_as_told(&aws, &remedy(Need::RaiseQuota, Scope { region: Some(HERE), ..Scope::default() }).command.unwrap());
    assert!(["L-804C8AE8", "L-CDEF9B6B", "50000"].iter().all(|word| told.contains(word)), "{told}");
    rows::raise_quota(&aws);
    agent.page_where("ready", |page| page.value("ses_send_path_ready", &[("path", "orders")]) == Some(1.0));
}

/// The reasons that only a declaration gives.
const DECLARED: [Reason; 2] = [Reason::QuotaTooSmall, Reason::RateTooLow];

#[test]
fn every_reason_and_every_need_has_a_row() {
    let all = [rows::of_account(), rows::of_sender(), rows::of_sandbox(), rows::of_warnings()].concat();
    let words: BTreeSet<&str> = all.iter().map(|row| row.word).chain(DECLARED.map(Reason::as_str)).collect();
    let missing: Vec<&str> = Reason::ALL.map(Reason::as_str).into_iter().filter(|word| !words.contains(word)).collect();
    assert_eq!(missing, [""; 0], "no row mends these");
    let needs: Vec<Need> = all.iter().map(|row| row.need).chain(rows::looks().iter().map(|look| look.need)).collect();
    let missing: Vec<&Need> = Need::ALL.iter().filter(|need| !needs.contains(need)).collect();
    assert!(missing.is_empty(), "no command is run for {missing:?}");
}
