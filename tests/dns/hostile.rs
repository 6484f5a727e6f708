//! Names from AWS and texts from DNS that somebody chose to break a page, a log or a look-up.

use super::resolver::{Manner, Resolver};
use super::{REGION, looked, ok, problems, records, start_asking, with, with_mail_from};
use crate::support::stage::{all_succeed, warnings};
use crate::support::{Agent, Aws, Page, eventually};
use ses_exporter::simulator::Identity;

/// Waits for so many readings more of the collector `dns`, and checks every page that it sees.
fn after_readings(agent: &Agent, count: usize) -> Page {
    let mut seen = vec![looked(&agent.page())];
    eventually("some readings", || {
        let page = agent.page();
        seen.push(looked(&page));
        seen.dedup();
        (seen.len() > count).then_some(page)
    })
}

/// Names in a log may be long, but never raw.
fn assert_clean(log: &str) {
    let raw = log.lines().find(|line| line.chars().any(char::is_control));
    assert_eq!(raw, None);
}

#[test]
fn names_that_no_dns_knows_break_nothing() {
    let long_label = "l".repeat(63);
    let too_long_label = "l".repeat(64);
    let too_long = format!("{}example", "abcdefg.".repeat(40));
    let askable = [format!("{long_label}.example"), "xn--bcher-kva.example".to_owned(), "UPPER.example".to_owned()];
    let never = [format!("{too_long_label}.example"), "a..b.example".to_owned(), too_long];
    let odd = [
        "quote\"quote.example",
        "line\nbreak.example",
        "back\\slash.example",
        "nul\0nul.example",
        "\u{1b}[31mred.example",
        "bücher.example",
        "sp ace.example",
        "a/b?c#d%2e.example",
        "_under_score.example",
        "-.example",
    ];
    let odd = odd.map(str::to_owned);
    let names: Vec<&String> = askable.iter().chain(&never).chain(&odd).collect();
    let aws = Aws::start(with(names.iter().map(|name| Identity::domain(name.as_str()))));
    let agent = start_asking(&aws, &[REGION], aws.simulator.dns_address(), 500);
    let described = |page: &Page, name: &str| {
        let label = [("identity", name)];
        page.value("ses_identity_verification_last_checked_timestamp_seconds", &label).is_some()
    };
    agent.page_where("all are described", |page| names.iter().all(|name| described(page, name)));
    let page = after_readings(&agent, 3);
    for name in &names {
        assert_eq!(page.value("ses_identity_verified", &[("identity", name)]), Some(1.0), "{name:?}");
    }
    for name in &askable {
        assert_eq!(records(&page).get(name).map(std::collections::BTreeSet::len), Some(4), "{name}");
        assert!(["dkim_1", "dkim_2", "dkim_3", "dmarc"].iter().all(|record| ok(&page, name, record) == Some(1.0)));
    }
    for name in &never {
        assert!(!records(&page).contains_key(name), "{name:?} can't be asked for: nothing is known of it");
    }
    assert_eq!(ok(&page, "shop.example", "dkim_1"), Some(1.0));
    assert!(all_succeed(&page, "main", REGION), "{}", agent.log());
    assert_clean(&agent.log());
}

#[test]
fn texts_that_somebody_chose_break_nothing() {
    let aws = Aws::start(with([
        with_mail_from("shop.example"),
        Identity::domain("own.example").byodkim("s2026"),
        Identity::domain("legacy.example").legacy_txt(),
    ]));
    let resolver = Resolver::start(aws.simulator.dns_address());
    let agent = start_asking(&aws, &[REGION], resolver.address, 500);
    agent.page_where("all is well", |page| {
        ok(page, "shop.example", "mail_from_spf") == Some(1.0)
            && ok(page, "legacy.example", "amazonses_txt") == Some(1.0)
    });
    let evil = b"\"\nses_evil 1\n\r\x1b[31m\0\\ \xff\xfe";
    let texts = [b"v=DMARC1; p=".as_slice(), b"v=spf1 ", b"p", &[b'x'; 700], b""];
    let wrong = [
        ["own.example", "dkim_selector", "selector_without_key"],
        ["legacy.example", "amazonses_txt", "wrong_value"],
        ["shop.example", "dmarc", "wrong_value"],
    ];
    for text in texts {
        resolver.behave(Manner::Says([text, evil].concat()));
        agent.page_where("it is wrong", |page| !problems(page).is_empty());
        let page = after_readings(&agent, 3);
        // Whatever follows `p=` is a key to those who have not got to use it.
        let is_key = text.ends_with(b"p=");
        for [identity, record, reason] in
            wrong.into_iter().filter(|[_, record, _]| !is_key || *record != "dkim_selector")
        {
            let told = [REGION, identity, record, reason].map(str::to_owned);
            assert!(problems(&page).contains(&told), "{told:?} of {text:?}: {:?}", problems(&page));
        }
        assert!(!page.text.lines().any(|line| line.starts_with("ses_evil")));
        resolver.behave(Manner::Honest);
        agent.page_where("all is well again", |page| problems(page).is_empty());
    }
    assert_clean(&agent.log());
    assert!(warnings(&agent.log(), "dns").is_empty(), "{}", agent.log());
}
