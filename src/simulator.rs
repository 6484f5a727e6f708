//! Amazon SES v2, Amazon SES v1 and STS as a local HTTP server, and the DNS of its domains, for the demo and for tests.
//!
//! # What it is
//! A [`World`] of accounts, regions, identities and sends, and a server that answers from it in the wire formats of AWS, so that
//! unmodified SDKs and the `aws` command line talk to it: set `AWS_ENDPOINT_URL` to [`Simulator::url`]. The access key says which account
//! asks, the credential scope which region. One simulator stands for all accounts and all regions.
//!
//! It behaves as AWS does where that matters to a client that polls: it refuses a second request within a second, it does not tell a
//! wrong key from a region that is not enabled, it hands out temporary keys that expire, it pages, it leaves out what is empty, and
//! bounces arrive late. Its world moves with its clock, and its clock can be moved. Whatever AWS or the network may do wrong can be
//! ordered as a [`Fault`], in Rust or under `/_simulator/` (GET it for a list of all there is).
//!
//! # What it never does
//! * It uses nothing else of this crate: a fault must not be shared with its judge.
//! * It listens on nothing but the loopback, since whoever reaches it may change it.
//! * It verifies no signatures: any secret will do.
//! * It delivers no mail: a message that it takes is counted and gone, and no bounce or notification comes of it.
//! * It does nothing on behalf of people: links are clicked, records published and requests decided where a test says so.
//!
//! # What changes it
//! Its own operations, by which people mend things at AWS: identities are created, sending is paused, production access is asked for, and
//! messages are taken or refused by the rules of SES. The log marks every write ([`LoggedRequest::writes`]), so that a test can prove that
//! an agent makes none. The rest is up to stories, faults and the control API.
//!
//! # The way of a request
//! `wire` reads it; `call` finds operation, key and region; `door` decides: known key (`sts`), fault (`trouble`, `spoil`), enabled region,
//! rate (`rate`), then the operation (`sesv2`, `ses`, `sts`, `writes`) on the state of the region (`region`, `identity`,
//! `configuration_set`, `sending`); `send` decides about mail (`mail`, `address`), and `people` are who acts outside of the API; `body` sends the answer in the manner that a fault wants; `journal` remembers it. `control` is the API under
//! `/_simulator/`, `seed` the demo. `dns` is a server of its own that looks at the same world.

mod account;
mod address;
mod answer;
mod body;
mod call;
mod chance;
mod clock;
mod configuration_set;
mod control;
mod dns;
mod door;
mod geography;
mod identity;
mod journal;
mod mail;
mod merge;
mod neighbours;
mod page;
mod people;
mod rate;
mod region;
mod seed;
mod send;
mod sending;
mod ses;
mod sesv2;
mod shared;
mod spoil;
mod story;
mod sts;
mod trouble;
mod wire;
mod world;
mod writes;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::account::{AccessKey, Account, Entrance, Role};
pub use self::clock::Clock;
pub use self::configuration_set::{ConfigurationSet, Destination, EventDestination};
pub use self::dns::{DnsFault, DnsFaultKind, DnsQuery, DnsType, Transport};
pub use self::geography::{REGIONS_BY_DEFAULT, REGIONS_TO_OPT_IN};
pub use self::identity::{Identity, Topics};
pub use self::journal::{LoggedRequest, Service};
pub use self::people::{Decision, Quota};
pub use self::rate::Rate;
pub use self::region::{ACCOUNT_MEMBERS, Region, Suppressed};
pub use self::sending::{Bucket, Campaign, Profile, Sending};
pub use self::shared::SharedWorld;
pub use self::story::{Change, Scene};
pub use self::trouble::{Fault, Trouble};
pub use self::world::{World, WorldError};

/// A running simulator. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    dns_address: SocketAddr,
    world: SharedWorld,
    server: JoinHandle<()>,
    dns_server: JoinHandle<()>,
}

impl Simulator {
    /// Starts to answer from `world` on `listen`, and DNS questions on any free port of the same address; port 0 takes any free port.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When `listen` is not a loopback address, or cannot be bound.
    pub async fn start(listen: SocketAddr, world: World) -> io::Result<Simulator> {
        Simulator::start_with_dns(listen, SocketAddr::new(listen.ip(), 0), world).await
    }

    /// The same with a chosen address for DNS questions, UDP and TCP under one number.
    ///
    /// # Errors
    /// When one of the addresses is not a loopback address, or cannot be bound.
    pub async fn start_with_dns(listen: SocketAddr, dns_listen: SocketAddr, mut world: World) -> io::Result<Simulator> {
        must_be_loopback(listen)?;
        must_be_loopback(dns_listen)?;
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let sockets = dns::Sockets::bind(dns_listen).await?;
        let dns_address = sockets.address;
        world.dns.address = Some(dns_address);
        let world = SharedWorld::new(world);
        let server = tokio::spawn(wire::accept(listener, world.clone()));
        let dns_server = tokio::spawn(sockets.serve(world.clone()));
        Ok(Simulator { address, dns_address, world, server, dns_server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers DNS questions, over UDP and TCP.
    pub fn dns_address(&self) -> SocketAddr {
        self.dns_address
    }

    /// `http://127.0.0.1:PORT`, the endpoint URL for SES v1, SES v2 and STS alike.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The world that it answers from.
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// Ends it, and returns when its ports are free again.
    pub async fn stop(mut self) {
        for task in [&mut self.server, &mut self.dns_server] {
            task.abort();
            // An aborted task ends with an error by definition.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
        self.dns_server.abort();
    }
}

fn must_be_loopback(listen: SocketAddr) -> io::Result<()> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let why = format!("the simulator listens on loopback addresses only, such as 127.0.0.1:0, and {listen} is none");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
