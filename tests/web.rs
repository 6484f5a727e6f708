//! The HTTP server over real sockets: what it answers, whom it closes, and that those who are slow on purpose keep nobody
//! out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers of tests may fail as loudly as the tests themselves, which are all that clippy excepts; counts are whole"
)]

mod agent;
mod certificates;
mod floods;
mod gate;
mod passwords;
mod rotation;
mod server;
mod socket_files;
mod toolkit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ses_exporter::telemetry::{ConnectionClosed, Telemetry};
use ses_exporter::web::{Gate, Limits, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::server::{GET, MEGABYTE, PATIENCE, Server, Traps, closed, get, quick, read_answer, wait_until};

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
    let traps = Traps::new(0);
    let telemetry = Arc::new(Telemetry::new("0.0.0", "test").unwrap());
    let (_stop, told) = watch::channel(false);
    tokio::spawn(serve(listeners.into(), Arc::new(traps), Arc::new(Gate::open()), Limits::default(), telemetry, told));
    for address in addresses.into_iter().chain(addresses) {
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(get(&mut client, "/").await.unwrap().0, 200);
    }
}
