//! A DNS record as the simulated world knows it: an owner, and what stands there.
//!
//! Names are lower case and without the dot at the end. It knows no wire format and no faults.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::simulator::chance;

/// The record types that the simulated zones hold, in JSON by their names: `"CNAME"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsType {
    /// An IPv4 address.
    A,
    /// An alias.
    Cname,
    /// A mail exchanger.
    Mx,
    /// A name server of the zone.
    Ns,
    /// The start of authority of the zone.
    Soa,
    /// Text.
    Txt,
}

impl DnsType {
    /// `CNAME`.
    pub fn as_str(self) -> &'static str {
        match self {
            DnsType::A => "A",
            DnsType::Cname => "CNAME",
            DnsType::Mx => "MX",
            DnsType::Ns => "NS",
            DnsType::Soa => "SOA",
            DnsType::Txt => "TXT",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) owner: String,
    pub(super) data: Data,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Data {
    A(Ipv4Addr),
    Cname(String),
    Mx {
        preference: u16,
        exchange: String,
    },
    Ns(String),
    Soa {
        primary: String,
        admin: String,
    },
    Txt(String),
    /// Text with the public DKIM key of that name; written out only when somebody asks, since a zone may have thousands.
    Key {
        tags: &'static str,
        name: String,
    },
}

impl Record {
    pub(super) fn new(owner: impl Into<String>, data: Data) -> Record {
        Record { owner: owner.into(), data }
    }

    pub(super) fn kind(&self) -> DnsType {
        match self.data {
            Data::A(_) => DnsType::A,
            Data::Cname(_) => DnsType::Cname,
            Data::Mx { .. } => DnsType::Mx,
            Data::Ns(_) => DnsType::Ns,
            Data::Soa { .. } => DnsType::Soa,
            Data::Txt(_) | Data::Key { .. } => DnsType::Txt,
        }
    }
}

impl fmt::Display for Data {
    /// As a zone file shows it, but for the quotes and the dots at the end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(address) => write!(formatter, "{address}"),
            Data::Cname(target) | Data::Ns(target) => formatter.write_str(target),
            Data::Mx { preference, exchange } => write!(formatter, "{preference} {exchange}"),
            Data::Soa { primary, admin } => write!(formatter, "{primary} {admin}"),
            Data::Txt(text) => formatter.write_str(text),
            Data::Key { tags, name } => write!(formatter, "{tags}p={}", public_key(name)),
        }
    }
}

/// The base64 of an RSA public key of 2048 bits, with the length and the frame (SubjectPublicKeyInfo, exponent 65537) of a real one.
/// Nobody has the private key. It does not fit into one string of a TXT record, as real ones do not.
fn public_key(name: &str) -> String {
    format!(
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw{}wIDAQAB",
        chance::token(chance::hash(0, &[name, "key"]), 340)
    )
}

/// The registered domain that a name is in: its last two labels. No public suffix with two labels occurs in a simulated world.
pub(super) fn zone_of(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).and_then(|(dot, _)| name.get(dot + 1..)).unwrap_or(name)
}

/// True when a name is this domain or below it.
pub(super) fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_last_two_labels() {
        let zones = ["a._domainkey.mail.shop.example", "shop.example", "example", ""].map(zone_of);
        assert_eq!(zones, ["shop.example", "shop.example", "example", ""]);
    }

    #[test]
    fn a_key_has_the_length_of_a_real_one() {
        let key = Data::Key { tags: "v=DKIM1; k=rsa; ", name: "t.dkim.amazonses.com".to_owned() }.to_string();
        let base64 = key.strip_prefix("v=DKIM1; k=rsa; p=").expect("the tags of SES");
        assert_eq!(base64.len(), 392, "294 bytes of DER");
        assert_ne!(base64, public_key("u.dkim.amazonses.com"));
    }

    #[test]
    fn a_name_is_within_itself_and_its_parents_alone() {
        assert!(is_within("shop.example", "shop.example") && is_within("a.shop.example", "shop.example"));
        assert!(!is_within("workshop.example", "shop.example") && !is_within("example", "shop.example"));
    }
}
