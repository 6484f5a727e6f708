//! Those who are slow on purpose, in numbers, against the default limits. Each test runs in a process of its own: it measures
//! memory, or needs a number of descriptors. The figures are printed even when all is well.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ses_exporter::telemetry::ConnectionClosed;
use ses_exporter::web::{Gate, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::certificates::{Folder, Manners, PAIR, connect};
use super::server::{GET, MEGABYTE, PATIENCE, Server, connect_from, get, read_answer};

/// Readers that never read cost neither memory nor a place for long.
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

/// The same over TLS: what is encrypted ahead for a reader is a record or two, and not the page.
#[test]
fn slow_readers_over_tls() {
    in_a_process_of_its_own("slow_readers_over_tls", 2000, async || {
        const READERS: u16 = 200;
        let folder = Folder::new(PAIR);
        let server = Server::behind(Gate::from_file(&folder.web()).unwrap(), Limits::default(), 12 * MEGABYTE);
        let config = Manners::default().config();
        let before = server.resident_bytes();
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let mut client = connect(server.address, Arc::clone(&config)).await.unwrap();
            client.write_all(b"GET /page HTTP/1.1\r\n\r\n").await.unwrap();
            client.flush().await.unwrap();
            readers.push(client);
        }
        let asked = Instant::now();
        let mut most = before;
        while server.closed(ConnectionClosed::WriteTimeout) < f64::from(READERS) {
            most = most.max(server.resident_bytes());
            assert!(asked.elapsed() < Duration::from_secs(6), "slow readers must be closed in 6 s");
            sleep(Duration::from_millis(50)).await;
        }
        // The readers are in this process too.
        let grown = (most - before) / 1_048_576.0;
        report(format_args!("{READERS} slow readers over TLS: {grown:.1} MiB more, in place of scrapes"));
        assert!(grown <= 64.0, "{grown} MiB more");
    });
}

/// 2,000 that dribble, each from its own address, all of them fit.
#[test]
fn two_thousand_dribblers_from_everywhere() {
    in_a_process_of_its_own("two_thousand_dribblers_from_everywhere", 5000, async || {
        dribblers("2,000 dribblers, 2,000 addresses, place for all", Limits::default(), |number| number).await;
    });
}

/// The same with place for a quarter of them, so that every newcomer needs one to leave.
#[test]
fn two_thousand_dribblers_and_not_enough_places() {
    in_a_process_of_its_own("two_thousand_dribblers_and_not_enough_places", 5000, async || {
        let limits = Limits { connections: 512, ..Limits::default() };
        dribblers("2,000 dribblers, 2,000 addresses, 512 places", limits, |number| number).await;
    });
}

/// All from one address.
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

/// A full table of descriptors costs no CPU, ends nothing, and is forgotten as soon as it is over.
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
