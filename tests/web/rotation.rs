//! Certificates and users that change while the server runs: what is whole is taken up, what is not changes nothing.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use ses_exporter::telemetry::ConnectionClosed;
use ses_exporter::web::{Gate, Limits};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::certificates::{Folder, Manners, PAIR, PASSWORD, connect, users};
use super::gate::{ask, basic};
use super::server::{PATIENCE, Server, get, wait_until};

const SUCCESSFUL: &str = "ses_exporter_web_config_last_reload_successful";
const EXPIRY: &str = "ses_exporter_web_certificate_expiry_timestamp_seconds";

fn watching(folder: &Folder) -> Server {
    let gate = Gate::from_file(&folder.web()).unwrap().looking_every(Duration::from_millis(20));
    Server::behind(gate, Limits::default(), 100)
}

/// The certificate that a newcomer is shown.
async fn shown(server: &Server) -> CertificateDer<'static> {
    let client = Manners::default().connect(server.address).await.unwrap();
    client.get_ref().1.peer_certificates().unwrap()[0].clone()
}

async fn shown_in_time(server: &Server, certificate: &CertificateDer<'static>) {
    let wait = async { while shown(server).await != *certificate {} };
    timeout(PATIENCE, wait).await.expect("the new certificate must be shown");
}

async fn told(server: &Server, successful: f64) {
    wait_until("the gauge tells", || server.gauge(SUCCESSFUL) == Some(successful)).await;
}

/// Every handshake succeeds while certificates are exchanged, and each is shown in time. The figures are printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_under_load() {
    let long = std::env::var_os("SES_EXPORTER_LONG").is_some();
    let (rotations, handshakes_at_least) = if long { (300, 10_000) } else { (20, 100) };
    let folder = Folder::new(PAIR);
    let server = watching(&folder);
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (done, count, address) = (Arc::clone(&done), Arc::clone(&count), server.address);
        let config = Manners { trusts: Some(folder.path("authority.pem")), ..Manners::default() }.config();
        clients.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let mut client = connect(address, Arc::clone(&config)).await.expect("a handshake must not fail");
                assert_eq!(get(&mut client, "/").await.expect("an answer").0, 200);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let (mut longest, mut rotated) = (Duration::ZERO, 0);
    while rotated < rotations || count.load(Ordering::Relaxed) < handshakes_at_least {
        rotated += 1;
        let pair = folder.authority.issue(&["localhost"], 2090);
        let start = Instant::now();
        folder.write_pair(&pair);
        shown_in_time(&server, &pair.certificate).await;
        longest = longest.max(start.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let count = count.load(Ordering::Relaxed);
    println!(
        "{rotated} rotations, {count} handshakes, none failed; a certificate was shown after {longest:?} at the latest"
    );
    assert_eq!(server.closed(ConnectionClosed::Handshake), 0.0);
}

#[tokio::test]
async fn a_half_written_pair_changes_nothing() {
    let folder = Folder::new(PAIR);
    let server = watching(&folder);
    told(&server, 1.0).await;
    let before = shown(&server).await;
    let expiry = server.gauge(EXPIRY).unwrap();
    assert_eq!(expiry, 3_786_912_000.0, "2090-01-01");

    let next = folder.authority.issue(&["localhost"], 2091);
    folder.write("cert.pem", &next.pem);
    told(&server, 0.0).await;
    assert_eq!(shown(&server).await, before);
    assert_eq!(server.gauge(EXPIRY), Some(expiry));
    folder.write("key.pem", &next.key.serialize_pem());
    told(&server, 1.0).await;
    assert_eq!(shown(&server).await, next.certificate);
    assert!(server.gauge(EXPIRY).unwrap() > expiry);

    for (name, text) in [("cert.pem", &next.pem[..100]), ("key.pem", ""), ("web.yml", "tls_server"), ("web.yml", "")] {
        let whole = fs::read_to_string(folder.path(name)).unwrap();
        folder.write(name, text);
        told(&server, 0.0).await;
        assert_eq!(shown(&server).await, next.certificate, "{name}");
        folder.write(name, &whole);
        told(&server, 1.0).await;
    }
    // Plain HTTP would be a surprise for everybody.
    folder.write("web.yml", &users(4));
    told(&server, 0.0).await;
    assert_eq!(shown(&server).await, next.certificate);
}

#[tokio::test]
async fn users_come_and_go() {
    let folder = Folder::new(&users(4));
    let server = watching(&folder);
    let mut client = server.connect().await;
    let says =
        async |client: &mut _, name: &str, password: &str| ask(client, "/", &basic(name, password)).await.unwrap().0;
    told(&server, 1.0).await;
    assert_eq!(says(&mut client, "ann", PASSWORD).await, 200);
    assert_eq!(says(&mut client, "bob", "bob's").await, 401);
    let bob = bcrypt::hash("bob's", 4).unwrap();
    folder.write("web.yml", &format!("{}  bob: {bob}\n", users(4)));
    let wait = async { while says(&mut client, "bob", "bob's").await != 200 {} };
    timeout(PATIENCE, wait).await.expect("bob must be let in");
    assert_eq!(says(&mut client, "ann", PASSWORD).await, 200, "by another hash of the same password");
    folder.write("web.yml", &format!("basic_auth_users:\n  ann: {bob}\n"));
    let wait = async { while says(&mut client, "bob", "bob's").await != 401 {} };
    timeout(PATIENCE, wait).await.expect("bob must be kept out");
    assert_eq!(says(&mut client, "ann", PASSWORD).await, 401, "what was proven counts for the new hash only");
    assert_eq!(says(&mut client, "ann", "bob's").await, 200);
    // A file without users may have been cut off.
    for without in ["", "rate_limit:\n  interval: 1s\n  burst: 1000\n"] {
        folder.write("web.yml", without);
        told(&server, 0.0).await;
        assert_eq!(get(&mut client, "/").await.unwrap().0, 401);
        folder.write("web.yml", &users(4));
        told(&server, 1.0).await;
    }
}

#[tokio::test]
async fn a_file_that_is_cut_off_lets_no_stranger_in() {
    let whole = format!("{PAIR}  client_ca_file: authority.pem\n  client_auth_type: RequireAndVerifyClientCert\n");
    let folder = Folder::new(&whole);
    let server = watching(&folder);
    told(&server, 1.0).await;
    folder.write("web.yml", PAIR);
    told(&server, 0.0).await;
    let stranger = async { get(&mut Manners::default().connect(server.address).await?, "/").await };
    assert!(stranger.await.is_err());
    let shows = Some(Arc::new(folder.authority.issue(&["ann.example"], 2090)));
    let mut friend = Manners { shows, ..Manners::default() }.connect(server.address).await.unwrap();
    assert_eq!(get(&mut friend, "/").await.unwrap().0, 200);
}
