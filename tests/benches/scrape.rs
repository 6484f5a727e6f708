//! Scrapes a second of the real executable, beside a static server of the same bytes and, where it is installed, a
//! Pushgateway that holds the same page: `cargo bench --bench scrape`. All on loopback, one run, same client.
//!
//! `cargo bench --bench scrape -- --hold` keeps the servers up and prints their addresses, for other tools.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use ses_exporter::simulator::{Simulator, World};

const IDENTITIES: usize = 10_000;
const CONNECTIONS: usize = 8;
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

struct Server {
    name: &'static str,
    address: SocketAddr,
    path: &'static str,
    child: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn head(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
}

/// One answer's body from a kept connection.
fn answer(socket: &mut BufReader<TcpStream>) -> Vec<u8> {
    let (mut line, mut length, mut chunked) = (String::new(), 0, false);
    loop {
        line.clear();
        assert!(socket.read_line(&mut line).expect("an answer") > 0, "the server hung up");
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.trim().parse().expect("a length");
        }
        chunked |= lower.starts_with("transfer-encoding: chunked");
        if line == "\r\n" {
            break;
        }
    }
    if !chunked {
        let mut body = vec![0; length];
        socket.read_exact(&mut body).expect("a body");
        return body;
    }
    let mut body = Vec::new();
    loop {
        line.clear();
        socket.read_line(&mut line).expect("a chunk");
        let size = u64::from_str_radix(line.trim(), 16).expect("a size");
        Read::by_ref(socket).take(size).read_to_end(&mut body).expect("a chunk");
        line.clear();
        socket.read_line(&mut line).expect("its end");
        if size == 0 {
            return body;
        }
    }
}

fn fetch(server: &Server) -> Vec<u8> {
    let mut socket = TcpStream::connect(server.address).expect("connects");
    socket.write_all(head(server.path).as_bytes()).expect("asks");
    answer(&mut BufReader::new(socket))
}

/// Scrapes with all connections for one round.
#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn round(server: &Server) -> f64 {
    let (count, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (count, stop) = (Arc::clone(&count), Arc::clone(&stop));
            let mut socket = TcpStream::connect(server.address).expect("connects");
            let head = head(server.path);
            std::thread::spawn(move || {
                let mut reader = BufReader::with_capacity(64 * 1024, socket.try_clone().expect("clones"));
                while !stop.load(Ordering::Relaxed) {
                    socket.write_all(head.as_bytes()).expect("asks");
                    answer(&mut reader);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(ROUND);
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a client");
    }
    count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// The agent on a simulated account of 10,000 identities, once its whole page is there.
fn agent(simulator: &Simulator) -> Server {
    let (key, region) = simulator.world().change(|world| {
        let mut regions = world.accounts().flat_map(|account| account.regions.values());
        let region = regions.find(|region| !region.all_identities().is_empty()).map(|region| region.name.clone());
        drop(regions);
        (world.caller().cloned().expect("a caller"), region.expect("a region"))
    });
    let config = std::env::temp_dir().join(format!("ses-exporter-bench-{}.toml", std::process::id()));
    let text = format!(
        "[aws]\nregions = [\"{region}\"]\nendpoint_url = \"{}\"\n[budget]\nrequests_per_second = 100\n[identities]\nmax_per_region = {IDENTITIES}\n",
        simulator.url()
    );
    std::fs::write(&config, text).expect("writes");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ses-exporter"))
        .args(["--web.listen-address", "127.0.0.1:0", "--config.file"])
        .arg(&config)
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("listening on http://") {
        line.clear();
        assert!(log.read_line(&mut line).expect("a log") > 0, "the agent ended");
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let address =
        line.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok()).expect("an address");
    let server = Server { name: "ses-exporter", address, path: "/metrics", child: Some(child) };
    while fetch(&server).len() < 10_000 {
        std::thread::sleep(Duration::from_millis(100)); // the pause between two looks
    }
    std::fs::remove_file(&config).expect("removes");
    server
}

/// The least that a server can do: the same bytes from memory, by the same HTTP library.
fn floor(page: Vec<u8>) -> ! {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
        println!("{}", listener.local_addr().expect("an address"));
        let page = Bytes::from(page);
        loop {
            let (socket, _) = listener.accept().await.expect("accepts");
            let _ = socket.set_nodelay(true);
            let page = page.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_: Request<hyper::body::Incoming>| {
                    let mut response = Response::new(Full::new(page.clone()));
                    response.headers_mut().insert("content-encoding", hyper::header::HeaderValue::from_static("gzip"));
                    async { Ok::<_, std::convert::Infallible>(response) }
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            });
        }
    })
}

fn start_floor(page: &[u8]) -> Server {
    let file = std::env::temp_dir().join(format!("ses-exporter-bench-{}.gz", std::process::id()));
    std::fs::write(&file, page).expect("writes");
    let own = std::env::current_exe().expect("a path");
    let mut child = Command::new(own).arg("--floor").arg(&file).stdout(Stdio::piped()).spawn().expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
    std::fs::remove_file(&file).expect("removes");
    Server { name: "static hyper", address: line.trim().parse().expect("an address"), path: "/", child: Some(child) }
}

/// A Pushgateway with the same series; none where the program is not installed.
fn pushgateway(page: &[u8]) -> Option<Server> {
    let free = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address");
    let listen = format!("--web.listen-address={free}");
    let child = Command::new("prometheus-pushgateway")
        .args([&listen, "--log.level=error"])
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let server = Server { name: "pushgateway", address: free, path: "/metrics", child: Some(child) };
    let mut text = String::new();
    flate2::read::GzDecoder::new(page).read_to_string(&mut text).expect("gzip");
    // What every program says about itself the Pushgateway says already.
    let own = |line: &&str| !line.contains("process_");
    let text: String = text.lines().filter(own).flat_map(|line| [line, "\n"]).collect();
    let mut socket = loop {
        match TcpStream::connect(free) {
            Ok(socket) => break socket,
            Err(_) => std::thread::sleep(Duration::from_millis(50)), // until it listens
        }
    };
    let head = format!("PUT /metrics/job/ses HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", text.len());
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(text.as_bytes())).expect("pushes");
    let mut status = String::new();
    BufReader::new(socket).read_line(&mut status).expect("an answer");
    assert!(status.contains(" 200 "), "the Pushgateway refused the page: {status}");
    Some(server)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--floor") {
        floor(std::fs::read(arguments.get(at + 1).expect("a file")).expect("reads"));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let world = World::uniform(1, 1, IDENTITIES);
    let simulator =
        runtime.block_on(Simulator::start("127.0.0.1:0".parse().expect("an address"), world)).expect("starts");
    let agent = agent(&simulator);
    let page = fetch(&agent);
    let servers: Vec<Server> =
        [Some(agent), Some(start_floor(&page)), pushgateway(&page)].into_iter().flatten().collect();
    if arguments.iter().any(|argument| argument == "--hold") {
        for server in &servers {
            println!("{}=http://{}{}", server.name.replace(' ', "-"), server.address, server.path);
        }
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    let mut rates = vec![Vec::new(); servers.len()];
    for _ in 0..ROUNDS {
        for (server, rates) in servers.iter().zip(&mut rates) {
            rates.push(round(server));
        }
    }
    let median = |rates: &[f64]| {
        let mut rates = rates.to_vec();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    };
    let ours = rates.first().map(|rates| median(rates)).unwrap_or_default();
    println!(
        "{IDENTITIES} identities, {} bytes of gzip, {CONNECTIONS} connections, medians of {ROUNDS} rounds:",
        page.len()
    );
    for (server, rates) in servers.iter().zip(&rates) {
        println!(
            "{:>14}: {:>8.0} scrapes/s (ours are {:.2} times as many)",
            server.name,
            median(rates),
            ours / median(rates)
        );
    }
}
