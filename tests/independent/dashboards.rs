//! Every query of the dashboards, asked of a real Prometheus that scrapes the demo: none fails, and none is empty without a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::prometheus::{demo, prometheus, series};
use crate::support::dashboards::dashboards;
use crate::support::programs::Program;
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
    for (name, value) in [("$__rate_interval", "30s"), ("$__interval", "5s"), ("$__range", "1m")] {
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
