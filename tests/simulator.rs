//! The simulator from outside: unmodified SDK clients, the `aws` command line and plain HTTP against it.
//!
//! What AWS does is written down here from its documentation and from quoted answers, not taken from the simulator.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail as loudly as the tests themselves, which are all that clippy excepts"
)]

mod command_line;
mod configuration_sets;
mod control;
mod dns;
mod faults;
mod identities;
mod operations;
mod refusals;
mod sending;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::config::{BehaviorVersion, Region as AwsRegion};
use aws_sdk_sesv2::error::ProvideErrorMetadata;
use serde_json::Value;
use ses_exporter::simulator::{Account, Identity, Region, Role, Simulator, World};

const MAIN: &str = "111111111111";
const OTHER: &str = "222222222222";
const STRICT: &str = "444444444444";
const KEY: &str = "AKIAEXAMPLEEXAMPLE00";

/// Longest wait for what takes milliseconds on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two accounts: one with the key and three regions, one behind a role. No rate limit.
fn world() -> World {
    let ireland = Region::production("eu-west-1", 50_000.0, 14.0).sent(1_234.0).identities(250);
    let small = Region::fresh("us-east-1")
        .identity(Identity::domain("shop.example"))
        .identity(Identity::email_address("no+reply@shop.example").status("TEMPORARY_FAILURE"));
    World::empty()
        .with_rate(None)
        .with_account(Account::new(MAIN, "main").access_key(KEY, "secret").region(ireland).region(small))
        .with_account(Account::new(OTHER, "other").role(Role::trusting("reader", MAIN)))
        .with_account(Account::new(STRICT, "strict").role(Role::trusting("reader", MAIN).external_id("open")))
}

async fn start(world: World) -> Simulator {
    Simulator::start(SocketAddr::from(([127, 0, 0, 1], 0)), world).await.expect("a free port on the loopback")
}

fn main_key() -> Credentials {
    Credentials::new(KEY, "secret", None, None, "test")
}

/// What all clients have in common: one attempt, and an end to their patience.
macro_rules! client {
    ($sdk:ident, $simulator:expr, $region:expr, $credentials:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(crate::simulator::BehaviorVersion::latest())
                .region(crate::simulator::AwsRegion::new($region.to_owned()))
                .credentials_provider($credentials)
                .endpoint_url($simulator.url())
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .retry_config(crate::simulator::RetryConfig::disabled())
                .timeout_config(crate::simulator::patience(crate::simulator::PATIENCE))
                .build(),
        )
    };
}
use client;

fn patience(longest: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_timeout(longest).build()
}

fn sesv2(simulator: &Simulator, region: &str) -> aws_sdk_sesv2::Client {
    client!(aws_sdk_sesv2, simulator, region, main_key())
}

fn ses(simulator: &Simulator, region: &str) -> aws_sdk_ses::Client {
    client!(aws_sdk_ses, simulator, region, main_key())
}

fn sts(simulator: &Simulator) -> aws_sdk_sts::Client {
    client!(aws_sdk_sts, simulator, "eu-west-1", main_key())
}

/// The HTTP status and the code of a refusal, as an agent gets to see them.
fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, aws_sdk_sesv2::error::SdkError<E>>,
) -> (u16, Option<String>) {
    let error = result.expect_err("a refusal");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().map(str::to_owned))
}

/// Sends one request in plain HTTP; answers status, head and body.
async fn http(simulator: &Simulator, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let (address, length) = (simulator.address(), body.len());
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    let exchange = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("the simulator listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.write_all(request.as_bytes()).expect("the request goes out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer to the end");
        answer
    });
    let answer = exchange.await.expect("no panic");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_owned(), body.to_owned())
}

/// The same with JSON in and out.
async fn control(simulator: &Simulator, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, _, answer) = http(simulator, method, &format!("/_simulator/{path}"), "", &body).await;
    (status, serde_json::from_str(&answer).expect("JSON"))
}

/// Waits until something holds, at most [`PATIENCE`].
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
