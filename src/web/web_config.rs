//! The file behind `--web.config.file`: TLS, passwords, headers and a limit of requests, in the format that all exporters
//! of Prometheus take (<https://prometheus.io/docs/prometheus/latest/configuration/https/>).
//!
//! It becomes either a [`WebConfig`] or the list of all mistakes in it. What would be ignored, or would protect less than
//! it seems to, is a mistake. Nothing here is kept from one reading to the next.

mod certificate;
mod client_certificates;
mod document;
mod files;
mod http;
mod tls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hyper::HeaderMap;

use self::document::{Document, Section};
use self::files::Files;
pub(super) use self::files::Footprint;
pub(super) use self::http::RateLimit;
pub(super) use self::tls::Tls;
use crate::config::{Mistakes, Notes, read_text};

/// The sections.
const SECTIONS: &[&str] = &["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

/// The web configuration, checked. An empty file is plain HTTP for everybody.
#[derive(Clone, Default)]
pub(super) struct WebConfig {
    /// TLS, where the file has it.
    pub(super) tls: Option<Tls>,
    /// Headers of every answer that does not bring its own.
    pub(super) headers: HeaderMap,
    /// Who may come in: names and bcrypt hashes. Empty = everybody.
    pub(super) users: BTreeMap<String, String>,
    /// How many requests are answered.
    pub(super) rate_limit: Option<RateLimit>,
}

/// One reading of the file.
pub(super) struct Attempt {
    /// Every file that it needs, the configuration itself first; also those that are missing.
    pub(super) files: Vec<PathBuf>,
    /// What it says.
    pub(super) result: Result<WebConfig, Mistakes>,
}

impl WebConfig {
    /// Reads the file at `path`, and the files that it names.
    pub(super) fn load(path: &Path) -> Attempt {
        let mut files = Files::beside(path);
        let result = match read_text(path) {
            Ok(text) => WebConfig::parse(&path.display().to_string(), &text, &mut files),
            Err(why) => Err(Mistakes::unreadable(path, &why)),
        };
        Attempt { files: files.named(), result }
    }

    fn parse(file: &str, text: &str, files: &mut Files<'_>) -> Result<WebConfig, Mistakes> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Document::parse(file, text)?;
        let mut notes = Notes::default();
        let root = Section::open("", SECTIONS, document.root.as_ref(), text, &mut notes);
        let [tls, http, users, rate_limit] =
            ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"].map(|name| root.value(name));
        let config = WebConfig {
            tls: tls::read(&mut Section::open("tls_server_config", tls::KEYS, tls, text, &mut notes), files),
            headers: http::headers(http, text, &mut notes),
            users: http::users(users, text, &mut notes),
            rate_limit: http::rate_limit(rate_limit, text, &mut notes),
        };
        if notes.is_empty() { Ok(config) } else { Err(Mistakes::in_file(file, text, notes)) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use rcgen::{CertificateParams, Issuer, KeyPair, SanType};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// A folder with a certificate, its key, another key, and something that is neither.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        for (name, text) in [
            ("cert.pem", made.cert.pem()),
            ("key.pem", made.signing_key.serialize_pem()),
            ("other.pem", KeyPair::generate().unwrap().serialize_pem()),
            ("half.pem", made.cert.pem()[..200].to_owned()),
            ("neither.pem", "hidden-canary\n".to_owned()),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn read(folder: &tempfile::TempDir, text: &str) -> Result<WebConfig, Mistakes> {
        WebConfig::parse("w.yml", text, &mut Files::beside(&folder.path().join("w.yml")))
    }

    /// What is said about the file, without the headline and without the file's name.
    fn told(folder: &tempfile::TempDir, text: &str) -> Vec<String> {
        let mistakes = read(folder, text).map(drop).unwrap_err().to_string();
        mistakes.lines().skip(1).map(|line| line.strip_prefix("w.yml:").unwrap().to_owned()).collect()
    }

    const PAIR: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";
    const HASH: &str = "$2y$10$xbonYQGf02fK4WCGb2H2q.eHofsfK6gZoxyuWuBQ8v4PNQM87KJDK";

    #[test]
    fn nothing_is_plain_http_for_everybody() {
        let folder = folder();
        for text in ["", "{}", "tls_server_config:\nbasic_auth_users: {}\n", "rate_limit:\n  interval: 0\n  burst: 0\n"]
        {
            let config = read(&folder, text).unwrap();
            assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none(), "{text}");
        }
    }

    #[test]
    fn every_key_is_taken() {
        let folder = folder();
        let text = format!(
            "{PAIR}  client_ca_file: cert.pem\n  client_auth_type: RequireAndVerifyClientCert\n  \
             client_allowed_sans: [localhost, 192.0.2.1]\n  min_version: TLS12\n  max_version: TLS12\n  \
             cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n  \
             prefer_server_cipher_suites: no\n  curve_preferences: [CurveP384, X25519]\n\
             http_server_config:\n  http2: true\n  headers:\n    X-XSS-Protection: 0\n    X-Frame-Options: deny\n\
             basic_auth_users:\n  007: {HASH}\n  no: {HASH}\nrate_limit:\n  interval: 1.5s\n  burst: 20\n"
        );
        let config = read(&folder, &text).unwrap();
        let server = config.tls.unwrap().server;
        assert!(!server.ignore_client_order);
        let provider = server.crypto_provider();
        let suites: Vec<_> = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_none()).collect();
        assert_eq!(suites.len(), 1);
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
        assert_eq!(groups, ["secp384r1", "X25519"]);
        assert_eq!(config.headers.get("x-xss-protection").unwrap(), "0");
        assert_eq!(config.users.keys().collect::<Vec<_>>(), ["007", "no"]);
        let interval = std::time::Duration::from_millis(1500);
        assert_eq!(config.rate_limit, Some(RateLimit { burst: 20, interval }));
    }

    #[test]
    fn inline_pem_counts_where_no_file_is_named() {
        let folder = folder();
        let inline = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap().replace('\n', "\n    ");
        let cert = inline("cert.pem");
        let text = format!("tls_server_config:\n  cert: |\n    {cert}\n  key: |\n    {}\n", inline("key.pem"));
        assert!(read(&folder, &text).unwrap().tls.is_some());
        // The file has the last word, and these two do not belong together.
        let text = format!("tls_server_config:\n  cert: |\n    {cert}\n  key_file: other.pem\n  key: x\n");
        assert_eq!(told(&folder, &text).len(), 1);
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_places() {
        let folder = folder();
        let text = "tls_server_config:\n  cert_fil: x\n  key_file: gone.pem\n  min_version: TLS10\n\
                    http_server_config:\n  headers:\n    X-Frame-Options: maybe\n    Server: me\n\
                    basic_auth_users:\n  ann: hidden-canary\n  a:b: x\nrate_limits: 1\nrate_limit:\n  interval: 1s\n";
        let told = told(&folder, text);
        let starts = [
            "2:3: tls_server_config.cert_file: is missing; name the file of the certificate",
            "2:3: tls_server_config.cert_fil: unknown key; did you mean cert_file?",
            "3:13: tls_server_config.key_file: the file can't be read: there is no such file",
            "4:16: tls_server_config.min_version: TLS10 is not spoken here",
            "7:22: http_server_config.headers.X-Frame-Options: must be deny or sameorigin",
            "8:5: http_server_config.headers.(some other text): unknown key; there is Strict-Transport-Security",
            "10:8: basic_auth_users: this user has no bcrypt hash",
            "11:8: basic_auth_users: this user's name holds a colon",
            "12:1: rate_limits: unknown key; did you mean rate_limit?",
            "14:3: rate_limit.burst: without any burst",
        ];
        for start in starts {
            assert!(told.iter().any(|told| told.starts_with(start)), "{start}\n{told:#?}");
        }
        assert_eq!(told.len(), starts.len(), "{told:#?}");
        assert!(!told.concat().contains("canary"));
    }

    #[test]
    fn every_mistake_about_tls_has_its_sentence() {
        let folder = folder();
        for (more, said) in [
            ("key_file: other.pem", "is not the key of this certificate"),
            ("key_file: neither.pem", "holds no private key"),
            ("cert_file: neither.pem", "holds no certificate"),
            ("cert_file: half.pem", "is broken PEM"),
            ("client_ca_file: cert.pem", "has no effect without client_auth_type"),
            ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file: is missing"),
            ("client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: half.pem", "is broken PEM"),
            ("client_auth_type: Maybe", "must be one of NoClientCert"),
            ("client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a]", "says nothing where"),
            ("client_allowed_sans: a", "must be a list of texts, not another text"),
            ("max_version: TLS11", "TLS11 is not spoken here"),
            ("max_version: TLS12\n  min_version: TLS13", "is below min_version"),
            ("min_version: SSL3", "must be TLS12 or TLS13"),
            ("cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]", "TLS_RSA_WITH_AES_128_CBC_SHA is not spoken here"),
            ("cipher_suites: [hidden-canary]", "holds a name that is not known; choose from TLS_AES_256_GCM"),
            ("curve_preferences: [CurveP521]", "CurveP521 is not spoken here; choose from X25519, CurveP256"),
            ("curve_preferences: [hidden-canary]", "holds a name that is not known"),
            ("prefer_server_cipher_suites: perhaps", "must be true or false"),
        ] {
            let (key, _) = more.split_once(':').unwrap();
            let pair: String = PAIR
                .lines()
                .filter(|line| !line.trim().starts_with(&format!("{key}:")))
                .fold(String::new(), |all, line| all + line + "\n");
            let told = told(&folder, &format!("{pair}  {more}\n"));
            assert_eq!(told.len(), 1, "{more}: {told:#?}");
            assert!(told[0].contains(said) && !told[0].contains("canary"), "{more}: {told:#?}");
        }
    }

    #[test]
    fn what_is_no_bcrypt_hash_is_refused() {
        let folder = folder();
        for good in ["$2a$", "$2b$", "$2y$"] {
            assert!(read(&folder, &format!("basic_auth_users:\n  ann: {}\n", HASH.replace("$2y$", good))).is_ok());
        }
        for (bad, said) in [
            (HASH.replace("$2y$", "$2x$"), "no bcrypt hash"),
            (HASH.replace("$2y$", "$2$"), "no bcrypt hash"),
            (HASH[..59].to_owned(), "no bcrypt hash"),
            (format!("{HASH}x"), "no bcrypt hash"),
            (HASH.replace("$10$", "$17$"), "the cost of this user's hash is 17"),
            (HASH.replace("$10$", "$03$"), "the cost of this user's hash is 3"),
            (HASH.replace('H', "é"), "no bcrypt hash"),
            ("[]".to_owned(), "must be a text, not a list"),
            ("plain".to_owned(), "no bcrypt hash"),
            ("\"\"".to_owned(), "no bcrypt hash"),
        ] {
            let told = told(&folder, &format!("basic_auth_users:\n  ann: {bad}\n"));
            assert!(told.len() == 1 && told[0].contains(said) && !told[0].contains("xbon"), "{bad}: {told:?}");
        }
    }

    #[test]
    fn names_and_expiry_of_a_certificate() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        for name in [
            SanType::Rfc822Name("ann@example.com".try_into().unwrap()),
            SanType::URI("spiffe://example/x".try_into().unwrap()),
            SanType::IpAddress([192, 0, 2, 1].into()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
        ] {
            params.subject_alt_names.push(name);
        }
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        let authority = CertificateParams::new(Vec::new()).unwrap();
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &Issuer::from_params(&authority, &key)).unwrap();
        let names = certificate::alternative_names(made.der());
        assert_eq!(names, ["a.example", "ann@example.com", "spiffe://example/x", "192.0.2.1", "2001:db8::1"]);
        let later = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let expiry = certificate::expiry(&[later.der().clone(), made.der().clone()]).unwrap();
        assert_eq!(expiry.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_893_542_400);
        let nonsense = CertificateDer::from(vec![1, 2, 3]);
        assert!(certificate::alternative_names(&nonsense).is_empty() && certificate::expiry(&[nonsense]).is_none());
        assert!(CertificateDer::from_pem_slice(b"").is_err());
    }

    /// Pieces that a text is put together from which looks like a web configuration from afar.
    const PIECES: &[&str] = &[
        "tls_server_config:",
        "basic_auth_users:",
        "rate_limit:",
        "http_server_config:",
        "headers:",
        "\n",
        "\n",
        "  ",
        "    ",
        "cert_file: cert.pem",
        "key_file: key.pem",
        "min_version: ",
        "client_auth_type: ",
        "RequestClientCert",
        "TLS12",
        "interval: 1s",
        "burst: ",
        "-1",
        "99999999999",
        "~",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "&a",
        "*a",
        "|",
        ">",
        "!!str",
        "\"",
        "'",
        "#",
        "ä",
        "\u{feff}",
        "\t",
        "\r",
        "\0",
        "%YAML 1.2",
        "---",
        "...",
        "? ",
        "<<: ",
        HASH,
        "@",
        "`",
    ];

    proptest! {
        #![proptest_config(crate::tries(1_000, 250_000))]
        #[test]
        fn no_text_makes_it_panic(
            text in prop_oneof![
                proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat()),
                proptest::collection::vec(any::<char>(), 0..80).prop_map(|chars| chars.into_iter().collect::<String>()),
            ],
        ) {
            let nowhere = Path::new("/nonexistent/w.yml");
            if let Err(mistakes) = WebConfig::parse("w.yml", &text, &mut Files::beside(nowhere)) {
                prop_assert!(!mistakes.all().is_empty());
            }
        }
    }
}
