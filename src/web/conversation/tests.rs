//! Hostile bytes into a conversation, over memory in place of a socket: whatever comes, it ends, and nothing panics.

use hyper::header::HOST;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::web::Gate;
use crate::web::negotiation::Representation;

/// A site that looks at all that a request may bring.
struct Looks;

impl Site for Looks {
    async fn answer(&self, request: Request<()>) -> Response<Full<Bytes>> {
        let wanted = Representation::wanted(request.headers());
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let length: usize = query.map(|(name, value)| name.len() + value.len()).sum();
        let host = request.headers().get(HOST).map_or(0, HeaderValue::len);
        plain_text(format!("{} {length} {host}", wanted.content_type))
    }
}

fn plain_text(text: String) -> Response<Full<Bytes>> {
    Response::new(Full::from(text))
}

/// Pieces of requests, good and bad.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "GET /metrics?a=%zz&b=%00&=&&c HTTP/1.1\r\n",
    "HEAD * HTTP/1.0\r\n",
    "POST http://[::1]:0/../%2e HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "GET /\u{202e}ä HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "Host: x\r\n",
    "Host: \r\n",
    "Authorization: Basic YW5uOmE=\r\n",
    "Authorization: Basic ////\r\n",
    "Accept: application/openmetrics-text;version=\"1.0.0\r\n",
    "Accept: */*;q=-1,,;;\"\\\r\n",
    "Accept-Encoding: gzip;q=0.5, *\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 3\r\nContent-Length: 4\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\nContent-Length: 1\r\n",
    "Connection: close, keep-alive, upgrade\r\nUpgrade: h2c\r\n",
    "Expect: 100-continue\r\n",
    " folded\r\n",
    "a : b\r\n",
    ": \r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\0",
    "ffffffffffffffff1\r\n",
    "0\r\n\r\n",
    "\x16\x03\x01",
];

fn request() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..30),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What the server answers to these bytes, until one of both has enough.
async fn said(server: &Server<Looks>, bytes: &[u8]) -> Vec<u8> {
    let (mut client, io) = duplex(1 << 16);
    let (_go_on, stop) = watch::channel(false);
    let connection = Connection::new();
    let mut bounds = Bounds::new(&connection, &server.limits, stop);
    let talk = talk(io, &mut bounds, server, |request| answer(server, Origin::V4([127, 0, 0, 1]), request));
    let speak = async {
        // The server may have had enough before all is said. If not, its clock ends it, which goes as fast as it can here.
        let _ = client.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        answer
    };
    tokio::join!(talk, speak).1
}

#[test]
fn no_bytes_make_it_panic_or_wait_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let server = Server {
        site: Arc::new(Looks),
        gate: Arc::new(Gate::open()),
        limits: Limits::default(),
        telemetry: Arc::new(Telemetry::new("0.0.0", "test").unwrap()),
    };
    let told = runtime.block_on(said(&server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(told.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&told));
    let config = crate::tries(1_000, 500_000);
    let judged = proptest::test_runner::TestRunner::new(config).run(&request(), |bytes| {
        let told = runtime.block_on(said(&server, &bytes));
        let told = String::from_utf8_lossy(&told);
        prop_assert!(told.is_empty() || told.starts_with("HTTP/1."), "{}", told);
        // The site catches what panics in it and answers with 500, so a panic would be seen here.
        prop_assert!(!told.contains("HTTP/1.1 500") && !told.contains("HTTP/1.0 500"), "{}", told);
        Ok(())
    });
    judged.unwrap();
}
