//! Every operation, asked by the SDK clients of Rust.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sesv2::primitives::DateTime;
use aws_sdk_sesv2::types::{IdentityFilterKey, IdentityType, ReviewStatus, VerificationStatus};
use serde_json::json;
use ses_exporter::simulator::{Bucket, Clock, Identity, Profile, Region, World};

use super::*;

/// A time at the begin of a quarter hour.
const QUARTER: u64 = 1_795_348_800;

#[tokio::test]
async fn get_account_tells_the_state_and_v1_agrees() {
    let simulator = start(world()).await;
    let account = sesv2(&simulator, "eu-west-1").get_account().send().await.expect("an answer");
    assert!(account.production_access_enabled() && account.sending_enabled());
    assert_eq!(account.enforcement_status(), Some("HEALTHY"));
    let review = account.details().and_then(|details| details.review_details()).and_then(|review| review.status());
    assert_eq!(review, Some(&ReviewStatus::Granted));
    let quota = account.send_quota().expect("a quota");
    let v1 = ses(&simulator, "eu-west-1");
    let old = v1.get_send_quota().send().await.expect("an answer");
    let new = (quota.max24_hour_send(), quota.max_send_rate(), quota.sent_last24_hours());
    assert_eq!(new, (50_000.0, 14.0, 1_234.0));
    assert_eq!(new, (old.max24_hour_send(), old.max_send_rate(), old.sent_last24_hours()));
    assert!(v1.get_account_sending_enabled().send().await.expect("an answer").enabled());
}

#[tokio::test]
async fn values_that_no_sdk_knows_pass_through() {
    let simulator = start(world()).await;
    let patch = json!({ "EnforcementStatus": "WEIRD", "SendQuota": null, "SendingEnabled": false });
    simulator.world().patch_region(MAIN, "us-east-1", &patch).expect("members of GetAccount");
    let quantum = Identity::domain("quantum.example").status("QUANTUM");
    simulator.world().put_identity(MAIN, "us-east-1", quantum).expect("a known region");
    let client = sesv2(&simulator, "us-east-1");
    let account = client.get_account().send().await.expect("an answer");
    assert_eq!(account.enforcement_status(), Some("WEIRD"));
    assert!(account.send_quota().is_none() && !account.sending_enabled());
    let enabled = ses(&simulator, "us-east-1").get_account_sending_enabled().send().await.expect("an answer");
    assert!(!enabled.enabled());
    let listed = client.list_email_identities().send().await.expect("an answer");
    let statuses = listed.email_identities().iter().filter_map(|identity| identity.verification_status());
    let statuses: Vec<&str> = statuses.map(VerificationStatus::as_str).collect();
    assert_eq!(statuses, ["TEMPORARY_FAILURE", "QUANTUM", "SUCCESS"]);
}

#[tokio::test]
async fn identities_come_in_pages() {
    let simulator = start(world()).await;
    let client = sesv2(&simulator, "eu-west-1");
    let (mut sizes, mut names, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = client.list_email_identities().set_next_token(token).send().await.expect("an answer");
        sizes.push(page.email_identities().len());
        names.extend(page.email_identities().iter().filter_map(|identity| identity.identity_name().map(str::to_owned)));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    names.dedup();
    assert_eq!((sizes, names.len()), (vec![100, 100, 50], 250));
    let all = client.list_email_identities().page_size(1000).send().await.expect("an answer");
    assert_eq!((all.email_identities().len(), all.next_token()), (250, None));
}

#[tokio::test]
async fn identities_can_be_filtered_and_described() {
    let simulator = start(world()).await;
    let client = sesv2(&simulator, "us-east-1");
    let addresses = client.list_email_identities().filter(IdentityFilterKey::IdentityType, "EMAIL_ADDRESS");
    let addresses = addresses.send().await.expect("an answer");
    let found: Vec<_> = addresses.email_identities().iter().filter_map(|identity| identity.identity_name()).collect();
    assert_eq!(found, ["no+reply@shop.example"]);
    let address = client.get_email_identity().email_identity("no+reply@shop.example").send().await.expect("an answer");
    assert_eq!(address.identity_type(), Some(&IdentityType::EmailAddress));
    assert!(!address.verified_for_sending_status());
    let domain = client.get_email_identity().email_identity("shop.example").send().await.expect("an answer");
    assert_eq!(domain.dkim_attributes().map(|dkim| dkim.tokens().len()), Some(3));
    assert!(domain.verification_info().and_then(|info| info.last_success_timestamp()).is_some());
}

#[tokio::test]
async fn v1_lists_identities_and_their_status() {
    let simulator = start(world()).await;
    let client = ses(&simulator, "us-east-1");
    let listed = client.list_identities().max_items(1).send().await.expect("an answer");
    assert_eq!(listed.identities(), ["no+reply@shop.example"]);
    let rest = client.list_identities().set_next_token(listed.next_token).send().await.expect("an answer");
    assert_eq!((rest.identities(), rest.next_token()), (["shop.example".to_owned()].as_slice(), None));
    let ask = client.get_identity_verification_attributes();
    let ask = ask.identities("shop.example").identities("no+reply@shop.example").identities("absent.example");
    let answer = ask.send().await.expect("an answer");
    let status =
        |name: &str| answer.verification_attributes().get(name).map(|found| found.verification_status().as_str());
    assert_eq!(status("shop.example"), Some("Success"));
    assert_eq!(status("no+reply@shop.example"), Some("TemporaryFailure"));
    assert_eq!(status("absent.example"), None);
}

#[tokio::test]
async fn statistics_are_exactly_what_the_world_says() {
    let start_of = |quarter: u64| UNIX_EPOCH + Duration::from_secs(QUARTER - quarter * 900);
    let bucket = |quarter, bounces| Bucket {
        start: start_of(quarter),
        delivery_attempts: 100 + quarter,
        bounces,
        complaints: 1,
        rejects: 0,
    };
    let region = Region::fresh("eu-west-1").sent_exactly(vec![bucket(1, 7), bucket(2_000, 1), bucket(97, 3)]);
    let clock = Clock::from_fn(|| UNIX_EPOCH + Duration::from_secs(QUARTER));
    let account = Account::new(MAIN, "main").access_key(KEY, "secret").region(region);
    let simulator = start(World::empty().with_clock(clock).with_account(account)).await;
    let client = ses(&simulator, "eu-west-1");
    let answer = client.get_send_statistics().send().await.expect("an answer");
    let mut seen: Vec<(i64, i64, i64)> = answer
        .send_data_points()
        .iter()
        .map(|point| (point.timestamp().map_or(0, DateTime::secs), point.delivery_attempts(), point.bounces()))
        .collect();
    seen.sort_unstable();
    let at = |quarter: i64| 1_795_348_800 - quarter * 900;
    assert_eq!(seen, [(at(97), 197, 3), (at(1), 101, 7)], "older than two weeks is not shown");
    let quota = client.get_send_quota().send().await.expect("an answer");
    assert!((quota.sent_last24_hours() - 101.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn generated_statistics_move_with_the_clock() {
    let region = Region::production("eu-west-1", 1e6, 100.0).sending(Profile::healthy(900_000.0));
    let account = Account::new(MAIN, "main").access_key(KEY, "secret").region(region);
    let clock = Clock::from_fn(|| UNIX_EPOCH + Duration::from_secs(QUARTER + 450));
    let world = World::empty().with_clock(clock).with_rate(None).with_account(account);
    let simulator = start(world).await;
    let client = ses(&simulator, "eu-west-1");
    let newest = async || {
        let answer = client.get_send_statistics().send().await.expect("an answer");
        let points = answer.send_data_points();
        assert_eq!(points.len(), 1_344);
        points.iter().filter_map(|point| point.timestamp().map(DateTime::secs)).max()
    };
    let before = newest().await.expect("points");
    assert_eq!(before, 1_795_348_800, "the bucket that is still open");
    simulator.world().advance(Duration::from_hours(1));
    assert_eq!(newest().await, Some(before + 3_600));
}

#[tokio::test]
async fn a_role_leads_into_its_account() {
    let simulator = start(world().with_session_lifetime(Duration::from_mins(30))).await;
    let me = sts(&simulator).get_caller_identity().send().await.expect("an answer");
    assert_eq!((me.account(), me.arn()), (Some(MAIN), Some("arn:aws:iam::111111111111:user/ses-exporter")));
    let role = format!("arn:aws:iam::{STRICT}:role/reader");
    let ask = sts(&simulator).assume_role().role_arn(&role).role_session_name("watch").external_id("open");
    let assumed = ask.send().await.expect("an answer");
    let keys = assumed.credentials().expect("keys");
    assert!(keys.access_key_id().starts_with("ASIA"));
    let life = SystemTime::try_from(*keys.expiration()).expect("a time").duration_since(SystemTime::now());
    assert!((1_790..=1_800).contains(&life.expect("in the future").as_secs()));
    let token = Some(keys.session_token().to_owned());
    let keys = Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, "test");
    let them = client!(aws_sdk_sts, simulator, "eu-west-1", keys.clone());
    let them = them.get_caller_identity().send().await.expect("an answer");
    assert_eq!(them.account(), Some(STRICT));
    assert_eq!(them.arn(), Some("arn:aws:sts::444444444444:assumed-role/reader/watch"));
    let account = client!(aws_sdk_sesv2, simulator, "eu-west-1", keys).get_account().send().await.expect("an answer");
    assert!(!account.production_access_enabled(), "the fresh region of that account");
    let log = simulator.world().requests();
    let seen: Vec<_> =
        log.iter().map(|entry| (entry.account.as_str(), entry.operation.as_str(), entry.status)).collect();
    let expected = [
        (MAIN, "GetCallerIdentity", Some(200)),
        (MAIN, "AssumeRole", Some(200)),
        (STRICT, "GetCallerIdentity", Some(200)),
        (STRICT, "GetAccount", Some(200)),
    ];
    assert_eq!(seen, expected);
    assert_eq!(log.get(1).and_then(|entry| entry.subject.clone()), Some(role));
}

#[tokio::test]
async fn a_uniform_world_is_uniform() {
    let simulator = start(World::uniform(3, 35, 1_500)).await;
    let entrances = simulator.world().entrances();
    assert_eq!(entrances.len(), 3);
    assert!(entrances.iter().all(|entrance| entrance.regions.len() == 35));
    let key = simulator.world().caller().expect("a way in");
    let credentials = Credentials::new(key.id, key.secret, None, None, "test");
    let client = client!(aws_sdk_sesv2, simulator, "sim-test-35", credentials);
    let page = client.list_email_identities().page_size(1_000).send().await.expect("an answer");
    assert_eq!((page.email_identities().len(), page.next_token().is_some()), (1_000, true));
}
