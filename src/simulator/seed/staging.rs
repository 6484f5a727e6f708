//! `shop-staging`: sandboxes on purpose and by mistake, reviews that did not end well, and identities in every state.

use super::{becomes, hourly};
use crate::simulator::account::{Account, Role};
use crate::simulator::identity::Identity;
use crate::simulator::region::Region;
use crate::simulator::sending::Profile;
use crate::simulator::world::World;

const ID: &str = "222222222222";

/// Adds the account and what happens in it.
pub(super) fn add(world: World) -> World {
    let account = Account::new(ID, "shop-staging")
        .role(Role::trusting("ses-exporter", "111111111111"))
        .region(ireland())
        .region(virginia())
        .region(frankfurt())
        .region(ohio());
    let tester = "tester@shop.example";
    hourly(
        world.with_account(account),
        ID,
        "eu-west-1",
        vec![(0, becomes(tester, "PENDING")), (12, becomes(tester, "SUCCESS"))],
    )
}

/// In the sandbox on purpose, with the leftovers of many tests.
fn ireland() -> Region {
    let old = Identity::domain("old-staging.shop.example").status("FAILED");
    let old = old.verification_error("TYPE_NOT_FOUND", "ns1.old-host.example");
    let trouble = Identity::domain("dns-trouble.shop.example").status("TEMPORARY_FAILURE");
    let trouble = trouble.verification_error("DNS_SERVER_ERROR", "ns1.dns.example");
    Region::fresh("eu-west-1")
        .sending(Profile::healthy(90.0))
        .identity(Identity::domain("staging.shop.example").tag("owner", "quality"))
        .identity(old)
        .identity(Identity::domain("branch-7.staging.shop.example").status("NOT_STARTED"))
        .identity(trouble)
        .identity(Identity::email_address("qa@shop.example"))
        .identity(Identity::email_address("tester@shop.example").status("PENDING"))
        .identity(Identity::email_address("left-the-company@shop.example").status("FAILED"))
}

/// More sent than the sandbox allows: 610 of 200, as an operator once found it.
fn virginia() -> Region {
    Region::fresh("us-east-1")
        .sent(610.0)
        .sending(Profile::healthy(610.0))
        .identity(Identity::domain("staging.shop.example"))
}

/// Production access was denied.
fn frankfurt() -> Region {
    Region::fresh("eu-central-1")
        .review("DENIED", Some("171999999999917"))
        .identity(Identity::domain("staging.shop.example"))
}

/// The answer to AWS's question never arrived: the request has to be made again.
fn ohio() -> Region {
    Region::fresh("us-east-2")
        .review("FAILED", Some("171888888888818"))
        .identity(Identity::email_address("qa@shop.example"))
}
