//! What people do outside of the API: the owner of an address clicks on a link, the owner of a domain publishes records, somebody at AWS
//! decides about a request for production access.
//!
//! Each has its effect at once, where in the world it takes minutes to days. Nothing here is ever done by itself.

use serde_json::{Value, json};

use super::dns;
use super::identity::Identity;
use super::shared::SharedWorld;
use super::world::{World, WorldError};

/// What somebody at AWS decides about a request for production access: ReviewDetails.Status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Decision {
    /// It is looked at again.
    Pending,
    /// Production access in the region, and a quota.
    Granted,
    /// No, and no second request.
    Denied,
    /// An answer of the customer did not come; another request can be made.
    Failed,
}

impl Decision {
    fn as_str(self) -> &'static str {
        match self {
            Decision::Pending => "PENDING",
            Decision::Granted => "GRANTED",
            Decision::Denied => "DENIED",
            Decision::Failed => "FAILED",
        }
    }
}

/// The quota that comes with production access: recipients a day and a second. "Varies based on your specific use case" (quotas page).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// SendQuota.Max24HourSend.
    pub max_24_hour_send: f64,
    /// SendQuota.MaxSendRate.
    pub max_send_rate: f64,
}

impl Default for Quota {
    /// What many are given.
    fn default() -> Quota {
        Quota { max_24_hour_send: 50_000.0, max_send_rate: 14.0 }
    }
}

impl World {
    /// The owner of an address clicks on the link in the verification mail. The link of one that has `FAILED` is too old.
    pub fn click(&mut self, account: &str, region: &str, name: &str) -> Result<(), WorldError> {
        let identity = self.known_identity(account, region, name)?;
        let status = identity.verification_status.clone();
        if identity.identity_type != "EMAIL_ADDRESS" {
            return Err(WorldError::Impossible(format!("{name} is not an address: nobody was sent a link")));
        }
        if !matches!(status.as_str(), "PENDING" | "SUCCESS") {
            return Err(WorldError::Impossible(format!("the link for {name} is not valid any more: it is {status}")));
        }
        self.region_mut(account, region)?.change_status(name, "SUCCESS");
        Ok(())
    }

    /// The owner of a domain publishes all that SES demands of it, and SES finds it: DNS faults that name the domain, something below or
    /// something above it are gone, and verification, DKIM and MAIL FROM are `SUCCESS`. Faults without a name concern everybody and stay.
    /// Where SES has given up, it finds nothing: "you must restart the verification process from the beginning"
    /// (<https://docs.aws.amazon.com/ses/latest/APIReference/API_GetIdentityVerificationAttributes.html>).
    pub fn publish(&mut self, account: &str, region: &str, name: &str) -> Result<(), WorldError> {
        let identity = self.known_identity(account, region, name)?;
        if identity.identity_type == "EMAIL_ADDRESS" {
            return Err(WorldError::Impossible(format!("{name} is not a domain: its link has to be clicked")));
        }
        let failed = |status: &str| status == "FAILED";
        if failed(&identity.verification_status)
            || identity.told("/DkimAttributes/Status").is_some_and(|dkim| failed(&dkim))
        {
            return Err(WorldError::Impossible(format!(
                "SES looks no more for the records of {name}: it is FAILED, and verification has to be started again"
            )));
        }
        let mut found = json!({});
        if identity.told("/DkimAttributes/Status").is_some_and(|status| status != "NOT_STARTED") {
            super::merge::merge(&mut found, &json!({ "DkimAttributes": { "Status": "SUCCESS" } }));
        }
        if identity.told("/MailFromAttributes/MailFromDomain").is_some() {
            super::merge::merge(&mut found, &json!({ "MailFromAttributes": { "MailFromDomainStatus": "SUCCESS" } }));
        }
        self.dns.mend_around(&dns::spelled(name));
        let verified = |identity: Identity| identity.status("SUCCESS").details(&found);
        self.region_mut(account, region)?.change_identity(name, verified);
        Ok(())
    }

    /// Somebody at AWS decides about a request for production access, which must have been made. Granted, it comes with this quota.
    pub fn review(
        &mut self,
        account: &str,
        region: &str,
        decision: Decision,
        case_id: Option<&str>,
        quota: Quota,
    ) -> Result<(), WorldError> {
        let now = self.now();
        let state = self.region_mut(account, region)?;
        if state.account().pointer("/Details/ReviewDetails").is_none_or(Value::is_null) {
            return Err(WorldError::Impossible(format!(
                "nobody has asked for production access in {account} {region}"
            )));
        }
        let mut review = json!({ "Status": decision.as_str() });
        if let Some(case_id) = case_id {
            super::merge::merge(&mut review, &json!({ "CaseId": case_id }));
        }
        state.patch(&json!({ "Details": { "ReviewDetails": review } }), now);
        if decision == Decision::Granted {
            let quota = json!({ "Max24HourSend": quota.max_24_hour_send, "MaxSendRate": quota.max_send_rate });
            state.patch(&json!({ "ProductionAccessEnabled": true, "SendQuota": quota }), now);
        }
        Ok(())
    }

    fn known_identity(&self, account: &str, region: &str, name: &str) -> Result<&Identity, WorldError> {
        let found = self.region(account, region)?.all_identities().get(name);
        found.ok_or_else(|| WorldError::UnknownIdentity {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl SharedWorld {
    /// The owner of an address clicks on the link in the verification mail.
    pub fn click(&self, account: &str, region: &str, name: &str) -> Result<(), WorldError> {
        self.lock().click(account, region, name)
    }

    /// The owner of a domain publishes all that SES demands of it, and SES finds it.
    pub fn publish(&self, account: &str, region: &str, name: &str) -> Result<(), WorldError> {
        self.lock().publish(account, region, name)
    }

    /// Somebody at AWS decides about a request for production access; granted, it comes with the usual quota.
    pub fn review(&self, account: &str, region: &str, decision: Decision) -> Result<(), WorldError> {
        self.lock().review(account, region, decision, None, Quota::default())
    }

    /// Whether messages beyond SendQuota.MaxSendRate are refused; they are unless this is called.
    pub fn enforce_send_rate(&self, enforced: bool) {
        self.lock().mail_limiter.enforced = enforced;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::simulator::account::Account;
    use crate::simulator::clock::{Clock, from_epoch};
    use crate::simulator::dns::{DnsFault, DnsFaultKind};
    use crate::simulator::region::Region;

    const HERE: (&str, &str) = ("1", "eu-west-1");

    fn world(region: Region) -> World {
        World::empty()
            .with_clock(Clock::from_fn(|| from_epoch(1_795_348_800)))
            .with_dns_noticed_after(Duration::from_mins(1))
            .with_account(Account::new(HERE.0, "shop").region(region))
    }

    fn status(world: &World, name: &str) -> String {
        let told = world.region_as_told(HERE.0, HERE.1).expect("the region");
        told.all_identities()[name].verification_status.clone()
    }

    #[test]
    fn a_click_verifies_an_address_that_waits() {
        let region = Region::fresh(HERE.1)
            .identity(Identity::named("new@shop.example").status("PENDING"))
            .identity(Identity::named("late@shop.example").status("FAILED"))
            .identity(Identity::named("shop.example").status("PENDING"));
        let mut world = world(region);
        world.click(HERE.0, HERE.1, "new@shop.example").expect("a link");
        assert_eq!(status(&world, "new@shop.example"), "SUCCESS");
        for name in ["late@shop.example", "shop.example", "nobody@shop.example"] {
            assert!(world.click(HERE.0, HERE.1, name).is_err(), "{name}");
        }
        assert_eq!(status(&world, "late@shop.example"), "FAILED");
    }

    #[test]
    fn published_records_mend_what_names_the_domain() {
        let identity = Identity::domain("shop.example").mail_from("mail.shop.example", "FAILED", "REJECT_MESSAGE");
        let mut world = world(Region::fresh(HERE.1).identity(identity).identity(Identity::domain("other.example")));
        let broken = |name: &str| DnsFault::new(DnsFaultKind::Removed).name(name);
        for name in ["_domainkey.shop.example", "mail.shop.example", "other.example"] {
            let now = world.now();
            world.dns.inject(broken(name), now);
        }
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(status(&world, "shop.example"), "FAILED");
        world.publish(HERE.0, HERE.1, "shop.example").expect("a domain");
        assert_eq!(status(&world, "shop.example"), "SUCCESS");
        assert_eq!(status(&world, "other.example"), "FAILED", "that is another domain's fault");
        let told = world.region_as_told(HERE.0, HERE.1).expect("the region");
        let told = |pointer| told.all_identities()["shop.example"].told(pointer);
        assert_eq!(told("/DkimAttributes/Status").as_deref(), Some("SUCCESS"));
        assert_eq!(told("/MailFromAttributes/MailFromDomainStatus").as_deref(), Some("SUCCESS"));
    }

    #[test]
    fn a_domain_of_the_legacy_record_does_not_sign_for_being_verified() {
        let mut world =
            world(Region::fresh(HERE.1).identity(Identity::domain("shop.example").legacy_txt().status("PENDING")));
        world.publish(HERE.0, HERE.1, "shop.example").expect("a domain");
        let region = world.region(HERE.0, HERE.1).expect("the region");
        let identity = &region.all_identities()["shop.example"];
        assert_eq!(identity.verification_status, "SUCCESS");
        assert_eq!(identity.told("/DkimAttributes/Status").as_deref(), Some("NOT_STARTED"));
    }

    #[test]
    fn ses_looks_no_more_for_the_records_of_a_domain_that_it_has_given_up() {
        let unsigned = json!({ "DkimAttributes": { "Status": "FAILED" } });
        let region = Region::fresh(HERE.1)
            .identity(Identity::domain("late.example").status("FAILED"))
            .identity(Identity::domain("unsigned.example").details(&unsigned));
        let mut world = world(region);
        for name in ["late.example", "unsigned.example"] {
            let why = world.publish(HERE.0, HERE.1, name).expect_err("it is too late").to_string();
            assert!(why.contains("started again"), "{why}");
        }
        assert_eq!(status(&world, "late.example"), "FAILED");
    }

    #[test]
    fn only_a_request_can_be_decided() {
        let mut world = world(Region::fresh(HERE.1));
        let decide = |world: &mut World, decision| world.review(HERE.0, HERE.1, decision, Some("7"), Quota::default());
        assert!(decide(&mut world, Decision::Granted).is_err());
        *world.region_mut(HERE.0, HERE.1).expect("the region") = Region::fresh(HERE.1).review("PENDING", None);
        decide(&mut world, Decision::Denied).expect("a request");
        let account = |world: &World| world.region(HERE.0, HERE.1).expect("the region").account().clone();
        assert_eq!(account(&world)["Details"]["ReviewDetails"], json!({ "Status": "DENIED", "CaseId": "7" }));
        assert_eq!(account(&world)["ProductionAccessEnabled"], false);
        decide(&mut world, Decision::Granted).expect("a request");
        assert_eq!(account(&world)["ProductionAccessEnabled"], true);
        assert_eq!(account(&world)["SendQuota"], json!({ "Max24HourSend": 50_000.0, "MaxSendRate": 14.0 }));
    }
}
