//! What the tests share: the real executable as a child, a client for its pages, and a strict reader of expositions.
#![expect(
    unreachable_pub,
    reason = "`pub` says here what the tests share; nothing is reached from outside of their binary"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ses_exporter::simulator::{SharedWorld, Simulator, World};

pub mod dashboards;
pub mod dice;
pub mod page;
pub mod programs;
pub mod rules;
pub mod send;
pub mod stage;

pub use page::Page;

/// Longest wait for a condition that should hold within a second or two: machines are busy at times.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a property is tried: every day, and where `tests/run --long` has the time.
pub fn tries(daily: u32, long: u32) -> proptest::test_runner::Config {
    let cases = if crate::soak::long() { long } else { daily };
    // A case that fails is printed; what was seen to fail is written down as a test.
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

/// Waits until `holds` answers something.
#[track_caller]
pub fn eventually<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20)); // the pause between two looks, not the condition
    }
}

/// A simulated AWS in this process, on a runtime of its own.
pub struct Aws {
    pub simulator: Simulator,
    pub world: SharedWorld,
    key: (String, String),
    /// The configuration of an agent that gets no other.
    config: tempfile::NamedTempFile,
    runtime: tokio::runtime::Runtime,
}

impl Aws {
    pub fn start(world: World) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        Self::start_at((any, any), world)
    }

    /// The same with AWS and DNS at addresses of the caller's.
    pub fn start_at((address, dns): (SocketAddr, SocketAddr), world: World) -> Self {
        let key = world.caller().map(|key| (key.id.clone(), key.secret.clone())).expect("a caller");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = runtime.block_on(Simulator::start_with_dns(address, dns, world)).unwrap();
        let config = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(config.path(), ask_dns_at(simulator.dns_address())).unwrap();
        Self { world: simulator.world().clone(), simulator, key, config, runtime }
    }

    /// The environment in which an SDK or the `aws` command talks to this AWS, and an agent asks its DNS.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.simulator.url()),
            ("AWS_ACCESS_KEY_ID", self.key.0.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.key.1.clone()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("SES_EXPORTER_CONFIG_FILE", self.config.path().display().to_string()),
        ]
    }

    /// Ends the servers with all their connections, and answers where they were.
    pub fn stop(self) -> (SocketAddr, SocketAddr) {
        let addresses = (self.simulator.address(), self.simulator.dns_address());
        self.runtime.block_on(self.simulator.stop());
        addresses
    }
}

/// The section with which an agent asks this resolver.
pub fn ask_dns_at(resolver: SocketAddr) -> String {
    format!("[dns]\nresolvers = [\"{resolver}\"]\nqueries_per_second = 1000\n")
}

/// Where nobody answers: tests ask no resolver but their own.
const NOBODY: &str = "127.0.0.1:9";

/// A command of the executable, with an environment that holds nothing of the machine's.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ses-exporter"));
    command.args(arguments).env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    // Coverage tools tell the child where to write.
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command that ends by itself said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Said {
    let output = command.output().expect("the executable runs");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Sends a signal by name to a process, or with `-` before its number to a group, and says whether it was there. By the
/// shell's own `kill`: a small machine has no other.
pub fn signal(name: &str, process: &str) -> bool {
    let script = format!("kill -s {name} -- {process}");
    Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap().success()
}

/// A running agent. Ends with its owner.
pub struct Agent {
    pub child: Child,
    pub address: SocketAddr,
    /// Its configuration file.
    pub config: PathBuf,
    log: Arc<Mutex<String>>,
    _directory: Option<tempfile::TempDir>,
}

impl Agent {
    /// Starts `serve` on a free port with this configuration, against this AWS.
    pub fn start(aws: &Aws, config: &str) -> Self {
        let dns = if config.contains("[dns]") { String::new() } else { ask_dns_at(aws.simulator.dns_address()) };
        Self::start_with(&aws.environment(), &format!("{config}\n{dns}"), &[])
    }

    /// The same in any environment, with more arguments.
    pub fn start_with(environment: &[(&str, String)], config: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ses-exporter.toml");
        let dns = if config.contains("[dns]") { String::new() } else { ask_dns_at(NOBODY.parse().unwrap()) };
        std::fs::write(&file, format!("{config}\n{dns}")).unwrap();
        Self::spawn(environment, &file, arguments, Some(directory))
    }

    /// The same with a file that somebody else keeps.
    pub fn with_file(environment: &[(&str, String)], file: &Path, arguments: &[&str]) -> Self {
        Self::spawn(environment, file, arguments, None)
    }

    fn spawn(
        environment: &[(&str, String)],
        file: &Path,
        arguments: &[&str],
        directory: Option<tempfile::TempDir>,
    ) -> Self {
        let mut command = command(&["--web.listen-address", "127.0.0.1:0"]);
        command.env("SES_EXPORTER_LOG_LEVEL", "debug"); // not an argument, which a test could not replace
        command.arg("--config.file").arg(file).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(environment.iter().map(|(name, value)| (*name, value)));
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = writeln!(kept.lock().unwrap(), "{line}");
            }
        });
        let address = eventually("the agent listens", || {
            let said = log.lock().unwrap().clone();
            assert!(child.try_wait().unwrap().is_none(), "the agent has ended:\n{said}");
            let (_, behind) = said.split_once("listening on http")?;
            behind.split_once("://")?.1.split_once('/')?.0.parse().ok()
        });
        Self { child, address, config: file.to_owned(), log, _directory: directory }
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// One GET.
    pub fn get(&self, path: &str) -> Answer {
        get(self.address, path, &[])
    }

    /// Writes another configuration beside the file and renames it, so that nobody ever sees half of it.
    pub fn write_config(&self, text: impl AsRef<[u8]>) {
        let beside = self.config.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &self.config).unwrap();
    }

    /// Asks for the configuration to be loaded anew.
    pub fn reload(&self) -> Answer {
        request(self.address, "POST", "/-/reload", &[])
    }

    /// The metrics page, parsed.
    pub fn page(&self) -> Page {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200, "{}", answer.text());
        Page::parse(&answer.text())
    }

    /// The first page on which `holds`.
    #[track_caller]
    pub fn page_where(&self, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
        let mut last = None;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let page = self.page();
            if holds(&page) {
                return page;
            }
            last = Some(page);
            thread::sleep(Duration::from_millis(50)); // the pause between two looks, not the condition
        }
        panic!("not within {PATIENCE:?}: {what}\n{}\n{}", last.map(|page| page.text).unwrap_or_default(), self.log());
    }

    /// Waits until `/-/ready` says yes.
    #[track_caller]
    pub fn wait_ready(&self) {
        eventually("ready", || (self.get("/-/ready").status == 200).then_some(()));
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        assert!(signal(name, &self.child.id().to_string()));
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        eventually("the agent ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "GET", path, headers)
}

/// One request on a connection of its own.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(address, method, path, headers, &[])
}

/// The same with a body.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    socket.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an HTTP head");
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: BTreeMap<_, _> = headers.collect();
    let body = bytes[at + 4..].to_vec();
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    Answer { status, headers, body: if chunked { unchunked(&body) } else { body } }
}

/// A body out of its chunks: other people's servers send such.
fn unchunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").expect("the length of a chunk");
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 2 + length + 2..];
    }
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Holds a checked-in file to what the code makes; `BLESS=1` writes it.
#[track_caller]
pub fn golden(path: &str, made: &str) {
    let file = repository(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "{path} differs from what the code makes; run: BLESS=1 cargo test\n--- kept\n{kept}\n+++ made\n{made}"
    );
}

/// What a command says that is given a configuration and the credentials of a simulated AWS; the secret is not in it.
#[track_caller]
pub fn asked(aws: &Aws, words: &[&str], config: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = command(words);
    let command = command.arg("--config.file").arg(&file).args(arguments).envs(aws.environment());
    let said = run(command.env("SES_EXPORTER_CONFIG_FILE", &file).envs(environment.iter().copied()));
    assert!(!said.out.contains(stage::SECRET) && !said.err.contains(stage::SECRET), "{said:?}");
    said
}
