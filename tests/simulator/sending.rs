//! Mail that is sent and refused, and what people do about it, by the SDK clients of Rust.

use std::time::Duration;

use aws_sdk_ses::types as v1;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{
    BehaviorOnMxFailure, Body, Content, Destination, DkimStatus, EmailContent, MailType, Message, RawMessage,
    ReviewStatus, SendQuota, SuppressionListReason, VerificationStatus,
};
use serde_json::json;
use ses_exporter::simulator::{ConfigurationSet, Decision, DnsFault, DnsFaultKind, Identity, Region, World};

use super::*;

const REGION: &str = "us-east-1";
const SHOP: &str = "noreply@shop.example";
const EVE: &str = "eve@customer.example";
const SIMULATED: &str = "success@simulator.amazonses.com";

/// Code and text of a refusal.
fn why<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, aws_sdk_sesv2::error::SdkError<E>>,
) -> (String, String) {
    let error = result.expect_err("a refusal");
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

fn text(text: &str) -> Content {
    Content::builder().data(text).build().expect("data")
}

fn simple() -> EmailContent {
    let body = Body::builder().text(text("Hello")).build();
    EmailContent::builder().simple(Message::builder().subject(text("Hello")).body(body).build()).build()
}

/// A message of SES v2.
fn send(
    client: &aws_sdk_sesv2::Client,
    from: &str,
    to: &str,
) -> aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder {
    let destination = Destination::builder().to_addresses(to).build();
    client.send_email().from_email_address(from).destination(destination).content(simple())
}

/// A message of SES v1.
fn send_v1(
    client: &aws_sdk_ses::Client,
    from: &str,
    to: &str,
) -> aws_sdk_ses::operation::send_email::builders::SendEmailFluentBuilder {
    let content = |data: &str| v1::Content::builder().data(data).build().expect("data");
    let body = v1::Body::builder().text(content("Hello")).build();
    let message = v1::Message::builder().subject(content("Hello")).body(body).build();
    client.send_email().source(from).destination(v1::Destination::builder().to_addresses(to).build()).message(message)
}

/// SentLast24Hours, as digits.
async fn sent(client: &aws_sdk_sesv2::Client) -> String {
    let account = client.get_account().send().await.expect("an answer");
    account.send_quota().expect("a quota").sent_last24_hours().to_string()
}

/// How often something was written, by the log.
fn writes(simulator: &Simulator) -> Vec<String> {
    let log = simulator.world().requests();
    log.into_iter().filter(|entry| entry.writes).map(|entry| entry.operation).collect()
}

#[tokio::test]
async fn the_way_of_a_newcomer_to_the_first_customer() {
    let simulator = start(
        World::empty()
            .with_rate(None)
            .with_send_rate(false)
            .with_account(Account::new(MAIN, "main").access_key(KEY, "secret")),
    )
    .await;
    let (world, client) = (simulator.world().clone(), sesv2(&simulator, REGION));
    let refused = why(send(&client, SHOP, EVE).send().await);
    let expected = "Email address is not verified. The following identities failed the check in region US-EAST-1: \
                    noreply@shop.example, eve@customer.example";
    assert_eq!(refused, ("MessageRejected".to_owned(), expected.to_owned()));

    let created = client.create_email_identity().email_identity("Shop.example").send().await.expect("a new identity");
    let dkim = created.dkim_attributes().expect("DKIM");
    assert_eq!((dkim.tokens().len(), dkim.status()), (3, Some(&DkimStatus::Pending)));
    assert!(!created.verified_for_sending_status());
    let again = why(client.create_email_identity().email_identity("shop.example").send().await);
    assert_eq!(again, ("AlreadyExistsException".to_owned(), "Email identity shop.example already exist.".to_owned()));
    world.publish(MAIN, REGION, "shop.example").expect("a domain");
    let (_, refused) = why(send(&client, SHOP, EVE).send().await);
    assert!(refused.ends_with("US-EAST-1: eve@customer.example"), "{refused}");

    let ask = || {
        let details =
            client.put_account_details().mail_type(MailType::Transactional).website_url("https://shop.example");
        details.use_case_description("orders").production_access_enabled(true).send()
    };
    ask().await.expect("a request");
    let details = client.get_account().send().await.expect("an answer").details().expect("details").clone();
    let review = details.review_details().expect("a review");
    assert_eq!(
        (review.status().map(ReviewStatus::as_str), review.case_id().map(str::len)),
        (Some("PENDING"), Some(15))
    );
    assert_eq!(why(ask().await).0, "ConflictException");
    world.review(MAIN, REGION, Decision::Failed).expect("a request");
    ask().await.expect("another request");
    assert!(send(&client, SHOP, EVE).send().await.is_err(), "nobody has granted it");
    world.review(MAIN, REGION, Decision::Granted).expect("a request");
    let answer = send(&client, SHOP, EVE).send().await.expect("production");
    assert!(answer.message_id().is_some_and(|id| id.len() == 60 && id.ends_with("-000000")), "{answer:?}");
    assert_eq!(why(ask().await).0, "ConflictException");
    assert_eq!(sent(&client).await, "1");
    let quota = client.get_account().send().await.expect("an answer");
    assert_eq!(quota.send_quota().map(SendQuota::max24_hour_send), Some(50_000.0));
}

#[tokio::test]
async fn both_apis_refuse_in_their_own_codes() {
    let identity =
        Identity::domain("rejecting.example").mail_from("mail.rejecting.example", "FAILED", "REJECT_MESSAGE");
    let region = Region::production(REGION, 100.0, 14.0)
        .identity(Identity::domain("shop.example"))
        .identity(identity)
        .configuration_set(ConfigurationSet::new("paused").sending_disabled());
    let mut world = world().with_send_rate(false);
    *world.region_mut(MAIN, REGION).expect("the region") = region;
    let simulator = start(world).await;
    let (new, old) = (sesv2(&simulator, REGION), ses(&simulator, REGION));
    for (from, to, set, v2, v1, text) in [
        (
            "a@x.example",
            EVE,
            None,
            "MessageRejected",
            "MessageRejected",
            "Email address is not verified. The following",
        ),
        (
            "a@rejecting.example",
            EVE,
            None,
            "MailFromDomainNotVerifiedException",
            "MailFromDomainNotVerifiedException",
            "Mail-From domain",
        ),
        (
            SHOP,
            EVE,
            Some("gone"),
            "NotFoundException",
            "ConfigurationSetDoesNotExist",
            "Configuration set <gone> does not exist.",
        ),
        (
            SHOP,
            EVE,
            Some("paused"),
            "SendingPausedException",
            "ConfigurationSetSendingPausedException",
            "Sending is paused",
        ),
        (SHOP, "eve", None, "BadRequestException", "InvalidParameterValue", "Missing final '@domain'"),
    ] {
        let (code, message) = why(send(&new, from, to).set_configuration_set_name(set.map(str::to_owned)).send().await);
        assert!(code == v2 && message.starts_with(text), "{code} {message}");
        let (code, message) =
            why(send_v1(&old, from, to).set_configuration_set_name(set.map(str::to_owned)).send().await);
        assert!(code == v1 && message.starts_with(text), "{code} {message}");
    }
    for (patch, v2, v1) in [
        (json!({ "SendQuota": { "SentLast24Hours": 100.0 } }), "LimitExceededException", "Throttling"),
        (json!({ "SendingEnabled": false }), "SendingPausedException", "AccountSendingPausedException"),
    ] {
        simulator.world().patch_region(MAIN, REGION, &patch).expect("members of GetAccount");
        assert_eq!(why(send(&new, SHOP, EVE).send().await).0, v2);
        assert_eq!(why(send_v1(&old, SHOP, EVE).send().await).0, v1);
    }
    assert!(writes(&simulator).iter().all(|operation| operation == "SendEmail"));
}

#[tokio::test]
async fn raw_messages_are_judged_by_their_headers() {
    let simulator = start(world().with_send_rate(false)).await;
    let (new, old) = (sesv2(&simulator, REGION), ses(&simulator, REGION));
    let message = |from: &str| format!("From: Shop <{from}>\r\nTo: info@shop.example,\r\n {SIMULATED}\r\n\r\nHello");
    let raw = |from: &str| RawMessage::builder().data(Blob::new(message(from))).build().expect("data");
    let content = |from: &str| EmailContent::builder().raw(raw(from)).build();
    new.send_email().content(content(SHOP)).send().await.expect("taken");
    let (_, refused) = why(new.send_email().content(content("a@x.example")).send().await);
    assert!(refused.ends_with("US-EAST-1: Shop <a@x.example>"), "{refused}");
    let raw = |from: &str| v1::RawMessage::builder().data(Blob::new(message(from))).build().expect("data");
    old.send_raw_email().raw_message(raw(SHOP)).send().await.expect("taken");
    let (code, _) = why(old.send_raw_email().source(SHOP).raw_message(raw("a@x.example")).send().await);
    assert_eq!(code, "MessageRejected");
    assert_eq!(sent(&new).await, "2", "one of the two recipients was the mailbox simulator's");
    let points = old.get_send_statistics().send().await.expect("an answer");
    assert_eq!(points.send_data_points().iter().map(v1::SendDataPoint::delivery_attempts).sum::<i64>(), 2);
}

#[tokio::test]
async fn the_rate_is_one_second_in_the_sandbox_and_the_request_rate_is_another() {
    let simulator =
        start(world().with_rate(Some(ses_exporter::simulator::Rate { per_second: 1e-9, burst: 1.0 }))).await;
    let client = sesv2(&simulator, REGION);
    send(&client, SHOP, SIMULATED).send().await.expect("the first");
    let refused = why(send(&client, SHOP, SIMULATED).send().await);
    assert_eq!(refused, ("TooManyRequestsException".to_owned(), "Maximum sending rate exceeded.".to_owned()));
    let settings = control(&simulator, "PATCH", "settings", json!({ "send_rate": false })).await;
    assert_eq!((settings.0, &settings.1["send_rate"]), (200, &json!(false)));
    for _ in 0..3 {
        send(&client, SHOP, SIMULATED).send().await.expect("no rate any more");
    }
    client.get_account().send().await.expect("the one token of the request rate, which mail left alone");
    assert_eq!(why(client.get_account().send().await).1, "Rate exceeded");
}

#[tokio::test]
async fn sending_is_paused_and_resumed_by_both_apis() {
    let simulator = start(world().with_send_rate(false)).await;
    let (new, old) = (sesv2(&simulator, REGION), ses(&simulator, REGION));
    simulator.world().put_configuration_set(MAIN, REGION, ConfigurationSet::new("main")).expect("a known region");
    new.put_account_sending_attributes().sending_enabled(false).send().await.expect("paused");
    assert!(!old.get_account_sending_enabled().send().await.expect("an answer").enabled());
    assert_eq!(why(send(&new, SHOP, SIMULATED).send().await).0, "SendingPausedException");
    old.update_account_sending_enabled().enabled(true).send().await.expect("resumed");
    let through = || send(&new, SHOP, SIMULATED).configuration_set_name("main").send();
    through().await.expect("taken");
    new.put_configuration_set_sending_options().configuration_set_name("main").send().await.expect("paused");
    assert_eq!(why(through().await).0, "SendingPausedException");
    let resume = old.update_configuration_set_sending_enabled().configuration_set_name("main").enabled(true);
    resume.send().await.expect("resumed");
    through().await.expect("taken");
    simulator.world().patch_region(MAIN, REGION, &json!({ "EnforcementStatus": "SHUTDOWN" })).expect("a member");
    assert_eq!(why(new.put_account_sending_attributes().sending_enabled(true).send().await).0, "BadRequestException");
    assert_eq!(why(through().await).0, "SendingPausedException");
}

#[tokio::test]
async fn identities_are_changed_and_removed() {
    let simulator = start(world()).await;
    let client = sesv2(&simulator, REGION);
    let get = || client.get_email_identity().email_identity("shop.example").send();
    let put = |domain: &str| {
        let put =
            client.put_email_identity_mail_from_attributes().email_identity("shop.example").mail_from_domain(domain);
        put.behavior_on_mx_failure(BehaviorOnMxFailure::RejectMessage).send()
    };
    let (code, text) = why(put("mail.other.example").await);
    assert_eq!(code, "BadRequestException");
    assert_eq!(
        text,
        "Provided MAIL-FROM domain <mail.other.example> is not subdomain of the domain of the identity <shop.example>."
    );
    put("mail.shop.example").await.expect("a MAIL FROM domain");
    assert_eq!(why(send(&client, SHOP, SIMULATED).send().await).0, "MailFromDomainNotVerifiedException");
    simulator.world().publish(MAIN, REGION, "shop.example").expect("a domain");
    let told = get().await.expect("an answer");
    assert_eq!(told.mail_from_attributes().map(|told| told.mail_from_domain_status().as_str()), Some("SUCCESS"));
    send(&client, SHOP, SIMULATED).send().await.expect("taken");
    let set = |name: Option<&str>| {
        let put = client.put_email_identity_configuration_set_attributes().email_identity("shop.example");
        put.set_configuration_set_name(name.map(str::to_owned)).send()
    };
    assert_eq!(why(set(Some("main")).await).0, "NotFoundException");
    simulator.world().put_configuration_set(MAIN, REGION, ConfigurationSet::new("main")).expect("a known region");
    set(Some("main")).await.expect("a default set");
    assert_eq!(get().await.expect("an answer").configuration_set_name(), Some("main"));
    set(None).await.expect("no default set");
    assert_eq!(get().await.expect("an answer").configuration_set_name(), None);
    let forward = client.put_email_identity_feedback_attributes().email_identity("shop.example");
    forward.send().await.expect("no forwarding");
    assert!(!get().await.expect("an answer").feedback_forwarding_status());
    let delete = || client.delete_email_identity().email_identity("shop.example").send();
    delete().await.expect("gone");
    assert_eq!(why(delete().await).0, "NotFoundException");
    assert_eq!(why(get().await).0, "NotFoundException");
}

#[tokio::test]
async fn ses_v1_verifies_and_notifies() {
    let simulator = start(world()).await;
    let (world, old, new) = (simulator.world().clone(), ses(&simulator, REGION), sesv2(&simulator, REGION));
    let status = async |name: &str| {
        let told = new.get_email_identity().email_identity(name).send().await.expect("an identity");
        told.verification_status().cloned().expect("a status")
    };
    old.verify_email_identity().email_address("me@home.example").send().await.expect("a mail goes out");
    assert_eq!(status("me@home.example").await, VerificationStatus::Pending);
    world.click(MAIN, REGION, "me@home.example").expect("a link");
    assert_eq!(status("me@home.example").await, VerificationStatus::Success);

    let token = old.verify_domain_identity().domain("old.example").send().await.expect("a token");
    let told = old.get_identity_verification_attributes().identities("old.example").send().await.expect("an answer");
    assert_eq!(told.verification_attributes()["old.example"].verification_token(), Some(token.verification_token()));
    world.publish(MAIN, REGION, "old.example").expect("a domain");
    assert_eq!(status("old.example").await, VerificationStatus::Success);
    let tokens = old.verify_domain_dkim().domain("old.example").send().await.expect("tokens");
    let dkim = old.get_identity_dkim_attributes().identities("old.example").send().await.expect("an answer");
    let dkim = &dkim.dkim_attributes()["old.example"];
    assert_eq!((dkim.dkim_tokens(), tokens.dkim_tokens().len()), (tokens.dkim_tokens(), 3));
    assert_eq!(dkim.dkim_verification_status().as_str(), "Pending");
    assert_eq!(status("old.example").await, VerificationStatus::Success, "DKIM asked for takes nothing away");

    let quiet =
        || old.set_identity_feedback_forwarding_enabled().identity("old.example").forwarding_enabled(false).send();
    assert_eq!(why(quiet().await).0, "InvalidParameterValue", "bounces would go nowhere");
    for kind in [v1::NotificationType::Bounce, v1::NotificationType::Complaint] {
        let topic = old.set_identity_notification_topic().identity("old.example").notification_type(kind);
        topic.sns_topic("arn:aws:sns:us-east-1:111111111111:mail").send().await.expect("a topic");
    }
    quiet().await.expect("bounces go to the topic");
    let told = old.get_identity_notification_attributes().identities("old.example").send().await.expect("an answer");
    let told = &told.notification_attributes()["old.example"];
    assert!(
        !told.forwarding_enabled()
            && told.bounce_topic().ends_with(":mail")
            && told.complaint_topic().ends_with(":mail")
    );
    old.delete_identity().identity("old.example").send().await.expect("gone");
    old.delete_identity().identity("old.example").send().await.expect("v1 does not mind");
}

#[tokio::test]
async fn mail_to_a_suppressed_address_is_taken_and_not_delivered() {
    let mut world = world().with_send_rate(false);
    let region = world.region_mut(MAIN, REGION).expect("the region");
    *region =
        Region::production(REGION, 100.0, 14.0).identity(Identity::domain("shop.example")).suppressed(EVE, "BOUNCE");
    let simulator = start(world).await;
    let (new, old) = (sesv2(&simulator, REGION), ses(&simulator, REGION));
    let attempts = async || {
        let points = old.get_send_statistics().send().await.expect("an answer");
        points.send_data_points().iter().map(v1::SendDataPoint::delivery_attempts).sum::<i64>()
    };
    send(&new, SHOP, EVE).send().await.expect("taken all the same");
    assert_eq!((sent(&new).await.as_str(), attempts().await), ("1", 0));
    let get = || new.get_suppressed_destination().email_address(EVE).send();
    let told = get().await.expect("an answer");
    let told = told.suppressed_destination().expect("an address");
    assert_eq!((told.email_address(), told.reason()), (EVE, &SuppressionListReason::Bounce));
    new.delete_suppressed_destination().email_address(EVE).send().await.expect("gone");
    assert_eq!(why(get().await).0, "NotFoundException");
    send(&new, SHOP, EVE).send().await.expect("taken");
    assert_eq!((sent(&new).await.as_str(), attempts().await), ("2", 1));
    let put = new.put_suppressed_destination().email_address(EVE).reason(SuppressionListReason::Complaint);
    put.send().await.expect("on the list again");
    get().await.expect("an answer");
    let writes = writes(&simulator);
    assert_eq!(writes, ["SendEmail", "DeleteSuppressedDestination", "SendEmail", "PutSuppressedDestination"]);
}

#[tokio::test]
async fn broken_dns_stops_mail_until_the_records_are_published() {
    let world = world().with_send_rate(false).with_dns_noticed_after(Duration::from_mins(1));
    let simulator = start(world).await;
    let client = sesv2(&simulator, REGION);
    simulator.world().inject_dns(DnsFault::new(DnsFaultKind::Removed).name("_domainkey.shop.example"));
    simulator.world().advance(Duration::from_mins(5));
    assert_eq!(why(send(&client, SHOP, SIMULATED).send().await).0, "MessageRejected");
    let path = format!("accounts/{MAIN}/regions/{REGION}/identities/shop.example/published");
    let (status, shown) = control(&simulator, "POST", &path, Value::Null).await;
    assert_eq!((status, &shown["VerificationStatus"]), (200, &json!("SUCCESS")));
    send(&client, SHOP, SIMULATED).send().await.expect("taken");
}

#[tokio::test]
async fn the_control_api_plays_the_people() {
    let simulator = start(world()).await;
    let at = |rest: &str| format!("accounts/{MAIN}/regions/{REGION}/{rest}");
    let post = async |rest: &str, body: Value| control(&simulator, "POST", &at(rest), body).await;
    let (status, answer) = post("review", json!({ "status": "GRANTED" })).await;
    assert_eq!(status, 400, "nobody has asked: {answer}");
    let request = json!({ "Details": { "ReviewDetails": { "Status": "PENDING", "CaseId": "1" } } });
    simulator.world().patch_region(MAIN, REGION, &request).expect("members of GetAccount");
    let (status, answer) = post("review", json!({ "status": "MAYBE" })).await;
    assert!(status == 400 && answer["error"].as_str().is_some_and(|error| error.contains("`DENIED`")), "{answer}");
    let granted = json!({ "status": "GRANTED", "case_id": "2", "max_24_hour_send": 1000, "max_send_rate": 2 });
    let (status, answer) = post("review", granted).await;
    assert_eq!((status, &answer["account"]["ProductionAccessEnabled"]), (200, &json!(true)));
    assert_eq!(answer["account"]["Details"]["ReviewDetails"], json!({ "Status": "GRANTED", "CaseId": "2" }));
    assert_eq!(answer["account"]["SendQuota"]["Max24HourSend"], 1000.0);
    for (rest, expected) in [
        ("identities/shop.example/clicked", 400),
        ("identities/no%2Breply@shop.example/published", 400),
        ("identities/nobody@shop.example/clicked", 400),
        ("identities/shop.example/forgotten", 404),
    ] {
        assert_eq!(post(rest, Value::Null).await.0, expected, "{rest}");
    }
    let (_, index) = control(&simulator, "GET", "", Value::Null).await;
    assert!(index["writes"]["sesv2"].as_array().is_some_and(|writes| writes.contains(&json!("SendEmail"))), "{index}");
    assert!(index["endpoints"].as_array().is_some_and(|all| {
        ["/clicked", "/published", "/review"]
            .iter()
            .all(|deed| all.iter().any(|endpoint| endpoint["path"].as_str().is_some_and(|path| path.ends_with(deed))))
    }));
}
