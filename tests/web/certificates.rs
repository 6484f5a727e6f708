//! Certificates of any name, age and authority, in the files of a web configuration; and clients that speak TLS.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The password of `ann`, and its hash of the lowest cost.
pub(super) const PASSWORD: &str = "open sesame";

pub(super) fn users(cost: u32) -> String {
    format!("basic_auth_users:\n  ann: {}\n", bcrypt::hash(PASSWORD, cost).unwrap())
}

/// One who signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(super) struct Pair {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: KeyPair,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn issue(&self, names: &[&str], last_year: i32) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = date_time_ymd(last_year, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.0).unwrap();
        Pair { certificate: made.der().clone(), pem: made.pem(), key }
    }
}

impl Pair {
    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// A folder with a web configuration and its files.
pub(super) struct Folder {
    pub(super) directory: tempfile::TempDir,
    pub(super) authority: Authority,
}

impl Folder {
    /// `cert.pem` and `key.pem` for localhost, `authority.pem`, and `web.yml` with this text.
    pub(super) fn new(web: &str) -> Folder {
        let folder = Folder { directory: tempfile::tempdir().unwrap(), authority: Authority::new("ours") };
        folder.write("authority.pem", &folder.authority.pem());
        folder.write_pair(&folder.authority.issue(&["localhost"], 2090));
        folder.write("web.yml", web);
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn web(&self) -> PathBuf {
        self.path("web.yml")
    }

    /// Puts a file into the place of another, as whoever is careful does.
    pub(super) fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.path(name)).unwrap();
    }

    pub(super) fn write_pair(&self, pair: &Pair) {
        self.write("cert.pem", &pair.pem);
        self.write("key.pem", &pair.key.serialize_pem());
    }
}

/// The section with the pair of the folder.
pub(super) const PAIR: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

/// How a client goes about TLS.
#[derive(Clone, Default)]
pub(super) struct Manners {
    /// Whom it trusts; none = everybody.
    pub(super) trusts: Option<PathBuf>,
    /// What it shows.
    pub(super) shows: Option<Arc<Pair>>,
    /// The only version it speaks; none = both.
    pub(super) version: Option<&'static SupportedProtocolVersion>,
    /// What it offers to speak inside of TLS.
    pub(super) protocols: Vec<Vec<u8>>,
}

impl Manners {
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let versions = self.version.map_or(rustls::ALL_VERSIONS.to_vec(), |only| vec![only]);
        let config =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions).unwrap();
        let config = match &self.trusts {
            Some(authority) => config.with_root_certificates(roots(authority)),
            None => config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
        let mut config = match &self.shows {
            Some(pair) => config.with_client_auth_cert(vec![pair.certificate.clone()], pair.key()).unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        Arc::new(config)
    }

    /// Shakes hands. What a server has against a client's certificate is told only at the first read in TLS 1.3.
    pub(super) async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        connect(address, self.config()).await
    }
}

pub(super) async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(address).await?, config).await
}

pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    socket: S,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<S>> {
    TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), socket).await
}

fn roots(authority: &Path) -> RootCertStore {
    use rustls::pki_types::pem::PemObject;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    roots
}

/// Trusts everybody, as `curl -k` does.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
