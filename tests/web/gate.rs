//! The gate in front of the pages: TLS, client certificates, passwords, headers and the limit of requests.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::version::{TLS12, TLS13};
use ses_exporter::telemetry::ConnectionClosed;
use ses_exporter::web::{Gate, GateError, Limits};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::certificates::{Authority, Folder, Manners, PAIR, PASSWORD, users};
use super::server::{GET, MEGABYTE, PATIENCE, Server, closed, get, quick, read_answer, wait_until};

pub(super) fn behind(folder: &Folder, limits: Limits) -> Server {
    Server::behind(Gate::from_file(&folder.web()).unwrap(), limits, MEGABYTE)
}

pub(super) fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

/// One GET with more headers: status and head.
pub(super) async fn ask(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
    headers: &str,
) -> std::io::Result<(u16, String)> {
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await?;
    read_answer(client).await.map(|(status, head, _)| (status, head))
}

#[tokio::test]
async fn pages_come_over_tls_of_both_versions_and_in_http_1() {
    let folder = Folder::new(PAIR);
    let server = behind(&folder, Limits::default());
    for version in [&TLS12, &TLS13].map(Some) {
        let protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let manners = Manners { trusts: Some(folder.path("authority.pem")), version, protocols, ..Manners::default() };
        let mut client = manners.connect(server.address).await.unwrap();
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        for path in ["/", "/page", "/"] {
            assert_eq!(get(&mut client, path).await.unwrap().0, 200);
        }
    }
    let only_h2 = Manners { protocols: vec![b"h2".to_vec()], ..Manners::default() };
    assert!(only_h2.connect(server.address).await.is_err());
    wait_until("it is counted", || server.closed(ConnectionClosed::Handshake) == 1.0).await;
}

#[tokio::test]
async fn versions_that_are_left_out_are_not_spoken() {
    for (more, version) in [("  min_version: TLS13\n", &TLS12), ("  max_version: TLS12\n", &TLS13)] {
        let folder = Folder::new(&format!("{PAIR}{more}"));
        let server = behind(&folder, Limits::default());
        assert!(
            Manners { version: Some(version), ..Manners::default() }.connect(server.address).await.is_err(),
            "{more}"
        );
        assert!(Manners::default().connect(server.address).await.is_ok(), "{more}");
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let folder = Folder::new(PAIR);
    let server = behind(&folder, Limits::default());
    let answer = server.exchange(GET.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "{answer}");
    assert_eq!(server.requests("400"), 1.0);
}

#[tokio::test]
async fn a_slow_handshake_is_a_slow_head() {
    let folder = Folder::new(PAIR);
    let server = behind(&folder, quick());
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    let shaken = Manners::default().connect(server.address).await.unwrap();
    closed(&mut silent).await;
    closed(&mut half).await;
    wait_until("all are counted", || server.closed(ConnectionClosed::HeaderTimeout) == 3.0).await;
    drop(shaken);
    for nonsense in [&b"\x16\x03\x01\x00\x04\xff\0\0\0"[..], b"\0\0\0\0\0\0\0", b"\x16garbage garbage garbage"] {
        let mut client = server.connect().await;
        client.write_all(nonsense).await.unwrap();
        closed(&mut client).await;
    }
    wait_until("they are counted", || server.closed(ConnectionClosed::Handshake) == 3.0).await;
    assert_eq!(server.exchange(b"").await, "");
    assert_eq!(server.closed(ConnectionClosed::Error), 0.0);
}

#[tokio::test]
async fn stop_does_not_wait_for_a_handshake() {
    let folder = Folder::new(PAIR);
    let server = behind(&folder, Limits::default());
    let mut silent = server.connect().await;
    // A whole exchange after it, so that the silent one has been accepted.
    let mut client = Manners::default().connect(server.address).await.unwrap();
    assert_eq!(get(&mut client, "/").await.unwrap().0, 200);
    server.stop.send(true).unwrap();
    closed(&mut silent).await;
    timeout(PATIENCE, server.task).await.expect("serve must return").unwrap();
}

/// The five policies of Go against a client with no certificate, one of our authority, and one of a stranger's.
#[tokio::test]
async fn who_has_to_show_a_certificate() {
    let names = "  client_allowed_sans: [ann@example.com, ann.example]\n";
    for (policy, none, ours, theirs) in [
        ("NoClientCert", true, true, true),
        ("RequestClientCert", true, true, true),
        ("RequireClientCert", false, true, true),
        ("RequireAnyClientCert", false, true, true),
        ("VerifyClientCertIfGiven", true, true, false),
        ("RequireAndVerifyClientCert", false, true, false),
    ] {
        let verifies = policy.contains("Verify");
        for (sans, named_only) in [("", false), (names, true)] {
            if named_only && !verifies {
                continue; // a name in a certificate that nobody verifies says nothing, and is refused as a mistake
            }
            let authority = if policy == "NoClientCert" { "" } else { "  client_ca_file: authority.pem\n" };
            let folder = Folder::new(&format!("{PAIR}  client_auth_type: {policy}\n{authority}{sans}"));
            let server = behind(&folder, Limits::default());
            let stranger = Authority::new("theirs").issue(&["ann.example"], 2090);
            let expired = folder.authority.issue(&["ann.example"], 1990);
            for (who, shows, welcome) in [
                ("nobody", None, none),
                ("ours", Some(Arc::new(folder.authority.issue(&["x.example", "ann.example"], 2090))), ours),
                (
                    "ours by another name",
                    Some(Arc::new(folder.authority.issue(&["bob.example"], 2090))),
                    ours && !named_only,
                ),
                ("theirs", Some(Arc::new(stranger)), theirs),
                ("expired", Some(Arc::new(expired)), !verifies),
            ] {
                for version in [&TLS12, &TLS13].map(Some) {
                    let manners = Manners { shows: shows.clone(), version, ..Manners::default() };
                    let answer = async {
                        let mut client = manners.connect(server.address).await?;
                        get(&mut client, "/").await
                    };
                    assert_eq!(answer.await.is_ok(), welcome, "{policy} {sans}: {who} {version:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_path_asks_for_the_password() {
    let folder = Folder::new(&format!("{}http_server_config:\n  headers:\n    X-Frame-Options: deny\n", users(4)));
    let server = behind(&folder, Limits::default());
    let mut client = server.connect().await;
    for path in ["/", "/-/healthy", "/-/ready", "/metrics", "/nothing", "/-/reload", "/panic"] {
        for headers in [String::new(), basic("ann", "guess"), basic("bob", PASSWORD), basic("ann", "")] {
            let (status, head) = ask(&mut client, path, &headers).await.unwrap();
            assert_eq!(status, 401, "{path} {headers}");
            assert!(head.contains("www-authenticate: basic\r\n") && head.contains("x-frame-options: deny"), "{head}");
        }
    }
    let right = basic("ann", PASSWORD);
    for (path, status) in [("/", 200), ("/nothing", 404), ("/-/reload", 405), ("/panic", 500)] {
        let (told, head) = ask(&mut client, path, &right).await.unwrap();
        assert_eq!(told, status, "{path}");
        assert!(head.contains("x-frame-options: deny"), "{head}");
    }
    assert_eq!(server.requests("401"), 28.0);
}

#[tokio::test]
async fn a_limit_of_requests() {
    let folder = Folder::new("rate_limit:\n  interval: 1h\n  burst: 3\n");
    let server = behind(&folder, Limits::default());
    let mut statuses = String::new();
    for _ in 0..5 {
        let (status, _, _) = get(&mut server.connect().await, "/").await.unwrap();
        write!(statuses, "{status} ").unwrap();
    }
    assert_eq!(statuses, "200 200 200 429 429 ");
}

#[test]
fn a_mistaken_file_opens_no_gate() {
    let folder = Folder::new("tls_server_config:\n  cert_file: cert.pem\n");
    let Err(GateError::Mistaken(mistakes)) = Gate::from_file(&folder.web()) else { panic!("it must be refused") };
    assert_eq!(mistakes.all().len(), 1);
    assert!(Gate::from_file(&folder.path("gone.yml")).is_err());
}

#[tokio::test]
async fn a_slow_reader_over_tls_is_closed() {
    let folder = Folder::new(PAIR);
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Server::behind(Gate::from_file(&folder.web()).unwrap(), limits, 12 * MEGABYTE);
    let mut client = Manners::default().connect(server.address).await.unwrap();
    client.write_all(b"GET /page HTTP/1.1\r\n\r\n").await.unwrap();
    client.flush().await.unwrap();
    wait_until("it is closed", || server.closed(ConnectionClosed::WriteTimeout) == 1.0).await;
    // And one who reads gets everything.
    let mut reader = Manners::default().connect(server.address).await.unwrap();
    assert_eq!(get(&mut reader, "/page").await.unwrap().2, 12 * MEGABYTE);
}
