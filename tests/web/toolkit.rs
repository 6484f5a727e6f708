//! The same web configurations, given to node_exporter of Debian (1.5.0, with the toolkit that Prometheus' exporters share)
//! and to the executable here: the same requests have the same answers.
//!
//! Where the two differ on purpose, a table says why; a difference that is not in it fails, and so does one that is gone.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ses_exporter::simulator::World;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::certificates::{Authority, Folder, Manners, PAIR, PASSWORD, Pair, users};
use super::gate::basic;
use super::server::PATIENCE;
use crate::support::programs::{free_port, installed};
use crate::support::{Agent, Aws, command, run};

/// Headers in which the two have to agree, present or not.
const HEADERS: &[&str] = &["www-authenticate", "strict-transport-security", "x-frame-options", "x-xss-protection"];

/// What a client does: its headers and its path, and what it shows if TLS is spoken.
struct Step {
    name: &'static str,
    path: &'static str,
    headers: String,
    shows: Option<Arc<Pair>>,
    plain: bool,
}

/// What came of it: a status, with the body of refusals and the headers that count; or no answer.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Answer { status: u16, body: String, headers: BTreeMap<String, String> },
    Closed,
}

fn step(name: &'static str, path: &'static str, headers: String) -> Step {
    Step { name, path, headers, shows: None, plain: false }
}

/// Good files; the texts name `cert.pem`, `key.pem` and `authority.pem` beside them.
fn good() -> Vec<(&'static str, String)> {
    let headers = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=31536000\n    \
                   X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n    X-XSS-Protection: 1; mode=block\n";
    let clients = |policy: &str| format!("{PAIR}  client_auth_type: {policy}\n  client_ca_file: authority.pem\n");
    vec![
        ("empty", String::new()),
        ("users", users(4)),
        ("headers", headers.to_owned()),
        ("users and headers", format!("{}{headers}", users(4))),
        ("tls", PAIR.to_owned()),
        ("tls and users", format!("{PAIR}{}", users(4))),
        ("tls 1.3 only", format!("{PAIR}  min_version: TLS13\n")),
        ("requested", clients("RequestClientCert")),
        ("required", clients("RequireAnyClientCert")),
        ("required, old name", clients("RequireClientCert")),
        ("verified if given", clients("VerifyClientCertIfGiven")),
        ("verified", clients("RequireAndVerifyClientCert")),
        (
            "ciphers and curves",
            format!(
                "{PAIR}  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n  \
                 curve_preferences: [CurveP256]\n  prefer_server_cipher_suites: false\nhttp_server_config:\n  http2: false\n"
            ),
        ),
    ]
}

/// Bad files, and good ones that only one of the two takes: why, if they differ.
fn bad() -> Vec<(&'static str, String, Option<&'static str>)> {
    let pair = |more: &str| format!("{PAIR}  {more}\n");
    vec![
        ("unknown section", "tls_server_conf: {}\n".into(), None),
        ("unknown key", pair("cert_fil: x"), None),
        ("no YAML", "a: b: c\n".into(), None),
        ("a list", "- a\n".into(), None),
        ("a key twice", format!("{PAIR}  cert_file: cert.pem\n"), None),
        ("no key", "tls_server_config:\n  cert_file: cert.pem\n".into(), None),
        ("no certificate", "tls_server_config:\n  key_file: key.pem\n".into(), None),
        ("missing file", "tls_server_config:\n  cert_file: gone.pem\n  key_file: key.pem\n".into(), None),
        ("wrong key", "tls_server_config:\n  cert_file: cert.pem\n  key_file: other.pem\n".into(), None),
        ("empty certificate", "tls_server_config:\n  cert_file: empty.pem\n  key_file: key.pem\n".into(), None),
        ("policy alone", "tls_server_config:\n  client_auth_type: RequestClientCert\n".into(), None),
        ("unknown policy", pair("client_auth_type: Perhaps"), None),
        ("authority without policy", pair("client_ca_file: authority.pem"), None),
        ("missing authority", pair("client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: gone.pem"), None),
        ("unknown version", pair("min_version: SSL3"), None),
        ("unknown cipher", pair("cipher_suites: [TLS_NULL]"), None),
        ("unknown curve", pair("curve_preferences: [P0]"), None),
        ("unknown header", "http_server_config:\n  headers:\n    Server: me\n".into(), None),
        ("header's value", "http_server_config:\n  headers:\n    X-Frame-Options: maybe\n".into(), None),
        ("no hash", "basic_auth_users:\n  ann: plain\n".into(), None),
        ("short hash", "basic_auth_users:\n  ann: $2y$10$abc\n".into(), None),
        ("TLS 1.0", pair("min_version: TLS10"), Some("broken, and not in rustls; refused, not ignored")),
        (
            "CBC",
            pair("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"),
            Some("weak, and not in rustls"),
        ),
        ("P-521", pair("curve_preferences: [CurveP521]"), Some("not in ring")),
        (
            "versions alone",
            "tls_server_config:\n  min_version: TLS13\n".into(),
            Some("there it means plain HTTP, which nobody means who writes it"),
        ),
        ("upside down", pair("min_version: TLS13\n  max_version: TLS12"), Some("there nobody can connect")),
        (
            "no authority",
            pair("client_auth_type: RequireAndVerifyClientCert"),
            Some("there every authority of the web may make clients"),
        ),
        (
            "colon",
            format!("{}  a:b: {}\n", users(4), bcrypt::hash("x", 4).unwrap()),
            Some("no client can say that name"),
        ),
        (
            "cost 20",
            format!("basic_auth_users:\n  ann: {}\n", bcrypt::hash("x", 4).unwrap().replace("$04$", "$20$")),
            Some("a minute a login"),
        ),
        ("inline", "inline".into(), Some("newer than 1.5.0")),
        (
            "sans",
            pair(
                "client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.pem\n  client_allowed_sans: [a]",
            ),
            Some("newer than 1.5.0"),
        ),
        ("rate limit", "rate_limit:\n  interval: 1s\n  burst: 2\n".into(), Some("newer than 1.5.0")),
    ]
}

/// Where the two answer differently: file, step, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[];

fn steps(folder: &Folder) -> Vec<Step> {
    let ours = Arc::new(folder.authority.issue(&["ann.example"], 2090));
    let theirs = Arc::new(Authority::new("theirs").issue(&["ann.example"], 2090));
    let shows = |name, pair: &Arc<Pair>| Step { shows: Some(Arc::clone(pair)), ..step(name, "/", String::new()) };
    vec![
        step("landing", "/", String::new()),
        step("metrics", "/metrics", String::new()),
        step("right password", "/", basic("ann", PASSWORD)),
        step("wrong password", "/", basic("ann", "guess")),
        step("unknown user", "/metrics", basic("eve", PASSWORD)),
        step("another scheme", "/", "Authorization: Bearer abc\r\n".into()),
        step("broken base64", "/", "Authorization: Basic !!!\r\n".into()),
        step("lower case", "/", basic("ann", PASSWORD).replace("Basic", "basic")),
        shows("our certificate", &ours),
        shows("a stranger's certificate", &theirs),
        Step { plain: true, ..step("plain HTTP", "/", String::new()) },
    ]
}

async fn outcome(address: SocketAddr, tls: bool, step: &Step) -> Outcome {
    let request = format!("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", step.path, step.headers);
    let manners = Manners { shows: step.shows.clone(), ..Manners::default() };
    let exchange = async {
        if tls && !step.plain {
            answer(manners.connect(address).await.ok()?, &request).await
        } else {
            answer(TcpStream::connect(address).await.ok()?, &request).await
        }
    };
    timeout(PATIENCE, exchange).await.expect("an answer or an end").unwrap_or(Outcome::Closed)
}

async fn answer(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Option<Outcome> {
    let mut bytes = Vec::new();
    io.write_all(request.as_bytes()).await.ok()?;
    let _ = io.read_to_end(&mut bytes).await; // Go ends without a farewell of TLS now and then
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let headers = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers = headers.filter(|(name, _)| HEADERS.contains(&name.as_str())).collect();
    let told = matches!(status, 400 | 401);
    Some(Outcome::Answer { status, body: if told { body.to_owned() } else { String::new() }, headers })
}

/// node_exporter with a web configuration, killed at the end.
struct Theirs(std::process::Child, SocketAddr);

impl Theirs {
    fn start(web: &Path) -> Theirs {
        let address = free_port();
        let mut command = installed("prometheus-node-exporter");
        command.arg(format!("--web.listen-address={address}")).arg(format!("--web.config.file={}", web.display()));
        command
            .arg("--collector.disable-defaults")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        Theirs(command.spawn().unwrap(), address)
    }

    /// Whether it listens, or else has ended.
    async fn listens(&mut self) -> bool {
        let wait = async {
            loop {
                if TcpStream::connect(self.1).await.is_ok() {
                    return true;
                }
                if self.0.try_wait().unwrap().is_some() {
                    return false;
                }
                sleep(Duration::from_millis(20)).await; // the pause between two looks, not the condition
            }
        };
        timeout(PATIENCE, wait).await.expect("it must listen or end")
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_requests_have_the_same_answers() {
    let aws = tokio::task::block_in_place(|| Aws::start(World::demo(1)));
    let (mut compared, mut surprises, mut expected) = (0, Vec::new(), 0);
    for (file, web) in good() {
        let folder = Folder::new(&web);
        let mut theirs = Theirs::start(&folder.web());
        assert!(theirs.listens().await, "node_exporter refuses {file}");
        let arguments = ["--web.config.file", folder.web().to_str().unwrap()].map(str::to_owned);
        let ours = tokio::task::block_in_place(|| {
            Agent::start_with(&aws.environment(), "", &arguments.each_ref().map(String::as_str))
        });
        let tls = web.contains("cert_file");
        for step in steps(&folder) {
            if (step.shows.is_some() || step.plain) && !tls {
                continue;
            }
            let (ours, theirs) = (outcome(ours.address, tls, &step).await, outcome(theirs.1, tls, &step).await);
            compared += 1;
            let known = DIFFERENT.iter().find(|(in_file, at, _)| *in_file == file && *at == step.name);
            if (ours != theirs) != known.is_some() {
                surprises.push(format!("{file}, {}:\n  ours   {ours:?}\n  theirs {theirs:?}", step.name));
            }
            expected += usize::from(known.is_some());
        }
        tokio::task::block_in_place(|| drop(ours));
    }
    tokio::task::block_in_place(|| aws.stop());
    println!("{compared} requests compared, {expected} different on purpose");
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert_eq!(expected, DIFFERENT.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_files_are_refused() {
    let mut surprises = Vec::new();
    for (file, web, why) in bad() {
        let folder = Folder::new("");
        folder.write("empty.pem", "");
        folder.write("other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
        folder.write("web.yml", &if web == "inline" { inline(&folder) } else { web });
        let mut theirs = Theirs::start(&folder.web());
        let taken = theirs.listens().await;
        let said = run(command(&["--config.check", "--web.config.file"]).arg(folder.web()));
        assert!([0, 78].contains(&said.code), "{file}: {}", said.err);
        let different = taken != (said.code == 0);
        if different != why.is_some() {
            surprises.push(format!(
                "{file}: node_exporter {}, ours {}: {}",
                if taken { "takes" } else { "refuses" },
                said.code,
                said.err
            ));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// A file with everything inside.
fn inline(folder: &Folder) -> String {
    let pem = |name: &str| fs::read_to_string(folder.path(name)).unwrap().trim_end().replace('\n', "\n    ");
    format!("tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n", pem("cert.pem"), pem("key.pem"))
}
