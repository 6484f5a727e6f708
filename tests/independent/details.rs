//! What the agent says of identities and configuration sets, held series by series to what the `aws` command line answers from the
//! same server: `moto`, whose MAIL FROM and notifications come from SES v1, and `ministack`, which knows event destinations.

use std::collections::BTreeMap;

use serde_json::Value;
use ses_exporter::collectors::ALL;

use super::aws::{CommandLine, environment};
use super::ministack::{flag, ministack};
use super::moto::moto;
use crate::support::programs::Program;
use crate::support::{Agent, Page};

const DOMAIN: &str = "shop.example";
const ADDRESS: &str = "orders@shop.example";
const OTHER_DOMAIN: &str = "news.example";
const IDENTITIES: [&str; 3] = [DOMAIN, ADDRESS, OTHER_DOMAIN];
const CREATE: &str = "sesv2 create-email-identity --email-identity";
/// Behind the name of an identity that is signed with a key of one's own.
const OWN_KEY: &str = "--dkim-signing-attributes DomainSigningSelector=sel,DomainSigningPrivateKey=dGVzdA==";
/// A set that says everything, and one that says nothing.
const SETS: [&str; 2] = ["full", "plain"];
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:feedback";
/// The key of the tag that the agent is to show.
const TAG: &str = "owner";

/// Name and labels without those of the target, and the value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// A server with identities and sets in it, the command line that made them, and an agent that looks often.
struct Stage {
    _server: Program,
    aws: CommandLine,
    agent: Agent,
}

impl Stage {
    /// With what both servers can, and `orders` that only this one knows.
    fn set(server: Program, orders: &[String]) -> Self {
        let environment = environment(&server.url());
        let aws = CommandLine::new(&environment);
        let options = "--delivery-options TlsPolicy=REQUIRE --reputation-options ReputationMetricsEnabled=true \
                       --sending-options SendingEnabled=false --suppression-options SuppressedReasons=BOUNCE";
        let tags = format!("--tags Key={TAG},Value=mail Key=secret,Value=word");
        let [full, plain] = SETS;
        let common = [
            format!("sesv2 create-configuration-set --configuration-set-name {full} {options}"),
            format!("sesv2 create-configuration-set --configuration-set-name {plain}"),
            format!("{CREATE} {DOMAIN} --configuration-set-name {full} {tags}"),
            format!("{CREATE} {ADDRESS}"),
            format!("ses verify-domain-dkim --domain {DOMAIN}"),
            format!(
                "ses set-identity-notification-topic --identity {DOMAIN} --notification-type Bounce --sns-topic {TOPIC}"
            ),
        ];
        for order in common.iter().chain(orders) {
            aws.ask(order);
        }
        let agent = Agent::start_with(&environment, &often(&server), &[]);
        Self { _server: server, aws, agent }
    }

    /// The first page that holds everything the server tells of identities.
    fn page(&self) -> Page {
        self.agent.page_where("all identities are described and the sets were tried", |page| {
            page.find("ses_identity_feedback_forwarding_enabled", &[]).count() == IDENTITIES.len()
                && success(page, "configuration_sets").is_some()
        })
    }

    /// What `get-email-identity` answers.
    fn described(&self, name: &str) -> Value {
        self.aws.ask(&format!("sesv2 get-email-identity --email-identity {name}"))
    }

    /// The entry of an identity in what `get-identity-QUESTION-attributes` answers.
    fn attributes(&self, question: &str, map: &str, name: &str) -> Value {
        self.aws.ask(&format!("ses get-identity-{question}-attributes --identities {name}"))[map][name].clone()
    }

    /// What `get-configuration-set` and `get-configuration-set-event-destinations` answer about a set, in series.
    fn expected_of_set(&self, name: &str) -> Samples {
        let mut expected = Expected::of(&[("configuration_set", name)]);
        let set = self.aws.ask(&format!("sesv2 get-configuration-set --configuration-set-name {name}"));
        let metrics = flag(&set["ReputationOptions"]["ReputationMetricsEnabled"]).unwrap();
        expected.add("ses_configuration_set_reputation_metrics_enabled", &[], metrics);
        let sending = flag(&set["SendingOptions"]["SendingEnabled"]).unwrap();
        expected.add("ses_configuration_set_sending_enabled", &[], sending);
        if let Some(policy) = set["DeliveryOptions"]["TlsPolicy"].as_str() {
            expected.add("ses_configuration_set_tls_required", &[], yes(policy == "REQUIRE"));
        }
        let destinations = format!("sesv2 get-configuration-set-event-destinations --configuration-set-name {name}");
        let destinations = self.aws.ask(&destinations)["EventDestinations"].as_array().cloned().unwrap_or_default();
        for destination in &destinations {
            let labels = [("event_destination", destination["Name"].as_str().unwrap())];
            let enabled = flag(&destination["Enabled"]).unwrap();
            expected.add("ses_configuration_set_event_destination_enabled", &labels, enabled);
        }
        for (label, word) in [("bounce", "BOUNCE"), ("complaint", "COMPLAINT")] {
            if let Some(reasons) = set["SuppressionOptions"]["SuppressedReasons"].as_array() {
                let (family, labels) = ("ses_configuration_set_suppression_reason_enabled", [("reason", word)]);
                expected.add(family, &labels, yes(has(reasons, word)));
            }
            let hears =
                |one: &Value| one["Enabled"] == true && has(one["MatchingEventTypes"].as_array().unwrap(), word);
            let covered = yes(destinations.iter().any(hears));
            expected.add("ses_configuration_set_event_covered", &[("event", label)], covered);
        }
        expected.samples
    }
}

/// A configuration that asks a server without a limit as often as can be.
fn often(server: &Program) -> String {
    let intervals = ["identities", "identity_details", "configuration_sets"]
        .map(|collector| format!("[collectors.{collector}]\ninterval = \"1s\"\n"))
        .concat();
    let url = server.url();
    format!(
        "[aws]\nendpoint_url = \"{url}\"\n[budget]\nrequests_per_second = 100\nburst = 100\n\
         [identities]\ntags = [\"{TAG}\"]\n{intervals}"
    )
}

fn yes(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn has(words: &[Value], word: &str) -> bool {
    words.iter().any(|one| one == word)
}

/// What a page should say of one thing.
struct Expected {
    labels: BTreeMap<String, String>,
    samples: Samples,
}

impl Expected {
    fn of(labels: &[(&str, &str)]) -> Self {
        Self { labels: owned(labels), samples: Samples::new() }
    }

    fn add(&mut self, family: &str, labels: &[(&str, &str)], value: f64) {
        let mut all = self.labels.clone();
        all.extend(owned(labels));
        assert!(self.samples.insert((family.to_owned(), all), value).is_none(), "{family} {labels:?} twice");
    }
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What `described`, the answer of `get-email-identity`, says about an identity, in series.
fn expected_of_identity(name: &str, described: &Value) -> Expected {
    let kind = described["IdentityType"].as_str().unwrap().to_lowercase();
    let mut expected = Expected::of(&[("identity", name), ("identity_type", &kind)]);
    let dkim = &described["DkimAttributes"];
    // Both servers answer DKIM for addresses without keys of their own, as AWS does; there it means nothing.
    if kind == "domain" {
        let word = |field: &str| dkim[field].as_str().unwrap_or_default();
        expected.add("ses_identity_dkim_status", &[("status", word("Status"))], 1.0);
        expected.add("ses_identity_dkim_signing_enabled", &[], flag(&dkim["SigningEnabled"]).unwrap());
        let key = [("origin", word("SigningAttributesOrigin")), ("key_length", word("CurrentSigningKeyLength"))];
        expected.add("ses_identity_dkim_info", &key, 1.0);
    }
    // The SDK reads a switch that is left out, as ministack does and AWS never, as off; nobody behind it can tell.
    let forwarding = flag(&described["FeedbackForwardingStatus"]).unwrap_or(0.0);
    expected.add("ses_identity_feedback_forwarding_enabled", &[], forwarding);
    if let Some(set) = described["ConfigurationSetName"].as_str() {
        expected.add("ses_identity_configuration_set_info", &[("configuration_set", set)], 1.0);
    }
    for tag in described["Tags"].as_array().into_iter().flatten().filter(|tag| tag["Key"] == TAG) {
        let labels = [("tag", TAG), ("value", tag["Value"].as_str().unwrap())];
        expected.add("ses_identity_tag_info", &labels, 1.0);
    }
    assert!(described["VerificationInfo"].is_null(), "a server that tells it wants a comparison of its times");
    expected
}

/// What `get-identity-mail-from-domain-attributes` and `get-identity-notification-attributes` say, in series.
fn add_attributes_of_v1(expected: &mut Expected, mail_from: &Value, notifications: &Value) {
    if mail_from["MailFromDomain"].is_string() {
        let status = mail_from["MailFromDomainStatus"].as_str().unwrap().to_uppercase();
        expected.add("ses_identity_mail_from_status", &[("status", &status)], 1.0);
        let rejects = yes(mail_from["BehaviorOnMXFailure"] == "RejectMessage");
        expected.add("ses_identity_mail_from_rejects_on_mx_failure", &[], rejects);
    }
    for (event, topic) in [("bounce", "BounceTopic"), ("complaint", "ComplaintTopic")] {
        let labels = [("event", event)];
        expected.add("ses_identity_notification_topic_configured", &labels, yes(notifications[topic].is_string()));
    }
}

/// All that a collector says on this page about what the label names, its own metrics about itself left aside.
fn shown(page: &Page, collector: &str, label: &str, name: &str) -> Samples {
    let row = ALL.iter().find(|row| row.declaration.name == collector).unwrap();
    let mut samples = Samples::new();
    for family in (row.families)() {
        for sample in page.find(family.name, &[(label, name)]) {
            let mut labels = sample.labels.clone();
            labels.retain(|label, _| label != "account" && label != "aws_region");
            samples.insert((sample.name.clone(), labels), sample.value);
        }
    }
    samples
}

fn success(page: &Page, collector: &str) -> Option<f64> {
    page.value("ses_exporter_collector_success", &[("collector", collector)])
}

/// The kinds of failure of a collector.
fn kinds(page: &Page, collector: &str) -> Vec<String> {
    let labels = [("collector", collector)];
    page.find("ses_exporter_collector_failures_total", &labels).map(|sample| sample.labels["kind"].clone()).collect()
}

fn feedback_path(page: &Page, name: &str) -> [Option<f64>; 2] {
    ["bounce", "complaint"]
        .map(|event| page.value("ses_identity_feedback_path", &[("identity", name), ("event", event)]))
}

/// An identity can send as soon as the server has it for verified.
fn assert_usable(page: &Page, name: &str, described: &Value) {
    let verified = described["VerificationStatus"] == "SUCCESS" || described["VerifiedForSendingStatus"] == true;
    assert_eq!(page.value("ses_identity_usable", &[("identity", name)]), Some(yes(verified)), "{name}: {described}");
}

/// Here MAIL FROM domains can be set. There are no event destinations.
fn on_moto() -> Stage {
    on_moto_with(&[])
}

/// The same with more orders.
fn on_moto_with(more: &[String]) -> Stage {
    let mail_from = "ses set-identity-mail-from-domain --identity";
    let mut orders = vec![
        format!("{CREATE} {OTHER_DOMAIN}"),
        format!("{mail_from} {DOMAIN} --mail-from-domain bounce.{DOMAIN} --behavior-on-mx-failure RejectMessage"),
        format!("{mail_from} {OTHER_DOMAIN} --mail-from-domain bounce.{OTHER_DOMAIN}"),
    ];
    // SES v2 tells here that nobody forwards, whatever is set; so nobody does.
    let forwarding = "ses set-identity-feedback-forwarding-enabled --no-forwarding-enabled --identity";
    orders.extend(IDENTITIES.map(|name| format!("{forwarding} {name}")));
    orders.extend_from_slice(more);
    Stage::set(moto(), &orders)
}

/// Here configuration sets have event destinations. There is no MAIL FROM, and notifications can be set but not read.
fn on_ministack() -> Stage {
    let destination = |name: &str, rest: &str| {
        let set = format!("--configuration-set-name {} --event-destination-name {name}", SETS[0]);
        let sns = format!("SnsDestination={{TopicArn={TOPIC}}}");
        format!("sesv2 create-configuration-set-event-destination {set} --event-destination {rest},{sns}")
    };
    let orders = [
        format!("{CREATE} {OTHER_DOMAIN} {OWN_KEY}"),
        destination("on", "Enabled=true,MatchingEventTypes=BOUNCE,DELIVERY"),
        destination("off", "Enabled=false,MatchingEventTypes=COMPLAINT"),
    ];
    Stage::set(ministack(), &orders)
}

#[test]
fn details_are_those_that_the_aws_command_answers_from_moto() {
    let stage = on_moto();
    let page = stage.page();
    for name in IDENTITIES {
        let described = stage.described(name);
        let mail_from = stage.attributes("mail-from-domain", "MailFromDomainAttributes", name);
        let notifications = stage.attributes("notification", "NotificationAttributes", name);
        assert_eq!(notifications["ForwardingEnabled"], described["FeedbackForwardingStatus"], "{name}");
        let mut expected = expected_of_identity(name, &described);
        add_attributes_of_v1(&mut expected, &mail_from, &notifications);
        assert_eq!(shown(&page, "identity_details", "identity", name), expected.samples, "{name}");
        assert_usable(&page, name, &described);
        // No topic, no forwarding; but the destinations of the set are what nobody knows.
        let heard = if described["ConfigurationSetName"].is_string() { None } else { Some(0.0) };
        assert_eq!(feedback_path(&page, name), [heard; 2], "{name}: {described}");
    }
    assert_eq!(page.find("ses_identity_mail_from_status", &[]).count(), 2, "those that were set");
    assert_eq!(page.find("ses_identity_configuration_set_info", &[("configuration_set", SETS[0])]).count(), 1);
    assert_eq!(page.find("ses_identity_tag_info", &[]).count(), 1, "only the tag that the configuration names");
    assert_eq!(success(&page, "identity_details"), Some(1.0));
}

#[test]
fn a_mail_from_domain_that_is_taken_away_is_gone_after_the_next_pass() {
    let stage = on_moto();
    let mail_from = |page: &Page, name| page.find("ses_identity_mail_from_status", &[("identity", name)]).count();
    assert_eq!(mail_from(&stage.page(), DOMAIN), 1);
    stage.aws.ask(&format!("ses set-identity-mail-from-domain --identity {DOMAIN}"));
    let page = stage.agent.page_where("it is gone", |page| mail_from(page, DOMAIN) == 0);
    assert_eq!(mail_from(&page, OTHER_DOMAIN), 1, "and nothing else");
}

#[test]
fn an_identity_that_a_server_describes_as_aws_would_not_is_told_and_the_others_go_on() {
    // The time of its key comes as a text, where AWS sends a number. By name it comes before all others.
    let stage = on_moto_with(&[format!("{CREATE} a.example {OWN_KEY}")]);
    let page = stage.agent.page_where("all are read but one", |page| {
        let described = |name: &&str| page.find("ses_identity_dkim_info", &[("identity", name)]).count() == 1;
        [DOMAIN, OTHER_DOMAIN].iter().all(described)
    });
    assert_eq!(success(&page, "identity_details"), Some(0.0));
    assert_eq!(kinds(&page, "identity_details"), ["unexpected"]);
    let of_it = [("identity", "a.example")];
    assert_eq!(page.find("ses_identity_dkim_info", &of_it).count(), 0);
    assert_eq!(page.find("ses_identity_notification_topic_configured", &of_it).count(), 2, "what v1 tells is there");
    let log = stage.agent.log();
    assert!(log.contains("GetEmailIdentity: an answer with HTTP status 200 that is not of AWS"), "{log}");
}

#[test]
fn sets_that_a_server_answers_as_aws_would_not_are_a_failure_and_nothing_is_made_of_them() {
    let stage = on_moto();
    let page = stage.page();
    assert_eq!(success(&page, "configuration_sets"), Some(0.0));
    assert_eq!(kinds(&page, "configuration_sets"), ["unexpected"]);
    let series = page.samples.iter().filter(|sample| sample.name.starts_with("ses_configuration_set_"));
    assert_eq!(series.count(), 0, "{}", page.text);
    let log = stage.agent.log();
    assert!(log.contains("GetConfigurationSet: an answer with HTTP status 200 that is not of AWS"), "{log}");
}

#[test]
fn details_and_sets_are_those_that_the_aws_command_answers_from_ministack() {
    let stage = on_ministack();
    let page = stage.page();
    for name in IDENTITIES {
        let described = stage.described(name);
        let expected = expected_of_identity(name, &described);
        assert_eq!(shown(&page, "identity_details", "identity", name), expected.samples, "{name}");
        assert_usable(&page, name, &described);
        assert_eq!(feedback_path(&page, name), [None; 2], "{name}: nobody can tell while the topics are not known");
    }
    assert_eq!(page.find("ses_identity_tag_info", &[]).count(), 1, "only the tag that the configuration names");
    for name in SETS {
        let shown = shown(&page, "configuration_sets", "configuration_set", name);
        assert_eq!(shown, stage.expected_of_set(name), "{name}");
    }
    assert_eq!(page.find("ses_configuration_set_event_destination_enabled", &[]).count(), 2, "those that were made");
    assert_eq!(success(&page, "configuration_sets"), Some(1.0));
}

#[test]
fn questions_that_a_server_refuses_are_told_and_asked_once_a_pass_and_the_others_go_on() {
    let stage = on_ministack();
    let page = stage.page();
    assert_eq!(success(&page, "identity_details"), Some(0.0));
    assert_eq!(kinds(&page, "identity_details"), ["rejected"]);
    for family in ["ses_identity_notification_topic_configured", "ses_identity_mail_from_status"] {
        assert_eq!(page.find(family, &[]).count(), 0, "{family}: what is not known is absent");
    }
    let log = stage.agent.log();
    assert!(log.contains("GetIdentityNotificationAttributes: InvalidAction"), "{log}");
    // Slices come every second. The fifteenth asks anew.
    let slices = |page: &Page| {
        let labels = [("collector", "identity_details")];
        page.value("ses_exporter_collector_failures_total", &labels)
    };
    let page = stage.agent.page_where("another slice was read", |page| slices(page) > Some(2.0));
    let asked = |operation| page.value("ses_exporter_aws_requests_total", &[("operation", operation)]);
    for operation in ["GetIdentityNotificationAttributes", "GetIdentityMailFromDomainAttributes"] {
        assert_eq!(asked(operation), Some(1.0), "{operation}: not again and again");
    }
    // The key of one's own is NotStarted in SES v1, so the domain must live by its TXT record.
    assert_eq!(asked("GetIdentityVerificationAttributes"), Some(1.0));
}
