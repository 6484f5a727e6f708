//! From what the operator wrote after `--web.listen-address`, or from systemd, to a socket that listens.
//!
//! Addresses are numbers, or files of this machine: no name is looked up here, so a dead resolver cannot keep the agent
//! from starting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use listenfd::ListenFd;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::socket::Listener;
use super::socket_file::{SocketFile, SocketFileError};

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
    #[error(
        "{address:?} is not an address and a port; write :10060 for all addresses, 127.0.0.1:10060, [::1]:10060, or \
         unix:/run/ses-exporter/web.sock for a socket in the file system"
    )]
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
    /// There can be no socket in the file system.
    #[error("cannot listen on {address}: {}", refusal_of_file(why))]
    File {
        /// What was written.
        address: String,
        /// What is in the way.
        why: SocketFileError,
    },
    /// There is no socket to take over.
    #[error(
        "--web.systemd-socket is set and systemd has passed no socket; start ses-exporter by its socket unit, or remove it"
    )]
    NothingPassed,
    /// A socket that was passed is none of ours.
    #[error(
        "socket {number} that systemd has passed takes no connections; write ListenStream= with a port or a file into its \
         unit"
    )]
    NotAStream {
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

fn refusal_of_file(why: &SocketFileError) -> String {
    let way_out = match why {
        SocketFileError::NotASocket => "remove it or choose another name",
        SocketFileError::InUse => "stop it or choose another name",
        SocketFileError::System(error) => match error.kind() {
            io::ErrorKind::NotFound => {
                "its folder is missing; RuntimeDirectory= in a systemd unit makes one; or choose another"
            }
            io::ErrorKind::PermissionDenied => "choose a folder in which ses-exporter may write",
            _ => "choose another name",
        },
    };
    format!("{why}; {way_out} with --web.listen-address")
}

/// Listens on `address`: `127.0.0.1:10060`, `[::1]:10060`, `:10060` for all addresses of both families (of IPv4 alone on a
/// machine without IPv6), or `unix:/run/ses-exporter/web.sock` for a file, which owner and group may use. Port 0 lets the
/// system choose; the listener's `local_addr` tells which.
///
/// Must be called inside a tokio runtime.
///
/// # Errors
/// One sentence that says what is wrong, where, and what to do next.
pub fn bind(address: &str) -> Result<Listener, BindError> {
    let refused = |source| BindError::Refused { address: address.to_owned(), source };
    match parse(address)? {
        Place::At(address) => Ok(listen(address).map_err(refused)?.into()),
        Place::Everywhere(port) => Ok(listen_everywhere(port).map_err(refused)?.into()),
        Place::File(path) => {
            let (file, listener) = SocketFile::listen(&path, BACKLOG)
                .map_err(|why| BindError::File { address: address.to_owned(), why })?;
            Ok(Listener::on(file, listener))
        }
    }
}

fn listen_everywhere(port: u16) -> io::Result<TcpListener> {
    // On Linux a socket on [::] takes IPv4 too, unless the machine's owner set net.ipv6.bindv6only.
    match listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {
            listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
        result => result,
    }
}

/// The sockets that systemd listens on for this process: `ListenStream=` in its socket unit.
///
/// Must be called inside a tokio runtime, and once.
///
/// # Errors
/// That there is none, or one that can't be used.
pub fn passed_by_systemd() -> Result<Vec<Listener>, BindError> {
    let mut passed = ListenFd::from_env();
    let count = passed.len();
    if count == 0 {
        return Err(BindError::NothingPassed);
    }
    let taken = (0..count).map(|index| take_tcp(&mut passed, index).or_else(|| take_unix(&mut passed, index)));
    taken.zip(1..).map(|(taken, number)| taken.ok_or(BindError::NotAStream { number })).collect()
}

fn take_tcp(passed: &mut ListenFd, index: usize) -> Option<Listener> {
    let listener = passed.take_tcp_listener(index).ok().flatten()?;
    listener.set_nonblocking(true).ok()?;
    Some(TcpListener::from_std(listener).ok()?.into())
}

fn take_unix(passed: &mut ListenFd, index: usize) -> Option<Listener> {
    let listener = passed.take_unix_listener(index).ok().flatten()?;
    listener.set_nonblocking(true).ok()?;
    Some(UnixListener::from_std(listener).ok()?.into())
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
    File(PathBuf),
}

fn parse(address: &str) -> Result<Place, BindError> {
    let parsed = if let Some(port) = address.strip_prefix(':') {
        port.parse().ok().map(Place::Everywhere)
    } else if let Some(path) = address.strip_prefix("unix:") {
        // As a URL it has three slashes. A relative path would be another file wherever the agent is started.
        let path = path.strip_prefix("//").unwrap_or(path);
        path.starts_with('/').then(|| Place::File(path.into()))
    } else {
        address.parse().ok().map(Place::At)
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
        for nonsense in [
            "",
            ":",
            "10060",
            ":70000",
            "localhost:10060",
            "127.0.0.1",
            "::1:9100x",
            "[::1]",
            ":1 ",
            "unix:",
            "unix:x",
            "unix://x/y",
            "/run/x",
        ] {
            let message = bind(nonsense).unwrap_err().to_string();
            assert!(message.starts_with(&format!("\"{nonsense}\" is not an address")), "{message}");
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, words) in [
            ("unix:{}/web.sock", "another process listens there; stop it or choose another name"),
            ("unix://{}/words", "there is a file that is no socket; remove it or choose another name"),
            ("unix:{}/none/web.sock", "No such file or directory (os error 2); its folder is missing; "),
        ] {
            let address = name.replace("{}", &folder.path().display().to_string());
            let _first = bind(&format!("unix:{}/web.sock", folder.path().display()));
            std::fs::write(folder.path().join("words"), "").unwrap();
            let message = bind(&address).unwrap_err().to_string();
            assert!(message.starts_with(&format!("cannot listen on {address}: {words}")), "{message}");
            assert!(message.ends_with(" with --web.listen-address"), "{message}");
        }
        let denied = refusal(&io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(denied, "permission denied; choose a port of 1024 or above with --web.listen-address");
    }
}
