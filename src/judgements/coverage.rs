//! Judgement `coverage`: which identities can send, be it because a domain above them is verified.
//!
//! SES shows an address below a verified domain as unverified, yet mail from it is accepted. Taking the status of such
//! an address for trouble is the commonest false alarm. ("Creating and verifying identities", Amazon SES Developer Guide)

use std::collections::HashMap;
use std::sync::Arc;

use crate::collectors::identities::{Identities, Identity, Reading};
use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, flag, gauge};

/// The judgement.
pub struct Coverage;

/// The identities that bear series, and whether each can send; unknown where SES left out a status that could tell.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict(Vec<Judged>);

#[derive(Debug, PartialEq, Eq)]
struct Judged {
    label: Arc<str>,
    identity_type: Arc<str>,
    usable: Option<bool>,
}

impl Judgement for Coverage {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "coverage",
        about: "Which identities can send: verified themselves, or covered by a verified domain above them.",
        from: &["identities"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[&gauge(
        "ses_identity_usable",
        "Whether SES would accept the identity as a sender: 1 if it is verified itself, or covered by a verified domain above it (judged from ListEmailIdentities VerificationStatus).",
        ["identity", "identity_type"],
        |verdict: &Verdict, out| {
            for Judged { label, identity_type, usable } in &verdict.0 {
                out.push_known([label, identity_type], usable.map(flag));
            }
        },
    )];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        Some(judge(seen.reading::<Identities>()?))
    }
}

fn judge(reading: &Reading) -> Verdict {
    let (verified, perhaps) = (Verified::of(&reading.identities), Verified::perhaps(&reading.identities));
    let judged = |(label, identity): (&Arc<str>, &Identity)| Judged {
        label: Arc::clone(label),
        identity_type: Arc::clone(&identity.identity_type),
        usable: usable(&identity.name, &verified, &perhaps),
    };
    Verdict(reading.shown().map(judged).collect())
}

/// Whether SES would take a sender of this name; unknown where only identities could tell whose status SES left out.
pub fn usable(name: &str, verified: &Verified, perhaps: &Verified) -> Option<bool> {
    if verified.covers(name) { Some(true) } else { (!perhaps.covers(name)).then_some(false) }
}

/// The identities of a region that are verified: their names, by address as it is written or domain in lower case.
pub struct Verified(HashMap<String, Arc<str>>);

impl Verified {
    /// Those among `identities`.
    pub fn of(identities: &[Identity]) -> Self {
        Self::those(identities, can_send)
    }

    /// Those among `identities` of which SES did not say whether they are: they may be.
    pub fn perhaps(identities: &[Identity]) -> Self {
        Self::those(identities, |identity| identity.status.is_none())
    }

    fn those(identities: &[Identity], are: fn(&Identity) -> bool) -> Self {
        let those = identities.iter().filter(|identity| are(identity));
        Self(those.map(|identity| (folded(&identity.name), Arc::clone(&identity.name))).collect())
    }

    /// Whether SES would take a sender of this name.
    pub fn covers(&self, name: &str) -> bool {
        self.closest(name).is_some()
    }

    /// The identity under which mail of this address or domain goes.
    pub fn closest(&self, name: &str) -> Option<&Arc<str>> {
        candidates(name).iter().find_map(|candidate| self.named(candidate))
    }

    /// The identity of exactly this name, which is one of [`candidates`].
    pub fn named(&self, candidate: &str) -> Option<&Arc<str>> {
        self.0.get(candidate)
    }
}

/// What would let a sender of this name through, closest first: the identity itself, the address without its `+label`,
/// the domain, and every domain above it.
pub fn candidates(name: &str) -> Vec<String> {
    let name = folded(name);
    let Some((local, domain)) = name.rsplit_once('@') else { return above(&name).map(str::to_owned).collect() };
    let plain = local.split_once('+').map(|(before, _)| format!("{before}@{domain}"));
    [name.clone()].into_iter().chain(plain).chain(above(domain).map(str::to_owned)).collect()
}

/// Verified; or verified until SES could not tell for the moment, and still let through.
fn can_send(identity: &Identity) -> bool {
    let in_doubt = identity.status.as_deref() == Some("TEMPORARY_FAILURE");
    identity.verified() == Some(true) || (in_doubt && identity.sending_enabled)
}

/// A domain and every domain above it.
fn above(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |domain| domain.split_once('.').map(|(_, above)| above))
}

/// Domains have no case; what stands before the `@` has ("Email addresses are case sensitive", the same page).
pub fn folded(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_lowercase()),
        None => name.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::identities::Settings;

    fn identity(name: &str, status: Option<&str>) -> Identity {
        let identity_type = if name.contains('@') { "email_address" } else { "domain" };
        Identity {
            name: Arc::from(name),
            identity_type: Arc::from(identity_type),
            status: status.map(Arc::from),
            sending_enabled: status == Some("SUCCESS"),
        }
    }

    fn verified(names: &[&str]) -> Verified {
        Verified::of(&names.iter().map(|name| identity(name, Some("SUCCESS"))).collect::<Vec<_>>())
    }

    #[test]
    fn a_verified_domain_covers_what_is_below_it() {
        let verified = verified(&["Shop.Example"]);
        for name in ["shop.example", "mail.shop.example", "ann@shop.example", "Ann+x@EU.shop.example"] {
            assert!(verified.covers(name), "{name}");
        }
        for name in ["workshop.example", "example", "ann@shop.example.test", "shop.example@other.test", "", "@"] {
            assert!(!verified.covers(name), "{name}");
        }
    }

    #[test]
    fn a_verified_address_covers_its_labels_in_its_own_case() {
        let verified = verified(&["Ann@Shop.example"]);
        for name in ["Ann@shop.example", "Ann+orders@SHOP.example"] {
            assert!(verified.covers(name), "{name}");
        }
        for name in ["ann@shop.example", "shop.example", "Bob@shop.example"] {
            assert!(!verified.covers(name), "{name}");
        }
    }

    #[test]
    fn an_address_that_ses_shows_as_failed_can_send_below_a_verified_domain() {
        let identities = vec![
            identity("shop.example", Some("SUCCESS")),
            identity("ann@shop.example", Some("FAILED")),
            identity("bob@other.example", Some("FAILED")),
            identity("eve@new.example", None),
            identity("silent.example", None),
            identity("ann@silent.example", Some("FAILED")),
            Identity { sending_enabled: true, ..identity("slow.example", Some("TEMPORARY_FAILURE")) },
        ];
        let verdict = judge(&Reading::new(identities, &Settings::default()));
        let found: Vec<_> = verdict.0.iter().map(|one| (&*one.label, one.usable)).collect();
        let expected = [
            ("ann@shop.example", Some(true)),
            ("ann@silent.example", None),
            ("bob@other.example", Some(false)),
            ("eve@new.example", None),
            ("shop.example", Some(true)),
            ("silent.example", None),
            ("slow.example", Some(true)),
        ];
        assert_eq!(found, expected);
    }
}
