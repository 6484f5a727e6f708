//! The rules against a judge that shares nothing with them: the simulator takes or refuses mail by its own rules, and in
//! random regions `weigh` must say the same, for the same reason.
//!
//! The simulator names one refusal and has an order of its own; the reasons are put into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sesv2::config::{BehaviorVersion, Region as AwsRegion, retry::RetryConfig};
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use serde_json::json;

use ses_exporter::collectors::account;
use ses_exporter::collectors::configuration_sets::{ConfigurationSet, Sets};
use ses_exporter::collectors::identities::Identity;
use ses_exporter::collectors::identity_details::{Described, Details, MailFrom};
use ses_exporter::expectations::Recipients;
use ses_exporter::judgements::send_path::{Block, Known, Mail, Reason, Senders, Weighed, weigh};
use ses_exporter::simulator::{self, Simulator, World};

use crate::support::dice::Dice;

const ACCOUNT: &str = "111111111111";
const REGION: &str = "eu-west-1";
const NAMES: [&str; 9] = [
    "shop.example",
    "mail.shop.example",
    "Ann@shop.example",
    "Ann+x@mail.shop.example",
    "Ann@mail.shop.example",
    "example",
    "other.test",
    "bob@other.test",
    "workshop.example",
];
const SENDERS: [&str; 6] = [
    "Ann@shop.example",
    "ann@shop.example",
    "Ann+x@mail.shop.example",
    "Ann+y@Mail.shop.example",
    "bob@workshop.example",
    "eve@other.test",
];
const RECIPIENTS: [&str; 7] = [
    "success@simulator.amazonses.com",
    "Bounce+x@simulator.amazonses.com",
    "nobody@simulator.amazonses.com",
    "bob@other.test",
    "bob+orders@other.test",
    "Ann@shop.example",
    "eve@customer.test",
];
/// Status, and whether SES lets the identity send.
const STATUSES: [(&str, bool); 7] = [
    ("SUCCESS", true),
    ("SUCCESS", true),
    ("PENDING", false),
    ("FAILED", false),
    ("TEMPORARY_FAILURE", false),
    ("TEMPORARY_FAILURE", true),
    ("NOT_STARTED", false),
];
const REVIEWS: [&str; 5] = ["NOT_REQUESTED", "PENDING", "DENIED", "FAILED", "GRANTED"];
const SETS: [&str; 3] = ["main", "off", "gone"];

/// An identity.
#[derive(Debug)]
struct Someone {
    name: &'static str,
    status: (&'static str, bool),
    /// The status of a MAIL FROM domain, and whether mail is rejected for it.
    mail_from: Option<(&'static str, bool)>,
    /// The default configuration set.
    set: Option<&'static str>,
}

/// A region and a mail, from which both the simulator's state and the readings are made.
#[derive(Debug)]
struct Scenario {
    production: bool,
    review: &'static str,
    enforcement: &'static str,
    enabled: bool,
    limit: f64,
    sent: f64,
    people: Vec<Someone>,
    from: &'static str,
    to: Vec<String>,
    set: Option<&'static str>,
}

impl Scenario {
    fn roll(dice: &mut Dice) -> Self {
        let mut people: Vec<Someone> = Vec::new();
        for name in NAMES {
            if dice.one_in(3) {
                let mail_from = dice.one_in(3).then(|| (dice.of(&["SUCCESS", "PENDING", "FAILED"]), dice.one_in(2)));
                let set = dice.one_in(4).then(|| dice.of(&SETS));
                people.push(Someone { name, status: STATUSES[dice.below(STATUSES.len())], mail_from, set });
            }
        }
        Self {
            production: !dice.one_in(3),
            review: dice.of(&REVIEWS),
            enforcement: if dice.one_in(12) { "SHUTDOWN" } else { dice.of(&["HEALTHY", "PROBATION"]) },
            enabled: !dice.one_in(12),
            limit: [200.0, 201.0, -1.0][dice.below(3)],
            sent: [0.0, 199.0, 200.0, 250.0][dice.below(4)],
            people,
            from: dice.of(&SENDERS),
            to: vec![dice.of(&RECIPIENTS).to_owned()],
            set: dice.one_in(5).then(|| dice.of(&SETS)),
        }
    }

    fn region(&self) -> simulator::Region {
        let region = simulator::Region::fresh(REGION).quota(self.limit, 10.0).sent(self.sent);
        let region = if self.review == "NOT_REQUESTED" { region } else { region.review(self.review, None) };
        let region = region.patched(&json!({
            "ProductionAccessEnabled": self.production,
            "EnforcementStatus": self.enforcement,
            "SendingEnabled": self.enabled,
        }));
        let region = region.configuration_set(simulator::ConfigurationSet::new("main"));
        let region = region.configuration_set(simulator::ConfigurationSet::new("off").sending_disabled());
        self.people.iter().fold(region, |region, Someone { name, status, mail_from, set }| {
            let mut identity = simulator::Identity::named(*name).status(status.0);
            identity.sending_enabled = status.1;
            if let Some((status, rejects)) = mail_from {
                let behavior = if *rejects { "REJECT_MESSAGE" } else { "USE_DEFAULT_VALUE" };
                identity = identity.mail_from("bounce.shop.example", status, behavior);
            }
            region.identity(set.iter().fold(identity, |identity, set| identity.configuration_set(set)))
        })
    }

    fn weigh(&self) -> Weighed {
        let account = account::Reading {
            production_access: self.production,
            sending_enabled: self.enabled,
            enforcement_status: self.enforcement.to_owned(),
            review_status: Some(self.review.to_owned()),
            review_case_id: None,
            max_24h: Some(if self.limit < 0.0 { f64::INFINITY } else { self.limit }),
            sent_24h: self.sent,
            max_per_second: Some(10.0),
            suppressed_reasons: None,
            vdm_enabled: None,
            auto_warmup: false,
        };
        let listed: Vec<_> = self.people.iter().map(listed).collect();
        let details: BTreeMap<_, _> = self.people.iter().map(described).collect();
        let set = |enabled| Some(Arc::new(ConfigurationSet { sending_enabled: Some(enabled), ..Default::default() }));
        let sets = BTreeMap::from([(Arc::from("main"), set(true)), (Arc::from("off"), set(false))]);
        let known = Known {
            account: Some(&account),
            identities: Some(Senders::of(&listed)),
            details: Some(&details),
            sets: Some(Sets { all: &sets, listed_at: SystemTime::UNIX_EPOCH }),
            elsewhere: Vec::new(),
        };
        let to = Recipients::Only(self.to.clone());
        let (from, configuration_set) = (self.from, self.set);
        let (daily_messages, peak_messages_per_second) = (None, None);
        let mail = Mail { from, to: &to, configuration_set, recipients: 1, daily_messages, peak_messages_per_second };
        weigh(&known, &mail)
    }
}

fn listed(Someone { name, status, .. }: &Someone) -> Identity {
    Identity {
        name: Arc::from(*name),
        identity_type: Arc::from(if name.contains('@') { "email_address" } else { "domain" }),
        status: Some(Arc::from(status.0)),
        sending_enabled: status.1,
    }
}

fn described(Someone { name, mail_from, set, .. }: &Someone) -> (Arc<str>, Arc<Details>) {
    let mut details = Details::default();
    let described = Described::at(SystemTime::UNIX_EPOCH);
    details.described = Some(Described { configuration_set: set.map(Arc::from), ..described });
    details.mail_from = mail_from.map(|(status, rejects)| MailFrom {
        domain: Arc::from("bounce.shop.example"),
        status: Arc::from(status),
        rejects,
    });
    (Arc::from(*name), Arc::new(details))
}

/// The refusals of the simulator, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refusal {
    Paused,
    SetMissing,
    SetPaused,
    MailFrom,
    NotVerified,
    Quota,
}

fn refusal_for(reason: Reason) -> Refusal {
    match reason {
        Reason::AccountShutDown | Reason::SendingPaused => Refusal::Paused,
        Reason::ConfigurationSetMissing => Refusal::SetMissing,
        Reason::ConfigurationSetPaused => Refusal::SetPaused,
        Reason::MailFromRejects => Refusal::MailFrom,
        Reason::QuotaExhausted => Refusal::Quota,
        Reason::QuotaTooSmall | Reason::RateTooLow | Reason::IdentityInOtherRegion => {
            panic!("{reason:?} can't follow from what is rolled")
        }
        _ => Refusal::NotVerified,
    }
}

fn refusal_by(code: Option<&str>, message: &str) -> Refusal {
    match code {
        Some("SendingPausedException") if message.contains("configuration set") => Refusal::SetPaused,
        Some("SendingPausedException") => Refusal::Paused,
        Some("NotFoundException") => Refusal::SetMissing,
        Some("MailFromDomainNotVerifiedException") => Refusal::MailFrom,
        Some("MessageRejected") => Refusal::NotVerified,
        Some("LimitExceededException") => Refusal::Quota,
        _ => panic!("{code:?}: {message}"),
    }
}

async fn start() -> (Simulator, aws_sdk_sesv2::Client) {
    let key = "AKIAEXAMPLEEXAMPLE00";
    let account = simulator::Account::new(ACCOUNT, "main").access_key(key, "secret");
    let account = account.region(simulator::Region::fresh(REGION));
    let world = World::empty().with_rate(None).with_send_rate(false).with_account(account);
    let simulator = Simulator::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.unwrap();
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(AwsRegion::new(REGION))
        .credentials_provider(Credentials::new(key, "secret", None, None, "test"))
        .endpoint_url(simulator.url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    let client = aws_sdk_sesv2::Client::from_conf(config.build());
    (simulator, client)
}

/// What the simulator says to the mail: nothing if it takes it, else why not, and its words.
async fn refusal(client: &aws_sdk_sesv2::Client, scenario: &Scenario) -> Option<(Refusal, String)> {
    let text = |text: &str| Content::builder().data(text).build().unwrap();
    let body = Body::builder().text(text("Hello")).build();
    let content = EmailContent::builder().simple(Message::builder().subject(text("Hello")).body(body).build()).build();
    let to = Destination::builder().set_to_addresses(Some(scenario.to.clone())).build();
    let mail = client.send_email().from_email_address(scenario.from).destination(to).content(content);
    let error = mail.set_configuration_set_name(scenario.set.map(str::to_owned)).send().await.err()?;
    let message = error.message().unwrap_or_default().to_owned();
    Some((refusal_by(error.code(), &message), message))
}

#[tokio::test]
async fn mail_is_taken_and_refused_as_the_simulator_does() {
    let worlds = if std::env::var_os("SES_EXPORTER_LONG").is_some() { 50_000 } else { 5_000 };
    let (simulator, client) = start().await;
    let (mut dice, mut seen) = (Dice(1), BTreeMap::new());
    for world in 0..worlds {
        let scenario = Scenario::roll(&mut dice);
        simulator.world().change(|all| *all.region_mut(ACCOUNT, REGION).unwrap() = scenario.region());
        let (weighed, refused) = (scenario.weigh(), refusal(&client, &scenario).await);
        assert!(!weighed.open, "{world}: everything was read: {scenario:#?}");
        let first = weighed.blocks.iter().map(|block| refusal_for(block.reason)).min();
        assert_eq!(first, refused.as_ref().map(|(refusal, _)| *refusal), "{world}: {scenario:#?} {weighed:?}");
        if let Some((Refusal::NotVerified, words)) = &refused {
            let sandbox = |block: &Block| block.reason >= Reason::SandboxNotRequested;
            let recipient = weighed.blocks.iter().any(sandbox);
            let sender =
                weighed.blocks.iter().any(|block| refusal_for(block.reason) == Refusal::NotVerified && !sandbox(block));
            // Who writes to himself is named once, whichever of the two he is.
            if scenario.to[0] != scenario.from {
                assert_eq!(
                    (words.contains(scenario.from), words.contains(&scenario.to[0])),
                    (sender, recipient),
                    "{world}: {words}"
                );
            }
        }
        *seen.entry(first).or_insert(0) += 1;
        simulator.world().clear_requests();
    }
    assert_eq!(seen.len(), 7, "taken, and refused for each reason: {seen:?}");
    assert!(seen.values().all(|times| *times >= worlds / 100), "none is rare: {seen:?}");
}
