//! `acquired-company`: reached with an external id, paused by AWS in one region and by its own people in another.

use serde_json::json;

use super::{account, hourly};
use crate::simulator::account::{Account, Role};
use crate::simulator::identity::Identity;
use crate::simulator::region::Region;
use crate::simulator::sending::Profile;
use crate::simulator::world::World;

const ID: &str = "444444444444";

/// Adds the account and what happens in it.
pub(super) fn add(world: World) -> World {
    let acquired = Account::new(ID, "acquired-company")
        .role(Role::trusting("ses-exporter", "111111111111").external_id("merger-2026"))
        .region(virginia())
        .region(oregon())
        .region(london())
        .region(tel_aviv());
    // The review ends well, and an hour later the demo begins it again.
    hourly(
        world.with_account(acquired),
        ID,
        "eu-west-2",
        vec![
            (
                0,
                account(json!({
                    "ProductionAccessEnabled": false,
                    "SendQuota": { "Max24HourSend": 200.0, "MaxSendRate": 1.0 },
                    "Details": { "ReviewDetails": { "Status": "PENDING" } },
                })),
            ),
            (
                15,
                account(json!({
                    "ProductionAccessEnabled": true,
                    "SendQuota": { "Max24HourSend": 50_000.0, "MaxSendRate": 14.0 },
                    "Details": { "ReviewDetails": { "Status": "GRANTED" } },
                })),
            ),
        ],
    )
}

/// Paused by AWS. Nobody read the mail.
fn virginia() -> Region {
    Region::production("us-east-1", 50_000.0, 14.0)
        .enforcement("SHUTDOWN")
        .sending(Profile { bounces: 0.12, complaints: 0.006, ..Profile::healthy(9_000.0) })
        .identity(Identity::domain("acquired.example"))
        .identity(Identity::email_address("info@acquired.example"))
}

/// Paused by its own people, long ago. The domain was verified when there was nothing but the TXT record.
fn oregon() -> Region {
    let domain = Identity::domain("acquired.example").legacy_txt();
    Region::production("us-west-2", 50_000.0, 14.0).paused().identity(domain)
}

/// Under review.
fn london() -> Region {
    Region::fresh("eu-west-2")
        .review("PENDING", Some("173000000000073"))
        .sending(Profile::healthy(20.0))
        .identity(Identity::domain("acquired.example"))
}

/// An opt-in region that is enabled and never used.
fn tel_aviv() -> Region {
    Region::fresh("il-central-1")
}
