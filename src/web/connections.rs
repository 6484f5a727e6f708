//! Who is connected, and who leaves when places run short.
//!
//! A refusal of newcomers would let 4096 silent connections keep Prometheus out for ever. So a newcomer is let in, and the
//! oldest connection that has no request in flight is closed for it; if there is none, the oldest whose client takes
//! nothing of its answer. Only when every connection is being served is a newcomer refused. This module does no IO.
//!
//! In a flood the oldest may be a few milliseconds old, and may be Prometheus, whose request is still on its way. So
//! everybody has [`LEAST_STAY`], and newcomers wait in the kernel's queue until somebody has had it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::connection::Connection;
use crate::telemetry::ConnectionClosed;

/// Nobody has to make room before having had the time to ask, even from a container that is throttled for 100 ms at a time.
/// With 512 places (half of the usual 1024 descriptors) this lets 2,000 newcomers a second in.
const LEAST_STAY: Duration = Duration::from_millis(250);

/// Those who share a limit: an IPv4 address, an IPv6 /64, which is what one customer is given at the least, or everybody
/// who comes by a file of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    V4([u8; 4]),
    V6([u16; 4]),
    Here,
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Origin {
        // A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d.
        match address.to_canonical() {
            IpAddr::V4(v4) => Origin::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Origin::V6([a, b, c, d])
            }
        }
    }
}

/// All connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    total: usize,
    per_origin: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    accepted: u64,
    /// By number of accept, so the oldest comes first.
    by_age: BTreeMap<u64, (Origin, Arc<Connection>)>,
    by_origin: HashMap<Origin, usize>,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Somebody can make room, but not before this instant.
    Until(Instant),
    /// There is none for this client.
    Refused(ConnectionClosed),
}

/// A connection's place. Dropping it frees the place, whatever the end was.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    origin: Origin,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Arc<Connections> {
        let (total, per_origin) = (limits.connections, limits.connections_per_address);
        Arc::new(Connections { total, per_origin, open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a client from `origin`, if need be one that another has to leave.
    ///
    /// # Errors
    /// That there is none, now or at all. A crowd at one address never makes others wait.
    pub(super) fn admit(self: &Arc<Self>, origin: impl Into<Origin>) -> Result<Seat, Full> {
        let origin = origin.into();
        let mut open = self.open();
        if open.by_origin.get(&origin).is_some_and(|count| *count >= self.per_origin) {
            let reason = ConnectionClosed::AddressLimit;
            open.make_room(reason, Some(origin)).map_err(|_| Full::Refused(reason))?;
        }
        if open.by_age.len() >= self.total {
            open.make_room(ConnectionClosed::Evicted, None)?;
        }
        let number = open.accepted;
        let connection = Arc::new(Connection::new());
        open.accepted += 1;
        open.by_age.insert(number, (origin, Arc::clone(&connection)));
        *open.by_origin.entry(origin).or_default() += 1;
        Ok(Seat { number, origin, connection, connections: Arc::clone(self) })
    }

    /// Asks the connection that can best be spared to leave, because something is short that the limits do not count.
    pub(super) fn make_room(&self) -> Result<(), Full> {
        self.open().make_room(ConnectionClosed::Evicted, None)
    }
}

impl Open {
    /// Asks one connection to leave, of those at `origin` if one is given.
    fn make_room(&mut self, reason: ConnectionClosed, origin: Option<Origin>) -> Result<(), Full> {
        let now = Instant::now();
        let candidates = || {
            let all = self.by_age.iter().map(|(number, (at, connection))| (*number, *at, connection));
            all.filter(|(_, at, _)| origin.is_none_or(|origin| origin == *at)).map(|(number, _, other)| (number, other))
        };
        let stayed = |since: Option<Instant>| since.is_some_and(|since| since + LEAST_STAY <= now);
        let spare = candidates()
            .find(|(_, other)| stayed(other.waiting_since()))
            .or_else(|| candidates().find(|(_, other)| stayed(other.stalled_since())));
        let Some((number, _)) = spare else {
            let since = candidates().filter_map(|(_, other)| other.waiting_since().or(other.stalled_since())).min();
            return Err(since.map_or(Full::Refused(reason), |since| Full::Until(since + LEAST_STAY)));
        };
        if let Some(connection) = self.remove(number) {
            connection.ask_to_leave(reason);
        }
        Ok(())
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let (origin, connection) = self.by_age.remove(&number)?;
        if let Some(count) = self.by_origin.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                self.by_origin.remove(&origin);
            }
        }
        Some(connection)
    }
}

impl Seat {
    /// What the connection in this place is doing.
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Where the client is.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.open().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn connections(total: usize, per_address: usize) -> Arc<Connections> {
        Connections::new(&Limits { connections: total, connections_per_address: per_address, ..Limits::default() })
    }

    fn left(seat: &Seat) -> Option<ConnectionClosed> {
        seat.connection.asked_to_leave().now_or_never()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn stay() {
        tokio::time::advance(LEAST_STAY).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_without_a_request_makes_room() {
        let connections = connections(3, 100);
        let [busy, idle, new] = [(); 3].map(|()| connections.admit(HERE).unwrap());
        busy.connection.asked();
        stay().await;
        let newcomer = connections.admit(HERE).unwrap();
        assert_eq!(left(&busy), None);
        assert_eq!(left(&idle), Some(ConnectionClosed::Evicted));
        assert_eq!(left(&new), None);
        drop((idle, newcomer));
        assert_eq!(connections.open().by_age.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leaves_before_having_had_the_time_to_ask() {
        let connections = connections(2, 100);
        let [first, second] = [(); 2].map(|()| connections.admit(HERE).unwrap());
        tokio::time::advance(LEAST_STAY / 2).await;
        second.connection.asked();
        let at = Instant::now() + LEAST_STAY / 2;
        assert_eq!(connections.admit(HERE).unwrap_err(), Full::Until(at));
        tokio::time::advance(LEAST_STAY / 2).await;
        assert!(connections.admit(HERE).is_ok());
        assert_eq!(left(&first), Some(ConnectionClosed::Evicted));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_does_not_read_leaves_before_one_who_does_and_nobody_leaves_who_is_served() {
        let connections = connections(2, 100);
        let [served, stalled] = [(); 2].map(|()| connections.admit(HERE).unwrap());
        for seat in [&served, &stalled] {
            seat.connection.asked();
            seat.connection.answered();
        }
        stalled.connection.stalled();
        assert_eq!(
            connections.admit(HERE).unwrap_err(),
            Full::Until(Instant::now() + LEAST_STAY),
            "not at the first stall"
        );
        stay().await;
        let newcomer = connections.admit(HERE).unwrap();
        assert_eq!((left(&served), left(&stalled)), (None, Some(ConnectionClosed::Evicted)));
        newcomer.connection.asked();
        let refused = Full::Refused(ConnectionClosed::Evicted);
        assert_eq!(connections.admit(HERE).unwrap_err(), refused);
        assert_eq!(connections.make_room().unwrap_err(), refused);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_makes_room_among_its_own() {
        let connections = connections(100, 2);
        let other = connections.admit(address("10.0.0.1")).unwrap();
        let first = connections.admit(address("10.0.0.2")).unwrap();
        // The same client through a dual-stack socket.
        let second = connections.admit(address("::ffff:10.0.0.2")).unwrap();
        let refused = Full::Refused(ConnectionClosed::AddressLimit);
        assert_eq!(connections.admit(address("10.0.0.2")).unwrap_err(), refused, "nobody else has to wait for these");
        stay().await;
        let third = connections.admit(address("10.0.0.2")).unwrap();
        assert_eq!(left(&first), Some(ConnectionClosed::AddressLimit));
        assert_eq!((left(&other), left(&second)), (None, None));
        second.connection.asked();
        third.connection.asked();
        assert_eq!(connections.admit(address("10.0.0.2")).unwrap_err(), refused);
        drop(second);
        assert!(connections.admit(address("10.0.0.2")).is_ok());
        assert!(connections.open().by_origin.values().all(|count| *count > 0));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let origin = |text| Origin::from(address(text));
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
        assert_ne!(origin("127.0.0.1"), Origin::Here);
    }
}
