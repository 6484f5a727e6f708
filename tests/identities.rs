//! Collectors `identity_details` and `configuration_sets`, and what is judged from them: what they show, what they ask
//! of AWS, and what becomes of both when something is refused, throttled, changed or deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ses_exporter::simulator::{
    ConfigurationSet, Destination, EventDestination, Fault, Identity, LoggedRequest, Region, Trouble, World,
};

use crate::soak::long;
use crate::support::stage::{
    MAIN, MAIN_ACCOUNT, all_succeed, failures, last_success, operations, quick, success, to_ses, warnings, world,
};
use crate::support::{Agent, Aws, Page, command, eventually, run};

mod calls;
mod refusals;

const REGION: &str = "eu-west-1";
const TOPIC: &str = "arn:aws:sns:eu-west-1:111111111111:feedback";

fn start(aws: &Aws, more: &str) -> Agent {
    Agent::start(aws, &(quick(aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT + more))
}

/// A world with these identities and sets in [`REGION`], beside `shop.example`.
fn with(identities: impl IntoIterator<Item = Identity>, sets: impl IntoIterator<Item = ConfigurationSet>) -> World {
    let mut world = world(&[REGION]);
    for identity in identities {
        world.put_identity(MAIN, REGION, identity).unwrap();
    }
    for set in sets {
        world.put_configuration_set(MAIN, REGION, set).unwrap();
    }
    world
}

/// A set whose one destination gets these events.
fn set(name: &str, events: &[&str]) -> ConfigurationSet {
    ConfigurationSet::new(name).event_destination(EventDestination::new("events", events, Destination::sns(TOPIC)))
}

/// Everything that the page says of one identity beyond the list, as `metric{own labels} value`; DNS left out.
fn said_of(page: &Page, identity: &str) -> BTreeSet<String> {
    let skipped = ["account", "aws_region", "identity", "identity_type"];
    let listed = ["ses_identity_verified", "ses_identity_sending_enabled", "ses_identity_verification_status"];
    page.samples
        .iter()
        .filter(|sample| sample.labels.get("identity").is_some_and(|name| name == identity))
        .filter(|sample| !listed.contains(&sample.name.as_str()) && !sample.name.contains("_timestamp_"))
        .filter(|sample| !sample.name.contains("_dns_") && !sample.name.contains("_dmarc_"))
        .map(|sample| {
            let own = sample.labels.iter().filter(|(name, _)| !skipped.contains(&name.as_str()));
            let own: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
            let name = sample.name.strip_prefix("ses_identity_").unwrap();
            format!("{name}{{{}}} {}", own.join(","), sample.value)
        })
        .collect()
}

fn lines(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn the_page_says_of_each_identity_what_ses_says() {
    let replica = Identity::domain("replica.example").replica_of("us-east-1").dkim_signing(false);
    let broken = Identity::domain("broken.example")
        .status("FAILED")
        .verification_error("TYPE_NOT_FOUND", "ns1.elsewhere.example")
        .topics(Some(TOPIC), None)
        .forwarding(false);
    let full = Identity::domain("full.example")
        .mail_from("bounce.full.example", "PENDING", "REJECT_MESSAGE")
        .byodkim("s2026")
        .configuration_set("main")
        .tag("owner", "web \"team\"")
        .tag("secret", "never shown");
    let aws =
        Aws::start(with([replica, broken, full, Identity::email_address("ann@other.example")], [set("main", &[])]));
    let agent = start(&aws, "[identities]\ntags = [\"owner\", \"absent\"]\n");
    let full = lines(&[
        "dkim_status{status=SUCCESS} 1",
        "dkim_signing_enabled{} 1",
        "dkim_info{key_length=,origin=EXTERNAL} 1",
        "mail_from_status{status=PENDING} 1",
        "mail_from_rejects_on_mx_failure{} 1",
        "feedback_forwarding_enabled{} 1",
        "notification_topic_configured{event=bounce} 0",
        "notification_topic_configured{event=complaint} 0",
        "configuration_set_info{configuration_set=main} 1",
        "tag_info{tag=owner,value=web \"team\"} 1",
        "usable{} 1",
        "feedback_path{event=bounce} 1",
        "feedback_path{event=complaint} 1",
    ]);
    let page = agent.page_where("all is read", |page| {
        said_of(page, "full.example").len() >= full.len() && all_succeed(page, "main", REGION)
    });
    assert_eq!(said_of(&page, "full.example"), full);
    let broken = lines(&[
        "dkim_status{status=FAILED} 1",
        "dkim_signing_enabled{} 1",
        "dkim_info{key_length=RSA_2048_BIT,origin=AWS_SES} 1",
        "feedback_forwarding_enabled{} 0",
        "notification_topic_configured{event=bounce} 1",
        "notification_topic_configured{event=complaint} 0",
        "verification_error{error_type=TYPE_NOT_FOUND} 1",
        "usable{} 0",
        "feedback_path{event=bounce} 1",
        "feedback_path{event=complaint} 0",
    ]);
    assert_eq!(said_of(&page, "broken.example"), broken);
    let replica = said_of(&page, "replica.example");
    assert!(replica.contains("dkim_info{key_length=RSA_2048_BIT,origin=AWS_SES_US_EAST_1} 1"), "{replica:?}");
    assert!(replica.contains("dkim_signing_enabled{} 0"), "{replica:?}");
    let ann = said_of(&page, "ann@other.example");
    assert!(!ann.iter().any(|line| line.starts_with("dkim_")), "an address without keys has no DKIM: {ann:?}");
    assert!(ann.contains("feedback_path{event=bounce} 1"), "{ann:?}");

    let time = |identity, what: &str| {
        page.value(&format!("ses_identity_verification_last_{what}_timestamp_seconds"), &[("identity", identity)])
    };
    let checked = time("full.example", "checked").unwrap();
    assert!(checked % 3600.0 == 0.0 && checked > 1.7e9, "the last full hour: {checked}");
    assert_eq!(time("full.example", "success"), Some(checked));
    assert_eq!((time("broken.example", "checked"), time("broken.example", "success")), (Some(checked), None));
    assert_eq!(time("ann@other.example", "checked"), None);
    assert!(!page.text.contains("never shown") && !agent.log().contains("never shown"));
}

#[test]
fn addresses_are_hidden_in_every_series() {
    let address =
        || Identity::email_address("ann@shop.example").tag("owner", "ann").configuration_set("main").forwarding(false);
    let aws = Aws::start(with([address()], [set("main", &["BOUNCE"])]));
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let hashed = format!("email_addresses = \"hashed\"\nhash_key_file = \"{}\"\n", key.path().display());
    for (manner, series) in [(hashed.as_str(), true), ("email_addresses = \"none\"\n", false)] {
        let agent = start(&aws, &format!("[identities]\ntags = [\"owner\"]\n{manner}"));
        let page = agent.page_where("all is read", |page| {
            let read = page.find("ses_identity_feedback_path", &[]).count() == if series { 4 } else { 2 };
            read && all_succeed(page, "main", REGION)
        });
        let addresses: BTreeSet<&str> = page
            .samples
            .iter()
            .filter(|sample| sample.labels.get("identity_type").is_some_and(|kind| kind == "email_address"))
            .filter_map(|sample| sample.labels.get("identity").map(String::as_str))
            .collect();
        assert_eq!(addresses.len(), usize::from(series), "one label for all families: {addresses:?}");
        assert!(addresses.iter().all(|label| label.ends_with("@shop.example")));
        if let Some(label) = addresses.first() {
            assert_eq!(page.value("ses_identity_tag_info", &[("identity", label), ("value", "ann")]), Some(1.0));
            let heard = |event| page.value("ses_identity_feedback_path", &[("identity", label), ("event", event)]);
            assert_eq!((heard("bounce"), heard("complaint")), (Some(1.0), Some(0.0)));
        }
        for text in [page.text, agent.log(), agent.get("/").text()] {
            assert!(!text.contains("ann@"), "{text}");
        }
    }
}

#[test]
fn who_is_covered_can_send_and_each_way_of_feedback_counts() {
    let failed = |name: &str| Identity::named(name).status("FAILED");
    let deaf = |name: &str| Identity::domain(name).forwarding(false);
    let identities = [
        failed("ann@shop.example"),
        failed("mail.shop.example"),
        failed("bob@stranger.example"),
        failed("workshop.example"),
        deaf("deaf.example"),
        deaf("topic.example").topics(None, Some(TOPIC)),
        deaf("set.example").configuration_set("both"),
        deaf("off.example").configuration_set("off"),
        deaf("gone.example").configuration_set("gone"),
    ];
    let off = EventDestination::new("off", &["BOUNCE", "COMPLAINT"], Destination::sns(TOPIC)).disabled();
    let sets = [set("both", &["BOUNCE", "COMPLAINT"]), ConfigurationSet::new("off").event_destination(off)];
    let aws = Aws::start(with(identities, sets));
    let agent = start(&aws, "");
    let heard = |page: &Page, identity| {
        ["bounce", "complaint"]
            .map(|event| page.value("ses_identity_feedback_path", &[("identity", identity), ("event", event)]))
    };
    let page = agent.page_where("all is read", |page| page.find("ses_identity_feedback_path", &[]).count() == 20);
    let usable = |identity| page.value("ses_identity_usable", &[("identity", identity)]);
    for (identity, expected) in [
        ("shop.example", 1.0),
        ("ann@shop.example", 1.0),
        ("mail.shop.example", 1.0),
        ("bob@stranger.example", 0.0),
        ("workshop.example", 0.0),
    ] {
        assert_eq!(usable(identity), Some(expected), "{identity}");
    }
    for (identity, expected) in [
        ("shop.example", [1.0, 1.0]),
        ("deaf.example", [0.0, 0.0]),
        ("topic.example", [0.0, 1.0]),
        ("set.example", [1.0, 1.0]),
        ("off.example", [0.0, 0.0]),
        ("gone.example", [0.0, 0.0]),
    ] {
        assert_eq!(heard(&page, identity), expected.map(Some), "{identity}");
    }
    aws.world.put_identity(MAIN, REGION, failed("shop.example")).unwrap();
    agent.page_where("nobody covers them any more", |page| {
        page.find("ses_identity_usable", &[]).filter(|sample| sample.value == 0.0).count() == 5
    });
}

#[test]
fn what_is_deleted_goes_and_what_changes_is_described_at_once() {
    let names = ["gone.example", "changed.example"];
    let aws = Aws::start(with(names.map(|name| Identity::domain(name).configuration_set("main")), [set("main", &[])]));
    let agent = start(&aws, "");
    let of = |page: &Page, name: &str| {
        page.samples.iter().filter(|sample| sample.labels.get("identity").is_some_and(|one| one == name)).count()
    };
    let dns = |page: &Page, name| page.find("ses_identity_dns_record_ok", &[("identity", name)]).count() == 4;
    let set = |page: &Page, name| page.find("ses_identity_configuration_set_info", &[("identity", name)]).count() == 1;
    agent.page_where("both are known", |page| names.iter().all(|name| dns(page, name) && set(page, name)));

    aws.world.remove_identity(MAIN, REGION, "gone.example").unwrap();
    let page = agent.page_where("one is gone", |page| of(page, "gone.example") == 0);
    assert!(of(&page, "changed.example") > 10);

    let failed = Identity::domain("changed.example").status("FAILED").verification_error("INVALID_VALUE", "ns1.x");
    aws.world.put_identity(MAIN, REGION, failed).unwrap();
    let mut waiting = Vec::new();
    eventually("it is described", || {
        let page = agent.page();
        let label = [("identity", "changed.example")];
        if page.value("ses_identity_verified", &label) == Some(1.0) {
            return None;
        }
        waiting.push(last_success(&page, "main", REGION, "identity_details").unwrap());
        page.find("ses_identity_verification_error", &label).next().map(|_| ())
    });
    waiting.dedup();
    assert!(waiting.len() <= 3, "{} slices until a change that was listed is described", waiting.len() - 1);
}

#[test]
fn an_identity_that_goes_between_list_and_description_is_no_failure() {
    let aws = Aws::start(with([Identity::domain("new.example").status("PENDING")], []));
    let config =
        quick(&aws, &[REGION], "1s", "3h").replace("\nidentities.interval = \"1s\"", "\nidentities.interval = \"1h\"");
    assert!(config.contains("\"1h\""));
    let agent = Agent::start(&aws, &(config + MAIN_ACCOUNT));
    let described = |status| {
        let log = aws.world.requests();
        let about = |entry: &&LoggedRequest| entry.subject.as_deref() == Some("new.example");
        log.iter().filter(about).any(|entry| entry.operation == "GetEmailIdentity" && entry.status == Some(status))
    };
    eventually("it is described", || described(200).then_some(()));
    aws.world.remove_identity(MAIN, REGION, "new.example").unwrap();
    eventually("it is asked for in vain", || described(404).then_some(()));
    let before = last_success(&agent.page(), "main", REGION, "identity_details");
    let page = agent
        .page_where("the next slice is read", |page| last_success(page, "main", REGION, "identity_details") > before);
    assert_eq!(failures(&page, "main", REGION, "identity_details"), []);
    assert_eq!(page.value("ses_identity_verified", &[("identity", "new.example")]), Some(0.0), "it is still listed");
    assert!(warnings(&agent.log(), "identity_details").is_empty());
}
