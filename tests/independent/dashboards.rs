//! Every query of the dashboards, asked of a real Prometheus that scrapes the demo: none fails, and none is empty without a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::prometheus::{demo, prometheus, series};
use crate::support::dashboards::{dashboards, panels};
use crate::support::programs::{Program, installed};
use crate::support::send;

/// Panels with a query that has no answer in the demo, and why. The letter is the query's.
const EMPTY: &[(&str, &str, &str)] = &[
    ("Alerts firing", "A", "an alert waits for longer than this test"),
    ("DMARC policies", "B", "every domain of the demo has a policy"),
    ("Verification errors", "B", "who has an error was never verified, until one of them loses its records"),
    ("Memory", "C", "there is a limit only where somebody set one"),
    ("Connections closed", "A", "nobody holds connections"),
    ("Agents", "E", "the demo has no --web.config.file"),
    ("Agents", "F", "the demo has no --web.config.file"),
    ("Agents", "G", "the demo has no --web.config.file"),
];
/// How long the demo may need until all is read: details come in slices, and rates need two scrapes.
const PATIENCE: Duration = Duration::from_mins(3);

/// The queries of all dashboards: the panel's title, the query's letter, and the expression with Grafana's variables put in.
fn queries() -> Vec<(String, String, String)> {
    let mut queries = Vec::new();
    for (_, dashboard) in dashboards() {
        let variables = variables(&dashboard);
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let expression = filled(target["expr"].as_str().unwrap(), &variables);
                queries.push((text(&panel["title"]), text(&target["refId"]), expression));
            }
        }
    }
    queries
}

/// What the variables of a dashboard stand for where everything is chosen.
fn variables(dashboard: &Value) -> BTreeMap<String, String> {
    let list = dashboard["templating"]["list"].as_array().unwrap().iter();
    let of = |variable: &Value| {
        let value = if variable["type"] == "custom" { &variable["current"]["value"] } else { &variable["allValue"] };
        (variable["name"].as_str().unwrap().to_owned(), value.as_str().unwrap_or_default().to_owned())
    };
    list.map(of).collect()
}

/// An expression as Grafana sends it.
fn filled(expression: &str, variables: &BTreeMap<String, String>) -> String {
    let mut filled = expression.to_owned();
    for (name, value) in [("$__rate_interval", "30s"), ("$__interval", "5s"), ("$__range", "10m")] {
        filled = filled.replace(name, value);
    }
    // What stands for one variable may name others.
    for _ in 0..2 {
        for (name, value) in variables {
            filled = filled.replace(&format!("${{{name}:raw}}"), value);
        }
        let mut names: Vec<_> = variables.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in names {
            filled = filled.replace(&format!("${name}"), value);
        }
    }
    let of_label_replace = filled.matches("\"$1\"").count();
    assert_eq!(filled.matches('$').count(), of_label_replace, "{expression} has a variable that nobody declares");
    filled
}

/// The series that a variable offers: `label_values(SERIES, label)`.
fn offered() -> Vec<(String, String)> {
    let mut offered = Vec::new();
    for (_, dashboard) in dashboards() {
        let variables = variables(&dashboard);
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(definition) = variable["definition"].as_str() else { continue };
            let inside = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inside.rsplit_once(", ").unwrap();
            offered.push((filled(series, &variables), label.to_owned()));
        }
    }
    offered
}

fn answered(prometheus: &Program, expression: &str) -> bool {
    !series(prometheus, expression).is_empty()
}

#[test]
fn every_query_of_a_dashboard_is_answered_over_the_demo() {
    let (agent, simulator) = demo();
    // In the demo nothing fails by itself.
    let fault = r#"{"kind":"deny","operation":"GetSendStatistics","region":"eu-west-3"}"#;
    assert_eq!(send(simulator, "POST", "/_simulator/faults", &[], fault.as_bytes()).status, 200);
    let prometheus = prometheus(&[("ses-exporter", agent.address)]);
    let excused: BTreeSet<(&str, &str)> = EMPTY.iter().map(|(title, letter, _)| (*title, *letter)).collect();
    let mut open = queries();
    assert!(open.len() > 150, "{}", open.len());
    let end = Instant::now() + PATIENCE;
    while !open.is_empty() {
        open.retain(|(_, _, expression)| !answered(&prometheus, expression)); // an expression that is wrong panics
        let left: Vec<_> =
            open.iter().filter(|(title, letter, _)| !excused.contains(&(title.as_str(), letter.as_str()))).collect();
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "no answer within {PATIENCE:?}: {left:#?}");
        std::thread::sleep(Duration::from_millis(500)); // the pause between two looks, not the condition
    }
    for (series, label) in offered() {
        assert!(answered(&prometheus, &format!("{series}{{{label}!=\"\"}}").replace("}{", ",")), "{series} {label}");
    }
}

/// The first query of a panel, and its value mappings as texts by number.
fn states(title: &str) -> (String, BTreeMap<String, String>) {
    let (_, _, expression) = queries().into_iter().find(|(of, _, _)| of == title).unwrap();
    let dashboards = dashboards();
    let panel = dashboards.iter().flat_map(|(_, dashboard)| panels(dashboard)).find(|panel| panel["title"] == title);
    let mappings = panel.unwrap()["fieldConfig"]["defaults"]["mappings"][0]["options"].as_object().unwrap().clone();
    let texts = mappings.into_iter().map(|(number, result)| (number, result["text"].as_str().unwrap().to_owned()));
    (expression, texts.collect())
}

/// Lets promtool evaluate a panel over ten minutes of series, and expects these states, and no others, by their labels.
fn expect_states(title: &str, series: &[(&str, &str)], expected: &[(&str, &str)]) {
    let (expression, texts) = states(title);
    let samples = expected.iter().map(|(labels, text)| {
        let (number, _) = texts.iter().find(|(_, of)| of == text).unwrap();
        json!({"labels": format!("{{{labels}}}"), "value": number.parse::<f64>().unwrap()})
    });
    let ask = json!({"expr": expression, "eval_time": "10m", "exp_samples": samples.collect::<Vec<_>>()});
    let input: Vec<Value> = series.iter().map(|(series, values)| json!({"series": series, "values": values})).collect();
    let file = json!({"tests": [{"interval": "30s", "input_series": input, "promql_expr_test": [ask]}]});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states.yaml");
    std::fs::write(&path, file.to_string()).unwrap();
    let ended = installed("promtool").args(["test", "rules"]).arg(path).output().unwrap();
    assert!(ended.status.success(), "{title}: {}", String::from_utf8_lossy(&ended.stdout));
}

#[test]
fn a_region_is_in_the_worst_of_its_states() {
    let mut series: Vec<(String, &str)> = Vec::new();
    let mut add = |region: &str, name: &str, more: &str, values| {
        series.push((format!("{name}{{job=\"j\",account=\"a\",aws_region=\"{region}\"{more}}}"), values));
    };
    let (account, other) = (",collector=\"account\"", ",collector=\"account\",instance=\"other\"");
    for (region, production, sending, enforcement, read) in [
        ("well", "1x20", "1x20", "HEALTHY", "1x20"),
        ("idle", "0x20", "1x20", "HEALTHY", "1x20"),
        ("used", "0x20", "1x20", "HEALTHY", "1x20"),
        ("review", "1x20", "1x20", "PROBATION", "1x20"),
        ("paused", "1x20", "0x20", "PROBATION", "1x20"),
        ("stopped", "1x20", "0x20", "SHUTDOWN", "1x20"),
        ("failing", "1x20", "1x20", "HEALTHY", "0x20"),
        ("lost", "1x9 0x10", "1x20", "HEALTHY", "1x20"),
    ] {
        add(region, "ses_production_access_enabled", "", production);
        add(region, "ses_sending_enabled", "", sending);
        add(region, "ses_enforcement_status", &format!(",status=\"{enforcement}\""), "1x20");
        add(region, "ses_exporter_collector_success", account, read);
    }
    add("used", "ses_identities", "", "1x20");
    add("dark", "ses_exporter_collector_success", account, "0x20");
    add("half", "ses_exporter_collector_success", account, "0x20");
    add("half", "ses_exporter_collector_success", other, "1x20");
    add("half", "ses_production_access_enabled", "", "1x20");
    let series: Vec<(&str, &str)> = series.iter().map(|(series, values)| (series.as_str(), *values)).collect();
    let expected = [
        ("well", "production"),
        ("used", "sandbox"),
        ("review", "under review"),
        ("paused", "paused"),
        ("stopped", "stopped by AWS"),
        ("failing", "production"), // what was read last is still valid
        ("dark", "not read"),
        ("half", "production"), // another agent reads it
        ("lost", "sandbox"),    // it was in use
    ]
    .map(|(region, state)| (format!("account=\"a\",aws_region=\"{region}\""), state));
    expect_states(
        "State of each region",
        &series,
        &expected.each_ref().map(|(labels, state)| (labels.as_str(), *state)),
    );
}

#[test]
fn an_identity_that_was_always_verified_takes_no_row() {
    let of = |identity: &str, name: &str, more: &str| {
        format!("{name}{{job=\"j\",account=\"a\",aws_region=\"r\",identity=\"{identity}\"{more}}}")
    };
    let status = |identity: &str, status: &str| {
        of(identity, "ses_identity_verification_status", &format!(",status=\"{status}\""))
    };
    let series = [
        (of("always.example", "ses_identity_verified", ""), "1x20"),
        (status("always.example", "SUCCESS"), "1x20"),
        (of("late.example", "ses_identity_verified", ""), "0x9 1x10"),
        (status("late.example", "PENDING"), "1x9 stale"),
        (status("late.example", "SUCCESS"), "_x10 1x10"),
        (of("broken.example", "ses_identity_verified", ""), "0x20"),
        (status("broken.example", "FAILED"), "1x20"),
    ];
    let series = series.each_ref().map(|(series, values)| (series.as_str(), *values));
    let expected = [
        ("account=\"a\",aws_region=\"r\",identity=\"late.example\"", "verified"),
        ("account=\"a\",aws_region=\"r\",identity=\"broken.example\"", "failed"),
    ];
    expect_states("Verification over time", &series, &expected);
}
