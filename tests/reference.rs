//! What is generated from the tables stands in the documentation as it is; `BLESS=1` writes it there.

use std::collections::BTreeMap;

use ses_exporter::config::Config;
use ses_exporter::{collectors, estate, judgements, reference, telemetry};

use crate::support::{golden, repository};

/// Replaces what stands between two marks of a document.
fn with_section(document: &str, mark: &str, made: &str) -> String {
    let (begin, end) = (format!("<!-- begin {mark} -->\n"), format!("<!-- end {mark} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("README.md has no `{begin}`"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("README.md has no `{end}`"));
    format!("{before}{begin}{made}{end}{after}")
}

#[test]
fn the_readme_holds_the_tables() {
    let readme = std::fs::read_to_string(repository("README.md")).expect("README.md");
    let policy = format!("```json\n{}```\n", reference::iam_policy(&Config::default()));
    let made = with_section(&with_section(&readme, "metrics", &reference::metrics()), "policy", &policy);
    let made = with_section(&made, "dns", &reference::dns_records());
    let made = with_section(&made, "cost", &reference::cost(&Config::default()));
    golden("README.md", &made);
}

#[test]
fn the_policy_to_deploy_is_the_one_that_the_collectors_need() {
    golden("deploy/iam/policy.json", &reference::iam_policy(&Config::default()));
}

#[test]
fn the_policy_holds_no_write_and_nothing_of_a_collector_that_is_off() {
    let every: Vec<&str> = collectors::ALL.iter().flat_map(|row| row.declaration.actions).copied().collect();
    for action in &every {
        let verb = action.split_once(':').expect("service:Action").1;
        assert!(verb.starts_with("Get") || verb.starts_with("List"), "{action} does not read");
    }
    let text = "[collectors.sending]\nenabled = false\n";
    let config = Config::parse("test", text, std::path::Path::new("."), None).expect("good");
    assert!(!reference::iam_policy(&config).contains("GetSendStatistics"));
    assert!(reference::iam_policy(&config).contains("GetAccount"));
}

#[test]
fn every_family_has_one_owner_and_keeps_the_conventions() {
    let mut owners = BTreeMap::new();
    let collected =
        collectors::ALL.iter().flat_map(|row| (row.families)().into_iter().map(|about| (row.declaration.name, about)));
    let judged = judgements::ALL
        .iter()
        .flat_map(|judgement| judgement.families().into_iter().map(|about| (judgement.declaration().name, about)));
    let agent = estate::METRICS.iter().map(|family| ("agent", family.about()));
    let own = telemetry::METRICS.iter().map(|about| ("telemetry", *about));
    for (owner, about) in collected.chain(judged).chain(agent).chain(own) {
        let before = owners.insert(about.name, owner);
        assert!(before.is_none(), "{} belongs to {owner} and to {before:?}", about.name);
        let prefixed = ["ses_", "process_"].iter().any(|prefix| about.name.starts_with(prefix));
        assert!(prefixed, "{} has no prefix of ours", about.name);
        assert_eq!(about.name.ends_with("_total"), about.kind.as_str() == "counter", "{}", about.name);
        assert!(about.help.ends_with('.') && !about.help.contains('\n'), "help of {} is no sentence", about.name);
        assert!(!about.labels.iter().any(|label| ["region", "type", "account"].contains(label)), "{}", about.name);
        if owner != "agent"
            && owner != "telemetry"
            && about.name.starts_with("ses_")
            && !about.name.starts_with("ses_exporter_")
        {
            let sources = ["polled from", "judged from", "declared in", "looked up in DNS", "Ses", "ListEmail"];
            let says = sources.iter().any(|source| about.help.contains(source));
            assert!(says, "help of {} names no source", about.name);
        }
    }
}
