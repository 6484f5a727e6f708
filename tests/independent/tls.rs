//! `check --from-agent` over TLS, against the HTTP and TLS of Python as the proxy in front of an agent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::programs::python;
use crate::support::stage::Running;
use crate::support::{command, run};

/// A server with a certificate of its own for 127.0.0.1, written to the folder that it is told. It has a report for those
/// who name themselves, and prints its port.
const SERVER: &str = r#"
import base64, datetime, http.server, ipaddress, ssl, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent.example")])
now = datetime.datetime.now(datetime.timezone.utc)
day = datetime.timedelta(days=1)
address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
builder = builder.serial_number(7).not_valid_before(now - day).not_valid_after(now + day)
builder = builder.add_extension(address, False).add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
open(sys.argv[1] + "/certificate.pem", "wb").write(certificate)
secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
open(sys.argv[1] + "/key.pem", "wb").write(secret)

class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers["Authorization"] == "Basic " + base64.b64encode(b"ann:pass@canary").decode()
        right = self.path == "/ses/api/v1/check"
        self.send_response(401 if not known else 200 if right else 404)
        report = b'{"version":1,"verdict":"all_well","exit_code":0,"findings":[],"accounts":[]}'
        self.send_header("Content-Length", str(len(report)))
        self.end_headers()
        self.wfile.write(report)

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + "/certificate.pem", sys.argv[1] + "/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

#[test]
fn an_agent_behind_tls_and_a_password_is_asked_where_its_certificate_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = python("python3");
    let server = server.args(["-c", SERVER]).arg(directory.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Running(server.spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let port: u16 = port.trim().parse().expect("the server starts (if it can't, run tests/run once)");
    let ask = |user: &str, path: &str, trusted: Option<&Path>| {
        let url = format!("https://{user}127.0.0.1:{port}{path}");
        let mut command = command(&["check"]);
        command.env("SES_EXPORTER_AGENT_URL", url).envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        let said = run(&mut command);
        assert!(!format!("{said:?}").contains("canary"), "{said:?}");
        said
    };
    let certificate = directory.path().join("certificate.pem");
    let said = ask("ann:pass%40canary@", "/ses", Some(&certificate));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.starts_with("All well"), "{}", said.out);
    for (user, path, sentence) in [
        ("", "/ses", "wants a name and a password"),
        ("ann:other@", "/ses", "wants a name and a password"),
        ("ann:pass%40canary@", "", "there is no /api/v1/check at https://127.0.0.1"),
    ] {
        let said = ask(user, path, Some(&certificate));
        assert_eq!(said.code, 3, "{said:?}");
        assert!(said.err.contains(sentence), "{said:?}");
    }
    // Nobody else has signed it.
    let said = ask("ann:pass%40canary@", "/ses", None);
    assert!(said.code == 3 && said.err.contains("certificate"), "{said:?}");
}
