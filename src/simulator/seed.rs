//! The world of the demo: four accounts of a shop that show every state an operator meets, and move while one looks.
//!
//! Only example and test domains occur. The states and their causes are those that people report: a sandbox that nobody noticed, a
//! review that was denied, a pause that came by mail, a domain that lost its DNS records, a quota that runs out, a MAIL FROM domain
//! whose MX record leads to another region, bounces that nobody hears of.

mod acquired;
mod newsletter;
mod production;
mod staging;

use std::time::Duration;

use serde_json::Value;

use super::clock::Clock;
use super::configuration_set::{ConfigurationSet, Destination, EventDestination};
use super::dns::DnsFault;
use super::geography::{REGIONS_BY_DEFAULT, REGIONS_TO_OPT_IN};
use super::story::{Change, Scene};
use super::world::World;

/// The access key of the account from which all others are reached.
pub(super) const CALLER_KEY: &str = "AKIASIMULATOR000PROD";
/// Its secret. It opens nothing but a simulator, which does not look at it.
pub(super) const CALLER_SECRET: &str = "simulated/secret/that/opens/nothing/0000";

/// Scenes come again each hour, so that a demo left alone goes on moving.
const HOUR: Duration = Duration::from_hours(1);
/// SES takes days to notice that DNS records are gone; nobody looks at a demo for that long.
const DNS_NOTICED_AFTER: Duration = Duration::from_mins(3);
/// Short, so that what is broken over the control API is soon seen.
const DNS_TTL: Duration = Duration::from_secs(5);

/// The demo world.
pub(super) fn demo(seed: u64, clock: Clock) -> World {
    let world = World::empty().with_clock(clock).with_seed(seed);
    let world = world.with_dns_noticed_after(DNS_NOTICED_AFTER).with_dns_ttl(DNS_TTL);
    let world = production::add(world);
    let world = staging::add(world);
    let world = newsletter::add(world);
    acquired::add(world)
}

/// `111111111111` for 1, and so on; distinct for every number.
pub(super) fn account_id(number: usize) -> String {
    if number < 10 { number.to_string().repeat(12) } else { format!("{:012}", 100_000_000_000 + number) }
}

/// All 33 regions.
pub(super) fn all_regions() -> Vec<&'static str> {
    REGIONS_BY_DEFAULT.into_iter().chain(REGIONS_TO_OPT_IN).collect()
}

/// The ARN of an SNS topic.
fn topic(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:sns:{region}:{account}:{name}")
}

/// A configuration set that publishes bounces and complaints to an SNS topic.
fn with_feedback(name: &str, topic: String) -> ConfigurationSet {
    let feedback = EventDestination::new("feedback", &["BOUNCE", "COMPLAINT"], Destination::sns(topic));
    ConfigurationSet::new(name).event_destination(feedback)
}

/// Changes of one region, each so many minutes after the beginning and again every hour.
fn hourly(world: World, account: &str, region: &str, changes: Vec<(u64, Change)>) -> World {
    changes.into_iter().fold(world, |world, (minute, change)| {
        world.with_scene(Scene {
            after: Duration::from_secs(minute * 60),
            every: Some(HOUR),
            account: account.to_owned(),
            region: region.to_owned(),
            change,
        })
    })
}

/// The identity takes this status.
fn becomes(name: &str, status: &str) -> Change {
    Change::IdentityStatus(name.to_owned(), status.to_owned())
}

/// These faults of the DNS begin and end at those minutes.
fn broken(from: u64, until: u64, faults: Vec<DnsFault>) -> Vec<(u64, Change)> {
    let pair = |fault: DnsFault| [(from, Change::DnsBroken(fault.clone())), (until, Change::DnsMended(fault))];
    faults.into_iter().flat_map(pair).collect()
}

/// The account state changes.
fn account(patch: Value) -> Change {
    Change::Account(patch)
}

#[cfg(test)]
mod tests;
