//! Against `ministack`: the whole main job, held to what the `aws` command line answers from the same server.

use serde_json::Value;

use super::aws::{CommandLine, OFTEN, environment};
use crate::support::programs::{Program, python};
use crate::support::{Agent, Page};

const DOMAIN: &str = "shop.example";
const ADDRESS: &str = "orders@shop.example";

/// SES and STS as `ministack` sees them.
pub(super) fn ministack() -> Program {
    Program::start("ministack", "/_ministack/health", |address, directory| {
        let mut command = python("ministack");
        command
            .env("BIND_HOST", address.ip().to_string())
            .env("GATEWAY_PORT", address.port().to_string())
            .env("SERVICES", "ses,sts")
            // These two would listen on all addresses, at ports of their own.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("TMPDIR", directory) // it leaves a file with its process id behind when it is killed
            .current_dir(directory);
        command
    })
}

/// A yes or no in JSON as a page writes it.
pub(super) fn flag(value: &Value) -> Option<f64> {
    value.as_bool().map(|yes| if yes { 1.0 } else { 0.0 })
}

fn all_read(page: &Page) -> bool {
    ["account", "sending", "identities"]
        .iter()
        .all(|collector| page.value("ses_exporter_collector_success", &[("collector", *collector)]) == Some(1.0))
}

#[test]
fn identities_and_their_state_are_those_that_the_aws_command_lists() {
    let server = ministack();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    aws.ask(&format!("sesv2 create-email-identity --email-identity {DOMAIN}"));
    aws.ask(&format!("sesv2 create-email-identity --email-identity {ADDRESS}"));
    let agent = Agent::start_with(&environment, OFTEN, &[]);
    let page = agent.page_where("everything is read", all_read);

    let account = aws.ask("sts get-caller-identity")["Account"].as_str().unwrap().to_owned();
    let target = [("account", account.as_str()), ("aws_region", "us-east-1")];
    assert_eq!(page.find("ses_exporter_target_info", &target).count(), 1, "{}", page.text);
    let listed = aws.ask("sesv2 list-email-identities");
    let listed = listed["EmailIdentities"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    for identity in listed {
        let name = identity["IdentityName"].as_str().unwrap();
        let kind = identity["IdentityType"].as_str().unwrap().to_lowercase();
        let labels = [target[0], target[1], ("identity", name), ("identity_type", &kind)];
        let details = aws.ask(&format!("sesv2 get-email-identity --email-identity {name}"));
        assert_eq!(page.value("ses_identity_verified", &labels), flag(&details["VerifiedForSendingStatus"]), "{name}");
        assert_eq!(page.value("ses_identity_sending_enabled", &labels), flag(&identity["SendingEnabled"]), "{name}");
        let states: Vec<_> = page.find("ses_identity_verification_status", &labels).collect();
        let [state] = states.as_slice() else { panic!("{name} is not in one state: {states:?}") };
        assert_eq!(
            (state.labels["status"].as_str(), state.value),
            (identity["VerificationStatus"].as_str().unwrap(), 1.0)
        );
    }
    assert_eq!(page.find("ses_identity_verified", &[]).count(), 2, "nothing but what is listed");
    let counted: f64 = page.find("ses_identities", &target).map(|sample| sample.value).sum();
    assert_eq!(counted, 2.0);
}

#[test]
fn an_identity_that_was_deleted_is_gone_at_the_next_reading() {
    let server = ministack();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    aws.ask(&format!("sesv2 create-email-identity --email-identity {DOMAIN}"));
    aws.ask(&format!("sesv2 create-email-identity --email-identity {ADDRESS}"));
    let agent = Agent::start_with(&environment, OFTEN, &[]);
    let shown = |page: &Page, name: &str| page.find("ses_identity_verified", &[("identity", name)]).count() == 1;
    agent.page_where("both identities", |page| shown(page, DOMAIN) && shown(page, ADDRESS));
    aws.ask(&format!("sesv2 delete-email-identity --email-identity {ADDRESS}"));
    let page = agent.page_where("one identity", |page| !shown(page, ADDRESS));
    assert!(shown(&page, DOMAIN));
}

#[test]
fn quota_and_switches_are_those_that_the_aws_command_answers() {
    let server = ministack();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    let agent = Agent::start_with(&environment, OFTEN, &[]);
    let page = agent.page_where("everything is read", all_read);

    let account = aws.ask("sesv2 get-account");
    let quota = &account["SendQuota"];
    for (metric, answer) in [
        ("ses_send_quota_max_24h_messages", quota["Max24HourSend"].as_f64()),
        ("ses_send_quota_sent_24h_messages", quota["SentLast24Hours"].as_f64()),
        ("ses_send_quota_max_messages_per_second", quota["MaxSendRate"].as_f64()),
        ("ses_production_access_enabled", flag(&account["ProductionAccessEnabled"])),
        ("ses_sending_enabled", flag(&account["SendingEnabled"])),
        ("ses_dedicated_ip_auto_warmup_enabled", flag(&account["DedicatedIpAutoWarmupEnabled"])),
    ] {
        assert!(answer.is_some(), "{metric}: not in {account}");
        assert_eq!(page.value(metric, &[("aws_region", "us-east-1")]), answer, "{metric}");
    }
    let status = account["EnforcementStatus"].as_str().unwrap();
    assert_eq!(page.value("ses_enforcement_status", &[("status", status)]), Some(1.0));
    let others = page.find("ses_enforcement_status", &[]).filter(|sample| sample.labels["status"] != status);
    assert!(others.map(|sample| sample.value).all(|value| value == 0.0));
}

#[test]
fn mail_that_is_sent_while_the_agent_looks_is_counted_as_the_aws_command_counts_it() {
    let server = ministack();
    let environment = environment(&server.url());
    let aws = CommandLine::new(&environment);
    aws.ask(&format!("sesv2 create-email-identity --email-identity {ADDRESS}"));
    let mail = format!("ses send-email --from {ADDRESS} --to somebody@else.example --subject hello --text hello");
    let attempts = || {
        let points = aws.ask("ses get-send-statistics");
        points["SendDataPoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["DeliveryAttempts"].as_f64().unwrap())
            .sum()
    };
    aws.ask(&mail);
    let before: f64 = attempts();
    let agent = Agent::start_with(&environment, OFTEN, &[]);
    let first = agent.page_where("everything is read", all_read);
    assert_eq!(first.value("ses_send_delivery_attempts_total", &[]), Some(0.0), "what was sent before is the baseline");
    aws.ask(&mail);
    aws.ask(&mail);
    let sent = attempts() - before;
    assert_eq!(sent, 2.0);
    let page = agent
        .page_where("the mails are counted", |page| page.value("ses_send_delivery_attempts_total", &[]) == Some(sent));
    assert_eq!(page.value("ses_send_bounces_total", &[]), Some(0.0));
    agent.page_where("the quota that is used up is that of the aws command", |page| {
        let used = aws.ask("ses get-send-quota")["SentLast24Hours"].as_f64();
        used.is_some() && page.value("ses_send_quota_sent_24h_messages", &[]) == used
    });
}
