//! `shop-production`, the account that the agent runs in: healthy regions, a quota that runs out, a domain that is lost, and two
//! regions that are not ready.

use std::time::Duration;

use super::{CALLER_KEY, CALLER_SECRET, becomes, broken, hourly};
use crate::simulator::account::Account;
use crate::simulator::dns::{DnsFault, DnsFaultKind};
use crate::simulator::identity::Identity;
use crate::simulator::region::Region;
use crate::simulator::sending::{Campaign, Profile};
use crate::simulator::world::World;

const ID: &str = "111111111111";

/// Adds the account and what happens in it.
pub(super) fn add(world: World) -> World {
    let account = Account::new(ID, "shop-production")
        .access_key(CALLER_KEY, CALLER_SECRET)
        .region(virginia())
        .region(ireland(&world))
        .region(frankfurt())
        .region(oregon())
        .region(sydney())
        .region(milan());
    let world = world.with_account(account);
    let world = hourly(
        world,
        ID,
        "eu-west-1",
        vec![(0, becomes("eu.shop.example", "PENDING")), (3, becomes("eu.shop.example", "SUCCESS"))],
    );
    let forgotten = forgotten(&world);
    hourly(world, ID, "eu-central-1", broken(1, 45, forgotten))
}

/// The DNS zone moved to another host, and the DKIM records of Frankfurt were forgotten. SES notices after some minutes.
fn forgotten(world: &World) -> Vec<DnsFault> {
    let owners = world.dkim_owners(ID, "eu-central-1", "shop.example");
    owners.iter().map(|owner| DnsFault::new(DnsFaultKind::Removed).name(owner)).collect()
}

/// All is well; some bounces are late.
fn virginia() -> Region {
    Region::production("us-east-1", 250_000.0, 80.0)
        .sending(Profile { bounces_late_by: Duration::from_hours(6), ..Profile::healthy(120_000.0) })
        .identity(Identity::domain("shop.example"))
        .identity(Identity::domain("mail.shop.example"))
        .identity(Identity::email_address("noreply@shop.example"))
        .identity(Identity::email_address("orders@shop.example"))
}

/// At 90 % of its quota when the demo begins, and a sale is on: 92 % after some minutes, over 100 % within the hour.
fn ireland(world: &World) -> Region {
    let sale = Campaign { from: world.began(), until: world.began() + Duration::from_hours(2), per_hour: 12_000.0 };
    Region::production("eu-west-1", 100_000.0, 28.0)
        .sending(Profile { campaign: Some(sale), ..Profile::healthy(90_000.0) })
        .identity(Identity::domain("shop.example"))
        .identity(Identity::domain("eu.shop.example").status("PENDING"))
        .identity(Identity::email_address("noreply@shop.example"))
}

/// Will lose its domain.
fn frankfurt() -> Region {
    Region::production("eu-central-1", 50_000.0, 14.0)
        .sending(Profile::healthy(18_000.0))
        .identity(Identity::domain("shop.example"))
        .identity(Identity::email_address("rechnung@shop.example"))
}

/// Meant to take over from us-east-1, but its production access is still under review.
fn oregon() -> Region {
    Region::fresh("us-west-2")
        .review("PENDING", Some("172000000000042"))
        .sending(Profile::healthy(40.0))
        .identity(Identity::domain("shop.example"))
}

/// Somebody tried it out. The domain is verified in other regions and absent here.
fn sydney() -> Region {
    Region::fresh("ap-southeast-2")
        .sending(Profile::healthy(12.0))
        .identity(Identity::email_address("dev@shop.example"))
        .identity(Identity::email_address("ops@shop.example").status("PENDING"))
}

/// An opt-in region that is enabled.
fn milan() -> Region {
    Region::production("eu-south-1", 50_000.0, 14.0)
        .sending(Profile::healthy(3_000.0))
        .identity(Identity::domain("it.shop.example"))
}
