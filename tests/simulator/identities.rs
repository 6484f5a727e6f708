//! What the two APIs tell of identities: DKIM, MAIL FROM, notifications, and that they agree.

use aws_sdk_ses::types::{BehaviorOnMxFailure, CustomMailFromStatus, VerificationStatus};
use aws_sdk_sesv2::operation::get_email_identity::GetEmailIdentityOutput;
use aws_sdk_sesv2::types::{DkimSigningAttributesOrigin, DkimStatus, MailFromDomainStatus, VerificationError};
use serde_json::json;

use super::*;

const BOUNCES: &str = "arn:aws:sns:eu-west-1:111111111111:bounces";
const NAMES: [&str; 6] =
    ["shop.example", "own-keys.example", "old.example", "copy.example", "lost.example", "a+b@shop.example"];

/// One identity of each manner in Ireland, and the parent of the copy in Virginia.
fn manners() -> World {
    let shop = Identity::domain("shop.example")
        .mail_from("bounce.shop.example", "TEMPORARY_FAILURE", "REJECT_MESSAGE")
        .signing_hosted_zone("dkim.eu-west-1.amazonses.com")
        .configuration_set("main")
        .topics(Some(BOUNCES), None)
        .forwarding(false)
        .tag("owner", "web & mail");
    let lost =
        Identity::domain("lost.example").status("FAILED").verification_error("TYPE_NOT_FOUND", "ns1.else.example");
    let ireland = Region::production("eu-west-1", 50_000.0, 14.0)
        .identity(shop)
        .identity(Identity::domain("own-keys.example").byodkim("mail2026").dkim("PENDING").dkim_signing(false))
        .identity(Identity::domain("old.example").legacy_txt())
        .identity(Identity::domain("copy.example").replica_of("us-east-1"))
        .identity(lost)
        .identity(Identity::email_address("a+b@shop.example"));
    let virginia = Region::production("us-east-1", 50_000.0, 14.0).identity(Identity::domain("copy.example"));
    let account = Account::new(MAIN, "main").access_key(KEY, "secret").region(ireland).region(virginia);
    World::empty().with_seed(7).with_rate(None).with_account(account)
}

async fn described(simulator: &Simulator, region: &str, name: &str) -> GetEmailIdentityOutput {
    sesv2(simulator, region).get_email_identity().email_identity(name).send().await.expect("an answer")
}

/// The names of the fixture and one that does not exist.
fn asked() -> Vec<String> {
    NAMES.iter().chain(&["absent.example"]).map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn v1_and_v2_agree_on_dkim() {
    let simulator = start(manners()).await;
    let ask = ses(&simulator, "eu-west-1").get_identity_dkim_attributes().set_identities(Some(asked()));
    let answer = ask.send().await.expect("an answer");
    assert_eq!(answer.dkim_attributes().len(), NAMES.len(), "an unknown identity is left out");
    for name in NAMES {
        let old = &answer.dkim_attributes()[name];
        let new = described(&simulator, "eu-west-1", name).await.dkim_attributes.expect("DKIM");
        assert_eq!((old.dkim_enabled(), old.dkim_tokens()), (new.signing_enabled(), new.tokens()), "{name}");
        let status = match old.dkim_verification_status() {
            VerificationStatus::Success => DkimStatus::Success,
            VerificationStatus::Pending => DkimStatus::Pending,
            VerificationStatus::Failed => DkimStatus::Failed,
            VerificationStatus::NotStarted => DkimStatus::NotStarted,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(Some(&status), new.status(), "{name}");
    }
    let address = &answer.dkim_attributes()["a+b@shop.example"];
    assert_eq!((address.dkim_enabled(), address.dkim_tokens().len()), (false, 0));
    assert_eq!(address.dkim_verification_status(), &VerificationStatus::NotStarted);
}

#[tokio::test]
async fn each_way_to_sign_has_its_own_tokens() {
    let simulator = start(manners()).await;
    let dkim = async |region, name| described(&simulator, region, name).await.dkim_attributes.expect("DKIM");
    let easy = dkim("eu-west-1", "shop.example").await;
    assert_eq!(easy.signing_attributes_origin(), Some(&DkimSigningAttributesOrigin::AwsSes));
    assert_eq!((easy.tokens().len(), easy.signing_hosted_zone()), (3, Some("dkim.eu-west-1.amazonses.com")));
    let own = dkim("eu-west-1", "own-keys.example").await;
    assert_eq!(own.signing_attributes_origin(), Some(&DkimSigningAttributesOrigin::External));
    assert_eq!((own.tokens(), own.signing_hosted_zone()), (["mail2026".to_owned()].as_slice(), None));
    assert_eq!((own.current_signing_key_length(), own.next_signing_key_length()), (None, None));
    let old = dkim("eu-west-1", "old.example").await;
    assert_eq!((old.status(), old.tokens().len()), (Some(&DkimStatus::NotStarted), 0));
    let (copy, parent) = (dkim("eu-west-1", "copy.example").await, dkim("us-east-1", "copy.example").await);
    assert_eq!(copy.signing_attributes_origin(), Some(&DkimSigningAttributesOrigin::AwsSesUsEast1));
    assert_eq!((copy.tokens(), copy.tokens().len()), (parent.tokens(), 3));
}

#[tokio::test]
async fn v1_and_v2_agree_on_mail_from() {
    let simulator = start(manners()).await;
    let ask = ses(&simulator, "eu-west-1").get_identity_mail_from_domain_attributes().set_identities(Some(asked()));
    let answer = ask.send().await.expect("an answer");
    let told = answer.mail_from_domain_attributes();
    assert_eq!(told.len(), NAMES.len(), "an unknown identity is left out");
    let shop = &told["shop.example"];
    assert_eq!(shop.mail_from_domain(), "bounce.shop.example");
    assert_eq!(shop.mail_from_domain_status(), &CustomMailFromStatus::TemporaryFailure);
    assert_eq!(shop.behavior_on_mx_failure(), &BehaviorOnMxFailure::RejectMessage);
    let new = described(&simulator, "eu-west-1", "shop.example").await.mail_from_attributes.expect("MAIL FROM");
    assert_eq!(new.mail_from_domain(), "bounce.shop.example");
    assert_eq!(new.mail_from_domain_status(), &MailFromDomainStatus::TemporaryFailure);
    assert_eq!(new.behavior_on_mx_failure().as_str(), "REJECT_MESSAGE");
    let none = &told["lost.example"];
    assert_eq!((none.mail_from_domain(), none.behavior_on_mx_failure()), ("", &BehaviorOnMxFailure::UseDefaultValue));
}

#[tokio::test]
async fn topics_are_told_by_v1_and_forwarding_by_both() {
    let simulator = start(manners()).await;
    let ask = ses(&simulator, "eu-west-1").get_identity_notification_attributes().set_identities(Some(asked()));
    let answer = ask.send().await.expect("an answer");
    assert_eq!(answer.notification_attributes().len(), NAMES.len(), "an unknown identity is left out");
    for name in NAMES {
        let forwarding = described(&simulator, "eu-west-1", name).await.feedback_forwarding_status();
        assert_eq!(answer.notification_attributes()[name].forwarding_enabled(), forwarding, "{name}");
    }
    let shop = &answer.notification_attributes()["shop.example"];
    assert_eq!((shop.bounce_topic(), shop.complaint_topic(), shop.delivery_topic()), (BOUNCES, "", ""));
    assert!(!shop.forwarding_enabled() && !shop.headers_in_bounce_notifications_enabled());
    assert!(answer.notification_attributes()["old.example"].forwarding_enabled());
}

#[tokio::test]
async fn v2_alone_tells_set_tags_and_why_verification_fails() {
    let simulator = start(manners()).await;
    let shop = described(&simulator, "eu-west-1", "shop.example").await;
    assert_eq!(shop.configuration_set_name(), Some("main"));
    let tags: Vec<_> = shop.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("owner", "web & mail")]);
    let lost = described(&simulator, "eu-west-1", "lost.example").await.verification_info.expect("a verification");
    assert_eq!(lost.error_type(), Some(&VerificationError::TypeNotFound));
    assert!(lost.last_success_timestamp().is_none() && lost.last_checked_timestamp().is_some());
    let soa = lost.soa_record().expect("a SOA record");
    assert_eq!(soa.primary_name_server(), Some("ns1.else.example"));
    assert!(soa.admin_email().is_some() && soa.serial_number() > 0);
}

#[tokio::test]
async fn batch_reads_take_100_identities_and_no_more() {
    let simulator = start(world()).await;
    let client = ses(&simulator, "eu-west-1");
    let names = |count: usize| Some((0..count).map(|number| format!("domain-{number:05}.test")).collect::<Vec<_>>());
    macro_rules! sizes {
        ($operation:ident, $map:ident) => {{
            let all = client.$operation().set_identities(names(100)).send().await.expect("an answer");
            let more = client.$operation().set_identities(names(101)).send().await.expect_err("a refusal");
            (all.$map().len(), more.code().map(str::to_owned))
        }};
    }
    let expected = (100, Some("InvalidParameterValue".to_owned()));
    assert_eq!(sizes!(get_identity_verification_attributes, verification_attributes), expected);
    assert_eq!(sizes!(get_identity_dkim_attributes, dkim_attributes), expected);
    assert_eq!(sizes!(get_identity_mail_from_domain_attributes, mail_from_domain_attributes), expected);
    assert_eq!(sizes!(get_identity_notification_attributes, notification_attributes), expected);
}

#[tokio::test]
async fn an_odd_word_in_the_details_reaches_both_apis() {
    let simulator = start(world()).await;
    let odd = Identity::domain("odd.example").details(&json!({ "DkimAttributes": { "Status": "QUANTUM_STATE" } }));
    simulator.world().put_identity(MAIN, "us-east-1", odd).expect("a known region");
    let ask = ses(&simulator, "us-east-1").get_identity_dkim_attributes().identities("odd.example");
    let answer = ask.send().await.expect("an answer");
    assert_eq!(answer.dkim_attributes()["odd.example"].dkim_verification_status().as_str(), "QuantumState");
    let dkim = described(&simulator, "us-east-1", "odd.example").await.dkim_attributes.expect("DKIM");
    assert_eq!(dkim.status().map(DkimStatus::as_str), Some("QUANTUM_STATE"));
}
