//! The records of one zone at this moment: what the identities of the world demand, the furniture of any zone, and the faults.
//!
//! Nothing is kept: a zone is made for a question and forgotten. All accounts and regions publish into the same zones; where two want
//! the MX record of one MAIL FROM domain, the first of them has it, as with a configuration that was copied to a second region.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::DnsFault;
use super::demand::{Demand, Demands, demands, host};
use super::record::{Data, DnsType, Record, zone_of};
use crate::simulator::chance;
use crate::simulator::identity::Identity;
use crate::simulator::world::World;

/// Where a zone lives if its identities do not say so.
const NAME_SERVER: &str = "ns1.dns.example";
/// Of every apex: an address of the documentation (RFC 5737).
const WEB_SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// An identity, and whose it is.
struct Owned<'a> {
    identity: &'a Identity,
    key: u64,
    region: &'a str,
}

/// All records of a zone with the faults in force, and those of SES that its aliases lead to; none for a zone that nobody has.
pub(super) fn records(world: &World, zone: &str) -> Option<Vec<Record>> {
    let bend =
        |records: Vec<Record>, fault: &DnsFault| records.into_iter().flat_map(|record| fault.bend(record)).collect();
    Some(world.dns.faults.iter().fold(published(world, zone)?, bend))
}

/// The same without faults, but for what a fault publishes.
fn published(world: &World, zone: &str) -> Option<Vec<Record>> {
    let (of_ses, now) = (is_of_ses(zone), world.now());
    let (mut records, mut slots, mut known, mut primary) = (Vec::new(), HashSet::new(), of_ses, None);
    for Owned { identity, key, region } in owned(world).filter(|owned| of_ses || is_in(zone, owned.identity)) {
        let Demands { all, primary_name_server } = demands(identity, key, region, now);
        for Demand { record, met, beyond, .. } in all {
            let stands = (met || world.dns.present(&record)).then_some(record);
            records.extend(stands.into_iter().chain(beyond).filter(|record| slots.insert(slot(record))));
        }
        known = true;
        primary = primary.or(primary_name_server);
    }
    if of_ses {
        // The domains of the identities are not what SES' own zone tells of.
        records.retain(|record| zone_of(&record.owner) == zone);
        primary = None;
    }
    records.extend(furniture(zone, primary.as_deref(), world.seed));
    known.then_some(records)
}

/// True when an identity of the world lies in this zone, or it is one of SES.
pub(super) fn is_known(world: &World, zone: &str) -> bool {
    is_of_ses(zone) || owned(world).any(|owned| is_in(zone, owned.identity))
}

/// The start of authority of a zone as it is without faults.
pub(super) fn authority(zone: &str) -> Record {
    start(zone, NAME_SERVER)
}

fn owned(world: &World) -> impl Iterator<Item = Owned<'_>> {
    world.accounts().flat_map(move |account| {
        account.regions.values().flat_map(move |region| {
            let key = world.key(&account.id, &region.name);
            region.all_identities().values().map(move |identity| Owned { identity, key, region: &region.name })
        })
    })
}

fn is_in(zone: &str, identity: &Identity) -> bool {
    // Most identities of a large world are in other zones: this is asked before anything is made of them.
    let end = identity.name.len().checked_sub(zone.len()).and_then(|at| identity.name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(zone)) && zone_of(&host(identity)) == zone
}

fn is_of_ses(zone: &str) -> bool {
    zone == "amazonses.com"
}

/// What may stand in a zone once: the MX record of a name, and anything else once with the same value.
fn slot(record: &Record) -> (String, Option<Data>) {
    (record.owner.clone(), Some(record.data.clone()).filter(|_| record.kind() != DnsType::Mx))
}

/// What every zone has: SOA, NS, an address, and a DMARC policy that differs from zone to zone.
fn furniture(zone: &str, primary: Option<&str>, seed: u64) -> [Record; 4] {
    let primary = primary.unwrap_or(NAME_SERVER);
    let policies = ["none", "quarantine", "reject"];
    let choice = usize::try_from(chance::hash(seed, &[zone, "dmarc"]) % 3).unwrap_or(0);
    let policy = policies.get(choice).copied().unwrap_or("none");
    [
        start(zone, primary),
        Record::new(zone, Data::Ns(primary.to_owned())),
        Record::new(zone, Data::A(WEB_SERVER)),
        Record::new(format!("_dmarc.{zone}"), Data::Txt(format!("v=DMARC1; p={policy}"))),
    ]
}

fn start(zone: &str, primary: &str) -> Record {
    let admin = format!("hostmaster.{}", zone_of(primary));
    Record::new(zone, Data::Soa { primary: primary.to_owned(), admin })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::account::Account;
    use crate::simulator::dns::DnsFaultKind;
    use crate::simulator::region::Region;
    use serde_json::json;
    use std::time::SystemTime;

    fn world(regions: Vec<Region>) -> World {
        World::empty().with_account(regions.into_iter().fold(Account::new("1", "shop"), Account::region))
    }

    fn told(world: &World, zone: &str, kind: DnsType) -> Vec<String> {
        let records = records(world, zone).expect("a known zone");
        let of_kind = records.iter().filter(|record| record.kind() == kind && zone_of(&record.owner) == zone);
        of_kind.map(|Record { owner, data }| format!("{owner} {data}")).collect()
    }

    #[test]
    fn all_regions_publish_into_one_zone() {
        let region = |name| Region::fresh(name).identity(Identity::domain("mail.shop.example"));
        let world = world(vec![region("eu-west-1"), region("us-east-1")]);
        assert_eq!(told(&world, "shop.example", DnsType::Cname).len(), 6);
        assert_eq!(told(&world, "amazonses.com", DnsType::Txt).len(), 6 + 1, "the keys, and DMARC");
        assert_eq!(told(&world, "shop.example", DnsType::Soa), ["shop.example ns1.dns.example hostmaster.dns.example"]);
        assert!(records(&world, "other.example").is_none());
        assert!(is_known(&world, "shop.example") && !is_known(&world, "hop.example"));
    }

    #[test]
    fn the_first_region_has_the_mx_record_of_a_shared_mail_from_domain() {
        let details =
            json!({ "MailFromAttributes": { "MailFromDomain": "b.shop.example", "MailFromDomainStatus": "SUCCESS" } });
        let region = |name| Region::fresh(name).identity(Identity::domain("shop.example").details(&details));
        let world = world(vec![region("us-east-1"), region("eu-west-1")]);
        let expected = ["b.shop.example 10 feedback-smtp.eu-west-1.amazonses.com"];
        assert_eq!(told(&world, "shop.example", DnsType::Mx), expected);
    }

    #[test]
    fn what_two_regions_share_stands_once() {
        let details = json!({ "DkimAttributes": { "Tokens": ["same"] } });
        let region = |name| Region::fresh(name).identity(Identity::domain("shop.example").details(&details));
        let world = world(vec![region("us-east-1"), region("eu-west-1")]);
        let expected = ["same._domainkey.shop.example same.dkim.amazonses.com"];
        assert_eq!(told(&world, "shop.example", DnsType::Cname), expected);
        assert_eq!(told(&world, "amazonses.com", DnsType::Txt).len(), 1 + 1, "the key, and DMARC");
    }

    #[test]
    fn what_is_not_verified_is_not_published_unless_a_fault_says_so() {
        let mut world =
            world(vec![Region::fresh("eu-west-1").identity(Identity::domain("shop.example").status("PENDING"))]);
        assert!(told(&world, "shop.example", DnsType::Cname).is_empty());
        let present = DnsFault::new(DnsFaultKind::Present).name("shop.example");
        world.dns.faults.inject(present, SystemTime::UNIX_EPOCH);
        assert_eq!(told(&world, "shop.example", DnsType::Cname).len(), 3);
    }

    #[test]
    fn the_primary_name_server_is_the_one_that_ses_saw() {
        let seen = json!({ "VerificationInfo": { "SOARecord": { "PrimaryNameServer": "ns-1.awsdns.example" } } });
        let identity = Identity::domain("shop.example").details(&seen);
        let world = world(vec![Region::fresh("eu-west-1").identity(identity)]);
        assert_eq!(told(&world, "shop.example", DnsType::Ns), ["shop.example ns-1.awsdns.example"]);
    }
}
