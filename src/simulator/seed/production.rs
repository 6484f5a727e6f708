//! `shop-production`, the account that the agent runs in: healthy regions, a quota that runs out, a domain that is lost, an address that
//! tells nobody of its bounces, and two regions that are not ready.

use std::time::Duration;

use super::{CALLER_KEY, CALLER_SECRET, becomes, broken, hourly, topic, with_feedback};
use crate::simulator::account::Account;
use crate::simulator::configuration_set::ConfigurationSet;
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

/// Nearly all is well; some bounces are late. The shop's own domain publishes its bounces through a configuration set, the one for mail
/// through topics of its own, and `orders@` not at all.
fn virginia() -> Region {
    let bounces = topic(ID, "us-east-1", "mail-bounces");
    let complaints = topic(ID, "us-east-1", "mail-complaints");
    let shop = Identity::domain("shop.example")
        .mail_from("bounce.shop.example", "SUCCESS", "USE_DEFAULT_VALUE")
        .configuration_set("transactional")
        .forwarding(false)
        .tag("owner", "platform")
        .tag("service", "shop");
    let mail = Identity::domain("mail.shop.example")
        .topics(Some(&bounces), Some(&complaints))
        .forwarding(false)
        .tag("owner", "platform")
        .tag("service", "mail");
    Region::production("us-east-1", 250_000.0, 80.0)
        .sending(Profile { bounces_late_by: Duration::from_hours(6), ..Profile::healthy(120_000.0) })
        .identity(shop)
        .identity(mail)
        .identity(Identity::email_address("noreply@shop.example"))
        .identity(Identity::email_address("orders@shop.example").forwarding(false).tag("owner", "checkout"))
        .configuration_set(with_feedback("transactional", topic(ID, "us-east-1", "ses-feedback")).tls_policy("REQUIRE"))
        .configuration_set(ConfigurationSet::new("old-newsletter").sending_disabled().without_reputation_metrics())
}

/// At 90 % of its quota when the demo begins, and a sale has been on for 45 minutes: 92 % after some minutes, over 100 %
/// within the hour. The domain signs with the keys of us-east-1; its MAIL FROM was copied from there too, but the one MX record leads there.
fn ireland(world: &World) -> Region {
    let shop = Identity::domain("shop.example")
        .replica_of("us-east-1")
        .mail_from("bounce.shop.example", "FAILED", "USE_DEFAULT_VALUE")
        .tag("owner", "platform")
        .tag("service", "shop");
    let sale = Campaign {
        from: world.began() - Duration::from_mins(45),
        until: world.began() + Duration::from_hours(2),
        per_hour: 12_000.0,
    };
    Region::production("eu-west-1", 100_000.0, 28.0)
        .sending(Profile { campaign: Some(sale), ..Profile::healthy(81_000.0) })
        .identity(shop)
        .identity(Identity::domain("eu.shop.example").status("PENDING"))
        .identity(Identity::email_address("noreply@shop.example"))
}

/// Will lose its domain. Invoices are sent from an address of another one, which is verified here and nowhere else.
fn frankfurt() -> Region {
    let shop = Identity::domain("shop.example")
        .mail_from("bounce.de.shop.example", "SUCCESS", "USE_DEFAULT_VALUE")
        .tag("owner", "platform");
    Region::production("eu-central-1", 50_000.0, 14.0)
        .sending(Profile::healthy(18_000.0))
        .identity(shop)
        .identity(Identity::email_address("rechnung@shop.example"))
        .identity(Identity::email_address("billing@example.com").tag("owner", "accounting"))
}

/// Meant to take over from us-east-1, but its production access is still under review, and its MAIL FROM
/// domain, without which mail is to be rejected, has no MX record yet.
fn oregon() -> Region {
    let shop = Identity::domain("shop.example").mail_from("bounce.us-west.shop.example", "PENDING", "REJECT_MESSAGE");
    Region::fresh("us-west-2").review("PENDING", Some("172000000000042")).sending(Profile::healthy(40.0)).identity(shop)
}

/// Somebody tried it out. The domain is verified in other regions and absent here.
fn sydney() -> Region {
    Region::fresh("ap-southeast-2")
        .sending(Profile::healthy(12.0))
        .identity(Identity::email_address("dev@shop.example"))
        .identity(Identity::email_address("ops@shop.example").status("PENDING"))
}

/// An opt-in region that is enabled. The partner who runs its DNS signs with keys of its own.
fn milan() -> Region {
    Region::production("eu-south-1", 50_000.0, 14.0)
        .sending(Profile::healthy(3_000.0))
        .identity(Identity::domain("it.shop.example").byodkim("partner2026").tag("owner", "shop-italia"))
}
