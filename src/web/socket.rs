//! The sockets of the server, whichever they are: TCP, or a file of this machine.
//!
//! What is the same for both is done elsewhere; here is where they differ. Vectored writes are passed on as such.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::connections::Origin;
use super::socket_file::SocketFile;

/// A socket that listens.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    /// The file goes first: as long as the socket listens, nobody else takes the file for one that is left over.
    File(SocketFile, UnixListener),
    /// A file that belongs to systemd.
    Passed(UnixListener),
}

/// A client's socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// Over a network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

impl Listener {
    /// The address and the port; none where it is a file.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::File(..) | Kind::Passed(_) => None,
        }
    }

    pub(super) fn on(file: SocketFile, listener: UnixListener) -> Self {
        Self(Kind::File(file, listener))
    }

    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Origin)>> {
        match &self.0 {
            Kind::Tcp(listener) => listener.poll_accept(cx).map_ok(|(socket, peer)| {
                // The last packet of a page must not wait for an acknowledgement; if it does, nothing is lost but time.
                let _ = socket.set_nodelay(true);
                (Socket::Tcp(socket), Origin::from(peer.ip()))
            }),
            Kind::File(_, listener) | Kind::Passed(listener) => {
                listener.poll_accept(cx).map_ok(|(socket, _)| (Socket::Unix(socket), Origin::Here))
            }
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self(Kind::Tcp(listener))
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self(Kind::Passed(listener))
    }
}

/// As it is written after `--web.listen-address`.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().map_err(|_| fmt::Error)?.fmt(f),
            Kind::File(file, _) => write!(f, "unix:{}", file.path().display()),
            Kind::Passed(listener) => {
                let address = listener.local_addr().map_err(|_| fmt::Error)?;
                write!(f, "unix:{}", address.as_pathname().unwrap_or("".as_ref()).display())
            }
        }
    }
}

impl Socket {
    /// Forgets what the client has not taken: otherwise the kernel would keep it, and retransmit it for minutes. On this
    /// machine it is gone with the socket.
    pub(super) fn forget_unsent(&self) {
        if let Self::Tcp(socket) = self {
            // If it cannot be set, the socket is broken already.
            let _ = socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.is_write_vectored(),
            Self::Unix(socket) => socket.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
