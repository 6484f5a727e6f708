//! What SES makes of broken DNS: the statuses of an identity follow its records, after a while.
//!
//! SES looks every now and then and forgives for long. Here it follows from since when a fault has spoiled a demanded record, so that
//! no task has to look; when the fault is gone, SES finds the records the next time that somebody asks. Records that nobody broke on
//! purpose are never doubted.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::demand::{Demand, Purpose, demands, host};
use super::record::zone_of;
use crate::simulator::clock::epoch_seconds;
use crate::simulator::identity::Identity;
use crate::simulator::merge::merge;
use crate::simulator::region::Region;
use crate::simulator::world::{World, WorldError};

/// What SES has noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Notice {
    since: SystemTime,
    /// When the status last changed.
    noticed: SystemTime,
    error_type: &'static str,
    status: &'static str,
}

impl World {
    /// A region as SES tells of it: the statuses of identities follow what has become of their DNS records.
    pub(in crate::simulator) fn region_as_told(&self, account: &str, region: &str) -> Result<Region, WorldError> {
        let mut told = self.region(account, region)?.clone();
        let key = self.key(account, region);
        let changed: Vec<Identity> = told
            .all_identities()
            .values()
            .filter(|identity| self.dns.faults.iter().any(|fault| fault.reaches(zone_of(&host(identity)))))
            .filter_map(|identity| {
                self.dns.as_told(identity, &demands(identity, key, region, self.now()).all, self.now())
            })
            .collect();
        for identity in changed {
            told.put_identity(identity);
        }
        Ok(told)
    }
}

impl super::Dns {
    /// The identity with the statuses that SES tells; none when they are those that it has.
    fn as_told(&self, identity: &Identity, demands: &[Demand], now: SystemTime) -> Option<Identity> {
        let [dkim, mail_from, legacy] = [Purpose::Dkim, Purpose::MailFrom, Purpose::Verification]
            .map(|purpose| self.notice(demands.iter().filter(|demand| demand.purpose == purpose), now));
        let proof = dkim.or(legacy).filter(|_| identity.verification_status == "SUCCESS");
        let mut details = json!({});
        let mut told = identity.clone();
        if let Some(notice) = dkim {
            merge(&mut details, &json!({ "DkimAttributes": { "Status": notice.status } }));
        }
        if let Some(notice) = mail_from {
            merge(&mut details, &json!({ "MailFromAttributes": { "MailFromDomainStatus": notice.status } }));
        }
        if let Some(notice) = proof {
            told = told.status(notice.status);
            merge(&mut details, &json!({ "VerificationInfo": notice.verification_info() }));
        }
        dkim.or(mail_from).or(legacy).map(|_| told.details(&details))
    }

    /// What SES has noticed about these records, of which any that is broken spoils all.
    fn notice<'a>(&self, demands: impl Iterator<Item = &'a Demand>, now: SystemTime) -> Option<Notice> {
        let spoilt = demands.filter(|demand| demand.met).flat_map(|demand| {
            let errors = self.faults.since().map(|(since, fault)| Some((since, fault.error_type(&demand.record)?)));
            errors.flatten()
        });
        let (since, error_type) = spoilt.min_by_key(|(since, _)| *since)?;
        let broken_for = now.duration_since(since).ok()?;
        if broken_for < self.noticed_after {
            return None;
        }
        let given_up = self.noticed_after.saturating_mul(2);
        let (after, status) =
            if broken_for < given_up { (self.noticed_after, "TEMPORARY_FAILURE") } else { (given_up, "FAILED") };
        Some(Notice { since, noticed: since.checked_add(after).unwrap_or(now), error_type, status })
    }
}

impl Notice {
    fn verification_info(self) -> Value {
        json!({
            "ErrorType": self.error_type,
            "LastCheckedTimestamp": epoch_seconds(self.noticed),
            "LastSuccessTimestamp": epoch_seconds(self.since),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::simulator::account::Account;
    use crate::simulator::clock::{Clock, from_epoch};
    use crate::simulator::dns::{DnsFault, DnsFaultKind, DnsType};

    const BROKEN: u64 = 1_795_348_800;
    const AFTER: u64 = 180;

    fn world(details: &Value) -> World {
        let region = Region::fresh("eu-west-1").identity(Identity::domain("shop.example").details(details));
        World::empty()
            .with_clock(Clock::from_fn(|| from_epoch(BROKEN)))
            .with_dns_noticed_after(Duration::from_secs(AFTER))
            .with_account(Account::new("1", "shop").region(region))
    }

    fn told(world: &World) -> (Identity, Value) {
        let region = world.region_as_told("1", "eu-west-1").expect("the region");
        let identity = region.all_identities()["shop.example"].clone();
        let described = identity.described(world.key("1", "eu-west-1"), world.now());
        (identity, described)
    }

    /// Verification, DKIM and MAIL FROM after so many seconds.
    fn statuses(world: &mut World, seconds: u64) -> [String; 3] {
        world.clock.advance(Duration::from_secs(seconds));
        let (identity, described) = told(world);
        let at = |pointer| described.pointer(pointer).and_then(Value::as_str).unwrap_or("none").to_owned();
        assert_eq!(identity.verification_status, at("/VerificationStatus"), "both operations tell the same");
        [identity.verification_status, at("/DkimAttributes/Status"), at("/MailFromAttributes/MailFromDomainStatus")]
    }

    #[test]
    fn statuses_follow_after_a_while_and_recover_at_once() {
        let mut world = world(&json!({}));
        let one =
            world.dns_records("shop.example").expect("a zone").into_iter().find(|(_, kind, _)| *kind == DnsType::Cname);
        let (owner, ..) = one.expect("an alias");
        world.dns.inject(DnsFault::new(DnsFaultKind::Proxied).name(&owner), from_epoch(BROKEN));
        assert_eq!(statuses(&mut world, AFTER - 1), ["SUCCESS", "SUCCESS", "none"]);
        assert_eq!(
            statuses(&mut world, 1),
            ["TEMPORARY_FAILURE", "TEMPORARY_FAILURE", "none"],
            "one of three is enough"
        );
        let info = told(&world).1["VerificationInfo"].clone();
        assert_eq!(info["ErrorType"], "TYPE_NOT_FOUND");
        let times = ["LastCheckedTimestamp", "LastSuccessTimestamp"].map(|member| info[member].as_u64());
        assert_eq!(times, [Some(BROKEN + AFTER), Some(BROKEN)]);
        assert_eq!(statuses(&mut world, AFTER), ["FAILED", "FAILED", "none"]);
        world.dns.faults.clear();
        assert_eq!(statuses(&mut world, 0), ["SUCCESS", "SUCCESS", "none"]);
    }

    #[test]
    fn a_mail_from_domain_fails_alone() {
        let details =
            json!({ "MailFromAttributes": { "MailFromDomain": "b.shop.example", "MailFromDomainStatus": "SUCCESS" } });
        let mut world = world(&details);
        world.dns.inject(DnsFault::new(DnsFaultKind::SeveralMx), from_epoch(BROKEN));
        assert_eq!(statuses(&mut world, AFTER), ["SUCCESS", "SUCCESS", "TEMPORARY_FAILURE"]);
        assert_eq!(statuses(&mut world, AFTER), ["SUCCESS", "SUCCESS", "FAILED"]);
    }

    #[test]
    fn a_domain_without_dkim_lives_by_its_legacy_record() {
        let mut world = world(&json!({ "DkimAttributes": { "Status": "NOT_STARTED", "Tokens": null } }));
        world.dns.inject(DnsFault::new(DnsFaultKind::Servfail).name("_amazonses.shop.example"), from_epoch(BROKEN));
        assert_eq!(statuses(&mut world, AFTER), ["TEMPORARY_FAILURE", "NOT_STARTED", "none"]);
    }

    #[test]
    fn faults_elsewhere_and_faults_that_ses_does_not_mind_change_nothing() {
        let mut world = world(&json!({}));
        world.dns.inject(DnsFault::new(DnsFaultKind::Truncated), from_epoch(BROKEN));
        world.dns.inject(DnsFault::new(DnsFaultKind::Removed).name("other.example"), from_epoch(BROKEN));
        world.dns.inject(DnsFault::new(DnsFaultKind::Removed).name("_dmarc.shop.example"), from_epoch(BROKEN));
        assert_eq!(statuses(&mut world, AFTER * 9), ["SUCCESS", "SUCCESS", "none"]);
    }
}
