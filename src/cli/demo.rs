//! `demo`: the agent and a simulated AWS in one process, on loopback. It shows everything and needs nothing.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use aws_credential_types::Credentials;

use super::{Ended, Web, print_line, runtime, serve};
use crate::config::{Config, ConfiguredAccount, Regions};
use crate::simulator::{Simulator, World};
use crate::target::{REGIONS, Role};

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
    let mut config = demo_config(config, &world);
    let simulator = Simulator::start(demo.simulator, world);
    let simulator = simulator.await.map_err(|error| {
        let in_use = error.kind() == io::ErrorKind::AddrInUse;
        let why = if in_use { "the address is in use".to_owned() } else { error.to_string() };
        anyhow!("can't simulate AWS on {}: {why}; choose another with --simulator.listen-address", demo.simulator)
    })?;
    config.aws.endpoint_url = Some(simulator.url());
    config.dns.resolvers = vec![simulator.dns_address()];
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "demo");
    let address = listeners.first().and_then(|listener| listener.local_addr().ok());
    let scheme = if gate.speaks_tls() { "https" } else { "http" };
    explain(scheme, address, &web.telemetry_path, &simulator.url(), &key.id, &key.secret);
    Ok(serve::serve(&config, web, gate, listeners, Some(credentials)).await?)
}

/// Every account of the world, in all regions, under the names that the world gives.
fn demo_config(mut config: Config, world: &World) -> Config {
    let commercial = REGIONS.iter().filter(|region| region.partition == "aws");
    config.identities.tags = ["owner", "service"].map(str::to_owned).to_vec();
    config.aws.regions = Regions::List(commercial.map(|region| region.name.to_owned()).collect());
    config.accounts = world
        .entrances()
        .into_iter()
        .map(|entrance| ConfiguredAccount {
            name: Some(entrance.name),
            role: entrance.role_arn.map(|arn| Role { arn, external_id: entrance.external_id }),
            ..ConfiguredAccount::default()
        })
        .collect();
    for schedule in &mut config.collectors {
        schedule.interval = schedule.interval.min(INTERVAL);
    }
    config
}

fn explain(scheme: &str, address: Option<SocketAddr>, path: &str, url: &str, key: &str, secret: &str) {
    let address = match address {
        Some(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        Some(address) => address.to_string(),
        None => LISTEN.to_owned(),
    };
    let text = format!(
        "A simulated AWS with four accounts runs at {url}; its controls are at {url}/_simulator/.\n\
         Look at {scheme}://{address}/ and {scheme}://{address}{path}.\n\n\
         To ask the same AWS with other commands, such as `aws sesv2 get-account`:\n\n\
         export AWS_ENDPOINT_URL={url} AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} AWS_REGION=us-east-1 \
         AWS_DEFAULT_REGION=us-east-1\n"
    );
    // The demo goes on when nobody reads its words.
    drop(print_line(&text));
}
