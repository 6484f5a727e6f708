//! What the demo promises to show.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::simulator::clock::from_epoch;

const BEGIN: u64 = 1_795_348_800;

fn world_after(minutes: u64) -> World {
    let mut world = demo(7, Clock::from_fn(|| from_epoch(BEGIN)));
    world.clock.advance(Duration::from_secs(minutes * 60));
    world.tell();
    world
}

fn account_of(world: &World, id: &str, region: &str) -> Value {
    let state = world.region(id, region).expect("a region of the demo");
    state.account_answer(world.key(id, region), world.now())
}

fn status(world: &World, id: &str, region: &str, name: &str) -> String {
    let state = world.region_as_told(id, region).expect("a region of the demo");
    state.all_identities().get(name).map_or("absent", |identity| &identity.verification_status).to_owned()
}

fn utilization(world: &World, id: &str, region: &str) -> f64 {
    let quota = &account_of(world, id, region)["SendQuota"];
    quota["SentLast24Hours"].as_f64().expect("a number") / quota["Max24HourSend"].as_f64().expect("a number")
}

#[test]
fn every_state_that_an_operator_meets_is_shown() {
    let world = world_after(0);
    let (mut enforcement, mut reviews, mut identities, mut kinds) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for region in world.accounts().flat_map(|account| account.regions.values()) {
        let state = region.account();
        enforcement.insert(state["EnforcementStatus"].as_str().unwrap_or("none"));
        reviews.insert(state["Details"]["ReviewDetails"]["Status"].as_str().unwrap_or("none"));
        for identity in region.all_identities().values() {
            identities.insert(identity.verification_status.as_str());
            kinds.insert(identity.identity_type.as_str());
        }
    }
    assert_eq!(Vec::from_iter(enforcement), ["HEALTHY", "PROBATION", "SHUTDOWN"]);
    assert_eq!(Vec::from_iter(reviews), ["DENIED", "FAILED", "GRANTED", "PENDING", "none"]);
    assert_eq!(Vec::from_iter(identities), ["FAILED", "NOT_STARTED", "PENDING", "SUCCESS", "TEMPORARY_FAILURE"]);
    assert_eq!(Vec::from_iter(kinds), ["DOMAIN", "EMAIL_ADDRESS", "MANAGED_DOMAIN"]);
}

#[test]
fn quotas_are_at_92_percent_over_100_percent_and_unlimited() {
    let world = world_after(0);
    let mumbai = utilization(&world, "333333333333", "ap-south-1");
    assert!((0.90..0.94).contains(&mumbai), "{mumbai}");
    assert!(utilization(&world, "222222222222", "us-east-1") > 3.0);
    assert_eq!(account_of(&world, "333333333333", "eu-west-1")["SendQuota"]["Max24HourSend"], -1.0);
}

#[test]
fn the_quota_of_ireland_climbs_and_runs_out() {
    let climb: Vec<f64> =
        [0, 10, 30, 59].map(|minutes| utilization(&world_after(minutes), "111111111111", "eu-west-1")).into();
    assert!(climb.is_sorted(), "{climb:?}");
    assert!(climb.first() < Some(&0.92) && climb.last() > Some(&0.99), "{climb:?}");
}

#[test]
fn identities_come_and_are_lost() {
    let at = |minutes, region, name| status(&world_after(minutes), "111111111111", region, name);
    let pending = [0, 2, 3].map(|minutes| at(minutes, "eu-west-1", "eu.shop.example"));
    assert_eq!(pending, ["PENDING", "PENDING", "SUCCESS"]);
    let lost = [0, 5, 9, 50, 60].map(|minutes| at(minutes, "eu-central-1", "shop.example"));
    assert_eq!(lost, ["SUCCESS", "TEMPORARY_FAILURE", "FAILED", "SUCCESS", "SUCCESS"]);
    assert_eq!(at(0, "ap-southeast-2", "shop.example"), "absent");
}

fn described(world: &World, id: &str, region: &str, name: &str) -> Value {
    let state = world.region_as_told(id, region).expect("a region of the demo");
    let identity = state.all_identities().get(name).expect("an identity of the demo");
    identity.described(world.key(id, region), world.now())
}

#[test]
fn an_identity_keeps_its_details_when_its_status_changes() {
    let (before, lost) = (world_after(0), world_after(9));
    let shop = |world| described(world, "111111111111", "eu-central-1", "shop.example");
    assert_eq!(shop(&before)["VerificationInfo"].get("ErrorType"), None);
    assert_eq!(shop(&lost)["VerificationInfo"]["ErrorType"], "HOST_NOT_FOUND");
    assert_eq!(shop(&lost)["VerificationInfo"]["SOARecord"], shop(&before)["VerificationInfo"]["SOARecord"]);
    assert_eq!(shop(&lost)["MailFromAttributes"], shop(&before)["MailFromAttributes"]);
}

#[test]
fn ireland_signs_with_the_keys_of_virginia() {
    let world = world_after(0);
    let dkim = |region| described(&world, "111111111111", region, "shop.example")["DkimAttributes"].clone();
    assert_eq!(dkim("eu-west-1")["Tokens"], dkim("us-east-1")["Tokens"]);
    assert_eq!(dkim("eu-west-1")["SigningAttributesOrigin"], "AWS_SES_US_EAST_1");
}

#[test]
fn every_manner_of_details_is_shown() {
    let world = world_after(0);
    let (mut origins, mut mail_from, mut feedback) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    for (id, region) in
        world.accounts().flat_map(|account| account.regions.values().map(|region| (&account.id, region)))
    {
        for (name, identity) in region.all_identities() {
            let told = described(&world, id, &region.name, name);
            origins.insert(text(&told["DkimAttributes"]["SigningAttributesOrigin"]));
            let (status, behavior) = (
                &told["MailFromAttributes"]["MailFromDomainStatus"],
                &told["MailFromAttributes"]["BehaviorOnMxFailure"],
            );
            mail_from.insert(format!("{} {}", text(status), text(behavior)));
            let set = told["ConfigurationSetName"].as_str().and_then(|set| region.all_configuration_sets().get(set));
            let ways = (told["FeedbackForwardingStatus"] == true, identity.topics.bounce.is_some(), set.is_some());
            feedback.insert(ways);
        }
    }
    assert_eq!(Vec::from_iter(origins), ["AWS_SES", "AWS_SES_US_EAST_1", "EXTERNAL"]);
    let mail_from = Vec::from_iter(mail_from);
    assert_eq!(
        mail_from,
        ["FAILED USE_DEFAULT_VALUE", "PENDING REJECT_MESSAGE", "SUCCESS USE_DEFAULT_VALUE", "none USE_DEFAULT_VALUE"]
    );
    let ways = [(false, false, false), (false, false, true), (false, true, false), (true, false, false)];
    assert_eq!(Vec::from_iter(feedback), ways, "forwarding, topic, configuration set");
    let sets = world
        .accounts()
        .flat_map(|account| account.regions.values())
        .flat_map(|region| region.all_configuration_sets().values());
    assert_eq!(sets.filter(|set| !set.sending_enabled).count(), 1);
}

#[test]
fn the_dns_breaks_before_ses_notices() {
    let aliases = |minutes| {
        let world = world_after(minutes);
        let owners = world.dkim_owners("111111111111", "eu-central-1", "shop.example");
        let records = world.dns_records("shop.example").expect("a zone");
        let standing = owners.iter().filter(|owner| records.iter().any(|(name, ..)| name == *owner)).count();
        (standing, status(&world, "111111111111", "eu-central-1", "shop.example"))
    };
    let told = [0, 2, 46, 61].map(aliases);
    assert_eq!(
        told.map(|(standing, status)| (standing, status == "SUCCESS")),
        [(3, true), (0, true), (3, true), (0, true)]
    );
    assert_eq!(status(&world_after(9), "111111111111", "us-east-1", "shop.example"), "SUCCESS", "it has other tokens");
}

#[test]
fn stockholm_pauses_and_resumes_every_hour() {
    let sending = [0, 6, 9, 10, 67, 70].map(|minutes| {
        account_of(&world_after(minutes), "333333333333", "eu-north-1")["SendingEnabled"].as_bool().expect("a bool")
    });
    assert_eq!(sending, [true, false, false, true, false, true]);
}

#[test]
fn there_are_four_ways_in_and_regions_that_are_not_enabled() {
    let world = world_after(0);
    let entrances = world.entrances();
    let names: Vec<&str> = entrances.iter().map(|entrance| entrance.name.as_str()).collect();
    assert_eq!(names, ["shop-production", "shop-staging", "newsletter", "acquired-company"]);
    assert_eq!(entrances.iter().map(|entrance| entrance.regions.len()).collect::<Vec<_>>(), [18, 17, 17, 18]);
    assert_eq!(entrances.iter().filter(|entrance| entrance.external_id.is_some()).count(), 1);
    assert!(entrances.iter().skip(1).all(|entrance| entrance.role_arn.is_some()));
    assert_eq!(world.caller().map(|key| (key.id.len(), key.secret.len())), Some((20, 40)));
}
