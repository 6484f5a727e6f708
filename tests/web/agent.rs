//! The executable with a web configuration: what it serves, what it says when that changes, and what it never says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use ses_exporter::simulator::World;
use tokio::time::sleep;

use super::certificates::{Folder, Manners, PAIR, PASSWORD, users};
use super::gate::{ask, basic};
use super::server::PATIENCE;
use crate::support::programs::{Program, installed};
use crate::support::{Agent, Aws, command, eventually, get, run};

/// How often the log says it.
fn said(agent: &Agent, words: &str) -> usize {
    agent.log().matches(words).count()
}

async fn until_said(agent: &Agent, words: &str, times: usize) {
    let wait = async {
        while said(agent, words) < times {
            sleep(Duration::from_millis(20)).await; // the pause between two looks, not the condition
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not said: {words}\n{}", agent.log()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_executable_tells_every_change_once_and_never_a_password() {
    let aws = tokio::task::block_in_place(|| Aws::start(World::demo(1)));
    let folder = Folder::new(&format!("{PAIR}{}", users(4)));
    let arguments = ["--web.config.file", folder.web().to_str().unwrap(), "--log.level", "trace"].map(str::to_owned);
    let agent = tokio::task::block_in_place(|| {
        Agent::start_with(&aws.environment(), "", &arguments.each_ref().map(String::as_str))
    });
    assert_eq!(said(&agent, "listening on https://"), 1, "{}", agent.log());
    let manners = Manners { trusts: Some(folder.path("authority.pem")), ..Manners::default() };
    let mut client = manners.connect(agent.address).await.unwrap();
    for (name, password, status) in [("ann", PASSWORD, 200), ("ann", "hidden-canary", 401), ("hidden-canary", "x", 401)]
    {
        assert_eq!(ask(&mut client, "/", &basic(name, password)).await.unwrap().0, status);
    }

    let (refused, taken) = ("is not taken; the one before stays in force", "has changed and is in force");
    folder.write("web.yml", &format!("{PAIR}basic_auth_users:\n  ann: hidden-canary\n"));
    until_said(&agent, refused, 1).await;
    assert_eq!(ask(&mut client, "/", &basic("ann", PASSWORD)).await.unwrap().0, 200);
    assert_eq!(ask(&mut client, "/metrics", "").await.unwrap().0, 401);
    folder.write("web.yml", &format!("{PAIR}{}", users(5)));
    until_said(&agent, taken, 1).await;
    folder.write_pair(&folder.authority.issue(&["localhost"], 2091));
    until_said(&agent, taken, 2).await;
    assert!(said(&agent, refused) <= 2, "once, and once more if it looked between the two files:\n{}", agent.log());
    let log = agent.log();
    assert!(log.contains("basic_auth_users: this user has no bcrypt hash"), "{log}");
    let secrets = ["hidden-canary", PASSWORD, "$2b$0", &*basic("ann", PASSWORD)[21..40].to_owned()].map(str::to_owned);
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}\n{log}");
    }
    tokio::task::block_in_place(|| {
        drop(agent);
        aws.stop();
    });
}

/// systemd passes listening sockets from descriptor 3 on, and says so in the environment; here the shell does.
#[test]
fn a_socket_of_systemd_is_taken() {
    let aws = Aws::start(World::demo(1));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let passed = |socket: Stdio| {
        let script = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_ses-exporter"), "--web.systemd-socket"]);
        command.env_clear().envs(aws.environment()).stdin(socket).stderr(Stdio::piped());
        command
    };
    let mut agent = passed(OwnedFd::from(listener).into()).spawn().unwrap();
    let answer = eventually("it answers", || {
        let mut client = TcpStream::connect(address).ok()?;
        client.write_all(b"GET /-/healthy HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.0 200 ").then_some(answer)
    });
    assert!(answer.ends_with("Healthy\n"), "{answer}");
    agent.kill().unwrap();
    agent.wait().unwrap();
    let said = run(&mut passed(Stdio::null()));
    assert!(
        said.code == 1 && said.err.contains("socket 1 that systemd has passed takes no connections"),
        "{}",
        said.err
    );
    let said = run(command(&["--web.systemd-socket"]).envs(aws.environment()));
    assert!(said.code == 1 && said.err.contains("systemd has passed no socket"), "{}", said.err);
    aws.stop();
}

/// Prometheus itself, with all that it can be asked to show: a password and a certificate that is verified by name.
#[test]
fn prometheus_comes_through_the_gate() {
    let folder = Folder::new(&format!(
        "{PAIR}  client_ca_file: authority.pem\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_allowed_sans: [prometheus.example]\n  min_version: TLS13\n{}",
        users(4)
    ));
    for (name, names) in [("prometheus", ["prometheus.example"]), ("stranger", ["stranger.example"])] {
        let pair = folder.authority.issue(&names, 2090);
        folder.write(&format!("{name}.pem"), &pair.pem);
        folder.write(&format!("{name}.key"), &pair.key.serialize_pem());
    }
    folder.write("password", PASSWORD);
    let aws = Aws::start(World::demo(1));
    let web = folder.web();
    let agent = Agent::start_with(&aws.environment(), "", &["--web.config.file", web.to_str().unwrap()]);
    let prometheus = Program::start("prometheus", "/-/ready", |address, directory| {
        let at = folder.directory.path().display();
        let job = |name: &str, password: &str| {
            format!(
                "- {{job_name: {name}{password}, scheme: https, static_configs: [{{targets: ['{}']}}], tls_config: {{ca_file: \
                 '{at}/authority.pem', cert_file: '{at}/{name}.pem', key_file: '{at}/{name}.key', server_name: localhost}}, \
                 basic_auth: {{username: ann, password_file: '{at}/{}'}}}}\n",
                agent.address,
                if password.is_empty() { "password" } else { "authority.pem" },
            )
        };
        let jobs = [job("prometheus", ""), job("stranger", ""), job("prometheus", "_guessing")].concat();
        let config = format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}");
        std::fs::write(directory.join("prometheus.yml"), config).unwrap();
        let mut command = installed("prometheus");
        command
            .arg(format!("--web.listen-address={address}"))
            .arg("--config.file")
            .arg(directory.join("prometheus.yml"));
        command.arg("--storage.tsdb.path").arg(directory.join("data"));
        command
    });
    let up = |job: &str| {
        let answer = get(prometheus.address, &format!("/api/v1/query?query=up%7Bjob%3D%22{job}%22%7D"), &[]).text();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    };
    assert_eq!(eventually("it scrapes", || up("prometheus").filter(|up| up == "1")), "1");
    assert_eq!(eventually("a stranger tries", || up("stranger")), "0");
    assert_eq!(eventually("it guesses", || up("prometheus_guessing")), "0");
    drop(prometheus);
    drop(agent);
    aws.stop();
}
