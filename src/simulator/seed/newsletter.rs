//! `newsletter`: much mail, no daily limit in one region, a reputation in danger in another, and a pause by its own people.

use serde_json::json;

use super::{account, becomes, hourly, topic, with_feedback};
use crate::simulator::account::{Account, Role};
use crate::simulator::configuration_set::{Destination, EventDestination};
use crate::simulator::identity::Identity;
use crate::simulator::region::Region;
use crate::simulator::sending::Profile;
use crate::simulator::world::World;

const ID: &str = "333333333333";

/// Adds the account and what happens in it.
pub(super) fn add(world: World) -> World {
    let newsletter = Account::new(ID, "newsletter")
        .role(Role::trusting("ses-exporter", "111111111111"))
        .region(virginia())
        .region(ireland())
        .region(stockholm())
        .region(mumbai());
    let world = world.with_account(newsletter);
    // Paused while a bad list is cleaned.
    let world = hourly(
        world,
        ID,
        "eu-north-1",
        vec![(6, account(json!({ "SendingEnabled": false }))), (10, account(json!({ "SendingEnabled": true })))],
    );
    hourly(
        world,
        ID,
        "eu-west-1",
        vec![(2, becomes("campaigns.shop.example", "SUCCESS")), (30, becomes("campaigns.shop.example", "PENDING"))],
    )
}

/// Under review by AWS: too many bounces. Mail still flows, and the events do, too: bounces to a topic, the rest to a
/// stream. Its mail goes to addresses, too, that bounced before.
fn virginia() -> Region {
    let stream = Destination::KinesisFirehose {
        role_arn: format!("arn:aws:iam::{ID}:role/ses-events"),
        stream_arn: format!("arn:aws:firehose:us-east-1:{ID}:deliverystream/newsletter-events"),
    };
    let events = with_feedback("newsletter", topic(ID, "us-east-1", "newsletter-feedback"))
        .event_destination(EventDestination::new("engagement", &["DELIVERY", "OPEN", "CLICK"], stream))
        .suppressed_reasons(&["COMPLAINT"]);
    let news = Identity::domain("news.shop.example")
        .mail_from("bounce.news.shop.example", "SUCCESS", "USE_DEFAULT_VALUE")
        .configuration_set("newsletter")
        .forwarding(false)
        .tag("owner", "marketing")
        .tag("service", "newsletter");
    Region::production("us-east-1", 2_000_000.0, 200.0)
        .enforcement("PROBATION")
        .sending(Profile { bounces: 0.071, complaints: 0.0013, ..Profile::healthy(1_100_000.0) })
        .identity(news)
        .identity(Identity::email_address("news@shop.example"))
        .configuration_set(events)
}

/// No daily limit.
fn ireland() -> Region {
    let feedback = topic(ID, "eu-west-1", "newsletter-feedback");
    let news = Identity::domain("news.shop.example").topics(Some(&feedback), Some(&feedback)).forwarding(false);
    Region::production("eu-west-1", -1.0, 500.0)
        .sending(Profile::healthy(3_400_000.0))
        .identity(news.tag("owner", "marketing").tag("service", "newsletter"))
        .identity(Identity::domain("campaigns.shop.example").status("PENDING"))
        .identity(Identity::managed_domain("managed.shop.example"))
}

/// Will be paused by its own people, and resume.
fn stockholm() -> Region {
    Region::production("eu-north-1", 100_000.0, 50.0)
        .sending(Profile::healthy(60_000.0))
        .identity(Identity::domain("nyheter.shop.example"))
}

/// At 92 % of its quota every day.
fn mumbai() -> Region {
    Region::production("ap-south-1", 50_000.0, 14.0)
        .sending(Profile::healthy(46_000.0))
        .identity(Identity::domain("news.shop.example"))
}
