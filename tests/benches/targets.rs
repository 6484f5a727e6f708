//! What the real executable costs: its memory with many series, and its processor time with 1,500 targets at default
//! intervals, scraped every 15 seconds as Prometheus does it. `cargo bench --bench targets` takes six minutes; `-- SECONDS`
//! looks at the targets for another time.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and stops at the first surprise")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flate2::read::GzDecoder;
use ses_exporter::simulator::{Simulator, World};

const ACCOUNTS: usize = 50;
const REGIONS: usize = 30;
const IDENTITIES: usize = 5;
/// Each identity has three series.
const IDENTITIES_OF_A_LARGE_TARGET: usize = 3333;
/// A second reading may be put off by half an interval; what is above that is late.
const ALLOWED: f64 = 1.5;

fn config(simulator: &Simulator) -> String {
    // 1,500 targets need more look-ups than one resolver is asked by default.
    let mut text = format!(
        "[aws]\nendpoint_url = \"{}\"\n[dns]\nresolvers = [\"{}\"]\nqueries_per_second = 500\n\
         [identities]\nmax_per_region = 10000\n",
        simulator.url(),
        simulator.dns_address()
    );
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

/// The body of the answer.
fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).expect("connects");
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("asks");
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).expect("an answer");
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    bytes.split_off(at)
}

fn scrape(address: SocketAddr) -> String {
    let mut text = String::new();
    GzDecoder::new(&*get(address, "/metrics")).read_to_string(&mut text).expect("gzip");
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
            let of = |names: &[&str]| names.iter().any(|name| line.contains(&format!("collector=\"{name}\"")));
            let interval = match line {
                _ if of(&["account", "identity_details", "configuration_sets"]) => 60.0,
                _ if of(&["dns"]) => 600.0,
                _ => 300.0,
            };
            // Ten seconds for the page's age, which is built ahead, and two for the turn.
            now - at > interval * ALLOWED + 12.0
        })
        .collect();
    (ages.len(), ages.iter().filter(|late| **late).count())
}

/// A running agent, ready.
struct Agent {
    child: Child,
    address: SocketAddr,
    _simulator: (tokio::runtime::Runtime, Simulator),
}

impl Agent {
    fn start(world: World) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let simulator =
            runtime.block_on(Simulator::start("127.0.0.1:0".parse().expect("an address"), world)).expect("starts");
        let key = simulator.world().caller().expect("a caller");
        let file = std::env::temp_dir().join(format!("ses-exporter-bench-{}.toml", std::process::id()));
        std::fs::write(&file, config(&simulator)).expect("writes");
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ses-exporter"))
            .args(["--web.listen-address", "127.0.0.1:0", "--config.file"])
            .arg(&file)
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret)
            .env("AWS_REGION", "us-east-1")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let (mut line, mut address) = (String::new(), None);
        while !line.contains("ready: ") {
            line.clear();
            assert!(log.read_line(&mut line).expect("a log") > 0, "the agent ended");
            let listening =
                line.split("listening on http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
            address = address.or(listening);
        }
        println!("ready after {:.1} s", began.elapsed().as_secs_f64());
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        std::fs::remove_file(&file).expect("removes");
        Self { child, address: address.expect("an address"), _simulator: (runtime, simulator) }
    }

    fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The figures are out; how the child ends does not matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory with so many large targets, after they were all read and scraped for a while.
fn memory(regions: usize) {
    let agent = Agent::start(World::uniform(1, regions, IDENTITIES_OF_A_LARGE_TARGET));
    let expected = regions * IDENTITIES_OF_A_LARGE_TARGET * 3;
    let mut series = 0;
    while series < expected {
        std::thread::sleep(Duration::from_secs(1)); // the pause between two looks
        series = scrape(agent.address).lines().filter(|line| !line.starts_with('#')).count();
    }
    for _ in 0..10 {
        std::thread::sleep(Duration::from_secs(2)); // the pace of the scrapes
        scrape(agent.address);
    }
    let mebibytes = |field| status(agent.process(), field) / 1024.0;
    println!("{series} series: {:.0} MiB, at most {:.0} MiB", mebibytes("VmRSS:"), mebibytes("VmHWM:"));
}

fn main() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(300);
    memory(10);
    memory(50);
    let world = World::uniform(ACCOUNTS, REGIONS, IDENTITIES).with_latency(Duration::from_millis(50));
    let agent = Agent::start(world);
    let (start, before, mut threads, mut worst) = (Instant::now(), processor_time(agent.process()), 0.0_f64, 0);
    let mut readings = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_secs(15)); // the scraper's interval
        let (count, late) = late(&scrape(agent.address));
        (readings, worst) = (count, worst.max(late));
        threads = threads.max(status(agent.process(), "Threads:"));
    }
    let used = (processor_time(agent.process()) - before) / start.elapsed().as_secs_f64();
    println!(
        "{} targets, {readings} readings, at most {worst} late; {:.1} % of one core, {threads} threads, {:.0} MiB, page {} bytes",
        ACCOUNTS * REGIONS,
        used * 100.0,
        status(agent.process(), "VmHWM:") / 1024.0,
        scrape(agent.address).len(),
    );
    for path in ["/api/v1/check", "/api/v1/estate"] {
        let (began, bytes) = (Instant::now(), get(agent.address, path).len());
        println!("{path}: {bytes} bytes in {} ms", began.elapsed().as_millis());
    }
}
