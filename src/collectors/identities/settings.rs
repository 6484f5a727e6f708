//! What the operator chose about identities: filters, the cap, and what becomes of e-mail addresses.

use std::fmt::{self, Write};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Identity;

/// Section `[identities]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Only identities that match one of these bear series; empty = all.
    pub include: Vec<glob::Pattern>,
    /// Identities that match one of these bear none.
    pub exclude: Vec<glob::Pattern>,
    /// How many identities of a target bear series at most.
    pub max_per_region: usize,
    /// What becomes of e-mail addresses, which are personal data.
    pub email_addresses: EmailAddresses,
    /// The keys of the tags that are shown.
    pub tags: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        // 1,000 identities are some 19,000 series a target: a Prometheus takes that from some dozens of targets.
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            max_per_region: 1000,
            email_addresses: EmailAddresses::Plain,
            tags: Vec::new(),
        }
    }
}

/// How e-mail addresses appear in labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailAddresses {
    /// As they are.
    Plain,
    /// The address as a keyed hash, its domain readable.
    Hashed(HashKey),
    /// Not at all; they are counted in `ses_identities` only.
    None,
}

/// The key of the hash; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey(Vec<u8>);

impl HashKey {
    /// A key of any length; the configuration asks for 16 bytes at least.
    pub fn new(key: Vec<u8>) -> Self {
        Self(key)
    }

    /// `16 hexadecimal digits@domain`. HMAC-SHA-256 cut to 64 bits: without the key nobody can try addresses.
    fn hash(&self, address: &str) -> String {
        let mut digits = String::new();
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(address.as_bytes());
            for byte in mac.finalize().into_bytes().iter().take(8) {
                // Writing to a String can't fail.
                let _ = write!(digits, "{byte:02x}");
            }
        }
        match address.rsplit_once('@') {
            Some((_, domain)) => format!("{digits}@{domain}"),
            None => digits,
        }
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(hidden)")
    }
}

/// Domains have no case, and nobody means a filter on one spelling of an address.
const MATCHING: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: false, require_literal_separator: false, require_literal_leading_dot: false };

impl Settings {
    /// Whether the operator wants series of this identity.
    pub(super) fn wants(&self, identity: &Identity) -> bool {
        let matches = |pattern: &glob::Pattern| pattern.matches_with(&identity.name, MATCHING);
        let hidden = is_address(identity) && matches!(self.email_addresses, EmailAddresses::None);
        !hidden && (self.include.is_empty() || self.include.iter().any(matches)) && !self.exclude.iter().any(matches)
    }

    /// The value of the label `identity` for a name that need not exist in SES; none where addresses bear no series.
    pub fn label_of(&self, name: &str) -> Option<String> {
        match &self.email_addresses {
            EmailAddresses::Hashed(key) if name.contains('@') => Some(key.hash(name)),
            EmailAddresses::None if name.contains('@') => None,
            _ => Some(name.to_owned()),
        }
    }

    /// The value of the label `identity`.
    pub(super) fn label(&self, identity: &Identity) -> Arc<str> {
        match &self.email_addresses {
            EmailAddresses::Hashed(key) if is_address(identity) => key.hash(&identity.name).into(),
            _ => Arc::clone(&identity.name),
        }
    }
}

/// By its type or by its looks: what SES may call an address one day is personal data already.
fn is_address(identity: &Identity) -> bool {
    &*identity.identity_type == "email_address" || identity.name.contains('@')
}
