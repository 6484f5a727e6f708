//! A server with a small site to test against, and a client that sees every byte.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use ses_exporter::telemetry::{ConnectionClosed, Telemetry};
use ses_exporter::web::{Gate, Limits, Site, bind, serve};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub(super) const MEGABYTE: usize = 1_000_000;
/// Far more than anything here takes on a busy machine; reached only when a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
pub(super) const POST: &[Method] = &[Method::POST];

/// A small site with one trap a path.
pub(super) struct Traps {
    pub(super) page: Bytes,
    /// `/gate` is being answered.
    pub(super) entered: Notify,
    /// `/gate` may go on.
    pub(super) gate: Notify,
}

impl Traps {
    pub(super) fn new(page: usize) -> Traps {
        Traps { page: vec![b'x'; page].into(), entered: Notify::new(), gate: Notify::new() }
    }
}

impl Site for Traps {
    fn methods(&self, path: &str) -> &'static [Method] {
        if path == "/-/reload" { POST } else { &READ }
    }

    async fn answer(&self, request: Request<()>) -> Response<Full<Bytes>> {
        let body = match request.uri().path() {
            "/" | "/-/reload" => Bytes::from_static(b"hello\n"),
            "/page" => self.page.clone(),
            "/gate" => {
                self.entered.notify_one();
                self.gate.notified().await;
                self.page.clone()
            }
            "/panic" => panic!("a panic on purpose"),
            _ => {
                let mut response = Response::new(Full::from("not found\n"));
                *response.status_mut() = StatusCode::NOT_FOUND;
                return response;
            }
        };
        Response::new(Full::from(body))
    }
}

pub(super) const READ: [Method; 2] = [Method::GET, Method::HEAD];

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) traps: Arc<Traps>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(limits: Limits) -> Server {
        Server::with_page(limits, 100)
    }

    pub(super) fn with_page(limits: Limits, bytes: usize) -> Server {
        Server::behind(Gate::open(), limits, bytes)
    }

    pub(super) fn behind(gate: Gate, limits: Limits, bytes: usize) -> Server {
        let listener = bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let traps = Arc::new(Traps::new(bytes));
        let telemetry = Arc::new(Telemetry::new("0.0.0", "test").unwrap());
        let (stop, told) = watch::channel(false);
        let task = tokio::spawn(serve(
            vec![listener],
            Arc::clone(&traps),
            Arc::new(gate),
            limits,
            Arc::clone(&telemetry),
            told,
        ));
        Server { address, traps, telemetry, stop, task }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From an address of its own, 127.1.x.y.
    pub(super) async fn connect_from(&self, source: u16) -> std::io::Result<TcpStream> {
        connect_from(self.address, source).await
    }

    /// Sends `request` and reads until the server closes.
    pub(super) async fn exchange(&self, request: &[u8]) -> String {
        let mut client = self.connect().await;
        // The server may have closed already; what it said before counts.
        let _ = client.write_all(request).await;
        let _ = client.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, client.read_to_end(&mut answer)).await.expect("the server must close");
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(super) fn requests(&self, code: &str) -> f64 {
        self.counter("ses_exporter_http_requests_total", code)
    }

    pub(super) fn closed(&self, reason: ConnectionClosed) -> f64 {
        self.counter("ses_exporter_http_connections_closed_total", reason.as_str())
    }

    pub(super) fn counter(&self, family: &str, label: &str) -> f64 {
        let families = self.telemetry.gather();
        let family = families.iter().find(|found| found.name() == family).unwrap();
        let metric = family.get_metric().iter().find(|metric| metric.get_label()[0].value() == label);
        metric.map_or(0.0, |metric| metric.get_counter().get_value())
    }

    pub(super) fn resident_bytes(&self) -> f64 {
        self.gauge("process_resident_memory_bytes").unwrap()
    }

    /// The value of a gauge without labels, if it has one.
    pub(super) fn gauge(&self, family: &str) -> Option<f64> {
        let families = self.telemetry.gather();
        let family = families.iter().find(|found| found.name() == family)?;
        Some(family.get_metric()[0].get_gauge().get_value())
    }
}

pub(super) async fn connect_from(address: SocketAddr, source: u16) -> std::io::Result<TcpStream> {
    let [high, low] = source.to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    socket.connect(address).await
}

/// One answer, as long as its Content-Length says: status code, head, length of the body.
pub(super) async fn read_answer(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> std::io::Result<(u16, String, usize)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    Ok((head[9..12].parse().unwrap(), head, length))
}

pub(super) async fn get(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> std::io::Result<(u16, String, usize)> {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
    read_answer(client).await
}

/// Waits until the server has closed this connection, reading whatever still comes.
pub(super) async fn closed(client: &mut TcpStream) {
    let mut rest = vec![0; 65536];
    let wait = async { while matches!(client.read(&mut rest).await, Ok(1..)) {} };
    timeout(PATIENCE, wait).await.expect("the server must close this connection");
}

pub(super) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

pub(super) fn quick() -> Limits {
    Limits { header_timeout: Duration::from_millis(200), ..Limits::default() }
}
