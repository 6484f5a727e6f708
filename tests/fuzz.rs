//! Hostile texts and bytes: into what reads what strangers wrote, and into the whole agent. What the parsers of the web
//! configuration, of DNS messages and of requests do with such stands beside their code; the renderer is in `exposition`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;
use ses_exporter::rejection;
use ses_exporter::web::check_address;
use ses_exporter::web::negotiation::negotiate;

use crate::soak::long;
use crate::support::stage::{MAIN_ACCOUNT, quick, world};
use crate::support::{Agent, Aws, PATIENCE, tries};

/// Pieces of what SES, SMTP servers and AWS say, and of what logs put around it.
const SAID: &[&str] = &[
    "MessageRejected: Email address is not verified. The following identities failed the check in region US-EAST-1: ",
    "554 Message rejected: ",
    "a@shop.example",
    "Shop \"<b@shop.example>\", ",
    "arn:aws:ses:eu-west-1:111111111111:identity/shop.example",
    "User: arn:aws:iam::1:user/x is not authorized to perform: ses:SendEmail on resource",
    "Daily message quota exceeded.",
    "Maximum sending rate exceeded.",
    "Sending paused for this account.",
    "Configuration set <x> does not exist.",
    "email-smtp.eu-west-1.amazonaws.com",
    "{\"message\":\"\\u0041\\ud800\"}",
    "&lt;&#x1b;&#0;",
    "\\n\\",
    "...",
    "\u{1b}[31m",
    "\u{202e}",
    "\r\n",
    "\0",
    "<",
    ",",
    " ",
];

fn text(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(tries(2_000, 500_000))]

    #[test]
    fn no_error_makes_explain_panic(text in text(SAID)) {
        for rejection in rejection::read(&text) {
            prop_assert!(rejection.times > 0);
            // A region becomes part of commands that people paste into a shell.
            let code = |region: &str| region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            prop_assert!(rejection.region.as_deref().is_none_or(code), "{:?}", rejection);
            prop_assert!(!format!("{:?}", rejection.reason).contains('\u{1b}'), "{:?}", rejection);
        }
    }

    #[test]
    fn whatever_a_client_accepts_it_gets_a_form_that_there_is(
        accept in prop::collection::vec(text(&["application/openmetrics-text", "text/plain", "*/*", ";", "q=", "version=", "1.0.0", "\"", "\\", ",", "=", "0.5", "escaping=", "values"]), 0..3),
        encoding in prop::collection::vec(text(&["gzip", "identity", "*", ";q=", "0", "1e9", ","]), 0..3),
    ) {
        let wanted = negotiate(accept.iter().map(String::as_str), encoding.iter().map(String::as_str));
        let open = wanted.content_type.starts_with("application/openmetrics-text; version=");
        prop_assert_eq!(wanted.format == ses_exporter::exposition::Format::OpenMetrics, open);
        prop_assert!(open || wanted.content_type.starts_with("text/plain; version=0.0.4; charset=utf-8"));
    }

    #[test]
    fn no_address_makes_it_panic(address in text(&[":", "[", "]", "::", "10060", "127.0.0.1", "65536", "%eth0", "."])) {
        if let Err(error) = check_address(&address) {
            prop_assert!(!error.to_string().contains(char::is_control), "{:?} is not one line", error.to_string());
        }
    }
}

/// Requests to every page, good but for the bytes that are changed in them.
const REQUESTS: &[&str] = &[
    "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text;version=1.0.0\r\nAccept-Encoding: gzip\r\n\r\n",
    "GET /?account=main&region=us-east-1&view=identities HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v1/estate?account=main&region=us%2Deast%2D1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /api/v1/check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "HEAD /-/ready HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    "POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
];

/// One of the requests with some bytes changed, doubled or cut off.
fn mutated(random: &mut Rng) -> Vec<u8> {
    let mut bytes = random.choice(REQUESTS).unwrap().as_bytes().to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..bytes.len());
        match random.u8(..8) {
            0 => drop(bytes.drain(at..(at + random.usize(1..9)).min(bytes.len()))),
            1 => drop(bytes.splice(at..at, random.choice(REQUESTS).unwrap().bytes().take(40))),
            2 => bytes[at] = *random.choice(b"%&=?/\r\n \0;:,\"\\").unwrap(),
            3 => bytes[at] = random.u8(..),
            _ => bytes[at] = random.u8(b' '..=b'~'),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// What the agent answers until it hangs up; a good last request, of which it may make something else, asks it to.
fn answered(agent: &Agent, request: &[u8]) -> Vec<u8> {
    /// What follows a head that is cut off would be waited for by both. Answers come sooner than this.
    const PAUSE: Duration = Duration::from_millis(250);
    let mut socket = TcpStream::connect(agent.address).unwrap();
    let mut answer = Vec::new();
    // It may hang up before all is said or read, as it should.
    let _ = socket.write_all(&[request, b"\r\n\r\nGET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n"].concat());
    socket.set_read_timeout(Some(PAUSE)).unwrap();
    if waits(&socket.read_to_end(&mut answer)) {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = socket.shutdown(Shutdown::Write);
        assert!(!waits(&socket.read_to_end(&mut answer)), "no end: {:?}", String::from_utf8_lossy(request));
    }
    answer
}

fn waits(read: &io::Result<usize>) -> bool {
    read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// The whole agent, all of its pages. Always the same requests, so that a failure comes again.
#[test]
fn no_request_harms_the_agent() {
    let aws = Aws::start(world(&["us-east-1"]));
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    agent.wait_ready();
    let mut random = Rng::with_seed(27);
    let mut answers = BTreeMap::<String, u32>::new();
    let requests = if long() { 100_000 } else { 2_000 };
    for number in 0..requests {
        let request = mutated(&mut random);
        let said = String::from_utf8_lossy(&request).into_owned();
        let answer = answered(&agent, &request);
        let first = answer.get(..12).map(String::from_utf8_lossy).unwrap_or_default();
        assert!(
            first.starts_with("HTTP/1.") || first.is_empty(),
            "request {number} is answered with {first}: {said:?}"
        );
        assert!(!first.ends_with(" 500"), "request {number} is answered with {first}: {said:?}");
        *answers.entry(first.into_owned()).or_default() += 1;
    }
    println!("{requests} mutated requests: {answers:?}");
    for status in ["200", "400", "404", "405"] {
        assert!(answers.keys().any(|first| first.ends_with(status)), "no answer was {status}: {answers:?}");
    }
    assert!(!agent.log().contains("panic"), "{}", agent.log());
    assert_eq!(agent.get("/-/healthy").status, 200);
}
