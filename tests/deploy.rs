//! What stands in `deploy/` and `dashboards/` is held against the metrics and against one another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ses_exporter::{collectors, estate, judgements, telemetry};

use crate::support::dashboards::panels;
use crate::support::rules::{Alert, alerts, deployed};
use crate::support::{self, repository};

/// Labels that Prometheus, the agent or a rule gives to every series, beside those that a metric declares.
const EVERYWHERE: [&str; 7] = ["account", "aws_region", "job", "instance", "pod", "le", "__name__"];
/// Labels of ALERTS, and those that panels make by `label_replace`.
const OF_QUERIES: [&str; 9] =
    ["alertname", "alertstate", "severity", "domain", "enforcement", "review", "state", "dkim", "mail_from"];
/// The same, for the DMARC policy as a column.
const DMARC: &str = "dmarc";

/// Every metric with its own labels.
pub(crate) fn families() -> BTreeMap<&'static str, &'static [&'static str]> {
    let collected = collectors::ALL.iter().flat_map(|row| (row.families)());
    let judged = judgements::ALL.iter().flat_map(|judgement| judgement.families());
    let agent = estate::METRICS.iter().map(|family| family.about());
    let own = telemetry::METRICS.iter().copied();
    collected.chain(judged).chain(agent).chain(own).map(|about| (about.name, about.labels)).collect()
}

/// The dashboards by uid, with their texts.
fn dashboards() -> BTreeMap<String, (String, Value)> {
    let read = support::dashboards::dashboards().into_iter();
    read.map(|(text, dashboard)| (dashboard["uid"].as_str().expect("a uid").to_owned(), (text, dashboard))).collect()
}

/// The expressions of a panel.
fn expressions(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"].as_array().into_iter().flatten().map(|target| target["expr"].as_str().expect("an expression"))
}

/// The name of the metric without what a histogram adds to it.
fn bare(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// Every word of a text that looks like a metric of ours, with the text that follows it.
fn metrics(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.match_indices(['s', 'p']).filter_map(move |(at, _)| {
        let begins = !text[..at].ends_with(is_word);
        let end = text[at..].find(|c| !is_word(c)).map_or(text.len(), |length| at + length);
        let word = &text[at..end];
        let ours = ["ses_", "process_"].iter().any(|prefix| word.starts_with(prefix));
        (begins && ours && !word.ends_with('_')).then_some((bare(word), &text[end..]))
    })
}

/// The labels in the braces that a text begins with.
fn selected(text: &str) -> Vec<&str> {
    let Some(inside) = text.strip_prefix('{') else { return Vec::new() };
    let inside = inside.split_once('}').map_or(inside, |(inside, _)| inside);
    let matchers = inside.split(',').filter_map(|matcher| matcher.split_once(['=', '!']));
    matchers.map(|(label, _)| label).filter(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect()
}

/// The labels of every `by`, `on`, `without`, `group_left` in an expression.
fn grouped(expression: &str) -> impl Iterator<Item = &str> {
    let words = ["by (", "on (", "without (", "group_left ("];
    let lists = words.into_iter().flat_map(|word| expression.split(word).skip(1));
    let lists = lists.filter_map(|rest| rest.split_once(')')).flat_map(|(list, _)| list.split(','));
    lists.map(str::trim).filter(|label| !label.is_empty())
}

#[test]
fn rules_and_dashboards_name_metrics_and_labels_that_exist() {
    let families = families();
    let labels: BTreeSet<&str> = families.values().flat_map(|labels| labels.iter().copied()).collect();
    let known = |label: &str| {
        labels.contains(label) || EVERYWHERE.contains(&label) || OF_QUERIES.contains(&label) || label == DMARC
    };
    let rules = ["ses-exporter.alerts.yaml", "ses-exporter.rules.yaml"].map(|file| {
        let text = deployed(file);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        (file.to_owned(), lines.join("\n"))
    });
    let panels = dashboards().into_iter().flat_map(|(uid, (_, dashboard))| {
        let panels = panels(&dashboard);
        let told = panels.iter().flat_map(|panel| {
            expressions(panel).map(|expression| (format!("{uid}: {}", panel["title"]), expression.to_owned()))
        });
        told.collect::<Vec<_>>()
    });
    for (place, text) in rules.into_iter().chain(panels) {
        for (name, rest) in metrics(&text).filter(|(name, _)| !name.contains(':')) {
            let own = families.get(name).unwrap_or_else(|| panic!("{place} names {name}, which does not exist"));
            for label in selected(rest) {
                assert!(own.contains(&label) || EVERYWHERE.contains(&label), "{place}: {name} has no label {label}");
            }
        }
        let strange: Vec<&str> = grouped(&text).filter(|label| !known(label)).collect();
        assert!(strange.is_empty(), "{place} groups by {strange:?}");
    }
}

#[test]
fn every_metric_is_on_a_panel() {
    let dashboards = dashboards();
    let shown: BTreeSet<&str> = dashboards
        .values()
        .flat_map(|(_, dashboard)| panels(dashboard))
        .flat_map(expressions)
        .flat_map(|expression| metrics(expression).map(|(name, _)| name))
        .collect();
    let missing: Vec<&str> = families().into_keys().filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "on no panel: {missing:?}");
}

#[test]
fn every_panel_says_what_it_shows_and_has_a_unit() {
    for (uid, (_, dashboard)) in dashboards() {
        assert!(dashboard["title"].as_str().is_some_and(|title| title.starts_with("Amazon SES / ")), "{uid}");
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(!title.is_empty() && ids.insert(panel["id"].to_string()), "{uid}: {panel}");
        }
        for panel in panels(&dashboard) {
            let text = |pointer: &str| panel.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            assert!(text("/description").ends_with(['.', '?']), "{uid}: {} is not described", panel["title"]);
            assert!(!text("/fieldConfig/defaults/unit").is_empty(), "{uid}: {} has no unit", panel["title"]);
            assert_eq!(text("/datasource/uid"), "${datasource}", "{uid}: {}", panel["title"]);
        }
    }
}

/// Largest picture, in bytes: whoever clones the repository downloads all that there ever were.
const LARGEST_PICTURE: usize = 250_000;

#[test]
fn the_readme_shows_a_picture_of_every_dashboard() {
    let readme = std::fs::read_to_string(repository("README.md")).expect("the README");
    let mut shown = BTreeSet::new();
    for file in std::fs::read_dir(repository("dashboards/pictures")).expect("the pictures") {
        let path = file.expect("a file").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let picture = std::fs::read(&path).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{name} is no PNG; tests/dashboards/draw --readme makes it");
        assert!(picture.len() <= LARGEST_PICTURE, "{name} has {} bytes", picture.len());
        assert!(readme.contains(&format!("](dashboards/pictures/{name}.png)")), "README.md does not show {name}");
        shown.insert(format!("ses-exporter-{name}"));
    }
    let dashboards: BTreeSet<String> = dashboards().into_keys().collect();
    assert_eq!(shown, dashboards, "tests/dashboards/draw --readme draws what is missing");
}

#[test]
fn the_questions_of_the_table_are_answered_by_panels_that_say_so() {
    let table = std::fs::read_to_string(repository("dashboards/README.md")).expect("the table");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.contains(".json) |"))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let dashboards = dashboards();
    let mut asked = BTreeSet::new();
    for row in &rows {
        let [_, question, dashboard, title, _] = row[..] else { panic!("{row:?} has other columns") };
        let name = dashboard.split_once("](").and_then(|(_, file)| file.strip_suffix(".json)")).expect("a link");
        let (_, dashboard) = &dashboards[&format!("ses-exporter-{name}")];
        let panel = panels(dashboard).into_iter().find(|panel| panel["title"] == title);
        let panel = panel.unwrap_or_else(|| panic!("{name} has no panel {title}"));
        let description = panel["description"].as_str().expect("a description");
        assert!(description.contains(question), "{title} does not say that it answers: {question}");
        asked.insert(name);
    }
    assert_eq!(asked.len(), dashboards.len(), "a dashboard answers nothing");
}

#[test]
fn every_dashboard_has_the_variables_and_leads_to_the_others() {
    for (uid, (text, dashboard)) in dashboards() {
        let list = dashboard["templating"]["list"].as_array().expect("variables");
        let mut before: Vec<&str> = Vec::new();
        for variable in list {
            let name = variable["name"].as_str().expect("a name");
            if variable["type"] == "query" {
                let query = variable["definition"].as_str().expect("a query");
                let narrowed = before.iter().filter(|before| ["job", "account", "aws_region"].contains(before));
                let wanted: Vec<_> = narrowed.map(|before| format!("{before}=~\"${before}\"")).collect();
                let agent = name == "instance"; // an agent is looked for by its job alone
                let chained = wanted.iter().all(|wanted| query.contains(wanted)) || agent;
                assert!(chained, "{uid}: {name} does not follow {before:?}: {query}");
            }
            assert!(
                text.contains(&format!("${name}")) || text.contains(&format!("${{{name}")),
                "{uid}: {name} is not used"
            );
            before.push(name);
        }
        assert!(["datasource", "job", "account", "aws_region"].iter().all(|name| before.contains(name)), "{uid}");
        let link = &dashboard["links"][0];
        assert!(link["keepTime"] == true && link["includeVars"] == true && link["tags"][0] == "ses-exporter", "{uid}");
        assert_eq!(dashboard["tags"][0], "ses-exporter", "{uid}");
    }
}

/// dashboard-linter can't see this where a variable holds an expression of its own, see `dashboards/.lint`.
#[test]
fn every_query_asks_for_the_job_that_is_chosen() {
    for (uid, (_, dashboard)) in dashboards() {
        for panel in panels(&dashboard) {
            for (name, rest) in expressions(panel).flat_map(metrics) {
                assert!(rest.starts_with("{job=~\"$job\""), "{uid}: {}: {name} is of any job", panel["title"]);
            }
        }
    }
}

/// The annotations of every alerting rule, in the order of `alerts`.
fn annotations(name: &str) -> Vec<String> {
    let text = deployed("ses-exporter.alerts.yaml");
    let mark = format!("          {name}: ");
    text.lines().filter_map(|line| line.strip_prefix(&mark)).map(str::to_owned).collect()
}

#[test]
fn every_alert_leads_to_its_runbook_and_to_a_dashboard() {
    let (alerts, runbooks, links) = (alerts(), annotations("runbook_url"), annotations("dashboard_url"));
    assert_eq!((runbooks.len(), links.len()), (alerts.len(), alerts.len()));
    let dashboards = dashboards();
    for ((alert, runbook), link) in alerts.iter().zip(runbooks).zip(links) {
        assert!(runbook.ends_with(&format!("/deploy/prometheus/runbooks/{}.md", alert.name)), "{runbook}");
        let file = repository("deploy/prometheus/runbooks").join(format!("{}.md", alert.name));
        assert!(file.is_file(), "{} has no runbook", alert.name);
        let path = link.strip_prefix("/d/").unwrap_or_else(|| panic!("{link} is no path"));
        let (uid, query) = path.split_once('?').unwrap_or((path, ""));
        let (_, dashboard) =
            dashboards.get(uid).unwrap_or_else(|| panic!("{}: there is no dashboard {uid}", alert.name));
        let variables = dashboard["templating"]["list"].as_array().expect("variables");
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let name = name.strip_prefix("var-").unwrap_or_default();
            assert!(variables.iter().any(|variable| variable["name"] == name), "{uid} has no variable {name}");
            assert_eq!(value, format!("{{{{ urlquery $labels.{name} }}}}"), "{}", alert.name);
        }
    }
}

/// What the tests of promtool say of an alert.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cases {
    firing: bool,
    silent: bool,
    recovered: bool,
}

/// The cases of all alerts, over all files of tests.
fn cases(alerts: &[Alert]) -> BTreeMap<&Alert, Cases> {
    let mut cases: BTreeMap<&Alert, Cases> = alerts.iter().map(|alert| (alert, Cases::default())).collect();
    for file in std::fs::read_dir(repository("deploy/prometheus/tests")).expect("the tests") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a test");
        for test in text.split("\n  - name: ").skip(1) {
            let mut fired: BTreeSet<&Alert> = BTreeSet::new();
            for look in test.split("\n      - eval_time: ").skip(1) {
                let name = look.lines().find_map(|line| line.trim().strip_prefix("alertname: ")).unwrap_or_default();
                let severities: BTreeSet<&str> =
                    look.lines().filter_map(|line| line.trim().strip_prefix("severity: ")).collect();
                for alert in alerts.iter().filter(|alert| alert.name == name) {
                    let seen = cases.get_mut(alert).expect("every alert");
                    if severities.contains(alert.severity.as_str()) {
                        seen.firing = true;
                        fired.insert(alert);
                    } else if fired.contains(alert) {
                        seen.recovered = true;
                    } else {
                        seen.silent = true;
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn every_alert_is_tested_silent_firing_and_recovered() {
    let alerts = alerts();
    let whole = Cases { firing: true, silent: true, recovered: true };
    let lacking: Vec<_> = cases(&alerts).into_iter().filter(|(_, cases)| *cases != whole).collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
}
