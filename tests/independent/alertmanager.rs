//! Alertmanager reads our sample configuration, and silences what it says it silences: nothing less, and nothing more.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::programs::{Program, installed};
use crate::support::rules::{Alert, alerts};
use crate::support::{eventually, get, repository, run, send};

/// An alert that silences others, with the label `collector` that it bears, and the alerts that it silences in its
/// account and region. A name may be followed by the one severity that is meant.
const SILENCES: &[(&str, &str, &[&str])] = &[
    (
        "SESSendingPaused critical",
        "",
        &[
            "SESUnderReview",
            "SESQuotaHigh",
            "SESQuotaCritical",
            "SESQuotaWillExhaust",
            "SESQuotaExhausted",
            "SESQuotaBelowDeclared",
            "SESBounceRatioHigh",
            "SESComplaintRatioHigh",
            "SESRegionInSandbox",
            "SESProductionAccessMissing",
            "SESProductionAccessLost",
            "SESIdentityPendingTooLong",
            "SESIdentityVerificationFailed",
            "SESIdentityTemporaryFailure",
            "SESIdentityLost",
            "SESIdentityVanished",
            "SESExpectedIdentityNotVerified",
            "SESDkimBroken",
            "SESDkimTemporaryFailure",
            "SESDnsRecordWrong",
            "SESMailFromRejecting",
            "SESMailFromDegraded",
            "SESNoFeedbackPath",
            "SESConfigurationSetPaused",
            "SESSendPathBlocked",
            "SESFailoverNotReady",
        ],
    ),
    ("SESExporterAccessDenied warning", "identities", UNSEEN),
    ("SESExporterCollectorStale warning", "identities", UNSEEN),
    ("SESExporterAccessDenied warning", "account", ACCESS),
    (
        "SESExporterCollectorStale critical",
        "account",
        &["SESProductionAccessMissing", "SESProductionAccessLost", "SESExporterCollectorStale warning"],
    ),
    ("SESExporterAccessDenied warning", "sending", &[]),
    ("SESExporterCollectorFailing warning", "identities", &[]),
    (
        "SESDeclaredRegionUnreadable critical",
        "",
        &["SESExporterCollectorStale critical", "SESDeclaredRegionUnreadable warning"],
    ),
    (
        "SESIdentityLost critical",
        "",
        &[
            "SESIdentityVerificationFailed",
            "SESIdentityPendingTooLong",
            "SESExpectedIdentityNotVerified",
            "SESIdentityLost warning",
        ],
    ),
    (
        "SESIdentityVanished critical",
        "",
        &["SESIdentityVerificationFailed", "SESIdentityPendingTooLong", "SESExpectedIdentityNotVerified"],
    ),
    (
        "SESQuotaExhausted critical",
        "",
        &["SESQuotaHigh", "SESQuotaCritical", "SESQuotaWillExhaust", "SESQuotaExhausted warning"],
    ),
    ("SESQuotaCritical critical", "", &["SESQuotaHigh", "SESQuotaWillExhaust"]),
    ("SESBounceRatioHigh critical", "", &["SESBounceRatioHigh warning"]),
    ("SESDkimBroken critical", "", &["SESDkimBroken warning"]),
    ("SESProductionAccessReviewPending warning", "", &["SESProductionAccessReviewPending info"]),
    ("SESBounceRatioHigh warning", "", &[]),
    ("SESUnexpectedRegionActive critical", "", &["SESUnexpectedRegionActive warning"]),
    ("SESUnexpectedRegionActive warning", "", &[]),
];
/// What a collector that cannot read identities has not seen.
const UNSEEN: &[&str] = &["SESIdentityLost", "SESIdentityVanished", "SESExpectedIdentityNotVerified"];
/// What a collector that cannot read the account has not seen.
const ACCESS: &[&str] = &["SESProductionAccessMissing", "SESProductionAccessLost"];

/// One alert in a place of its own, so that no two questions touch each other.
struct Place<'a> {
    job: &'a str,
    instance: &'a str,
    region: &'a str,
}

/// The alert as Prometheus sends it: the agent's own bear the instance, those of an identity its name.
fn labels(alert: &Alert, place: &Place<'_>, collector: &str) -> Value {
    let mut labels = json!({ "alertname": alert.name, "severity": alert.severity, "job": place.job });
    let mut add = |name: &str, value: &str| labels[name] = value.into();
    let of_target =
        !["SESExporterDown", "SESExporterNoSeries", "SESExporterAccountUnknown"].contains(&alert.name.as_str());
    if alert.group == "agent" {
        add("instance", place.instance);
    }
    if alert.name.starts_with("SESExporterCollector") || alert.name == "SESExporterAccessDenied" {
        add("collector", collector);
    }
    if alert.group.starts_with("identit") && alert.name != "SESConfigurationSetPaused"
        || alert.name == "SESExpectedIdentityNotVerified"
    {
        add("identity", "shop.example");
    }
    if of_target {
        add("account", place.job); // the job is as good a name as any
        add("aws_region", place.region);
    }
    labels
}

fn alertmanager() -> Program {
    Program::start("alertmanager", "/-/ready", |address, directory| {
        let mut command = installed("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", repository("deploy/prometheus/alertmanager.yaml").display()))
            .arg(format!("--storage.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        command
    })
}

/// Which of the alerts that were told to it Alertmanager silences: place and alert.
fn silenced(alertmanager: &Program, told: &[Value]) -> BTreeSet<(String, String)> {
    let body = Value::Array(told.iter().map(|labels| json!({ "labels": labels })).collect()).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = send(alertmanager.address, "POST", "/api/v2/alerts", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut before = None;
    eventually("every alert is known, and what is silenced stays the same", || {
        let known: Value = serde_json::from_str(&get(alertmanager.address, "/api/v2/alerts", &[]).text()).unwrap();
        let known = known.as_array().unwrap();
        let muted = known.iter().filter(|alert| !alert["status"]["inhibitedBy"].as_array().unwrap().is_empty());
        let now: BTreeSet<_> = muted.map(|alert| id(&alert["labels"])).collect();
        let same = before.replace(now.clone()) == Some(now.clone());
        (known.len() == told.len() && same).then_some(now)
    })
}

/// Where an alert is, and which it is.
fn id(labels: &Value) -> (String, String) {
    let text = |name: &str| labels[name].as_str().unwrap().to_owned();
    (text("job"), format!("{} {}", text("alertname"), text("severity")))
}

/// Shows the difference alone: the sets are long.
#[track_caller]
fn compare(silenced: &BTreeSet<(String, String)>, expected: &BTreeSet<(String, String)>) {
    let missing: Vec<_> = expected.difference(silenced).collect();
    let unexpected: Vec<_> = silenced.difference(expected).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "not silenced: {missing:?}\nsilenced: {unexpected:?}");
}

fn find<'a>(alerts: &'a [Alert], name: &str) -> &'a Alert {
    let found = alerts.iter().find(|alert| format!("{} {}", alert.name, alert.severity) == name);
    found.unwrap_or_else(|| panic!("there is no alert {name}"))
}

/// Whether a name of the table, with or without its severity, means this alert.
fn means(name: &str, alert: &Alert) -> bool {
    name == alert.name || name == format!("{} {}", alert.name, alert.severity)
}

#[test]
fn each_alert_silences_what_follows_from_it_and_nothing_else() {
    let alerts = alerts();
    let (mut told, mut sources, mut expected) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (row, (source, collector, targets)) in SILENCES.iter().enumerate() {
        let source = find(&alerts, source);
        assert!(targets.iter().all(|name| alerts.iter().any(|alert| means(name, alert))), "{targets:?}");
        for (column, target) in alerts.iter().enumerate().filter(|(_, target)| *target != source) {
            let collector = if collector.is_empty() { "account" } else { collector };
            for region in ["eu-west-1", "us-east-1"] {
                let job = format!("{row} {column} {region}");
                let here = Place { job: &job, instance: "a:10060", region: "eu-west-1" };
                let source = labels(source, &here, collector);
                sources.insert(id(&source)); // it may be silenced in its turn, which another row tells
                told.push(source);
                let place = labels(target, &Place { region, ..here }, collector);
                if region == "eu-west-1" && targets.iter().any(|name| means(name, target)) {
                    expected.insert(id(&place));
                }
                told.push(place);
            }
        }
    }
    let silenced = silenced(&alertmanager(), &told);
    compare(&silenced.difference(&sources).cloned().collect(), &expected);
}

#[test]
fn an_agent_that_is_down_is_told_alone_and_another_one_is_not_silenced() {
    let alerts = alerts();
    let down = find(&alerts, "SESExporterDown critical");
    let (mut told, mut expected) = (Vec::new(), BTreeSet::new());
    for (column, target) in alerts.iter().enumerate().filter(|(_, target)| *target != down) {
        for (what, source, instance) in [
            ("the same", Some("a:10060"), Some("a:10060")),
            ("another", Some("a:10060"), Some("b:10060")),
            ("none is left", None, Some("a:10060")),
            ("none is known", None, None),
        ] {
            let job = format!("{column} {what}");
            let at = |alert: &Alert, instance: Option<&str>| {
                let place = Place { job: &job, instance: instance.unwrap_or_default(), region: "eu-west-1" };
                let mut labels = labels(alert, &place, "account");
                if instance.is_none() {
                    labels.as_object_mut().unwrap().remove("instance");
                }
                labels
            };
            let target_labels = at(target, instance);
            let own = target.group == "agent" && what == "the same";
            if own || source.is_none() {
                expected.insert(id(&target_labels));
            }
            told.extend([at(down, source), target_labels]);
        }
    }
    compare(&silenced(&alertmanager(), &told), &expected);
}

/// Both are told to one Alertmanager: what a Prometheus adds to its alerts keeps them apart.
#[test]
fn an_agent_that_is_down_silences_nothing_of_another_cluster() {
    let alerts = alerts();
    let down = find(&alerts, "SESExporterDown critical");
    let targets = ["SESSendingPaused critical", "SESExporterNoSeries critical"].map(|name| find(&alerts, name));
    let (mut told, mut expected) = (Vec::new(), BTreeSet::new());
    for (label, here, there) in [("cluster", "eu", "us"), ("prometheus", "a/k8s", "b/k8s")] {
        for (target, place) in targets.into_iter().flat_map(|target| [(target, here), (target, there)]) {
            for what in ["alone", "one of two"] {
                let job = format!("{} {label} {place} {what}", target.name);
                let place_of = Place { job: &job, instance: "a:10060", region: "eu-west-1" };
                let (mut source, mut labels) = (labels(down, &place_of, ""), labels(target, &place_of, ""));
                source[label] = here.into();
                labels[label] = place.into();
                if what == "alone" {
                    source.as_object_mut().unwrap().remove("instance");
                }
                if place == here && (what == "alone" || target.group == "agent") {
                    expected.insert(id(&labels));
                }
                told.extend([source, labels]);
            }
        }
    }
    compare(&silenced(&alertmanager(), &told), &expected);
}

#[test]
fn amtool_takes_the_configuration_of_deploy() {
    let file = repository("deploy/prometheus/alertmanager.yaml");
    let said = run(installed("amtool").arg("check-config").arg(file));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}
