//! Credentials from an instance's metadata service that takes its time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use crate::support::stage::{KEY, MAIN_ACCOUNT, SECRET, all_succeed, quick, world};
use crate::support::{Agent, Aws};

/// Longer than the second after which the SDK alone gives up.
const SLOW: Duration = Duration::from_millis(1500);

/// A metadata service (IMDSv2) on loopback that answers every request late, with credentials without an end in sight.
fn metadata_service() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(socket.try_clone().unwrap());
                let (mut writer, mut line, mut first) = (socket, String::new(), None::<String>);
                // The client hangs up when it has what it wants.
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    let head = first.get_or_insert_with(|| line.clone());
                    if line == "\r\n" {
                        let body = answer(head);
                        thread::sleep(SLOW); // this is what it is about
                        let head = format!(
                            "HTTP/1.1 200 OK\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: {}\r\n\r\n",
                            body.len()
                        );
                        let _ = writer.write_all((head + &body).as_bytes());
                        first = None;
                    }
                    line.clear();
                }
                let _ = reader.read(&mut [0]);
            });
        }
    });
    address
}

fn answer(request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap_or_default().trim_end_matches('/');
    if path == "/latest/api/token" {
        "token".to_owned()
    } else if path.ends_with("/the-role") {
        format!(
            r#"{{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{KEY}","SecretAccessKey":"{SECRET}","Token":"",
            "LastUpdated":"2026-01-01T00:00:00Z","Expiration":"2099-01-01T00:00:00Z"}}"#
        )
    } else {
        "the-role".to_owned()
    }
}

#[test]
fn a_slow_metadata_service_is_waited_for() {
    let aws = Aws::start(world(&["us-east-1"]));
    let metadata = format!("http://{}", metadata_service());
    let environment =
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata), ("AWS_EC2_METADATA_DISABLED", "false".to_owned())];
    let config = quick(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&environment, &config, &[]);
    agent.page_where("it is read", |page| all_succeed(page, "main", "us-east-1"));
}
