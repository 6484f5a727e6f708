//! The HTTP server: it takes connections, bounds what each of them may cost, and hands requests to a [`Site`].
//!
//! It speaks HTTP/1.1 only, never reads the body of a request, and never lets those who are slow on purpose keep out
//! those who are not: when places run short, the oldest connection that has no request in flight makes room. Who may come
//! in, and whether TLS is spoken, is the business of the [`Gate`]. It knows no page; what is answered at which path is the
//! site's business.
//!
//! Reading order: [`Limits`], `server` (accepting and stopping), `connections` (who may stay), `connection` (what
//! one is doing), `conversation` (one from accept to close), `handshake`, `stream` (a socket, watched), `socket` and `socket_file` (TCP or a file), `gate` (what is in
//! force of the web configuration) with `users` and `rate`, `web_config` (its file), `listen` (addresses), [`negotiation`].

mod connection;
mod connections;
mod conversation;
mod gate;
mod handshake;
mod listen;
pub mod negotiation;
mod rate;
mod server;
mod socket;
mod socket_file;
mod stream;
mod users;
mod web_config;

use std::future::Future;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};

pub use self::gate::{Gate, GateError};
pub use self::listen::{BindError, bind, check_address, passed_by_systemd};
pub use self::server::serve;
pub use self::socket::Listener;
pub use self::socket_file::SocketFileError;

/// What a path takes unless the site says otherwise.
pub const READ: &[Method] = &[Method::GET, Method::HEAD];

/// What is to be seen at this address.
pub trait Site: Send + Sync + 'static {
    /// The methods that `path` takes. Another method is answered with 405 and never reaches [`Site::answer`].
    fn methods(&self, path: &str) -> &'static [Method] {
        let _ = path;
        READ
    }

    /// Answers one request: method, address and headers. The body is never read.
    ///
    /// A HEAD is answered like the GET; the server drops the body and keeps its length. A panic in here is answered with
    /// 500, logged, and ends nothing else.
    fn answer(&self, request: Request<()>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// What a client may cost. The defaults are for everybody; tests make them smaller.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the accept, or from the first byte of a later request, to the end of its head; the handshake of TLS is inside. A head is one packet;
    /// 5 s is what kube-state-metrics gives and forgives one lost packet and its retransmission.
    pub header_timeout: Duration,
    /// How long a connection is kept without a request. Prometheus' look-back of 5 minutes makes intervals above 2
    /// minutes unusual, so 150 s lets it keep one connection. Idle connections are the first to make room.
    pub keep_alive: Duration,
    /// How long a client may take no byte at all of an answer that waits for it.
    pub write_timeout: Duration,
    /// From the end of the head to the last byte of the answer, for those who take one byte at a time: each holds a
    /// page in memory that may be another one than the last. Prometheus gives up after 10 s unless told otherwise.
    pub answer_timeout: Duration,
    /// Size of a request's head in bytes, above which the answer is 431. At least 8192 (hyper's own minimum).
    pub head_bytes: usize,
    /// Number of headers above which the answer is 431. Prometheus sends 5, a browser behind a proxy about 30.
    pub headers: usize,
    /// Connections in all: 16 to 23 kB each, so about 90 MB at the worst. Never more than half of the descriptors that
    /// the process may open: the other half belongs to the calls to AWS.
    pub connections: usize,
    /// Connections of one IPv4 address or one IPv6 /64. Prometheus needs one, a browser six; what is left is for
    /// many clients behind one proxy.
    pub connections_per_address: usize,
    /// How long answers in flight may go on once the server is told to stop. The whole agent has 2 s.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            header_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(150),
            write_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            headers: 64,
            connections: 4096,
            connections_per_address: 256,
            grace: Duration::from_secs(1),
        }
    }
}
