//! Faults of the network and of the answer's body, and the end of the simulator itself.

use std::time::{Instant, SystemTime};

use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::operation::get_account::GetAccountError;
use ses_exporter::simulator::{Fault, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

type Answer<T> = Result<T, SdkError<GetAccountError>>;

fn signed_request() -> String {
    let scope = format!("{KEY}/20261122/eu-west-1/ses/aws4_request");
    format!(
        "GET /v2/email/account HTTP/1.1\r\nhost: simulator\r\nauthorization: AWS4-HMAC-SHA256 Credential={scope}\r\n\r\n"
    )
}

async fn ask(simulator: &Simulator) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(simulator.address()).await.expect("the simulator listens");
    stream.write_all(signed_request().as_bytes()).await.expect("the request goes out");
    stream
}

#[tokio::test]
async fn a_request_that_hangs_is_in_flight_until_its_client_goes() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::Hang));
    let waiting = tokio::spawn(sesv2(&simulator, "eu-west-1").get_account().send());
    eventually("the request arrives", || simulator.world().requests().len() == 1).await;
    simulator.world().clear_faults();
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
    assert_eq!(simulator.world().most_in_flight(), 2);
    let log: Vec<_> = simulator.world().requests().iter().map(|entry| (entry.in_flight, entry.status)).collect();
    assert_eq!(log, [(1, None), (2, Some(200))]);
    assert_eq!(simulator.world().in_flight(), 1);
    waiting.abort();
    eventually("the client that went is noticed", || simulator.world().in_flight() == 0).await;
}

#[tokio::test]
async fn a_body_can_stall_half_way() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::HangInBody));
    let mut stream = ask(&simulator).await;
    let (mut answer, mut block) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&answer).contains("Dedicated") {
        let read = stream.read(&mut block).await.expect("bytes");
        assert!(read > 0, "the connection stays open");
        answer.extend_from_slice(block.get(..read).unwrap_or_default());
    }
    let more = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut block)).await;
    assert!(more.is_err(), "nothing more comes: {more:?}");
    let head = String::from_utf8_lossy(&answer).into_owned();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_body_can_drip() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::Drip { bytes_per_second: 5 }));
    let mut stream = ask(&simulator).await;
    let mut answer = Vec::new();
    let begun = Instant::now();
    let mut block = [0; 4096];
    let body = |answer: &[u8]| String::from_utf8_lossy(answer).split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
    while body(&answer) < 10 {
        let read = stream.read(&mut block).await.expect("bytes");
        answer.extend_from_slice(block.get(..read).unwrap_or_default());
    }
    assert_eq!(body(&answer), 10);
    assert!(begun.elapsed() >= Duration::from_millis(900), "the second five bytes come a second later");
}

#[tokio::test]
async fn a_connection_can_be_reset() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::Reset));
    let mut stream = ask(&simulator).await;
    let error = stream.read(&mut [0; 16]).await.expect_err("a reset, not an end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let failure: Answer<_> = sesv2(&simulator, "eu-west-1").get_account().send().await;
    assert!(matches!(failure, Err(SdkError::DispatchFailure(_))), "{failure:?}");
}

#[tokio::test]
async fn answers_can_be_slow() {
    let simulator = start(world()).await;
    simulator.world().set_latency(Duration::from_millis(50));
    simulator.world().inject(Fault::new(Trouble::Slow { delay: Duration::from_millis(100) }));
    let begun = Instant::now();
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok());
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn an_empty_object_is_an_answer_to_the_sdk() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::EmptyObject));
    let account = sesv2(&simulator, "eu-west-1").get_account().send().await.expect("the SDK takes it");
    assert!(account.send_quota().is_none() && account.enforcement_status().is_none());
    let quota = ses(&simulator, "eu-west-1").get_send_quota().send().await.expect("the SDK takes it");
    assert!(quota.max24_hour_send().abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_huge_body_comes_and_comes() {
    let simulator = start(world()).await;
    let megabytes = 64;
    simulator.world().inject(Fault::new(Trouble::HugeBody { bytes: megabytes << 20 }));
    let mut stream = ask(&simulator).await;
    let (mut total, mut block) = (0, vec![0; 1 << 20]);
    while total < megabytes << 20 {
        let read = stream.read(&mut block).await.expect("bytes");
        assert!(read > 0, "it ended after {total} bytes");
        total += u64::try_from(read).expect("a small number");
    }
    simulator.world().clear_faults();
    simulator.world().inject(Fault::new(Trouble::HugeBody { bytes: 100_000 }));
    assert!(sesv2(&simulator, "eu-west-1").get_account().send().await.is_ok(), "behind the blanks is the answer");
}

#[tokio::test]
async fn a_list_can_be_endless() {
    let simulator = start(world()).await;
    let fault = simulator.world().inject(Fault::new(Trouble::EndlessPaging).operation("ListEmailIdentities"));
    let client = sesv2(&simulator, "us-east-1");
    let first = client.list_email_identities().send().await.expect("an answer");
    let second = client.list_email_identities().set_next_token(first.next_token.clone()).send().await;
    let second = second.expect("an answer");
    assert!(first.next_token.is_some());
    assert_eq!((&first.next_token, &first.email_identities), (&second.next_token, &second.email_identities));
    simulator.world().remove_fault(fault);
    let last = client.list_email_identities().set_next_token(second.next_token).send().await.expect("an answer");
    assert_eq!((last.email_identities().len(), last.next_token()), (2, None));
}

#[tokio::test]
async fn the_date_can_be_wrong() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::ClockSkew { seconds: -7_200 }));
    let mut stream = ask(&simulator).await;
    let mut block = vec![0; 4096];
    let read = stream.read(&mut block).await.expect("bytes");
    let head = String::from_utf8_lossy(block.get(..read).unwrap_or_default()).into_owned();
    let date = head.lines().find_map(|line| line.strip_prefix("date: ")).expect("a date");
    let date = aws_smithy_types::DateTime::from_str(date, aws_smithy_types::date_time::Format::HttpDate);
    let date = SystemTime::try_from(date.expect("an HTTP date")).expect("a time");
    let behind = SystemTime::now().duration_since(date).expect("in the past").as_secs();
    assert!((7_199..=7_210).contains(&behind), "{behind}");
}

#[tokio::test]
async fn a_fault_with_a_count_ends_by_itself() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::ServerError { status: 500 }).times(2));
    let client = sesv2(&simulator, "eu-west-1");
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(client.get_account().send().await.is_ok());
    }
    assert_eq!(outcomes, [false, false, true]);
    assert!(simulator.world().faults().is_empty());
}

#[tokio::test]
async fn it_ends_with_its_connections_and_listens_on_the_loopback_only() {
    let simulator = start(world()).await;
    simulator.world().inject(Fault::new(Trouble::Hang));
    let (address, mut hanging) = (simulator.address(), ask(&simulator).await);
    eventually("the request arrives", || simulator.world().requests().len() == 1).await;
    simulator.stop().await;
    assert_eq!(hanging.read(&mut [0; 16]).await.unwrap_or(0), 0, "the open connection ends");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Simulator::start(everywhere, world()).await.expect_err("a refusal");
    assert!(error.to_string().contains("loopback"), "{error}");
}
