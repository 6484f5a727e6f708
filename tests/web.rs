//! The HTTP server over real sockets: what it answers, whom it closes, and that those who are slow on purpose keep nobody
//! out. Tests that measure memory, or need many descriptors, run in a process of their own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers of tests may fail as loudly as the tests themselves, which are all that clippy excepts; counts are whole"
)]

use std::future::Future;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use ses_exporter::telemetry::{ConnectionClosed, Telemetry};
use ses_exporter::web::{Limits, Site, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

const MEGABYTE: usize = 1_000_000;
/// Far more than anything here takes on a busy machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(10);
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &[Method] = &[Method::POST];

/// A small site with one trap a path.
struct Traps {
    page: Bytes,
    /// `/gate` is being answered.
    entered: Notify,
    /// `/gate` may go on.
    gate: Notify,
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

const READ: [Method; 2] = [Method::GET, Method::HEAD];

struct Server {
    address: SocketAddr,
    traps: Arc<Traps>,
    telemetry: Arc<Telemetry>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(limits: Limits) -> Server {
        Server::with_page(limits, 100)
    }

    fn with_page(limits: Limits, bytes: usize) -> Server {
        let listener = bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let traps = Arc::new(Traps { page: vec![b'x'; bytes].into(), entered: Notify::new(), gate: Notify::new() });
        let telemetry = Arc::new(Telemetry::new("0.0.0", "test").unwrap());
        let (stop, told) = watch::channel(false);
        let task = tokio::spawn(serve(vec![listener], Arc::clone(&traps), limits, Arc::clone(&telemetry), told));
        Server { address, traps, telemetry, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// From an address of its own, 127.1.x.y.
    async fn connect_from(&self, source: u16) -> std::io::Result<TcpStream> {
        connect_from(self.address, source).await
    }

    /// Sends `request` and reads until the server closes.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut client = self.connect().await;
        // The server may have closed already; what it said before counts.
        let _ = client.write_all(request).await;
        let _ = client.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, client.read_to_end(&mut answer)).await.expect("the server must close");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn requests(&self, code: &str) -> f64 {
        self.counter("ses_exporter_http_requests_total", code)
    }

    fn closed(&self, reason: ConnectionClosed) -> f64 {
        self.counter("ses_exporter_http_connections_closed_total", reason.as_str())
    }

    fn counter(&self, family: &str, label: &str) -> f64 {
        let families = self.telemetry.gather();
        let family = families.iter().find(|found| found.name() == family).unwrap();
        let metric = family.get_metric().iter().find(|metric| metric.get_label()[0].value() == label);
        metric.map_or(0.0, |metric| metric.get_counter().get_value())
    }

    fn resident_bytes(&self) -> f64 {
        let families = self.telemetry.gather();
        let family = families.iter().find(|family| family.name() == "process_resident_memory_bytes").unwrap();
        family.get_metric()[0].get_gauge().get_value()
    }
}

async fn connect_from(address: SocketAddr, source: u16) -> std::io::Result<TcpStream> {
    let [high, low] = source.to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    socket.connect(address).await
}

/// One answer, as long as its Content-Length says: status code, head, length of the body.
async fn read_answer(client: &mut TcpStream) -> std::io::Result<(u16, String, usize)> {
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

async fn get(client: &mut TcpStream, path: &str) -> std::io::Result<(u16, String, usize)> {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
    read_answer(client).await
}

/// Waits until the server has closed this connection, reading whatever still comes.
async fn closed(client: &mut TcpStream) {
    let mut rest = vec![0; 65536];
    let wait = async { while matches!(client.read(&mut rest).await, Ok(1..)) {} };
    timeout(PATIENCE, wait).await.expect("the server must close this connection");
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

fn quick() -> Limits {
    Limits { header_timeout: Duration::from_millis(200), ..Limits::default() }
}

#[tokio::test]
async fn methods_and_what_the_server_answers_by_itself() {
    let server = Server::start(Limits::default());
    let ask = async |method: &str, path: &str| {
        let answer = server.exchange(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].to_owned(), head.to_ascii_lowercase(), body.to_owned())
    };
    let (code, get_head, body) = ask("GET", "/").await;
    assert_eq!((code.as_str(), body.as_str()), ("200", "hello\n"));
    assert!(!get_head.contains("server:"), "{get_head}");
    let (code, head, body) = ask("HEAD", "/").await;
    assert_eq!((code.as_str(), body.as_str()), ("200", ""));
    assert!(head.contains("content-length: 6"), "{head}");

    for method in ["POST", "PUT", "DELETE", "TRACE", "OPTIONS", "BREW"] {
        let (code, head, _) = ask(method, "/").await;
        assert_eq!(code, "405", "{method}");
        assert!(head.contains("allow: get, head"), "{head}");
    }
    assert_eq!(ask("POST", "/-/reload").await.0, "200");
    let (code, head, _) = ask("GET", "/-/reload").await;
    assert_eq!(code, "405");
    assert!(head.contains("allow: post"), "{head}");

    assert_eq!(ask("GET", "/nothing").await.0, "404");
    assert_eq!(ask("GET", "/panic").await.0, "500");
    assert_eq!(ask("GET", "/").await.0, "200", "a panic ends nothing else");
    for (code, count) in [("200", 4.0), ("404", 1.0), ("405", 7.0), ("500", 1.0), ("503", 0.0)] {
        assert_eq!(server.requests(code), count, "{code}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_read() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut client).await.unwrap().0, 405);
    closed(&mut client).await;
}

#[tokio::test]
async fn keep_alive_and_pipelining() {
    let server = Server::with_page(Limits::default(), MEGABYTE);
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert_eq!(get(&mut client, "/").await.unwrap().0, 200);
    }
    let requests = ["/", "/nothing", "/page", "/"].map(|path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    client.write_all(requests.concat().as_bytes()).await.unwrap();
    for (code, length) in [(200, 6), (404, 10), (200, MEGABYTE), (200, 6)] {
        let answer = read_answer(&mut client).await.unwrap();
        assert_eq!((answer.0, answer.2), (code, length));
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_431() {
    let server = Server::start(Limits::default());
    let headers = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(count));
    assert!(server.exchange(headers(64).as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert!(server.exchange(headers(65).as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let bytes = |count: usize| format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(count));
    assert!(server.exchange(bytes(15_000).as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert!(server.exchange(bytes(17_000).as_bytes()).await.starts_with("HTTP/1.1 431 "));
    wait_until("431 is counted", || server.requests("431") == 2.0).await;
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_harms_nobody() {
    let server = Server::start(quick());
    let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x20\r\n\r\n";
    for request in [
        &tls_hello[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    ] {
        let answer = server.exchange(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
    }
    assert_eq!(server.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "", "HTTP/2 is not spoken");
    assert_eq!(server.exchange(b"").await, "");
    wait_until("400 is counted", || server.requests("400") == 5.0).await;

    // Requests with bytes changed at random, always the same ones.
    let mut random = fastrand::Rng::with_seed(1);
    let mut clients = JoinSet::new();
    for _ in 0..500 {
        let mut request =
            b"GET /nothing?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc".to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..request.len());
            request[at] = random.u8(..);
        }
        let address = server.address;
        clients.spawn(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            let _ = client.write_all(&request).await;
            let _ = client.shutdown().await;
            closed(&mut client).await;
        });
        if clients.len() > 50 {
            clients.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(server.exchange(GET.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(server.requests("500"), 0.0);
}

#[tokio::test]
async fn a_slow_head_is_closed_and_an_idle_connection_is_kept() {
    let server = Server::start(quick());
    let mut idle = server.connect().await;
    assert_eq!(get(&mut idle, "/").await.unwrap().0, 200);
    let mut silent = server.connect().await;
    let mut dribbler = server.connect().await;
    let start = Instant::now();
    let dribble = async {
        while dribbler.write_all(b"G").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, dribble).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    closed(&mut silent).await;
    wait_until("both are counted", || server.closed(ConnectionClosed::HeaderTimeout) == 2.0).await;

    // Older than both, and still there. But a second head is not given more time than a first.
    assert_eq!(get(&mut idle, "/").await.unwrap().0, 200);
    idle.write_all(b"GET / HT").await.unwrap();
    closed(&mut idle).await;
    wait_until("it is counted", || server.closed(ConnectionClosed::HeaderTimeout) == 3.0).await;
}

#[tokio::test]
async fn a_connection_is_not_kept_for_ever() {
    let server = Server::start(Limits { keep_alive: Duration::from_millis(100), ..Limits::default() });
    let mut client = server.connect().await;
    assert_eq!(get(&mut client, "/").await.unwrap().0, 200);
    closed(&mut client).await;
    wait_until("it is counted", || server.closed(ConnectionClosed::Idle) == 1.0).await;
}

#[tokio::test]
async fn the_oldest_connection_without_a_request_makes_room() {
    let server = Server::start(Limits { connections: 3, ..Limits::default() });
    let mut busy = server.connect().await;
    busy.write_all(b"GET /gate HTTP/1.1\r\n\r\n").await.unwrap();
    server.traps.entered.notified().await;
    let mut idle = server.connect().await;
    assert_eq!(get(&mut idle, "/").await.unwrap().0, 200);
    let mut silent = server.connect().await;
    let mut newcomers = Vec::new();
    for leaver in [&mut idle, &mut silent] {
        let mut newcomer = server.connect().await;
        assert_eq!(get(&mut newcomer, "/").await.unwrap().0, 200);
        closed(leaver).await;
        newcomers.push(newcomer);
    }
    wait_until("both are counted", || server.closed(ConnectionClosed::Evicted) == 2.0).await;
    server.traps.gate.notify_one();
    assert_eq!(read_answer(&mut busy).await.unwrap().0, 200);
}

#[tokio::test]
async fn an_address_has_its_own_limit() {
    let server = Server::start(Limits { connections_per_address: 2, ..Limits::default() });
    let mut elsewhere = server.connect_from(1).await.unwrap();
    assert_eq!(get(&mut elsewhere, "/").await.unwrap().0, 200);
    let mut clients = Vec::new();
    while clients.len() < 4 {
        // Nobody has to leave before his first 250 ms are over; until then the third is refused.
        let mut client = server.connect_from(2).await.unwrap();
        if let Ok((200, ..)) = get(&mut client, "/").await {
            clients.push(client);
        }
        sleep(Duration::from_millis(20)).await;
    }
    for client in &mut clients[..2] {
        closed(client).await;
    }
    for client in clients[2..].iter_mut().chain([&mut elsewhere]) {
        assert_eq!(get(client, "/").await.unwrap().0, 200);
    }
    wait_until("both are counted", || server.closed(ConnectionClosed::AddressLimit) >= 2.0).await;
    assert_eq!(server.closed(ConnectionClosed::Evicted), 0.0);
}

#[tokio::test]
async fn one_who_takes_an_answer_byte_by_byte_is_closed_too() {
    let limits = Limits { answer_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = Server::with_page(limits, 12 * MEGABYTE);
    let mut client = server.connect().await;
    client.write_all(b"GET /page HTTP/1.1\r\n\r\n").await.unwrap();
    let mut received = 0;
    let mut piece = vec![0; 8192];
    while let Ok(count @ 1..) = timeout(PATIENCE, client.read(&mut piece)).await.unwrap() {
        received += count;
        sleep(Duration::from_millis(5)).await;
    }
    assert!(received < 12 * MEGABYTE, "{received}");
    wait_until("it is counted", || server.closed(ConnectionClosed::WriteTimeout) == 1.0).await;
}

#[tokio::test]
async fn stop_lets_an_answer_in_flight_finish() {
    let server = Server::with_page(Limits::default(), 12 * MEGABYTE);
    let mut idle = server.connect().await;
    assert_eq!(get(&mut idle, "/").await.unwrap().0, 200);
    let mut silent = server.connect().await;
    let mut scrape = server.connect().await;
    scrape.write_all(b"GET /gate HTTP/1.1\r\n\r\n").await.unwrap();
    server.traps.entered.notified().await;

    server.stop.send(true).unwrap();
    closed(&mut idle).await;
    closed(&mut silent).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "it must not listen any more");
    server.traps.gate.notify_one();
    let (code, head, length) = read_answer(&mut scrape).await.unwrap();
    assert_eq!((code, length), (200, 12 * MEGABYTE));
    assert!(head.contains("connection: close"), "{head}");
    timeout(PATIENCE, server.task).await.expect("serve must return").unwrap();
}

#[tokio::test]
async fn stop_waits_no_longer_than_the_grace() {
    let grace = Duration::from_millis(300);
    let server = Server::start(Limits { grace, ..Limits::default() });
    let mut scrape = server.connect().await;
    scrape.write_all(b"GET /gate HTTP/1.1\r\n\r\n").await.unwrap();
    server.traps.entered.notified().await;
    let start = Instant::now();
    drop(server.stop);
    timeout(PATIENCE, server.task).await.expect("serve must return").unwrap();
    assert!(start.elapsed() >= grace, "{:?}", start.elapsed());
    closed(&mut scrape).await;
}

#[tokio::test]
async fn all_listeners_are_served() {
    let listeners = [(); 3].map(|()| bind("127.0.0.1:0").unwrap());
    let addresses = [0, 1, 2].map(|at| listeners[at].local_addr().unwrap());
    let traps = Traps { page: Bytes::new(), entered: Notify::new(), gate: Notify::new() };
    let telemetry = Arc::new(Telemetry::new("0.0.0", "test").unwrap());
    let (_stop, told) = watch::channel(false);
    tokio::spawn(serve(listeners.into(), Arc::new(traps), Limits::default(), telemetry, told));
    for address in addresses.into_iter().chain(addresses) {
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(get(&mut client, "/").await.unwrap().0, 200);
    }
}

/// T8: readers that never read cost neither memory nor a place for long.
#[test]
fn slow_readers_of_a_large_page() {
    in_a_process_of_its_own("slow_readers_of_a_large_page", 2000, async || {
        const READERS: u16 = 400;
        let server = Server::with_page(Limits::default(), 12 * MEGABYTE);
        let before = server.resident_bytes();
        let start = Instant::now();
        let mut readers = Vec::new();
        for reader in 0..READERS {
            let mut client = server.connect_from(reader % 4).await.unwrap();
            client.write_all(b"GET /page HTTP/1.1\r\n\r\n").await.unwrap();
            readers.push(client);
        }
        let connected = start.elapsed();
        let mut most = before;
        let mut scrapes = Vec::new();
        while server.closed(ConnectionClosed::WriteTimeout) < f64::from(READERS) {
            most = most.max(server.resident_bytes());
            scrapes.push(scrape(server.address, 12 * MEGABYTE).await.expect("a reader in earnest must be served"));
            assert!(start.elapsed() < connected + Duration::from_secs(6), "slow readers must be closed in 6 s");
            sleep(Duration::from_millis(50)).await;
        }
        // The scraper above holds one page itself while it reads.
        let grown = most - before;
        report(format_args!(
            "{READERS} slow readers: closed {:?} after the first request, {:.1} MiB more; {}",
            start.elapsed(),
            grown / 1_048_576.0,
            summary(&mut scrapes)
        ));
        assert!(grown <= 64.0 * 1_048_576.0, "{grown} bytes more");
    });
}

/// T7: 2,000 that dribble, each from its own address, all of them fit.
#[test]
fn two_thousand_dribblers_from_everywhere() {
    in_a_process_of_its_own("two_thousand_dribblers_from_everywhere", 5000, async || {
        dribblers("2,000 dribblers, 2,000 addresses, place for all", Limits::default(), |number| number).await;
    });
}

/// T7: the same with place for a quarter of them, so that every newcomer needs one to leave.
#[test]
fn two_thousand_dribblers_and_not_enough_places() {
    in_a_process_of_its_own("two_thousand_dribblers_and_not_enough_places", 5000, async || {
        let limits = Limits { connections: 512, ..Limits::default() };
        dribblers("2,000 dribblers, 2,000 addresses, 512 places", limits, |number| number).await;
    });
}

/// T7: all from one address.
#[test]
fn two_thousand_dribblers_from_one_address() {
    in_a_process_of_its_own("two_thousand_dribblers_from_one_address", 5000, async || {
        dribblers("2,000 dribblers, one address", Limits::default(), |_| 1).await;
    });
}

async fn dribblers(what: &str, limits: Limits, source: fn(u16) -> u16) {
    let server = Server::with_page(limits, MEGABYTE);
    let address = server.address;
    let before = server.resident_bytes();
    let until = Instant::now() + Duration::from_millis(6200);
    // On a thread of its own, so that the attackers take the scraper's time no more than other hosts would.
    let attack = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let attackers = (0..2000).map(|number| dribble(address, source(number), until));
            attackers.collect::<JoinSet<_>>().join_all().await.into_iter().max().unwrap()
        })
    });
    let mut kept = server.connect().await;
    let (mut scrapes, mut most) = (Vec::new(), before);
    while Instant::now() < until {
        scrapes.push(scrape(address, MEGABYTE).await.expect("Prometheus must be served"));
        if get(&mut kept, "/").await.is_err() {
            // Made room while idle, as it may: a client that keeps connections connects again.
            kept = server.connect().await;
            assert_eq!(get(&mut kept, "/").await.unwrap().0, 200);
        }
        most = most.max(server.resident_bytes());
        sleep(Duration::from_millis(20)).await;
    }
    let longest = attack.join().unwrap();
    let [slow, evicted, refused] =
        [ConnectionClosed::HeaderTimeout, ConnectionClosed::Evicted, ConnectionClosed::AddressLimit]
            .map(|reason| server.closed(reason));
    report(format_args!(
        "{what}: closed {slow} by time, {evicted} for others, {refused} by address; none lived longer than {longest:?}, \
         {:.1} MiB more; {}",
        (most - before) / 1_048_576.0,
        summary(&mut scrapes)
    ));
    assert!(slow + evicted + refused >= 2000.0);
    assert!(longest <= Duration::from_secs(6), "one lived for {longest:?}");
    assert!(most - before <= 64.0 * 1_048_576.0);
}

/// Sends a head without end, and another whenever it is closed. Answers how long the longest of these connections lived.
async fn dribble(address: SocketAddr, source: u16, until: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    while Instant::now() < until {
        let Ok(mut client) = connect_from(address, source).await else { continue };
        let start = Instant::now();
        let talk = async {
            client.write_all(b"GET / HTTP/1.1\r\nx: ").await?;
            // Whichever comes first: half a second, or the server's close.
            while timeout(Duration::from_millis(500), client.read_u8()).await.is_err() {
                client.write_all(b"y").await?;
            }
            std::io::Result::Ok(())
        };
        let _ = timeout(until.saturating_duration_since(start), talk).await;
        longest = longest.max(start.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
    longest
}

/// One scrape as Prometheus does the first: a new connection, a whole page.
async fn scrape(address: SocketAddr, length: usize) -> std::io::Result<Duration> {
    let start = Instant::now();
    let answer = async { get(&mut TcpStream::connect(address).await?, "/page").await };
    let (code, _, received) = timeout(PATIENCE, answer).await??;
    assert_eq!((code, received), (200, length));
    Ok(start.elapsed())
}

fn summary(scrapes: &mut [Duration]) -> String {
    scrapes.sort();
    let at = |percent: usize| scrapes[(scrapes.len() * percent / 100).min(scrapes.len() - 1)];
    format!("{} scrapes, all well: p50 {:?}, p99 {:?}, longest {:?}", scrapes.len(), at(50), at(99), at(100))
}

/// T9: a full table of descriptors costs no CPU, ends nothing, and is forgotten as soon as it is over.
#[test]
fn out_of_descriptors() {
    const NAME: &str = "out_of_descriptors";
    if std::env::var_os(ALONE).is_some() {
        runtime().block_on(serve_without_descriptors());
        return;
    }
    let mut child = command(NAME, 64).stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let address =
        lines.find_map(|line| line.unwrap().split_once("listening on ").map(|(_, address)| address.to_owned()));
    let address: SocketAddr = address.expect("the child must start").parse().unwrap();
    runtime().block_on(async {
        // They wait in the kernel's queue, and every accept fails.
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(GET.as_bytes()).await.unwrap();
            waiting.push(client);
        }
        let cpu = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap()
        };
        let before = cpu();
        sleep(Duration::from_secs(1)).await;
        let used = cpu() - before;
        report(format_args!("out of descriptors: {used} % CPU"));
        assert!(used < 5, "{used} % CPU while nothing can be accepted");

        let relief = Instant::now();
        child.stdin.as_mut().unwrap().write_all(b"relief\n").unwrap();
        for client in &mut waiting {
            assert_eq!(read_answer(client).await.unwrap().0, 200);
        }
        assert!(relief.elapsed() < Duration::from_secs(1), "{:?}", relief.elapsed());

        // Half of the descriptors are for connections: more dribblers than that keep nobody out.
        let mut attack = JoinSet::new();
        for source in 0..100 {
            attack.spawn(dribble(address, source, Instant::now() + Duration::from_secs(1)));
        }
        for _ in 0..5 {
            scrape(address, 100).await.expect("Prometheus must be served");
            sleep(Duration::from_millis(20)).await;
        }
        attack.abort_all();
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Opens whatever can be opened, serves, and closes everything when told so.
async fn serve_without_descriptors() {
    let server = Server::start(Limits::default());
    // The blocking thread must exist before the last descriptor is gone.
    let (go, told) = std::sync::mpsc::channel::<()>();
    let files = tokio::task::spawn_blocking(move || {
        told.recv().unwrap();
        let files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        report(format_args!("listening on {}", server.address));
        std::io::stdin().read_line(&mut String::new()).unwrap();
        drop(files);
    });
    go.send(()).unwrap();
    files.await.unwrap();
    server.task.await.unwrap();
}

const ALONE: &str = "SES_EXPORTER_TEST_ALONE";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs `body` where nothing else runs, with `open_files` descriptors: this test again, in a child of this process.
fn in_a_process_of_its_own<F: Future<Output = ()>>(test: &str, open_files: u32, body: impl FnOnce() -> F) {
    if std::env::var_os(ALONE).is_some() {
        runtime().block_on(body());
        return;
    }
    let output = command(test, open_files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_ne!(
        output.status.code(),
        Some(99),
        "this test needs {open_files} open files; raise the hard limit (ulimit -Hn)"
    );
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    report(format_args!("{}", said.lines().find(|line| line.contains("scrapes")).unwrap_or_default()));
}

fn command(test: &str, open_files: u32) -> Command {
    let module = module_path!().split_once("::").unwrap().1;
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -n "$1" || exit 99; shift; exec "$@""#, "sh", &open_files.to_string()])
        .arg(std::env::current_exe().unwrap())
        .args([&format!("{module}::{test}"), "--exact", "--nocapture"])
        .env(ALONE, "1")
        .stdout(Stdio::piped());
    command
}

/// Measured figures are worth seeing even when all is well.
fn report(figures: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{figures}").unwrap();
}
