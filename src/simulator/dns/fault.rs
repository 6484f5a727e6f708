//! Faults of the DNS: everything that happens to the records of a domain, each on purpose.
//!
//! A fault changes single records ([`DnsFault::bend`]) or the way in which a question is answered. It never looks at the world: what it
//! does to a record follows from the record alone.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::record::{Data, DnsType, Record, is_within, zone_of};

/// What is wrong, in JSON `"doubled_suffix"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsFaultKind {
    /// The record is not there. SOA and NS stay unless the fault names their type.
    Removed,
    /// The record says something else: an old target, a revoked key, another mail host.
    WrongValue,
    /// The record stands at `<owner>.<zone>`: somebody typed a full name where the zone was added.
    DoubledSuffix,
    /// The registrar names other servers (`ns1.parking.example`), which know nothing but themselves: the whole zone that the name is in.
    LameDelegation,
    /// SERVFAIL.
    Servfail,
    /// No answer at all, over UDP and TCP.
    Silence,
    /// Over UDP an answer without records that says "truncated"; over TCP all is well.
    Truncated,
    /// A proxy's addresses in the place of the alias.
    Proxied,
    /// The owner is an alias that leads back to itself.
    CnameLoop,
    /// A second MX record beside the right one.
    SeveralMx,
    /// Not broken but mended: the records of an identity that SES has not verified are there.
    Present,
}

impl DnsFaultKind {
    /// All kinds.
    pub const ALL: [DnsFaultKind; 11] = [
        DnsFaultKind::Removed,
        DnsFaultKind::WrongValue,
        DnsFaultKind::DoubledSuffix,
        DnsFaultKind::LameDelegation,
        DnsFaultKind::Servfail,
        DnsFaultKind::Silence,
        DnsFaultKind::Truncated,
        DnsFaultKind::Proxied,
        DnsFaultKind::CnameLoop,
        DnsFaultKind::SeveralMx,
        DnsFaultKind::Present,
    ];
}

/// A [`DnsFaultKind`] for some records. In JSON: `{"kind": "removed", "name": "_dmarc.shop.example", "record_type": "TXT"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsFault {
    /// What is wrong.
    pub kind: DnsFaultKind,
    /// Only at this name and below it. None: everywhere.
    pub name: Option<String>,
    /// Only records, or questions, of this type. None: of any.
    pub record_type: Option<DnsType>,
}

impl DnsFault {
    /// This fault everywhere.
    pub fn new(kind: DnsFaultKind) -> DnsFault {
        DnsFault { kind, name: None, record_type: None }
    }

    /// Only at this name and below it.
    #[must_use]
    pub fn name(mut self, name: &str) -> DnsFault {
        self.name = Some(name.to_owned());
        self
    }

    /// Only records, or questions, of this type.
    #[must_use]
    pub fn record_type(mut self, record_type: DnsType) -> DnsFault {
        self.record_type = Some(record_type);
        self
    }

    /// Names are compared in lower case and without the dot at the end.
    fn spelled(mut self) -> DnsFault {
        self.name = self.name.map(|name| name.trim_end_matches('.').to_lowercase());
        self
    }

    /// True when a question for this name and type meets the fault; no type is one that no simulated zone holds, or ANY.
    pub(super) fn meets(&self, name: &str, kind: Option<DnsType>) -> bool {
        self.name.as_ref().is_none_or(|domain| is_within(name, domain))
            && self.record_type.is_none_or(|wanted| kind == Some(wanted))
    }

    /// True when the fault can touch anything in this zone.
    pub(super) fn reaches(&self, zone: &str) -> bool {
        self.name.as_ref().is_none_or(|name| zone_of(name) == zone || is_within(zone, name))
    }

    pub(super) fn concerns(&self, record: &Record) -> bool {
        if self.kind == DnsFaultKind::LameDelegation {
            return self.reaches(zone_of(&record.owner));
        }
        let furniture = matches!(record.kind(), DnsType::Ns | DnsType::Soa) && self.record_type.is_none();
        !furniture && self.meets(&record.owner, Some(record.kind()))
    }

    /// What stands in the zone in the place of a record.
    pub(super) fn bend(&self, record: Record) -> Vec<Record> {
        if !self.concerns(&record) {
            return vec![record];
        }
        let Record { owner, data } = record;
        match (self.kind, data) {
            (DnsFaultKind::Removed, _) => Vec::new(),
            (DnsFaultKind::WrongValue, data) => vec![Record::new(owner, wrong(data))],
            (DnsFaultKind::DoubledSuffix, data) => vec![Record::new(format!("{owner}.{}", zone_of(&owner)), data)],
            (DnsFaultKind::LameDelegation, data) => {
                parked(&data).map(|data| Record::new(owner, data)).into_iter().collect()
            }
            (DnsFaultKind::Proxied, Data::Cname(_)) => vec![Record::new(owner, Data::A(PROXY))],
            (DnsFaultKind::CnameLoop, _) => {
                let other = format!("loop.{owner}");
                let back = Record::new(other.clone(), Data::Cname(owner.clone()));
                vec![Record::new(owner, Data::Cname(other)), back]
            }
            (DnsFaultKind::SeveralMx, data @ Data::Mx { .. }) => {
                let second = Data::Mx { preference: 20, exchange: format!("inbound.{}", zone_of(&owner)) };
                vec![Record::new(owner.clone(), data), Record::new(owner, second)]
            }
            (_, data) => vec![Record::new(owner, data)],
        }
    }

    /// What SES calls it when it looks for this record: VerificationInfo.ErrorType. None when SES finds what it wants.
    pub(super) fn error_type(&self, record: &Record) -> Option<&'static str> {
        if !self.concerns(record) {
            return None;
        }
        match (self.kind, record.kind()) {
            (DnsFaultKind::Removed | DnsFaultKind::DoubledSuffix | DnsFaultKind::LameDelegation, _) => {
                Some("HOST_NOT_FOUND")
            }
            (DnsFaultKind::Proxied, DnsType::Cname) => Some("TYPE_NOT_FOUND"),
            (DnsFaultKind::WrongValue | DnsFaultKind::CnameLoop, _) | (DnsFaultKind::SeveralMx, DnsType::Mx) => {
                Some("INVALID_VALUE")
            }
            (DnsFaultKind::Servfail | DnsFaultKind::Silence, _) => Some("DNS_SERVER_ERROR"),
            (DnsFaultKind::Truncated | DnsFaultKind::Present | DnsFaultKind::Proxied | DnsFaultKind::SeveralMx, _) => {
                None
            }
        }
    }
}

/// An address of the documentation (RFC 5737).
const PROXY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

fn wrong(data: Data) -> Data {
    match data {
        Data::A(_) => Data::A(ELSEWHERE),
        Data::Cname(target) => Data::Cname(format!("old.{target}")),
        Data::Mx { preference, .. } => Data::Mx { preference, exchange: "mx.elsewhere.example".to_owned() },
        Data::Ns(_) => Data::Ns("ns1.elsewhere.example".to_owned()),
        Data::Soa { admin, .. } => Data::Soa { primary: "ns1.elsewhere.example".to_owned(), admin },
        Data::Txt(text) if text.starts_with("v=spf1") => Data::Txt("v=spf1 -all".to_owned()),
        Data::Txt(text) if text.starts_with("v=DMARC1") => Data::Txt("v=DMARC1; p=monitor".to_owned()),
        // A key without a value is a revoked one (RFC 6376, 3.6.1).
        Data::Key { tags, .. } => Data::Txt(format!("{tags}p=")),
        Data::Txt(_) => Data::Txt("something else".to_owned()),
    }
}

fn parked(data: &Data) -> Option<Data> {
    let primary = "ns1.parking.example".to_owned();
    match data {
        Data::Ns(_) => Some(Data::Ns(primary)),
        Data::Soa { .. } => Some(Data::Soa { primary, admin: "hostmaster.parking.example".to_owned() }),
        _ => None,
    }
}

/// The faults in force, and since when.
#[derive(Debug, Default)]
pub(super) struct DnsFaults {
    in_force: Vec<(u64, SystemTime, DnsFault)>,
    last: u64,
}

impl DnsFaults {
    pub(super) fn inject(&mut self, fault: DnsFault, since: SystemTime) -> u64 {
        self.last += 1;
        self.in_force.push((self.last, since, fault.spelled()));
        self.last
    }

    pub(super) fn remove(&mut self, id: u64) -> bool {
        let before = self.in_force.len();
        self.in_force.retain(|(other, ..)| *other != id);
        self.in_force.len() < before
    }

    /// Removes every fault that is the same.
    pub(super) fn mend(&mut self, fault: &DnsFault) {
        let fault = fault.clone().spelled();
        self.in_force.retain(|(.., other)| *other != fault);
    }

    /// Removes every fault that names this domain, something below it or something above it.
    pub(super) fn mend_around(&mut self, domain: &str) {
        let near = |name: &String| is_within(name, domain) || is_within(domain, name);
        self.in_force.retain(|(.., fault)| !fault.name.as_ref().is_some_and(near));
    }

    pub(super) fn clear(&mut self) {
        self.in_force.clear();
    }

    pub(super) fn list(&self) -> Vec<(u64, DnsFault)> {
        self.in_force.iter().map(|(id, _, fault)| (*id, fault.clone())).collect()
    }

    /// In the order in which they were injected.
    pub(super) fn iter(&self) -> impl Iterator<Item = &DnsFault> {
        self.in_force.iter().map(|(.., fault)| fault)
    }

    /// With the time at which each was injected.
    pub(super) fn since(&self) -> impl Iterator<Item = (SystemTime, &DnsFault)> {
        self.in_force.iter().map(|(_, since, fault)| (*since, fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bent(kind: DnsFaultKind, data: Data) -> Vec<String> {
        let fault = DnsFault::new(kind).name("Shop.example.").spelled();
        let records = fault.bend(Record::new("a.shop.example", data));
        records.iter().map(|Record { owner, data }| format!("{owner} {data}")).collect()
    }

    #[test]
    fn each_kind_does_what_it_says() {
        let alias = || Data::Cname("t.dkim.amazonses.com".to_owned());
        assert!(bent(DnsFaultKind::Removed, alias()).is_empty());
        assert_eq!(bent(DnsFaultKind::WrongValue, alias()), ["a.shop.example old.t.dkim.amazonses.com"]);
        assert_eq!(bent(DnsFaultKind::DoubledSuffix, alias()), ["a.shop.example.shop.example t.dkim.amazonses.com"]);
        assert!(bent(DnsFaultKind::LameDelegation, alias()).is_empty());
        assert_eq!(
            bent(DnsFaultKind::LameDelegation, Data::Ns("ns".to_owned())),
            ["a.shop.example ns1.parking.example"]
        );
        assert_eq!(bent(DnsFaultKind::Proxied, alias()), ["a.shop.example 203.0.113.7"]);
        assert_eq!(
            bent(DnsFaultKind::CnameLoop, alias()),
            ["a.shop.example loop.a.shop.example", "loop.a.shop.example a.shop.example"]
        );
        let mx = Data::Mx { preference: 10, exchange: "right".to_owned() };
        assert_eq!(
            bent(DnsFaultKind::SeveralMx, mx),
            ["a.shop.example 10 right", "a.shop.example 20 inbound.shop.example"]
        );
        for kind in [DnsFaultKind::Servfail, DnsFaultKind::Silence, DnsFaultKind::Truncated, DnsFaultKind::Present] {
            assert_eq!(bent(kind, alias()), ["a.shop.example t.dkim.amazonses.com"], "{kind:?} changes no record");
        }
    }

    #[test]
    fn faults_keep_to_their_names_and_types() {
        let record = Record::new("a.shop.example", Data::Txt("x".to_owned()));
        let removed = DnsFault::new(DnsFaultKind::Removed);
        assert!(removed.concerns(&record));
        assert!(removed.clone().name("shop.example").concerns(&record));
        assert!(!removed.clone().name("b.shop.example").concerns(&record));
        assert!(!removed.clone().record_type(DnsType::Mx).concerns(&record));
        let soa = Record::new("shop.example", Data::Ns("ns1.dns.example".to_owned()));
        assert!(!removed.clone().name("shop.example").concerns(&soa), "a zone without records is still a zone");
        assert!(removed.record_type(DnsType::Ns).concerns(&soa));
        assert!(DnsFault::new(DnsFaultKind::LameDelegation).name("b.shop.example").concerns(&record), "the whole zone");
    }

    #[test]
    fn faults_are_mended_by_number_or_by_likeness() {
        let mut faults = DnsFaults::default();
        let fault = DnsFault::new(DnsFaultKind::Servfail).name("Shop.example");
        let id = faults.inject(fault.clone(), SystemTime::UNIX_EPOCH);
        assert!(faults.remove(id) && !faults.remove(id));
        faults.inject(fault.clone(), SystemTime::UNIX_EPOCH);
        faults.mend(&fault);
        assert!(faults.list().is_empty());
    }
}
