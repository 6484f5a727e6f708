//! `demo`: the agent and a simulated AWS in one process, on loopback. It shows everything and needs nothing.
//!
//! The agent runs by `demo.toml`, which is also written to a file for the time being, so that the other commands see the
//! same world. It never reaches the real AWS.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use aws_credential_types::Credentials;
use tempfile::NamedTempFile;

use super::{Ended, Web, print_line, runtime, serve};
use crate::collectors::identities;
use crate::config::Config;
use crate::dns;
use crate::remedy::quoted;
use crate::simulator::{Simulator, World};
use crate::web::Listener;

/// The arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Address of the simulated AWS.
    #[arg(
        long = "simulator.listen-address",
        value_name = "ADDRESS",
        env = "SES_EXPORTER_SIMULATOR_LISTEN_ADDRESS",
        default_value = "127.0.0.1:10061"
    )]
    simulator: SocketAddr,
    /// Another number makes another world.
    #[arg(long = "simulator.seed", value_name = "NUMBER", env = "SES_EXPORTER_SIMULATOR_SEED", default_value_t = 1)]
    seed: u64,
}

/// The demo listens on loopback unless told otherwise: nobody should serve made-up numbers to a network by mistake.
const LISTEN: &str = "127.0.0.1:10060";
/// The accounts, and what is expected of them.
const ESTATE: &str = include_str!("demo.toml");
/// A demo is looked at for minutes, so everything is read often enough to be seen moving.
const INTERVAL: Duration = Duration::from_secs(15);

pub(super) fn run(demo: &Demo, config: Config, web: &Web) -> Result<ExitCode, Ended> {
    let mut web = web.clone();
    if web.listen_addresses == [super::LISTEN] {
        web.listen_addresses = vec![LISTEN.to_owned()];
    }
    let runtime = runtime()?;
    let ended = runtime.block_on(start(demo, config, &web));
    runtime.shutdown_timeout(serve::LEAVE_THREADS);
    ended
}

async fn start(demo: &Demo, config: Config, web: &Web) -> Result<ExitCode, Ended> {
    let gate = serve::gate(web)?;
    let listeners = serve::bind(web)?;
    let world = World::demo(demo.seed);
    let key = world.caller().cloned().ok_or_else(|| anyhow!("the simulated world has no caller"))?;
    let simulator = Simulator::start(demo.simulator, world);
    let simulator = simulator.await.map_err(|error| {
        let in_use = error.kind() == io::ErrorKind::AddrInUse;
        let why = if in_use { "the address is in use".to_owned() } else { error.to_string() };
        anyhow!("can't simulate AWS on {}: {why}; choose another with --simulator.listen-address", demo.simulator)
    })?;
    let text = configuration(&simulator.url(), simulator.dns_address());
    let config = in_the_world(config, Config::parse("the demo's configuration", &text, Path::new("."), None)?);
    let file = write(&text).inspect_err(|error| {
        let lost = "other commands won't know the demo's accounts: can't write their configuration";
        tracing::warn!("{lost}: {error}; point TMPDIR to a folder that can be written");
    });
    let file = file.ok();
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "demo");
    let environment = environment(&simulator.url(), &key.id, &key.secret, file.as_ref().map(NamedTempFile::path));
    let scheme = if gate.speaks_tls() { "https" } else { "http" };
    let pages = ["/", &web.telemetry_path].map(|path| listeners.first().map(|first| look_at(scheme, first, path)));
    explain(&pages.map(Option::unwrap_or_default).join(" and "), &simulator.url(), &environment);
    let ended = serve::serve(&config, None, web, gate, listeners, Some(credentials)).await;
    drop(file); // up to here others may read it
    Ok(ended?)
}

/// With this, other commands ask the same AWS, and know its accounts if they can have the file.
fn environment(url: &str, key: &str, secret: &str, file: Option<&Path>) -> String {
    let named = |file: &Path| format!("SES_EXPORTER_CONFIG_FILE={} ", quoted(&file.to_string_lossy()));
    let file = file.map(named).unwrap_or_default();
    format!(
        "{file}AWS_ENDPOINT_URL={url} AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} \
         AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1"
    )
}

/// What stands in `demo.toml`, and where this demo's AWS and DNS are.
fn configuration(url: &str, dns: SocketAddr) -> String {
    format!("{ESTATE}\n[aws]\nregions = \"all\"\nendpoint_url = \"{url}\"\n\n[dns]\nresolvers = [\"{dns}\"]\n")
}

/// A file that only its owner can read, and that goes with the value.
fn write(text: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("ses-exporter-demo-").suffix(".toml").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// The pace and the limits that were configured, in the demo's world.
fn in_the_world(configured: Config, demo: Config) -> Config {
    let mut config = Config {
        aws: demo.aws,
        accounts: demo.accounts,
        expectations: demo.expectations,
        identities: identities::Settings { tags: demo.identities.tags, ..configured.identities },
        dns: dns::Settings { resolvers: demo.dns.resolvers, ..configured.dns },
        ..configured
    };
    for schedule in &mut config.collectors {
        schedule.interval = schedule.interval.min(INTERVAL);
    }
    config
}

/// Where a page is to be seen from this machine.
fn look_at(scheme: &str, listener: &Listener, path: &str) -> String {
    match listener.local_addr() {
        Some(address) if address.ip().is_unspecified() => format!("{scheme}://localhost:{}{path}", address.port()),
        _ => serve::place(scheme, listener, path),
    }
}

fn explain(pages: &str, url: &str, environment: &str) {
    let text = format!(
        "A simulated AWS with four accounts runs at {url}; its controls are at {url}/_simulator/.\n\
         Look at {pages}.\n\n\
         To ask the same AWS with other commands, such as `ses-exporter check` or `aws sesv2 get-account`, give them this\n\
         environment in another terminal. It holds as long as the demo runs.\n\n\
         export {environment}\n"
    );
    // The demo goes on when nobody reads its words.
    drop(print_line(&text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfiguredAccount;

    #[test]
    fn the_line_to_run_elsewhere_survives_a_folder_with_a_space() {
        let line = environment("http://127.0.0.1:1", "key", "secret", Some(Path::new("/tmp/my files/a.toml")));
        assert!(line.starts_with("SES_EXPORTER_CONFIG_FILE='/tmp/my files/a.toml' AWS_ENDPOINT_URL="), "{line}");
    }

    fn parsed() -> Config {
        let text = configuration("http://127.0.0.1:10061", "127.0.0.1:53".parse().unwrap());
        Config::parse("demo.toml", &text, Path::new("."), None).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn every_account_of_the_world_is_reached_in_its_own_way() {
        let ways = |config: Config| -> Vec<_> {
            let role = |account: &ConfiguredAccount| {
                account.role.as_ref().map(|role| (role.arn.clone(), role.external_id.clone()))
            };
            config.accounts.iter().map(|account| (account.name.clone().unwrap(), role(account))).collect()
        };
        let entrances = World::demo(1).entrances().into_iter();
        let expected: Vec<_> = entrances
            .map(|entrance| (entrance.name, entrance.role_arn.map(|arn| (arn, entrance.external_id))))
            .collect();
        assert_eq!(ways(parsed()), expected);
    }

    #[test]
    fn what_is_configured_is_kept_but_for_the_world() {
        let text = "[identities]\nmax_per_region = 7\n[dns]\nqueries_per_second = 9\n[collectors.account]\ninterval = \"5s\"\n";
        let configured = Config::parse("x", text, Path::new("."), None).unwrap();
        let config = in_the_world(configured, parsed());
        assert_eq!((config.identities.max_per_region, config.identities.tags.len()), (7, 2));
        assert_eq!((config.dns.queries_per_second, config.dns.resolvers.len()), (9, 1));
        let intervals = ["account", "sending"].map(|collector| config.interval(collector));
        assert_eq!(intervals, [Duration::from_secs(5), INTERVAL]);
    }
}
