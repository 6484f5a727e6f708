//! What 1,500 targets cost at default intervals, scraped every 15 seconds: `cargo bench --bench targets`, five minutes.
//! `-- SECONDS` measures for another time.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and stops at the first surprise")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;
use ses_exporter::simulator::{Simulator, World};

const ACCOUNTS: usize = 50;
const REGIONS: usize = 30;
const IDENTITIES: usize = 5;
/// A second reading may be put off by half an interval; what is above that is late.
const ALLOWED: f64 = 1.5;

fn config(simulator: &Simulator) -> String {
    let mut text = format!("[aws]\nendpoint_url = \"{}\"\n", simulator.url());
    for (number, entrance) in simulator.world().entrances().iter().enumerate() {
        let regions = simulator.world().change(|world| {
            let account = world.account(&entrance.account_id).expect("an account");
            let used = account.regions.values().filter(|region| !region.all_identities().is_empty());
            used.map(|region| region.name.clone()).collect::<Vec<_>>()
        });
        // Writing to a String can't fail.
        let _ = writeln!(text, "[[accounts]]\nname = \"account-{number}\"\nregions = {regions:?}");
        if let Some(arn) = &entrance.role_arn {
            let _ = writeln!(text, "role_arn = \"{arn}\"");
        }
    }
    text
}

fn scrape(address: SocketAddr) -> String {
    let mut socket = TcpStream::connect(address).expect("connects");
    let head = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
    socket.write_all(head.as_bytes()).expect("asks");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("an answer");
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let mut text = String::new();
    GzDecoder::new(bytes.get(at..).unwrap_or_default()).read_to_string(&mut text).expect("gzip");
    text
}

/// User and system time of a process in seconds; the kernel counts in hundredths.
fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("/proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |number: usize| fields.get(number).and_then(|text| text.parse::<f64>().ok()).expect("a time");
    (field(11) + field(12)) / 100.0
}

fn status(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("/proc");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}

/// How many readings are there, and how many of them are older than allowed.
fn late(page: &str) -> (usize, usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let ages = page.lines().filter(|line| line.starts_with("ses_exporter_collector_last_success_timestamp_seconds{"));
    let ages: Vec<bool> = ages
        .map(|line| {
            let at: f64 = line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a time");
            let interval = if line.contains("collector=\"account\"") { 60.0 } else { 300.0 };
            // Ten seconds for the page's age, which is built ahead, and two for the turn.
            now - at > interval * ALLOWED + 12.0
        })
        .collect();
    (ages.len(), ages.iter().filter(|late| **late).count())
}

fn main() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(300);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let world = World::uniform(ACCOUNTS, REGIONS, IDENTITIES).with_latency(Duration::from_millis(50));
    let simulator =
        runtime.block_on(Simulator::start("127.0.0.1:0".parse().expect("an address"), world)).expect("starts");
    let (key, file) =
        (simulator.world().caller().expect("a caller"), std::env::temp_dir().join("ses-exporter-targets.toml"));
    std::fs::write(&file, config(&simulator)).expect("writes");
    let mut child = Command::new(env!("CARGO_BIN_EXE_ses-exporter"))
        .args(["--web.listen-address", "127.0.0.1:0", "--config.file"])
        .arg(&file)
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env("AWS_REGION", "us-east-1")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    let began = Instant::now();
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let (mut line, mut address) = (String::new(), None);
    while !line.contains("ready: ") {
        line.clear();
        assert!(log.read_line(&mut line).expect("a log") > 0, "the agent ended");
        let listening = line.split("listening on http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        address = address.or(listening);
    }
    let (address, process) = (address.expect("an address"), child.id());
    println!("ready after {:.1} s: {}", began.elapsed().as_secs_f64(), line.trim());
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let (start, before, mut threads, mut worst) = (Instant::now(), processor_time(process), 0.0_f64, 0);
    let mut readings = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_secs(15)); // the scraper's interval
        let (count, late) = late(&scrape(address));
        (readings, worst) = (count, worst.max(late));
        threads = threads.max(status(process, "Threads:"));
    }
    let used = (processor_time(process) - before) / start.elapsed().as_secs_f64();
    println!(
        "{} targets, {readings} readings, at most {worst} late; {:.1} % of one core, {threads} threads, {:.0} MiB, page {} bytes",
        ACCOUNTS * REGIONS,
        used * 100.0,
        status(process, "VmHWM:") / 1024.0,
        scrape(address).len(),
    );
    // The figures are out; how the child ends does not matter.
    let _ = child.kill();
    let _ = child.wait();
    let _ = std::fs::remove_file(&file);
}
