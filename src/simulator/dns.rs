//! The DNS of the simulated world: a server on the loopback whose zones follow the identities of all accounts and regions.
//!
//! What SES demands of the owner of a domain is published there as soon as SES says that it found it, so that a healthy world is
//! healthy in both. A [`DnsFault`] breaks records or answers; SES' own view of an identity follows after a while, as it does at AWS.
//!
//! # What it never does
//! * It asks no other server: what no identity needs does not exist.
//! * It keeps no zone: every answer is made from the world as it is.
//! * It signs nothing, and transfers no zone.
//!
//! # The way of a question
//! `server` has the sockets; `message` reads the packet; `resolve` decides about the answer from the records of its `zone`, which are what
//! the identities `demand` as bent by each `fault`. `notice` is the other direction: what SES makes of it.

mod demand;
mod fault;
mod message;
mod notice;
mod record;
mod resolve;
mod server;
mod zone;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

pub use self::fault::{DnsFault, DnsFaultKind};
pub use self::record::DnsType;
pub(super) use self::server::Sockets;

use self::fault::DnsFaults;
use self::record::{Record, zone_of};
use super::shared::SharedWorld;
use super::world::World;

/// Questions that are kept in the log: hours of a collector that looks at some thousand domains.
const CAPACITY: usize = 100_000;
/// Short enough that no test waits for a cache, and not 0, which some resolvers take for an error.
const TTL: Duration = Duration::from_secs(1);
/// "If DKIM records are not found for 72 hours, the status changes from Success to Temporary Failure or Failed"
/// (<https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-dkim.html>, in substance).
const NOTICED_AFTER: Duration = Duration::from_hours(72);

/// A name as records and faults spell it: in lower case and without the dot at the end.
pub(super) fn spelled(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A connection.
    Tcp,
}

impl Transport {
    /// `udp` or `tcp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

/// One question that the DNS server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsQuery {
    /// The name, in lower case and without the dot at the end.
    pub name: String,
    /// `TXT`, or whatever else was asked for.
    pub record_type: String,
    /// How it came.
    pub transport: Transport,
    /// When it came, by the wall clock of the world.
    pub time: SystemTime,
    /// When it came, by the runtime's clock, which never jumps.
    pub at: Instant,
}

/// What the world knows about its DNS.
#[derive(Debug)]
pub(super) struct Dns {
    faults: DnsFaults,
    /// How long answers may be remembered, also negative ones.
    pub(super) ttl: Duration,
    /// For how long records must be broken until SES says so, and again until it gives up.
    pub(super) noticed_after: Duration,
    /// Where the server listens, once it does.
    pub(super) address: Option<SocketAddr>,
    queries: VecDeque<DnsQuery>,
}

impl Default for Dns {
    fn default() -> Dns {
        let (faults, queries) = (DnsFaults::default(), VecDeque::new());
        Dns { faults, ttl: TTL, noticed_after: NOTICED_AFTER, address: None, queries }
    }
}

impl Dns {
    /// Puts a fault in force that began then; the number removes it again.
    pub(super) fn inject(&mut self, fault: DnsFault, since: SystemTime) -> u64 {
        self.faults.inject(fault, since)
    }

    /// Removes every fault that is the same.
    pub(super) fn mend(&mut self, fault: &DnsFault) {
        self.faults.mend(fault);
    }

    /// Removes every fault that names this domain, something below it or something above it.
    pub(super) fn mend_around(&mut self, domain: &str) {
        self.faults.mend_around(domain);
    }

    fn note(&mut self, query: DnsQuery) {
        if self.queries.len() >= CAPACITY {
            self.queries.pop_front();
        }
        self.queries.push_back(query);
    }

    fn ttl_seconds(&self) -> u32 {
        u32::try_from(self.ttl.as_secs()).unwrap_or(u32::MAX)
    }

    fn present(&self, record: &Record) -> bool {
        self.faults.iter().any(|fault| fault.kind == DnsFaultKind::Present && fault.concerns(record))
    }
}

impl World {
    /// How long answers of the DNS may be remembered, also negative ones, in whole seconds; 1 second unless this is called.
    #[must_use]
    pub fn with_dns_ttl(mut self, ttl: Duration) -> World {
        self.dns.ttl = ttl;
        self
    }

    /// For how long DNS records must be broken until SES' own view of an identity becomes TEMPORARY_FAILURE, and again until it
    /// becomes FAILED; 72 hours unless this is called.
    #[must_use]
    pub fn with_dns_noticed_after(mut self, noticed_after: Duration) -> World {
        self.dns.noticed_after = noticed_after;
        self
    }

    /// The same world with a fault of its DNS from the beginning.
    #[must_use]
    pub fn with_dns_fault(mut self, fault: DnsFault) -> World {
        let began = self.began();
        self.dns.inject(fault, began);
        self
    }

    /// Owner, type and value of every record that is published in the zone of a name; none when no identity is in it.
    pub fn dns_records(&self, name: &str) -> Option<Vec<(String, DnsType, String)>> {
        let name = spelled(name);
        let zone = zone_of(&name);
        let records = zone::records(self, zone)?.into_iter().filter(|record| zone_of(&record.owner) == zone);
        Some(records.map(|record| (record.owner.clone(), record.kind(), record.data.to_string())).collect())
    }

    /// The names at which the DKIM records of an identity stand; none when there is no such identity.
    pub fn dkim_owners(&self, account: &str, region: &str, identity: &str) -> Vec<String> {
        let found = self.region(account, region).ok().and_then(|region| region.all_identities().get(identity));
        let demands = found.map(|identity| demand::demands(identity, self.key(account, region), region, self.now()));
        let dkim = demands
            .into_iter()
            .flat_map(|demands| demands.all)
            .filter(|demand| demand.purpose == demand::Purpose::Dkim);
        dkim.map(|demand| demand.record.owner).collect()
    }

    /// True when an identity of the world, or SES itself, is in the zone of this name.
    pub(super) fn has_zone_of(&self, name: &str) -> bool {
        let name = spelled(name);
        zone::is_known(self, zone_of(&name))
    }
}

impl SharedWorld {
    /// Puts a fault of the DNS in force; the number removes it again.
    pub fn inject_dns(&self, fault: DnsFault) -> u64 {
        let mut world = self.lock();
        let now = world.now();
        world.dns.inject(fault, now)
    }

    /// Removes a fault of the DNS; false when it is not in force any more.
    pub fn remove_dns_fault(&self, id: u64) -> bool {
        self.lock().dns.faults.remove(id)
    }

    /// Removes all faults of the DNS.
    pub fn clear_dns_faults(&self) {
        self.lock().dns.faults.clear();
    }

    /// The faults of the DNS in force, with their numbers.
    pub fn dns_faults(&self) -> Vec<(u64, DnsFault)> {
        self.lock().dns.faults.list()
    }

    /// Every question that the DNS server understood, oldest first; the newest 100,000 are kept.
    pub fn dns_queries(&self) -> Vec<DnsQuery> {
        self.lock().dns.queries.iter().cloned().collect()
    }

    /// Forgets what the DNS server was asked.
    pub fn clear_dns_queries(&self) {
        self.lock().dns.queries.clear();
    }

    /// How long answers of the DNS may be remembered, in whole seconds.
    pub fn set_dns_ttl(&self, ttl: Duration) {
        self.lock().dns.ttl = ttl;
    }

    /// For how long DNS records must be broken until SES says so, and again until it gives up.
    pub fn set_dns_noticed_after(&self, noticed_after: Duration) {
        self.lock().dns.noticed_after = noticed_after;
    }
}
