//! Other people's programs: where they are, and how they are run so that nothing of them outlives a test.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{get, repository, signal};

/// Longest wait for a program to answer its first request: Python takes seconds to load on a busy machine.
const START: Duration = Duration::from_secs(90);
/// How often a program is started anew on another port: somebody else may take the port between our look and its start.
const STARTS: usize = 3;

/// A command of a Python program: out of the environment that `tests/run` makes, else off the `PATH`.
pub(crate) fn python(program: &str) -> Command {
    let chosen = std::env::var_os("SES_EXPORTER_TEST_PYTHON").map(PathBuf::from);
    let environment = chosen.clone().unwrap_or_else(|| repository("target/python")).join("bin");
    let elsewhere = if chosen.is_some() { OsString::new() } else { std::env::var_os("PATH").unwrap_or_default() };
    let places = std::iter::once(environment).chain(std::env::split_paths(&elsewhere));
    let found = places.map(|place| place.join(program)).find(|file| file.is_file());
    without_aws(Command::new(found.unwrap_or_else(|| panic!("{}", missing(program)))))
}

/// A command of a program of the distribution.
pub(crate) fn installed(program: &str) -> Command {
    found(program, None)
}

/// A command of a program of `tests/linters`: out of the folder into which `tests/run` builds them, else off the `PATH`.
pub(crate) fn linter(program: &str) -> Command {
    found(program, Some(repository("target/linters")))
}

fn found(program: &str, before: Option<PathBuf>) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = before.into_iter().chain(std::env::split_paths(&path));
    let found = places.map(|place| place.join(program)).find(|file| file.is_file());
    without_aws(Command::new(found.unwrap_or_else(|| panic!("{}", missing(program)))))
}

fn missing(program: &str) -> String {
    format!("the program `{program}` is missing, and this test needs it; tests/run installs it: run tests/run once")
}

/// Whoever runs the tests may have an AWS account; nothing here may find it.
fn without_aws(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// A port that nobody listens on. It is of a loopback address of its own, so that nobody takes it before it is used.
pub(crate) fn free_port() -> SocketAddr {
    static LAST: AtomicU8 = AtomicU8::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, high % 127 + 1, low, LAST.fetch_add(1, Ordering::Relaxed));
    TcpListener::bind((own, 0)).unwrap().local_addr().unwrap()
}

/// A server of somebody else's on the loopback. It ends with its owner, and so do its children.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    name: &'static str,
    child: Child,
    directory: TempDir,
}

impl Program {
    /// Starts a server and waits until it answers GET `ready` with 200. The command gets an address to listen on and a directory
    /// of its own.
    pub(crate) fn start(name: &'static str, ready: &str, command: impl Fn(SocketAddr, &Path) -> Command) -> Self {
        let mut said = String::new();
        for _ in 0..STARTS {
            let address = free_port();
            let directory = tempfile::tempdir().unwrap();
            let log = File::create(directory.path().join("log")).unwrap();
            let mut command = command(address, directory.path());
            command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
            let child = command.spawn().unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
            let mut program = Self { address, name, child, directory };
            if program.answers(ready) {
                return program;
            }
            said = program.log();
        }
        panic!("{name} ends as soon as it is started:\n{said}");
    }

    /// Whether it answers before it ends.
    fn answers(&mut self, ready: &str) -> bool {
        let end = Instant::now() + START;
        while self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(self.address).is_ok() && get(self.address, ready, &[]).status == 200 {
                return true;
            }
            assert!(Instant::now() < end, "{} does not answer GET {ready} within {START:?}", self.name);
            thread::sleep(Duration::from_millis(50)); // the pause between two looks, not the condition
        }
        false
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it wrote to standard output and standard error.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "the test runner shows it where a test failed")]
    fn drop(&mut self) {
        // The child leads a process group of its own, which holds whatever it has started. It may have ended already.
        let group = format!("-{}", self.child.id());
        signal("KILL", &group);
        // Whatever became of the group: nobody may wait here for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.log());
        }
    }
}
