//! What is told when no agent is left: not that all is well.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{patiently, stage};
use crate::support::programs::Program;
use crate::support::send;

/// Tells Alertmanager an alert that began once upon a time, and is over if it is not firing.
fn tell(alertmanager: &Program, labels: &Value, firing: bool) {
    let mut alert = json!({ "labels": labels, "startsAt": "2020-01-01T00:00:00Z" });
    if !firing {
        alert["endsAt"] = "2020-01-02T00:00:00Z".into();
    }
    let body = json!([alert]).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = send(alertmanager.address, "POST", "/api/v2/alerts", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn heard(receiver: &Receiver, labels: &Value, firing: bool) -> bool {
    receiver.heard().iter().any(|notice| notice.firing == firing && notice.alert["labels"] == *labels)
}

/// The same alert in two jobs: in one no agent is left, in the other one of two.
#[test]
fn a_page_is_not_told_as_resolved_because_the_last_agent_died() {
    let receiver = Receiver::start();
    let alertmanager = stage::alertmanager(receiver.address);
    let page = |job: &str, region: &str| json!({ "alertname": "SESSendingPaused", "severity": "critical", "job": job, "account": "shop", "aws_region": region });
    let down = json!({ "alertname": "SESExporterDown", "severity": "critical" });
    let (mut nobody, mut one) = (down.clone(), down);
    nobody["job"] = "nobody".into();
    one["job"] = "one".into();
    one["instance"] = "a:10060".into();
    let say = |labels: &Value, firing: bool| {
        tell(&alertmanager, labels, firing);
        patiently(&format!("{labels}, firing: {firing}"), || heard(&receiver, labels, firing));
    };
    let (unseen, seen) = (page("nobody", "eu-west-1"), page("one", "eu-west-1"));
    for labels in [&unseen, &seen, &nobody, &one] {
        say(labels, true);
    }
    tell(&alertmanager, &unseen, false);
    say(&seen, false);
    // Alertmanager looks at every group each second: one that comes and goes after the other is told later than it.
    let later = page("one", "us-east-1");
    say(&later, true);
    say(&later, false);
    assert!(!heard(&receiver, &unseen, false), "told as resolved: {:#?}", receiver.heard());
}
