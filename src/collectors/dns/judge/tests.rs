//! Judgements on tables of answers: a test is a zone, written down.

use super::super::records::{DkimFacts, DomainFacts, Label, expected};
use super::*;

/// What DNS says, one line each: name, type, value. A value of `?` is no answer; what is not listed is proven absent.
struct Zone(&'static [&'static str]);

impl Zone {
    fn look(&self, question: &Question) -> Look {
        let what = format!("{:?}", question.what).to_uppercase();
        let prefix = format!("{} {what} ", question.name);
        let lines: Vec<&str> = self.0.iter().filter_map(|line| line.strip_prefix(prefix.as_str())).collect();
        if lines.contains(&"?") {
            return Look::Unknown("time-out".to_owned());
        }
        let values: Vec<Value> = lines.iter().map(|line| value(question.what, line)).collect();
        let ttl = Duration::from_mins(5);
        if values.is_empty() { Look::Nothing { ttl } } else { Look::Found { values, ttl } }
    }
}

fn value(what: RecordType, line: &str) -> Value {
    let pair = || line.split_once(' ').expect("two words");
    match what {
        RecordType::Cname | RecordType::Ns => Value::Name(line.to_owned()),
        RecordType::Mx => Value::Mail { preference: pair().0.parse().expect("a number"), host: pair().1.to_owned() },
        RecordType::Soa => Value::Zone { name: pair().0.to_owned(), primary: pair().1.to_owned() },
        RecordType::Txt => Value::Text(line.to_owned()),
        RecordType::A | RecordType::Aaaa => Value::Address,
    }
}

/// Judges one record of shop.example and tells the outcome, what was found, and how many questions it took.
fn judged(label: Label, zone: &'static [&'static str]) -> (Outcome, String, usize) {
    let facts = DomainFacts {
        domain: "shop.example".to_owned(),
        dkim: DkimFacts { external: label == Label::DkimSelector, tokens: vec!["tok".to_owned()], hosted_zone: None },
        mail_from: Some("mail.shop.example".to_owned()),
        verification_token: Some("token=".to_owned()),
        primary_name_server: Some("ns1.seen.example".to_owned()),
        ..DomainFacts::default()
    };
    let record = expected(&facts, "eu-west-1").into_iter().find(|record| record.label == label).expect("a record");
    judged_as(&record, zone)
}

fn judged_as(record: &Expected, zone: &'static [&'static str]) -> (Outcome, String, usize) {
    let zone = Zone(zone);
    let mut answers = Answers::default();
    for asked in 0..64 {
        match judge(record, &answers) {
            Next::Saw(Sight { outcome, found }) => return (outcome, found, asked),
            Next::Ask(question) => {
                assert!(!answers.0.contains_key(&question), "{question:?} was answered already");
                let look = zone.look(&question);
                answers.insert(question, look);
            }
        }
    }
    unreachable!("more than 64 questions about one record")
}

/// The outcome as one word.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Right { .. } => "right",
        Outcome::Wrong(reason) => reason.as_str(),
        Outcome::Unknown => "unknown",
    }
}

fn holds(label: Label, cases: &[(&str, &'static [&'static str])]) {
    for (expected, zone) in cases {
        let (outcome, found, _) = judged(label, zone);
        assert_eq!(word(outcome), *expected, "{zone:?}: {found}");
    }
}

#[test]
fn aliases_of_dkim() {
    holds(
        Label::Dkim1,
        &[
            ("right", &["tok._domainkey.shop.example CNAME tok.dkim.amazonses.com"]),
            ("right", &["tok._domainkey.shop.example CNAME tok.dkim.eu-west-1.amazonses.com"]),
            (
                "right",
                &[
                    "tok._domainkey.shop.example CNAME keys.dns.example",
                    "keys.dns.example CNAME tok.dkim.amazonses.com",
                ],
            ),
            ("points_elsewhere", &["tok._domainkey.shop.example CNAME tok.dkim.us-east-1.amazonses.com"]),
            ("points_elsewhere", &["tok._domainkey.shop.example CNAME other.dkim.amazonses.com"]),
            ("doubled_suffix", &["tok._domainkey.shop.example CNAME tok.dkim.amazonses.com.shop.example"]),
            ("doubled_suffix", &["tok._domainkey.shop.example.shop.example CNAME tok.dkim.amazonses.com"]),
            ("doubled_suffix", &["tok._domainkey.shop.example.shop.example CNAME tok.dkim.amazonses.com.shop.example"]),
            ("missing", &["tok._domainkey.shop.example.shop.example CNAME wildcard.example"]),
            ("missing", &["shop.example SOA shop.example ns1.seen.example"]),
            ("other_name_servers", &["shop.example SOA shop.example ns1.moved.example"]),
            ("missing", &["shop.example SOA ?"]),
            ("proxied", &["tok._domainkey.shop.example A 1"]),
            ("proxied", &["tok._domainkey.shop.example AAAA 1"]),
            ("missing", &["tok._domainkey.shop.example A 1", "wildcard-probe._domainkey.shop.example A 1"]),
            ("missing", &["tok._domainkey.shop.example A ?", "tok._domainkey.shop.example AAAA ?"]),
            ("cname_loop", &["tok._domainkey.shop.example CNAME tok._domainkey.shop.example"]),
            (
                "cname_loop",
                &["tok._domainkey.shop.example CNAME a.example", "a.example CNAME tok._domainkey.shop.example"],
            ),
            ("unknown", &["tok._domainkey.shop.example CNAME ?"]),
            ("unknown", &["tok._domainkey.shop.example CNAME a.example", "a.example CNAME ?"]),
        ],
    );
}

#[test]
fn eight_aliases_are_followed_and_no_more() {
    const EIGHT: &[&str] = &[
        "tok._domainkey.shop.example CNAME 1.example",
        "1.example CNAME 2.example",
        "2.example CNAME 3.example",
        "3.example CNAME 4.example",
        "4.example CNAME 5.example",
        "5.example CNAME 6.example",
        "6.example CNAME 7.example",
        "7.example CNAME tok.dkim.amazonses.com",
    ];
    const NINE: &[&str] = &[
        "tok._domainkey.shop.example CNAME 1.example",
        "1.example CNAME 2.example",
        "2.example CNAME 3.example",
        "3.example CNAME 4.example",
        "4.example CNAME 5.example",
        "5.example CNAME 6.example",
        "6.example CNAME 7.example",
        "7.example CNAME 8.example",
        "8.example CNAME tok.dkim.amazonses.com",
    ];
    holds(Label::Dkim1, &[("right", EIGHT), ("cname_loop", NINE)]);
}

#[test]
fn the_name_doubled_with_the_name_of_a_zone_above() {
    let facts = DomainFacts {
        domain: "news.shop.example".to_owned(),
        dkim: DkimFacts { tokens: vec!["tok".to_owned()], ..DkimFacts::default() },
        ..DomainFacts::default()
    };
    let records = expected(&facts, "eu-west-1");
    let (outcome, found, _) = judged_as(
        &records[0],
        &[
            "news.shop.example SOA shop.example ns1.seen.example",
            "tok._domainkey.news.shop.example.shop.example CNAME tok.dkim.amazonses.com",
        ],
    );
    assert_eq!(word(outcome), "doubled_suffix");
    assert_eq!(found, "nothing there, but at tok._domainkey.news.shop.example.shop.example: tok.dkim.amazonses.com");
}

#[test]
fn a_key_of_ones_own() {
    holds(
        Label::DkimSelector,
        &[
            ("right", &["tok._domainkey.shop.example TXT v=DKIM1; k=rsa; p=MIGf"]),
            ("selector_without_key", &["tok._domainkey.shop.example TXT v=DKIM1; p="]),
            ("selector_without_key", &["tok._domainkey.shop.example TXT hello"]),
            ("missing", &[]),
            ("doubled_suffix", &["tok._domainkey.shop.example.shop.example TXT p=MIGf"]),
            ("unknown", &["tok._domainkey.shop.example TXT ?"]),
        ],
    );
}

#[test]
fn the_host_that_takes_bounces() {
    holds(
        Label::MailFromMx,
        &[
            ("right", &["mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com"]),
            ("points_elsewhere", &["mail.shop.example MX 0 feedback-smtp.eu-west-1.amazonses.eu"]),
            ("doubled_suffix", &["mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com.example.com"]),
            ("wrong_region", &["mail.shop.example MX 10 feedback-smtp.us-east-1.amazonses.com"]),
            ("points_elsewhere", &["mail.shop.example MX 10 mx.shop.example"]),
            ("points_elsewhere", &["mail.shop.example MX 0 ."]),
            ("doubled_suffix", &["mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com.shop.example"]),
            ("doubled_suffix", &["mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com.mail.shop.example"]),
            ("doubled_suffix", &["mail.shop.example.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com"]),
            (
                "several_records",
                &[
                    "mail.shop.example MX 10 feedback-smtp.eu-west-1.amazonses.com",
                    "mail.shop.example MX 20 mx.example",
                ],
            ),
            ("missing", &[]),
            ("other_name_servers", &["shop.example SOA shop.example ns1.moved.example"]),
            ("unknown", &["mail.shop.example MX ?"]),
        ],
    );
}

#[test]
fn the_senders_that_spf_allows() {
    holds(
        Label::MailFromSpf,
        &[
            ("right", &["mail.shop.example TXT v=spf1 include:amazonses.com ~all", "mail.shop.example TXT hello"]),
            ("wrong_value", &["mail.shop.example TXT v=spf1 include:_spf.example ~all"]),
            ("wrong_value", &["mail.shop.example TXT v=spf1 -all include:amazonses.com"]),
            ("wrong_value", &["mail.shop.example TXT v=spf1 -include:amazonses.com ~all"]),
            (
                "right",
                &[
                    "mail.shop.example TXT v=spf1 include:_SPF.example. ~all",
                    "_spf.example TXT v=spf1 include:amazonses.com",
                ],
            ),
            (
                "right",
                &[
                    "mail.shop.example TXT v=spf1 include:a.example redirect=b.example",
                    "a.example TXT v=spf1 ip4:192.0.2.1 -all",
                    "b.example TXT v=spf1 include:c.example -all",
                    "c.example TXT v=spf1 include:amazonses.com -all",
                ],
            ),
            ("unknown", &["mail.shop.example TXT v=spf1 include:a.example ~all", "a.example TXT ?"]),
            ("right", &["mail.shop.example TXT v=spf1 include:a.example include:amazonses.com", "a.example TXT ?"]),
            (
                "unknown",
                &["mail.shop.example TXT v=spf1 include:a.example", "a.example TXT v=spf1 include:mail.shop.example"],
            ),
            (
                "several_records",
                &["mail.shop.example TXT v=spf1 include:amazonses.com ~all", "mail.shop.example TXT v=spf1 -all"],
            ),
            ("missing", &["mail.shop.example TXT hello"]),
            ("missing", &[]),
            ("doubled_suffix", &["mail.shop.example.shop.example TXT v=spf1 include:amazonses.com -all"]),
            ("unknown", &["mail.shop.example TXT ?"]),
        ],
    );
}

#[test]
fn the_token_of_old() {
    holds(
        Label::AmazonsesTxt,
        &[
            ("right", &["_amazonses.shop.example TXT token="]),
            ("right", &["_amazonses.shop.example TXT other", "_amazonses.shop.example TXT token="]),
            ("right", &["shop.example TXT amazonses:token="]),
            ("wrong_value", &["_amazonses.shop.example TXT other"]),
            ("missing", &["shop.example TXT v=spf1 -all"]),
            ("doubled_suffix", &["_amazonses.shop.example.shop.example TXT token="]),
            ("unknown", &["_amazonses.shop.example TXT ?"]),
            ("unknown", &["_amazonses.shop.example TXT other", "shop.example TXT ?"]),
        ],
    );
}

#[test]
fn dmarc_of_the_domain() {
    holds(
        Label::Dmarc,
        &[
            ("right", &["_dmarc.shop.example TXT v=DMARC1; p=none", "_dmarc.shop.example TXT hello"]),
            ("wrong_value", &["_dmarc.shop.example TXT v=DMARC1; p=rejekt"]),
            ("wrong_value", &["_dmarc.shop.example TXT v=DMARK1; p=none"]),
            (
                "several_records",
                &["_dmarc.shop.example TXT v=DMARC1; p=none", "_dmarc.shop.example TXT v=DMARC1; p=reject"],
            ),
            ("missing", &[]),
            ("missing", &["_dmarc.example TXT v=DMARC1; p=reject"]),
            ("doubled_suffix", &["_dmarc.shop.example.shop.example TXT v=DMARC1; p=none"]),
            ("unknown", &["_dmarc.shop.example TXT ?"]),
        ],
    );
}

#[test]
fn dmarc_of_a_domain_above() {
    let domain = |domain: &str| {
        let facts = DomainFacts { domain: domain.to_owned(), ..DomainFacts::default() };
        expected(&facts, "eu-west-1").remove(0)
    };
    let policy = |name, zone| match judged_as(&domain(name), zone).0 {
        Outcome::Right { policy, .. } => policy.map_or("right", super::super::verdict::Policy::as_str),
        other => word(other),
    };
    let above: &[&str] = &["_dmarc.shop.example TXT v=DMARC1; p=reject; sp=quarantine"];
    assert_eq!(policy("shop.example", above), "reject");
    assert_eq!(policy("a.b.shop.example", above), "quarantine");
    assert_eq!(
        policy(
            "a.shop.example",
            &["_dmarc.shop.example TXT v=DMARC1; p=reject", "_dmarc.a.shop.example TXT v=DMARC1; p=none"]
        ),
        "none",
        "its own counts"
    );
    let organisation: &[&str] = &[
        "_dmarc.b.shop.example TXT v=DMARC1; p=none; sp=none",
        "_dmarc.shop.example TXT v=DMARC1; p=reject; sp=quarantine",
    ];
    assert_eq!(policy("a.b.shop.example", organisation), "quarantine", "the organisation's counts, not the nearest");
    let ended: &[&str] =
        &["_dmarc.b.shop.example TXT v=DMARC1; p=none; psd=n", "_dmarc.shop.example TXT v=DMARC1; p=reject"];
    assert_eq!(policy("a.b.shop.example", ended), "none", "psd=n ends the walk");
    let registry: &[&str] =
        &["_dmarc.shop.co.example TXT v=DMARC1; p=quarantine", "_dmarc.co.example TXT v=DMARC1; p=reject; psd=y"];
    assert_eq!(policy("a.shop.co.example", registry), "quarantine", "a public suffix is nobody's organisation");
    assert_eq!(policy("other.co.example", registry), "missing");
    assert_eq!(policy("co.example", registry), "reject", "its own record counts all the same");
    for fault in ["_dmarc.shop.example TXT v=DMARC1; p=rejekt", "_dmarc.shop.example TXT v=DMARC1"] {
        let zone = Vec::leak(vec![fault, "_dmarc.b.shop.example TXT v=DMARC1; p=none"]);
        assert_eq!(policy("a.b.shop.example", zone), "none", "a record that is not valid is passed over: {fault}");
    }
    let several: &[&str] = &["_dmarc.shop.example TXT v=DMARC1; p=none", "_dmarc.shop.example TXT v=DMARC1; p=reject"];
    assert_eq!(policy("a.shop.example", several), "several_records", "told where nothing valid is found");
    assert_eq!(policy("a.shop.example", &["_dmarc.shop.example TXT v=DMARC1; p=rejekt"]), "wrong_value");
    assert_eq!(policy("1.2.3.4.5.6.7.shop.example", above), "quarantine");
    assert_eq!(policy("1.2.3.4.5.6.7.8.shop.example", above), "quarantine", "what is over seven labels is passed over");
    assert_eq!(policy("a.shop.example", &["_dmarc.shop.example TXT ?"]), "unknown");
}

#[test]
fn a_record_that_is_right_takes_one_question() {
    let (outcome, found, asked) =
        judged(Label::Dkim1, &["tok._domainkey.shop.example CNAME tok.dkim.amazonses.com", "shop.example SOA ?"]);
    assert_eq!(outcome, Outcome::Right { ttl: Duration::from_mins(5), policy: None });
    assert_eq!((found.as_str(), asked), ("tok.dkim.amazonses.com", 1));
}

#[test]
fn who_does_not_answer_is_told() {
    let (outcome, found, _) = judged(Label::MailFromMx, &["mail.shop.example MX ?"]);
    assert_eq!((outcome, found.as_str()), (Outcome::Unknown, "not known: time-out"));
    let (_, found, _) = judged(Label::MailFromMx, &["shop.example SOA shop.example ns1.moved.example"]);
    assert_eq!(found, "nothing, in a zone of ns1.moved.example; SES saw it at ns1.seen.example");
}
