//! Configuration sets: the list in pages and both wire forms, one set, its event destinations, and names that do not exist.

use aws_sdk_sesv2::types::{
    CloudWatchDestination, CloudWatchDimensionConfiguration, ConfigurationSetFilterKey, EventBridgeDestination,
    EventType, ReputationOptions, SendingOptions, SnsDestination, SuppressionListReason, SuppressionOptions, TlsPolicy,
};
use ses_exporter::simulator::{ConfigurationSet, Destination, EventDestination};

use super::*;

const TOPIC: &str = "arn:aws:sns:eu-west-1:111111111111:bounces";

/// 250 plain sets in Ireland, and one with everything.
fn sets() -> World {
    let text = str::to_owned;
    let cloud_watch = Destination::CloudWatch { dimension: text("service"), default_value: text("none") };
    let bus =
        Destination::EventBridge { event_bus_arn: text("arn:aws:events:eu-west-1:111111111111:event-bus/default") };
    let stream = Destination::KinesisFirehose { role_arn: text("arn:role"), stream_arn: text("arn:stream") };
    let full = ConfigurationSet::new("with everything+1")
        .sending_disabled()
        .without_reputation_metrics()
        .tls_policy("REQUIRE")
        .suppressed_reasons(&["BOUNCE"])
        .event_destination(EventDestination::new("topic", &["BOUNCE", "COMPLAINT"], Destination::sns(TOPIC)))
        .event_destination(EventDestination::new("metrics", &["SEND"], cloud_watch).disabled())
        .event_destination(EventDestination::new("bus", &["DELIVERY_DELAY"], bus))
        .event_destination(EventDestination::new("stream", &["QUANTUM"], stream));
    let ireland = Region::fresh("eu-west-1").identity(Identity::domain("shop.example"));
    let ireland = (0..250)
        .fold(ireland, |region, number| region.configuration_set(ConfigurationSet::new(format!("set-{number:03}"))));
    let account = Account::new(MAIN, "main").access_key(KEY, "secret").region(ireland.configuration_set(full));
    World::empty().with_rate(None).with_account(account.region(Region::fresh("us-east-1")))
}

#[tokio::test]
async fn configuration_sets_come_in_pages() {
    let simulator = start(sets()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let (mut sizes, mut names, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = client.list_configuration_sets().set_next_token(token).send().await.expect("an answer");
        sizes.push(page.configuration_sets().len());
        names.extend(page.configuration_sets().to_owned());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    names.dedup();
    assert_eq!((sizes, names.len()), (vec![100, 100, 51], 251));
    let all = client.list_configuration_sets().page_size(1000).send().await.expect("an answer");
    assert_eq!((all.configuration_sets(), all.next_token()), (names.as_slice(), None));
    let none = sesv2(&simulator, "us-east-1").list_configuration_sets().send().await.expect("an answer");
    assert!(none.configuration_sets().is_empty());
}

#[tokio::test]
async fn the_list_can_be_filtered_and_refuses_what_it_does_not_know() {
    let simulator = start(sets()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let list = || client.list_configuration_sets();
    let some = list().filter(ConfigurationSetFilterKey::ConfigurationSetNameContains, "-24").send().await;
    assert_eq!(some.expect("an answer").configuration_sets().len(), 10);
    let bad = || (400, Some("BadRequestException".to_owned()));
    assert_eq!(refused(list().filter("IDENTITY_TYPE".into(), "DOMAIN").send().await), bad());
    assert_eq!(refused(list().page_size(1001).send().await), bad());
    let identities = client.list_email_identities().page_size(1).send().await.expect("an answer");
    assert_eq!(identities.next_token(), None);
    let token = list().page_size(1).send().await.expect("an answer").next_token;
    assert!(token.is_some());
    assert_eq!(refused(client.list_email_identities().set_next_token(token.clone()).send().await), bad());
    assert_eq!(
        refused(sesv2(&simulator, "us-east-1").list_configuration_sets().set_next_token(token).send().await),
        bad()
    );
}

#[tokio::test]
async fn the_older_wire_form_lists_the_same() {
    let simulator = start(sets()).await;
    let scope = format!("{KEY}/20261122/eu-west-1/ses/aws4_request");
    let signed = format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n");
    let (status, _, body) = http(&simulator, "GET", "/v2/email/configuration-sets?PageSize=2", &signed, "").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ConfigurationSets"]), (200, &serde_json::json!(["set-000", "set-001"])));
    let operations: Vec<String> = simulator.world().requests().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(operations, ["ListConfigurationSets"]);
}

#[tokio::test]
async fn a_set_tells_what_it_does() {
    let simulator = start(sets()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let get = async |name| client.get_configuration_set().configuration_set_name(name).send().await.expect("an answer");
    let plain = get("set-000").await;
    assert_eq!(plain.configuration_set_name(), Some("set-000"));
    assert!(plain.sending_options().is_some_and(SendingOptions::sending_enabled));
    assert!(plain.reputation_options().is_some_and(ReputationOptions::reputation_metrics_enabled));
    assert_eq!(plain.delivery_options().and_then(|options| options.tls_policy()), Some(&TlsPolicy::Optional));
    assert!(plain.suppression_options().is_none());
    let full = get("with everything+1").await;
    assert!(full.sending_options().is_some_and(|options| !options.sending_enabled()));
    assert!(full.reputation_options().is_some_and(|options| !options.reputation_metrics_enabled()));
    assert_eq!(full.delivery_options().and_then(|options| options.tls_policy()), Some(&TlsPolicy::Require));
    let reasons = full.suppression_options().map(SuppressionOptions::suppressed_reasons);
    assert_eq!(reasons, Some([SuppressionListReason::Bounce].as_slice()));
    let subjects: Vec<_> = simulator.world().requests().into_iter().filter_map(|entry| entry.subject).collect();
    assert_eq!(subjects, ["set-000", "with everything+1"]);
}

#[tokio::test]
async fn a_set_tells_where_its_events_go() {
    let simulator = start(sets()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let ask = |name| client.get_configuration_set_event_destinations().configuration_set_name(name).send();
    assert!(ask("set-000").await.expect("an answer").event_destinations().is_empty());
    let full = ask("with everything+1").await.expect("an answer");
    let [topic, metrics, bus, stream] = full.event_destinations() else { panic!("{full:?}") };
    assert_eq!(topic.sns_destination().map(SnsDestination::topic_arn), Some(TOPIC));
    assert_eq!(topic.matching_event_types(), [EventType::Bounce, EventType::Complaint]);
    assert!(topic.enabled() && !metrics.enabled() && topic.cloud_watch_destination().is_none());
    let dimensions = metrics.cloud_watch_destination().map(CloudWatchDestination::dimension_configurations);
    let dimensions = dimensions.expect("CloudWatch").iter().map(CloudWatchDimensionConfiguration::dimension_name);
    assert_eq!(dimensions.collect::<Vec<_>>(), ["service"]);
    let bus = bus.event_bridge_destination().map(EventBridgeDestination::event_bus_arn);
    assert_eq!(bus, Some("arn:aws:events:eu-west-1:111111111111:event-bus/default"));
    let fire = stream.kinesis_firehose_destination().map(|fire| (fire.iam_role_arn(), fire.delivery_stream_arn()));
    assert_eq!(fire, Some(("arn:role", "arn:stream")));
    assert_eq!(stream.matching_event_types().iter().map(EventType::as_str).collect::<Vec<_>>(), ["QUANTUM"]);
}

#[tokio::test]
async fn a_set_that_does_not_exist_is_not_found() {
    let simulator = start(sets()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let not_found = || (404, Some("NotFoundException".to_owned()));
    let set = client.get_configuration_set().configuration_set_name("absent").send().await;
    assert_eq!(refused(set), not_found());
    let ask = client.get_configuration_set_event_destinations().configuration_set_name("absent");
    assert_eq!(refused(ask.send().await), not_found());
    assert!(simulator.world().remove_configuration_set(MAIN, "eu-west-1", "set-000").expect("a known region"));
    let gone = client.get_configuration_set().configuration_set_name("set-000").send().await;
    assert_eq!(refused(gone), not_found());
}
