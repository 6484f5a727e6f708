//! Sockets in the file system: served like a port, for owner and group, and gone with the agent.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::certificates::{Folder, Manners, PAIR, PASSWORD, handshake, users};
use super::gate::{ask, basic};
use crate::support::stage::{MAIN_ACCOUNT, quick, world};
use crate::support::{Agent, Aws, command, eventually, run};

const REGION: &str = "us-east-1";

/// An agent that listens there too.
fn start(aws: &Aws, path: &Path, arguments: &[&str]) -> Agent {
    let listen = format!("unix:{}", path.display());
    let arguments = [&["--web.listen-address", listen.as_str()], arguments].concat();
    Agent::start_with(&aws.environment(), &(quick(aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT), &arguments)
}

/// The whole answer, where somebody listens.
fn get(path: &Path, page: &str) -> Option<String> {
    let mut client = UnixStream::connect(path).ok()?;
    client.write_all(format!("GET {page} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    client.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_file_is_served_beside_a_port_and_goes_with_the_agent() {
    let aws = Aws::start(world(&[REGION]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let mut agent = start(&aws, &path, &[]);
    agent.wait_ready();
    let metadata = eventually("it listens", || std::fs::symlink_metadata(&path).ok());
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    let answer = get(&path, "/metrics").unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.contains("ses_production_access_enabled"), "{answer}");
    assert_eq!(agent.get("/-/healthy").status, 200);
    let said = format!("listening on unix:{} (http, /metrics)", path.display());
    assert!(agent.log().contains(&said), "{}", agent.log());

    // One that lives stays, whoever else wants the file.
    let listen = format!("unix:{}", path.display());
    let other = run(command(&["--web.listen-address", &listen]).envs(aws.environment()));
    let sentence = format!(
        "ses-exporter: cannot listen on {listen}: another process listens there; stop it or choose another name with \
         --web.listen-address\n"
    );
    assert_eq!((other.code, other.err), (1, sentence));
    assert!(get(&path, "/-/healthy").is_some_and(|answer| answer.ends_with("Healthy\n")));

    agent.signal("TERM");
    assert!(agent.wait_end().success());
    assert!(!path.exists());
}

#[test]
fn what_a_killed_agent_left_is_replaced() {
    let aws = Aws::start(world(&[REGION]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    drop(start(&aws, &path, &[])); // by SIGKILL
    assert!(path.exists() && get(&path, "/").is_none());
    let _agent = start(&aws, &path, &[]);
    assert!(get(&path, "/-/healthy").is_some_and(|answer| answer.ends_with("Healthy\n")));
}

#[test]
fn a_file_of_systemd_is_taken_and_left_to_it() {
    let aws = Aws::start(world(&[REGION]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let script = r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_ses-exporter"), "--web.systemd-socket"]);
    command.env_clear().envs(aws.environment()).stderr(Stdio::null());
    let mut agent = command.stdin(OwnedFd::from(listener)).spawn().unwrap();
    drop(command); // and with it this process' part of the socket
    let answer = eventually("it answers", || get(&path, "/-/healthy").filter(|answer| !answer.is_empty()));
    assert!(answer.ends_with("Healthy\n"), "{answer}");
    assert!(crate::support::signal("TERM", &agent.id().to_string()));
    assert!(agent.wait().unwrap().success());
    assert!(path.exists(), "systemd removes it, or starts the agent anew by it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_stands_before_a_file_too() {
    let (aws, agent, path, _folder, _sockets) = tokio::task::block_in_place(|| {
        let aws = Aws::start(world(&[REGION]));
        let (folder, sockets) = (Folder::new(&format!("{PAIR}{}", users(4))), tempfile::tempdir().unwrap());
        let path = sockets.path().join("web.sock");
        let web = folder.web();
        let agent = start(&aws, &path, &["--web.config.file", web.to_str().unwrap()]);
        (aws, agent, path, folder, sockets)
    });
    let connect = async || {
        let socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        handshake(socket, Manners::default().config()).await.unwrap()
    };
    let mut client = connect().await;
    assert_eq!(ask(&mut client, "/metrics", "").await.unwrap().0, 401);
    assert_eq!(ask(&mut client, "/-/healthy", &basic("ann", PASSWORD)).await.unwrap().0, 200);
    let plain = tokio::task::block_in_place(|| get(&path, "/")).unwrap();
    assert!(plain.starts_with("HTTP/1.0 400 ") && plain.contains("to an HTTPS server"), "{plain}");
    tokio::task::block_in_place(|| drop((agent, aws)));
}
