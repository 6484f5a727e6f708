//! The one door to DNS: every query passes [`Resolver::look`], which waits for its turn, bounds and classifies.
//!
//! It asks resolvers, never name servers, and keeps no answers: two looks at a record must be two questions. No search
//! domains, no hosts file. It judges no record; an answer that nobody gave is never taken for "not there".

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequestOptions, Query};
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, system_conf};
use tokio::time::timeout;

pub use look::{Look, RecordType, Value, normal};
use pace::Pace;

mod answer;
mod look;
mod pace;

/// Whom to ask, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The resolvers; those of the system where empty.
    pub resolvers: Vec<SocketAddr>,
    /// Queries a second of the whole process.
    pub queries_per_second: u32,
}

impl Default for Settings {
    /// The system's resolvers, and a pace that a small office router keeps up with.
    fn default() -> Self {
        Self { resolvers: Vec::new(), queries_per_second: 50 }
    }
}

/// The door. Clones share one pace, so there is one of it in a process.
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    /// Each by itself, so that the one that answers is known.
    servers: Vec<Server>,
    /// Why there are none.
    none: String,
    /// The place of the server to ask first: the one that answered last.
    first: AtomicUsize,
    pace: Pace,
    /// Longest time of one attempt.
    longest: Duration,
}

type Server = NameServerPool<TokioRuntimeProvider>;

/// A look is tried so often, each time with another resolver if there is one.
const ATTEMPTS: usize = 2;
/// A resolver that knows nothing yet takes a second for a name far away. Within this time the library repeats a query
/// over UDP up to twice, and asks over TCP if the answer was cut short.
const LONGEST: Duration = Duration::from_secs(2);
/// A zone that begins further up than this is none of the user's.
const MOST_STEPS_TO_ZONE: usize = 10;

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("servers", &self.0.servers.len()).finish_non_exhaustive()
    }
}

impl Resolver {
    /// The door to the resolvers that the settings name. Without any there is a door too: it then knows nothing.
    pub fn new(settings: &Settings) -> Self {
        Self::over(configured(settings), settings.queries_per_second, LONGEST)
    }

    fn over(servers: Result<Vec<NameServerConfig>, NetError>, queries_per_second: u32, longest: Duration) -> Self {
        let (servers, none) = match servers.and_then(|servers| pools(servers, longest)) {
            Ok(servers) => (servers, String::new()),
            Err(error) => (Vec::new(), format!("no resolver is known: /etc/resolv.conf: {error}; set [dns] resolvers")),
        };
        let pace = Pace::new(queries_per_second);
        Self(Arc::new(Shared { servers, none, first: AtomicUsize::new(0), pace, longest }))
    }

    /// Looks up one type of record at one name, which is taken as absolute. An alias is followed, except where aliases
    /// are asked for; the start of the zone is looked for further up too. Waiting for a turn counts against no limit.
    pub async fn look(&self, name: &str, what: RecordType) -> Look {
        let Some(mut name) = absolute(name) else {
            return Look::Unknown("this is no name that can be asked for".to_owned());
        };
        let mut look = self.ask(&name, what).await;
        if what != RecordType::Soa {
            return look;
        }
        for _ in 0..MOST_STEPS_TO_ZONE {
            if !matches!(look, Look::Nothing { .. }) || name.num_labels() <= 1 {
                break;
            }
            name = name.base_name();
            look = self.ask(&name, what).await;
        }
        look
    }

    async fn ask(&self, name: &Name, what: RecordType) -> Look {
        let Shared { servers, none, first, .. } = &*self.0;
        let begin = first.load(Ordering::Relaxed);
        let mut unknown = Look::Unanswered(none.clone());
        for server in 0..ATTEMPTS {
            let at = (begin + server).checked_rem(servers.len()).unwrap_or_default();
            let Some(server) = servers.get(at) else { return unknown };
            match self.attempt(server, name, what).await {
                // A resolver that is silent beside one that answered "I don't know" does not undo that answer.
                Look::Unanswered(_) if matches!(unknown, Look::Unknown(_)) => {}
                look @ (Look::Unknown(_) | Look::Unanswered(_)) => unknown = look,
                look => {
                    first.store(at, Ordering::Relaxed);
                    return look;
                }
            }
        }
        // With more resolvers than attempts, the next look begins where this one ended.
        let next = (begin + ATTEMPTS).checked_rem(servers.len()).unwrap_or_default();
        let _ = first.compare_exchange(begin, next, Ordering::Relaxed, Ordering::Relaxed);
        unknown
    }

    async fn attempt(&self, server: &Server, name: &Name, what: RecordType) -> Look {
        let _turn = self.0.pace.turn().await;
        let query = Query::query(name.clone(), what.on_the_wire());
        match timeout(self.0.longest, server.lookup(query, DnsRequestOptions::default()).first_answer()).await {
            Ok(Ok(response)) => answer::read(&response, name, what),
            Ok(Err(error)) => answer::failed(&error, name, what),
            Err(_) => answer::failed(&NetError::Timeout, name, what),
        }
    }
}

fn configured(settings: &Settings) -> Result<Vec<NameServerConfig>, NetError> {
    if settings.resolvers.is_empty() {
        return system_conf::read_system_conf().map(|(config, _)| config.name_servers().to_vec());
    }
    Ok(settings.resolvers.iter().map(server).collect())
}

fn pools(servers: Vec<NameServerConfig>, longest: Duration) -> Result<Vec<Server>, NetError> {
    let mut options = ResolverOpts::default();
    options.timeout = longest;
    let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
    let pool = |server| NameServerPool::from_config([server], Arc::clone(&context), TokioRuntimeProvider::default());
    Ok(servers.into_iter().map(pool).collect())
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// Whether a name is one that can be asked for: not empty, no empty label, none over 63 bytes, 255 in all. An e-mail
/// address is none; it never leaves the machine.
pub fn can_be_asked_for(name: &str) -> bool {
    absolute(name).is_some()
}

fn absolute(name: &str) -> Option<Name> {
    let name = normal(name);
    if name.contains('@') {
        return None;
    }
    // The rules for international names refuse an underscore inside a label, which records of DKIM do have.
    let parsed = if name.is_ascii() { Name::from_ascii(name) } else { Name::from_utf8(name) };
    let mut name = parsed.ok().filter(|name| name.num_labels() > 0)?;
    name.set_fqdn(true);
    Some(name)
}

#[cfg(test)]
mod tests;
