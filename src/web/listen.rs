//! From what the operator wrote after `--web.listen-address`, or from systemd, to a socket that listens.
//!
//! Addresses are numbers: no name is looked up here, so a dead resolver cannot keep the agent from starting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait for their accept. The kernel cuts it to `net.core.somaxconn`, which is 4096 on today's Linux.
const BACKLOG: u32 = 1024;

/// What the kernel may hold of an answer that its client does not take. Left alone it grows to 4 MB a connection, which
/// counts against the memory limit of a container: 256 slow readers would hold 1 GB. 256 KiB still carries 2.5 MB/s over
/// 100 ms of distance. Accepted sockets inherit it.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;

/// Why an address cannot be listened on: what, where, and what to do next, in one sentence.
#[derive(Debug, Error)]
pub enum BindError {
    /// The text is not an address.
    #[error("{address:?} is not an address and a port; write :10060 for all addresses, 127.0.0.1:10060 or [::1]:10060")]
    NotAnAddress {
        /// What was written.
        address: String,
    },
    /// The system refused.
    #[error("cannot listen on {address}: {}", refusal(source))]
    Refused {
        /// What was written.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no socket to take over.
    #[error(
        "--web.systemd-socket is set and systemd has passed no socket; start ses-exporter by its socket unit, or remove it"
    )]
    NothingPassed,
    /// A socket that was passed is none of ours.
    #[error("socket {number} that systemd has passed is no TCP socket; write ListenStream= with a port into its unit")]
    NotTcp {
        /// Its place in the unit, counted from 1.
        number: usize,
    },
}

fn refusal(source: &io::Error) -> String {
    let (problem, way_out) = match source.kind() {
        io::ErrorKind::AddrInUse => ("the address is in use", "stop the other program or choose another"),
        io::ErrorKind::PermissionDenied => ("permission denied", "choose a port of 1024 or above"),
        io::ErrorKind::AddrNotAvailable => ("no network interface of this machine has the address", "choose another"),
        _ => return format!("{source}; choose another address with --web.listen-address"),
    };
    format!("{problem}; {way_out} with --web.listen-address")
}

/// Listens on `address`: `127.0.0.1:10060`, `[::1]:10060`, or `:10060` for all addresses of both families (of IPv4 alone
/// on a machine without IPv6). Port 0 lets the system choose; the listener's `local_addr` tells which.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// One sentence that says what is wrong, where, and what to do next.
pub fn bind(address: &str) -> Result<TcpListener, BindError> {
    let refused = |source| BindError::Refused { address: address.to_owned(), source };
    let port = match parse(address)? {
        Place::At(address) => return listen(address).map_err(refused),
        Place::Everywhere(port) => port,
    };
    // On Linux a socket on [::] takes IPv4 too, unless the machine's owner set net.ipv6.bindv6only.
    match listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).map_err(refused)
        }
        result => result.map_err(refused),
    }
}

/// The sockets that systemd listens on for this process: `ListenStream=` in its socket unit.
///
/// Must be called inside a tokio runtime, and once.
///
/// # Errors
/// That there is none, or one that can't be used.
pub fn passed_by_systemd() -> Result<Vec<TcpListener>, BindError> {
    let mut passed = listenfd::ListenFd::from_env();
    let count = passed.len();
    if count == 0 {
        return Err(BindError::NothingPassed);
    }
    let mut take = |index: usize| {
        let listener = passed.take_tcp_listener(index).ok().flatten()?;
        listener.set_nonblocking(true).ok()?;
        TcpListener::from_std(listener).ok()
    };
    (0..count).map(&mut take).zip(1..).map(|(taken, number)| taken.ok_or(BindError::NotTcp { number })).collect()
}

/// Checks what an operator wrote, without listening.
///
/// # Errors
/// The same sentence as [`bind`] for what is no address.
pub fn check_address(address: &str) -> Result<(), BindError> {
    parse(address).map(drop)
}

enum Place {
    At(SocketAddr),
    Everywhere(u16),
}

fn parse(address: &str) -> Result<Place, BindError> {
    let parsed = match address.strip_prefix(':') {
        Some(port) => port.parse().ok().map(Place::Everywhere),
        None => address.parse().ok().map(Place::At),
    };
    parsed.ok_or_else(|| BindError::NotAnAddress { address: address.to_owned() })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    // A restart must not wait until the connections of the last run have left TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_as_people_write_them() {
        for (written, ip) in [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "0.0.0.0")] {
            let bound = bind(written).unwrap().local_addr().unwrap();
            assert_eq!(bound.ip().to_string(), ip);
            assert_ne!(bound.port(), 0);
        }
    }

    #[tokio::test]
    async fn a_port_alone_listens_on_ipv4_and_where_there_is_any_on_ipv6() {
        let listener = bind(":0").unwrap();
        let bound = listener.local_addr().unwrap();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, bound.port())).unwrap();
        if bound.is_ipv6() && TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok() {
            std::net::TcpStream::connect((Ipv6Addr::LOCALHOST, bound.port())).unwrap();
        }
    }

    #[tokio::test]
    async fn every_refusal_says_what_where_and_what_next() {
        let taken = bind("127.0.0.1:0").unwrap();
        let taken = taken.local_addr().unwrap();
        assert_eq!(
            bind(&taken.to_string()).unwrap_err().to_string(),
            format!(
                "cannot listen on {taken}: the address is in use; stop the other program or choose another with \
                 --web.listen-address"
            ),
        );
        // 192.0.2.0/24 is kept for documentation (RFC 5737): no machine has it.
        assert_eq!(
            bind("192.0.2.1:10060").unwrap_err().to_string(),
            "cannot listen on 192.0.2.1:10060: no network interface of this machine has the address; choose another \
             with --web.listen-address",
        );
        for nonsense in ["", ":", "10060", ":70000", "localhost:10060", "127.0.0.1", "::1:9100x", "[::1]", ":1 "] {
            let message = bind(nonsense).unwrap_err().to_string();
            assert!(message.starts_with(&format!("\"{nonsense}\" is not an address")), "{message}");
        }
        let denied = refusal(&io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(denied, "permission denied; choose a port of 1024 or above with --web.listen-address");
    }
}
