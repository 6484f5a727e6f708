//! What a certificate says about itself: until when it holds, and for whom it was made.
//!
//! Nothing is believed here: whether a certificate may be trusted is decided by rustls.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// When the first certificate of a chain ends to be valid: from then on clients refuse the whole of it.
pub(super) fn expiry(chain: &[CertificateDer<'_>]) -> Option<SystemTime> {
    let ends = chain.iter().filter_map(|der| {
        let certificate = Certificate::from_der(der).ok()?;
        Some(certificate.tbs_certificate().validity().not_after.to_system_time())
    });
    ends.min()
}

/// The names of a certificate as an operator would write them: DNS names, e-mail addresses, URIs and IP addresses.
///
/// One that can't be read has none: it is refused, as far as names count.
pub(super) fn alternative_names(der: &CertificateDer<'_>) -> Vec<String> {
    let names = || {
        let certificate = Certificate::from_der(der).ok()?;
        let (_, SubjectAltName(names)) = certificate.tbs_certificate().get_extension::<SubjectAltName>().ok()??;
        Some(names.iter().filter_map(written).collect())
    };
    names().unwrap_or_default()
}

fn written(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(name) | GeneralName::DnsName(name) | GeneralName::UniformResourceIdentifier(name) => {
            Some(name.to_string())
        }
        GeneralName::IpAddress(octets) => {
            let four = <[u8; 4]>::try_from(octets.as_bytes()).map(|four| Ipv4Addr::from(four).to_string());
            four.or_else(|_| <[u8; 16]>::try_from(octets.as_bytes()).map(|all| Ipv6Addr::from(all).to_string())).ok()
        }
        _ => None,
    }
}
