//! The two servers that are attacked, each started anew for every attack, with the same web configuration.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ses_exporter::simulator::{Simulator, World};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::certificates::{Folder, PAIR, users};
use crate::scrapes::Scraper;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    /// Debian's, with the toolkit that Prometheus' own exporters share.
    NodeExporter,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ours => "ses-exporter",
            Kind::NodeExporter => "node_exporter",
        }
    }
}

/// What an attack finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// A page of some megabytes instead of the usual one.
    pub(crate) large: bool,
    pub(crate) tls: bool,
    /// Passwords, of bcrypt's usual cost 10.
    pub(crate) users: bool,
    pub(crate) descriptors: u32,
}

/// So many identities make a page of some megabytes.
const MANY: usize = 10_000;
/// A page is large from so many bytes on.
const LARGE: usize = 3_000_000;

/// A running server. It ends with its owner.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) setup: Setup,
    pub(crate) folder: Folder,
    child: Child,
    _aws: Option<(Simulator, Runtime)>,
    _directory: TempDir,
}

impl Server {
    pub(crate) fn start(kind: Kind, setup: Setup) -> Server {
        let (tls, users) = (if setup.tls { PAIR } else { "" }, if setup.users { users(10) } else { String::new() });
        let folder = Folder::new(&format!("{tls}{users}"));
        let directory = tempfile::tempdir().unwrap();
        let (child, address, aws) = match kind {
            Kind::Ours => ours(setup, &folder, &directory),
            Kind::NodeExporter => node_exporter(setup, &folder, &directory),
        };
        let server = Server { kind, address, setup, folder, child, _aws: aws, _directory: directory };
        let end = Instant::now() + Duration::from_mins(1);
        // Whether it shows everything that it will show.
        let least = if setup.large { LARGE } else { 1 };
        while Scraper::new(&server).length().is_none_or(|length| length < least) {
            assert!(Instant::now() < end, "{} has no page yet", kind.name());
            std::thread::sleep(Duration::from_millis(50)); // the pause between two looks
        }
        server
    }

    /// Resident memory in MiB.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).expect("it still runs") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command with a limit of descriptors of its own.
fn limited(descriptors: u32, program: &str) -> Command {
    let mut command = Command::new("sh");
    let script = r#"ulimit -n "$1" && shift && exec "$@""#;
    command.args(["-c", script, "sh", &descriptors.to_string(), program]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn ours(setup: Setup, folder: &Folder, directory: &TempDir) -> (Child, SocketAddr, Option<(Simulator, Runtime)>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let world = World::uniform(1, 1, if setup.large { MANY } else { 10 });
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = runtime.block_on(Simulator::start(any, world)).unwrap();
    let (key, region) = simulator.world().change(|world| {
        let mut regions = world.accounts().flat_map(|account| account.regions.values());
        let region = regions.find(|region| !region.all_identities().is_empty()).map(|region| region.name.clone());
        drop(regions);
        (world.caller().cloned().expect("a caller"), region.expect("a region"))
    });
    let config = directory.path().join("ses-exporter.toml");
    let url = simulator.url();
    let text = format!(
        "[aws]\nregions = [\"{region}\"]\nendpoint_url = \"{url}\"\n[budget]\nrequests_per_second = 100\n\
         [identities]\nmax_per_region = {MANY}\n[collectors.dns]\nenabled = false\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = limited(setup.descriptors, env!("CARGO_BIN_EXE_ses-exporter"));
    command.args(["--web.listen-address", "127.0.0.1:0", "--web.config.file"]).arg(folder.web());
    command.arg("--config.file").arg(&config).stderr(Stdio::piped());
    command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the agent ended");
        let told = line.split_once("listening on http").and_then(|(_, told)| told.split_once("://"));
        if let Some(address) = told.and_then(|(_, told)| told.split('/').next()?.parse().ok()) {
            break address;
        }
    };
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    (child, address, Some((simulator, runtime)))
}

fn node_exporter(
    setup: Setup,
    folder: &Folder,
    directory: &TempDir,
) -> (Child, SocketAddr, Option<(Simulator, Runtime)>) {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut command = limited(setup.descriptors, "prometheus-node-exporter");
    command.arg(format!("--web.listen-address={address}"));
    if setup.tls || setup.users {
        command.arg(format!("--web.config.file={}", folder.web().display()));
    }
    if setup.large {
        let series = (0..MANY * 6).map(|number| {
            format!(
                "bench_{}{{identity=\"name-{number}.some.domain.example\",identity_type=\"domain\"}} 1\n",
                number % 6
            )
        });
        fs::write(directory.path().join("large.prom"), sorted(series.collect())).unwrap();
        command.arg("--collector.disable-defaults").arg("--collector.textfile");
        command.arg(format!("--collector.textfile.directory={}", directory.path().display()));
    }
    let child = command.stderr(Stdio::null()).spawn().expect("prometheus-node-exporter; tests/run installs it");
    (child, address, None)
}

/// The lines of one metric stand together.
fn sorted(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.concat()
}
