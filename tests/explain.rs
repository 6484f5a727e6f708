//! `explain` from the text alone: what people and programs see of it, word for word, and how it ends.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Said, command, golden, run};

/// Golden file and the text that it explains. Sentences of every kind; `tests/golden/explain/` shows them to a reviewer.
const TEXTS: &[(&str, &str)] = &[
    (
        "sandbox",
        "554 Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: \
         Shop <noreply@shop.example>, tester@gmail.com...",
    ),
    ("unverified_without_list", "Message rejected: Email address is not verified."),
    ("paused", "MessageRejected: Sending paused for this account. For more information, please check the inbox"),
    ("mail_from", "<Code>MailFromDomainNotVerifiedException</Code>"),
    ("configuration_set_missing", "ConfigurationSetDoesNotExist: Configuration set <main> does not exist."),
    ("configuration_set_paused", "MessageRejected: Email sending for the configuration set main is paused."),
    ("daily_quota", "454 Throttling failure: Daily message quota exceeded."),
    ("send_rate", "https://email.eu-west-1.amazonaws.com Throttling: Maximum sending rate exceeded."),
    ("api_rate", "api error Throttling: Rate exceeded"),
    ("connections", "421 Too many concurrent SMTP connections"),
    ("temporary", "451 Temporary service failure"),
    ("review", "An error occurred (ConflictException) when calling the PutAccountDetails operation: None"),
    ("already_exists", "AlreadyExistsException: Email identity shop.example already exist."),
    ("unknown_key", "Sender InvalidClientTokenId The security token included in the request is invalid"),
    (
        "wrong_signature",
        "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided.",
    ),
    (
        "expired_token",
        "(ExpiredToken) when calling the SendEmail operation: The security token included in the request is expired",
    ),
    (
        "access_denied",
        "554 Access denied: User `arn:aws:iam::111111111111:user/mailer' is not authorized to perform `ses:SendRawEmail' on \
         resource `arn:aws:ses:eu-west-2:111111111111:identity/tester@bank.example'",
    ),
    ("smtp_credentials", "535 Authentication Credentials Invalid"),
    ("smtp_login", "530 Authentication required"),
    ("not_subscribed", "535 Account not subscribed to SES"),
    ("malformed_address", "InvalidParameterValue: Missing final '@domain'"),
    ("too_many_recipients", "554 Transaction failed: Recipient count exceeds 50."),
    ("too_long", "552 Message is too long."),
    ("suppressed", "MessageRejected: Address blacklisted."),
    ("no_such_host", "dial tcp: lookup email.ap-east-1.amazonaws.com on 127.0.0.53:53: no such host"),
    ("unreachable", "connect to email-smtp.us-east-1.amazonaws.com[192.0.2.71]:25: Connection timed out"),
    ("receiver", "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."),
    ("unknown_sentence", "MessageRejected: Your message was not liked."),
    ("nothing", "250 Ok"),
];

fn explain(arguments: &[&str], input: &[u8]) -> Said {
    let mut child = command(&["explain", "--offline"]);
    child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // It may end without reading all.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(&run(&mut command(&["explain", "--offline", "--json", text])).out).unwrap()
}

#[test]
fn people_read_this() {
    for (name, text) in TEXTS {
        let said = run(&mut command(&["explain", "--offline", text]));
        let known = !["unknown_sentence", "nothing"].contains(name);
        assert_eq!((said.code, said.err.as_str()), (if known { 0 } else { 3 }, ""), "{name}");
        assert!(!said.out.contains('\u{1b}'), "{name}: no colour off a terminal");
        golden(&format!("tests/golden/explain/{name}.txt"), &format!("{text}\n{}\n{}", "-".repeat(100), said.out));
    }
}

#[test]
fn programs_read_this() {
    let said = run(&mut command(&["explain", "--offline", "--json", TEXTS[0].1]));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    golden("tests/golden/explain/sandbox.json", &said.out);
    assert_eq!(
        json("250 Ok"),
        serde_json::json!({"version": 1, "understood": false, "asked": false, "explanations": []})
    );
}

#[test]
fn every_reason_has_a_golden_file() {
    let reasons =
        TEXTS.iter().filter_map(|(_, text)| json(text)["explanations"][0]["reason"].as_str().map(str::to_owned));
    let reasons: std::collections::BTreeSet<String> = reasons.collect();
    assert_eq!(reasons.len(), 27, "{reasons:?}");
}

#[test]
fn standard_input_is_read_where_there_is_no_argument() {
    let said = explain(&[], TEXTS[0].1.as_bytes());
    assert_eq!((said.code, said.out), (0, run(&mut command(&["explain", "--offline", TEXTS[0].1])).out));
    let latin = explain(&[], b"caf\xe9\n\xff 454 Throttling failure: Daily message quota exceeded.\n");
    assert_eq!(latin.code, 0, "{}", latin.out);
    assert_eq!(explain(&[], b"").code, 3);
}

#[test]
fn a_log_is_explained_thing_by_thing() {
    let log = [TEXTS[0].1, "454 Throttling failure: Daily message quota exceeded.", TEXTS[0].1, "250 Ok"].join("\n");
    let said = explain(&["--json"], log.as_bytes());
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let told: Vec<_> = report["explanations"].as_array().unwrap().iter().map(|e| (&e["reason"], &e["times"])).collect();
    assert_eq!(told, [(&"unverified".into(), &2.into()), (&"daily_quota".into(), &1.into())]);
}

#[test]
fn a_text_without_end_is_read_up_to_its_first_mebibyte() {
    let mut text = b"554 Message rejected: Address blacklisted.\n".to_vec();
    text.resize((1 << 20) + 1, b'x');
    text.extend(b"\n454 Throttling failure: Daily message quota exceeded.");
    let said = explain(&["--json"], &text);
    assert_eq!(said.err, "ses-exporter: the text is longer than 1 MiB; what follows the first MiB was not read\n");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, report["explanations"].as_array().unwrap().len()), (0, 1));
}

#[test]
fn it_needs_no_configuration_and_never_logs_the_text() {
    let mut child = command(&["explain", "--log.level", "trace", TEXTS[0].1]);
    let said =
        run(child.env("SES_EXPORTER_CONFIG_FILE", "/nonexistent/ses.toml").env("SES_EXPORTER_REGIONS", "nowhere"));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("AWS was not asked: can't read the configuration /nonexistent/ses.toml"), "{}", said.out);
}

#[test]
fn what_could_move_a_cursor_does_not_come_through() {
    let text = format!(
        "{}\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}x\u{9b}31m",
        TEXTS[0].1.replace("noreply", "no\u{1b}[31mreply\u{8}")
    );
    let said = run(&mut command(&["explain", &text]));
    let moves = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(said.code == 0 && !said.out.contains(moves), "{:?}", said.out);
}
