//! `tls_server_config`: certificates, client certificates, versions, ciphers and curves, as rustls wants them.
//!
//! What rustls does not speak is refused by its name. Sessions are not resumed: a scraper keeps its connection, and a
//! resumed session would go by the client certificates of yesterday.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::{Error, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::certificate::expiry;
use super::client_certificates::{ClientCertificates, Policy};
use super::document::{Section, Value, flag, text, texts};
use super::files::Files;

/// Every key.
pub(super) const KEYS: &[&str] = &[
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_ca_file",
    "client_ca",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

/// TLS, ready to be spoken.
#[derive(Clone, Debug)]
pub(in crate::web) struct Tls {
    /// What each handshake goes by.
    pub(in crate::web) server: Arc<ServerConfig>,
    /// When the first certificate of the chain ends to be valid; none if that can't be read.
    pub(in crate::web) expires: Option<SystemTime>,
    /// Whether clients are asked for a certificate.
    pub(in crate::web) asks_for_certificates: bool,
}

/// Go's names of what it counts as secure and rustls leaves out, to tell them from slips of the pen.
const NOT_SPOKEN: &[&str] = &[
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Go's names of the curves that are spoken.
const CURVES: &[(&str, NamedGroup)] =
    &[("X25519", NamedGroup::X25519), ("CurveP256", NamedGroup::secp256r1), ("CurveP384", NamedGroup::secp384r1)];

/// Reads the section. `None` where it says nothing, and where it is mistaken.
pub(super) fn read(section: &mut Section<'_, '_>, files: &mut Files<'_>) -> Option<Tls> {
    if section.is_empty() {
        return None;
    }
    let versions = versions(section);
    let provider = Arc::new(provider(section));
    let prefer_own = section.optional("prefer_server_cipher_suites", flag).unwrap_or(true);
    let clients = client_certificates(section, files, &provider);
    let chain = chain(section, files);
    let key = private_key(section, files);
    let (chain, key, clients) = (chain?, key?, clients?);
    if versions.is_empty() {
        return None; // noted above
    }
    let (expires, asks_for_certificates) = (expiry(&chain), clients.offer_client_auth());
    match server(provider, &versions, clients, chain, key) {
        Ok(mut server) => {
            server.ignore_client_order = prefer_own;
            Some(Tls { server: Arc::new(server), expires, asks_for_certificates })
        }
        Err(error) => {
            let (name, what) = mistake(section, &error);
            section.note(name, what);
            None
        }
    }
}

fn server(
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    clients: ClientCertificates,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, Error> {
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(Arc::new(clients))
        .with_single_cert(chain, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok(server)
}

/// The key to name, and what is wrong, when rustls does not take all of it together.
fn mistake(section: &Section<'_, '_>, error: &Error) -> (&'static str, String) {
    let key = of_two(section, "key_file", "key");
    match error {
        Error::InconsistentKeys(_) => {
            (key, "is not the key of this certificate; name the two that belong together".into())
        }
        Error::InvalidCertificate(_) => {
            (of_two(section, "cert_file", "cert"), "holds a certificate that can't be read; write it anew".into())
        }
        Error::General(why) if why.contains("private key") => {
            (key, "holds a private key of a kind that is not known; use RSA, ECDSA (P-256, P-384) or Ed25519".into())
        }
        other => ("", format!("can't be used together: {other}")),
    }
}

/// Of a file and its inline twin, the one that counts: the file where both are written.
fn of_two(section: &Section<'_, '_>, file: &'static str, inline: &'static str) -> &'static str {
    if section.value(file).is_none() && section.value(inline).is_some() { inline } else { file }
}

/// The PEM text below one of two keys; a note where there should be one and is not.
fn pem(
    section: &mut Section<'_, '_>,
    files: &mut Files<'_>,
    file: &'static str,
    inline: &'static str,
) -> Option<Vec<u8>> {
    let path = section.optional(file, |value| Ok(PathBuf::from(text(value)?)));
    match path.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => match files.read(&path) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                section.note(file, why);
                None
            }
        },
        None => section.optional(inline, |value| Ok(text(value)?.as_bytes().to_vec())),
    }
}

fn chain(section: &mut Section<'_, '_>, files: &mut Files<'_>) -> Option<Vec<CertificateDer<'static>>> {
    needed(section, "cert_file", "cert", "the certificate");
    let pem = pem(section, files, "cert_file", "cert")?;
    let chain = certificates(&pem);
    if let Err(what) = &chain {
        section.note(of_two(section, "cert_file", "cert"), *what);
    }
    chain.ok()
}

fn private_key(section: &mut Section<'_, '_>, files: &mut Files<'_>) -> Option<PrivateKeyDer<'static>> {
    needed(section, "key_file", "key", "the private key");
    let pem = pem(section, files, "key_file", "key")?;
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(key) => Some(key),
        Err(PemError::NoItemsFound) => {
            let what = "holds no private key in PEM without a password; write one that begins with BEGIN PRIVATE KEY";
            section.note(of_two(section, "key_file", "key"), what);
            None
        }
        Err(_) => {
            section.note(of_two(section, "key_file", "key"), "is broken PEM, perhaps half-written; write it anew");
            None
        }
    }
}

/// Notes that neither of two keys is there.
fn needed(section: &mut Section<'_, '_>, file: &'static str, inline: &'static str, what: &str) {
    if section.value(file).is_none() && section.value(inline).is_none() {
        section.note(file, format!("is missing; name the file of {what}, or write it below {inline}"));
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => {
            Err("holds no certificate in PEM; write one that begins with BEGIN CERTIFICATE")
        }
        Ok(chain) => Ok(chain),
        Err(_) => Err("is broken PEM, perhaps half-written; write it anew"),
    }
}

fn client_certificates(
    section: &mut Section<'_, '_>,
    files: &mut Files<'_>,
    provider: &Arc<CryptoProvider>,
) -> Option<ClientCertificates> {
    let policy = section.optional("client_auth_type", |value| match text(value)? {
        "" => Ok(Policy::NoClientCert),
        name => Policy::named(name).ok_or_else(|| {
            "must be one of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, \
             RequireAndVerifyClientCert"
                .to_owned()
        }),
    });
    let mistaken = policy.is_none() && section.value("client_auth_type").is_some();
    let policy = policy.unwrap_or_default();
    let names =
        section.optional("client_allowed_sans", |value| Ok(texts(value)?.into_iter().map(str::to_owned).collect()));
    let names: Vec<String> = names.unwrap_or_default();
    let authority_key = of_two(section, "client_ca_file", "client_ca");
    let written = pem(section, files, "client_ca_file", "client_ca");
    if mistaken {
        return None;
    }
    if policy.verifies() && section.value(authority_key).is_none() {
        section.note(authority_key, "is missing; name the authority whose certificates clients must have");
    } else if policy == Policy::NoClientCert && section.value(authority_key).is_some() {
        section.note(authority_key, "has no effect without client_auth_type; RequireAndVerifyClientCert is usual");
    }
    if !names.is_empty() && !policy.verifies() {
        let what =
            "says nothing where certificates are not verified; client_auth_type RequireAndVerifyClientCert is usual";
        section.note("client_allowed_sans", what);
    }
    let authority = match written.as_deref().map(roots).transpose() {
        Ok(authority) => authority.unwrap_or_else(RootCertStore::empty),
        Err(what) => {
            section.note(authority_key, what);
            return None;
        }
    };
    if policy.verifies() && authority.is_empty() {
        return None; // noted above, be it missing or unreadable
    }
    match ClientCertificates::new(policy, authority, names, provider) {
        Ok(clients) => Some(clients),
        Err(error) => {
            section.note(authority_key, format!("can't be used: {error}"));
            None
        }
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, &'static str> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|_| "holds a certificate that can't be an authority; write it anew")?;
    }
    Ok(roots)
}

fn versions(section: &mut Section<'_, '_>) -> Vec<&'static SupportedProtocolVersion> {
    let least = section.optional("min_version", version).unwrap_or(12);
    let most = section.optional("max_version", version).unwrap_or(13);
    if least > most {
        section.note("max_version", "is below min_version, so that nobody could connect");
    }
    let all = [(12, &version::TLS12), (13, &version::TLS13)];
    all.iter().filter(|(number, _)| (least..=most).contains(number)).map(|(_, version)| *version).collect()
}

fn version(value: &Value<'_>) -> Result<u8, String> {
    match text(value)? {
        "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        old @ ("TLS10" | "TLS11") => Err(format!("{old} is not spoken here, being broken; write TLS12 or TLS13")),
        _ => Err("must be TLS12 or TLS13".into()),
    }
}

/// The cryptography to be used: all that ring has, less what the file leaves out.
fn provider(section: &mut Section<'_, '_>) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(chosen) = section.optional("cipher_suites", |value| cipher_suites(value, &provider)) {
        provider.cipher_suites.retain(|suite| {
            // As in Go, the list is about TLS 1.2: the suites of TLS 1.3 are all good, and always there.
            suite.tls13().is_some() || chosen.iter().any(|name| name == &go_name(suite.suite()))
        });
    }
    if let Some(chosen) = section.optional("curve_preferences", |value| curves(value, &provider)) {
        provider.kx_groups = chosen;
    }
    provider
}

/// Go writes the suites of TLS 1.3 without the 13.
fn go_name(suite: rustls::CipherSuite) -> String {
    suite.as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

fn cipher_suites(value: &Value<'_>, provider: &CryptoProvider) -> Result<Vec<String>, String> {
    let spoken: Vec<_> = provider.cipher_suites.iter().map(|suite| go_name(suite.suite())).collect();
    let names = texts(value)?;
    let mut refused = names.iter().filter(|name| !spoken.iter().any(|spoken| spoken == *name));
    match refused.next() {
        None => Ok(names.into_iter().map(str::to_owned).collect()),
        Some(name) if NOT_SPOKEN.contains(name) => {
            Err(format!("{name} is not spoken here, being weak; choose from {}", spoken.join(", ")))
        }
        Some(_) => Err(format!("holds a name that is not known; choose from {}", spoken.join(", "))),
    }
}

fn curves(value: &Value<'_>, provider: &CryptoProvider) -> Result<Vec<&'static dyn SupportedKxGroup>, String> {
    let known = || CURVES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let group = |name: &str| {
        let (_, group) = CURVES.iter().find(|(known, _)| *known == name)?;
        provider.kx_groups.iter().copied().find(|spoken| spoken.name() == *group)
    };
    let names = texts(value)?;
    if names.is_empty() {
        return Ok(provider.kx_groups.clone());
    }
    let chosen = names.into_iter().map(|name| match (group(name), name) {
        (Some(group), _) => Ok(group),
        (None, "CurveP521") => Err(format!("CurveP521 is not spoken here; choose from {}", known())),
        (None, _) => Err(format!("holds a name that is not known; choose from {}", known())),
    });
    chosen.collect()
}
