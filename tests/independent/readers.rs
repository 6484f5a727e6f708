//! The reference parsers of both formats, Prometheus' own for Python, read what the agent shows.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;

use ses_exporter::simulator::{Account, Identity, Region, World};

use crate::support::programs::python;
use crate::support::{Agent, Aws, Page, eventually, get};

/// Names that a careless renderer breaks on. SES would take hardly any of them; AWS' answers are not ours to trust.
const NASTY: [&str; 6] = [
    "quote\"@shop.example",
    "back\\slash@shop.example",
    "back\\nslash-n@shop.example",
    "line\nbreak@shop.example",
    "} 1 # {comma,equals=}@shop.example",
    "bücher.example",
];

/// Name and labels.
type Series = (String, BTreeMap<String, String>);
/// Every series with its value.
type Samples = BTreeMap<Series, f64>;

/// What a parser of `prometheus_client` makes of a page.
fn parse(module: &str, page: &str) -> Samples {
    let script = format!(
        "import json, sys\n\
         from prometheus_client.{module} import text_string_to_metric_families as parse\n\
         text = sys.stdin.buffer.read().decode()\n\
         print(json.dumps([[s.name, s.labels, repr(float(s.value))] for family in parse(text) for s in family.samples]))\n"
    );
    let mut child = python("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "prometheus_client.{module} does not take the page (if there is no such module, run tests/run once):\n{said}\n{page}"
    );
    let samples: Vec<(String, BTreeMap<String, String>, String)> = serde_json::from_slice(&output.stdout).unwrap();
    let count = samples.len();
    let samples = samples.into_iter().map(|(name, labels, value)| ((name, labels), value.parse().unwrap()));
    let samples: Samples = samples.map(bound_as_number).collect();
    assert_eq!(samples.len(), count, "a series twice");
    samples
}

/// One page in both formats.
fn both(agent: &Agent) -> (String, String) {
    let ask = |accept: &str, expected: &str| {
        let answer = get(agent.address, "/metrics", &[("Accept", accept)]);
        assert!(answer.headers["content-type"].starts_with(expected), "{:?}", answer.headers);
        answer.text()
    };
    let openmetrics = || ask("application/openmetrics-text;version=1.0.0", "application/openmetrics-text;");
    let text = || ask("text/plain;version=0.0.4", "text/plain;");
    // Both formats are wanted from here on, so every later page is built in both.
    drop(openmetrics());
    let old = text();
    eventually("the same page in both formats", || {
        let (before, other, after) = (text(), openmetrics(), text());
        (before == after && before != old).then_some((after, other))
    })
}

/// What the parsers make of one page in both formats.
fn parsed(agent: &Agent) -> (Samples, Samples) {
    let (text, openmetrics) = both(agent);
    let as_text = parse("parser", &text);
    let ours = Page::parse(&text).samples.into_iter().map(|sample| ((sample.name, sample.labels), sample.value));
    assert_eq!(as_text, ours.map(bound_as_number).collect::<Samples>(), "the reader of these tests tells the same");
    (as_text, parse("openmetrics.parser", &openmetrics))
}

/// The bounds of buckets are numbers: OpenMetrics writes 1.0 where text writes 1.
fn bound_as_number(((name, mut labels), value): (Series, f64)) -> (Series, f64) {
    if let Some(bound) = labels.get_mut("le") {
        *bound = bound.parse::<f64>().unwrap().to_string();
    }
    ((name, labels), value)
}

/// Panics with what is on one side only.
#[track_caller]
fn assert_same(text: &Samples, openmetrics: &Samples) {
    let only = |one: &Samples, other: &Samples| -> Vec<String> {
        one.iter()
            .filter(|(series, value)| other.get(series) != Some(value))
            .map(|sample| format!("{sample:?}"))
            .collect()
    };
    assert!(
        text == openmetrics,
        "only as text: {:#?}\nonly as OpenMetrics: {:#?}",
        only(text, openmetrics),
        only(openmetrics, text)
    );
}

#[test]
fn the_reference_parsers_read_the_same_samples_off_both_formats() {
    let agent = Agent::start_with(&[], "", &["demo", "--simulator.listen-address", "127.0.0.1:0"]);
    agent.wait_ready();
    // Four accounts in 33 regions: until each was read or skipped, series come with every build of the page.
    agent.page_where("everything was tried", |page| {
        let skipped = page.find("ses_exporter_target_skipped", &[]).count();
        ["account", "sending", "identities"].iter().all(|collector| {
            page.find("ses_exporter_collector_success", &[("collector", collector)]).count() + skipped == 4 * 33
        })
    });
    let (text, openmetrics) = parsed(&agent);
    assert!(text.len() > 1000, "only {} samples", text.len());
    let names = |samples: &Samples| samples.keys().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(names(&text), names(&openmetrics));
    // The demo calls AWS all the time, and calls are counted while a page is built: also the first of a kind.
    let settled = |samples: &Samples| -> Samples {
        let ours = samples.iter().filter(|((name, _), _)| name != "ses_exporter_aws_requests_total");
        ours.map(|(series, value)| (series.clone(), *value)).collect()
    };
    assert_same(&settled(&text), &settled(&openmetrics));
}

#[test]
fn names_that_need_escaping_come_out_of_the_reference_parsers_as_they_are() {
    let region = NASTY.iter().fold(Region::fresh("us-east-1"), |region, name| region.identity(Identity::named(*name)));
    let account = Account::new("111111111111", "main").access_key("AKIAEXAMPLEEXAMPLE00", "secret").region(region);
    let aws = Aws::start(World::empty().with_rate(None).with_account(account));
    let agent = Agent::start(&aws, "");
    agent.page_where("the identities", |page| page.find("ses_identity_verified", &[]).count() == NASTY.len());
    let (text, openmetrics) = parsed(&agent);
    for samples in [text, openmetrics] {
        for name in NASTY {
            let found = |(series, labels): &Series| series == "ses_identity_verified" && labels["identity"] == name;
            assert!(samples.keys().any(found), "{name:?} is not among {:?}", samples.keys());
        }
    }
}
