//! Collector `identities`: who may send from this region. (SES v2 ListEmailIdentities)
//!
//! The reading keeps every identity, because judgements need them all. Which of them bear series (filters, the cap,
//! what becomes of e-mail addresses) is settled once per reading, in [`shown`].

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sesv2::types::IdentityInfo;

use crate::aws::{Failure, SESV2_LIST_EMAIL_IDENTITIES};
use crate::collector::{Ask, Collector, Cost, Declaration};
use crate::metric::{Family, Samples, flag, gauge};

pub use settings::{EmailAddresses, HashKey, Settings};

mod settings;

/// The collector with its settings.
pub struct Identities {
    /// Filters, cap and redaction.
    pub settings: Settings,
}

/// SES answers at most 1,000 identities a page (API reference, ListEmailIdentities PageSize).
const PAGE_SIZE: i32 = 1000;
/// Ten times what SES allows in a region (10,000 identities): an endless chain of tokens ends somewhere.
const MAX_PAGES: usize = 100;

const TYPES: &[&str] = &["domain", "email_address"];
const STATUSES: &[&str] = &["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"];
/// The reason of `identities_dropped` that is always there.
const CAPPED: &str = "max_per_region";

/// One identity as ListEmailIdentities answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `IdentityName`: a domain or an e-mail address.
    pub name: Arc<str>,
    /// `IdentityType` in lower case: `domain`, `email_address`, `managed_domain`.
    pub identity_type: Arc<str>,
    /// `VerificationStatus`; unknown where SES left it out.
    pub status: Option<Arc<str>>,
    /// `SendingEnabled`.
    pub sending_enabled: bool,
}

impl Identity {
    /// Whether SES says SUCCESS; unknown where it says nothing.
    pub fn verified(&self) -> Option<bool> {
        self.status.as_deref().map(|status| status == "SUCCESS")
    }
}

/// Every identity of the target, sorted by name, and which of them bear series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Sorted by name, no name twice.
    pub identities: Vec<Identity>,
    /// Label value and place in `identities`, sorted by label, no label twice.
    shown: Shown,
    /// Identities without series although the configuration asks for them, by reason.
    dropped: Dropped,
}

type Shown = Vec<(Arc<str>, usize)>;
type Dropped = BTreeMap<&'static str, usize>;

impl Collector for Identities {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "identities",
        about: "Every domain and e-mail address of the account in the region, and whether it is verified.",
        actions: &["ses:ListEmailIdentities"],
        after: &[],
        interval: Duration::from_mins(5),
        enabled: true,
        cost: |size, interval| Cost::of_reading(size.identities.div_ceil(PAGE_SIZE.unsigned_abs()).max(1), interval),
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &gauge(
            "ses_identities",
            "Number of identities by type and verification status, whatever the filters (polled from ListEmailIdentities).",
            ["identity_type", "status"],
            counts,
        ),
        &gauge(
            "ses_identity_verified",
            "Whether the identity is verified: 1 while VerificationStatus is SUCCESS (polled from ListEmailIdentities VerificationStatus).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                for (label, identity) in reading.shown() {
                    out.push_known([label, &identity.identity_type], identity.verified().map(flag));
                }
            },
        ),
        &gauge(
            "ses_identity_sending_enabled",
            "Whether SES lets the identity send (polled from ListEmailIdentities SendingEnabled).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                for (label, identity) in reading.shown() {
                    out.push([label, &identity.identity_type], flag(identity.sending_enabled));
                }
            },
        ),
        &gauge(
            "ses_identity_verification_status",
            "1 for the verification status that the identity has (polled from ListEmailIdentities VerificationStatus).",
            ["identity", "identity_type", "status"],
            |reading: &Reading, out| {
                for (label, identity) in reading.shown() {
                    if let Some(status) = &identity.status {
                        out.push([label, &identity.identity_type, status], 1.0);
                    }
                }
            },
        ),
        &gauge(
            "ses_exporter_identities_dropped",
            "Identities that bear no series of their own because of a limit of this agent, by reason.",
            ["reason"],
            |reading: &Reading, out| {
                for (reason, count) in &reading.dropped {
                    out.push([reason], number(*count));
                }
            },
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let mut identities = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let request =
                || ask.aws.sesv2().list_email_identities().page_size(PAGE_SIZE).set_next_token(token.clone()).send();
            let page = ask.aws.call(SESV2_LIST_EMAIL_IDENTITIES, request).await?;
            // An empty list says that there are none; no list at all says nothing.
            let Some(list) = page.email_identities else {
                return Err(Failure::unexpected("ListEmailIdentities answered without EmailIdentities"));
            };
            identities.extend(list.iter().map(identity));
            let next = page.next_token.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(Reading::new(identities, &self.settings));
            }
            if next == token {
                return Err(Failure::unexpected("ListEmailIdentities answered the same NextToken twice"));
            }
            token = next;
        }
        Err(Failure::unexpected("ListEmailIdentities answered more than 100 pages of 1,000 identities"))
    }
}

/// A few strings stand for almost all types and states, so identities share them.
fn word(known: &[&'static str], text: &str) -> Arc<str> {
    known.iter().find(|word| **word == text).map_or_else(|| Arc::from(text), |word| Arc::from(*word))
}

fn identity(info: &IdentityInfo) -> Identity {
    Identity {
        name: Arc::from(info.identity_name().unwrap_or_default()),
        identity_type: info.identity_type().map_or_else(
            || Arc::from("unknown"),
            |identity_type| word(TYPES, &identity_type.as_str().to_ascii_lowercase()),
        ),
        status: info.verification_status().map(|status| word(STATUSES, status.as_str())),
        sending_enabled: info.sending_enabled,
    }
}

/// Which identities bear series: filtered, the unhealthy ones first, then by name, up to the cap.
fn shown(identities: &[Identity], settings: &Settings) -> (Shown, Dropped) {
    let mut dropped = BTreeMap::from([(CAPPED, 0)]);
    let mut wanted: Vec<(usize, &Identity)> =
        identities.iter().enumerate().filter(|(_, identity)| settings.wants(identity)).collect();
    wanted.sort_by_key(|(_, identity)| identity.verified() == Some(true)); // stable: by name within
    if let Some(beyond @ 1..) = wanted.len().checked_sub(settings.max_per_region) {
        dropped.insert(CAPPED, beyond);
        wanted.truncate(settings.max_per_region);
    }
    let mut taken = HashSet::new();
    let mut shown = Vec::with_capacity(wanted.len());
    for (at, identity) in wanted {
        let label = settings.label(identity);
        if identity.name.is_empty() {
            *dropped.entry("nameless").or_default() += 1;
        } else if taken.insert(Arc::clone(&label)) {
            shown.push((label, at));
        } else {
            // Two addresses with one hash: neither may speak for the other.
            *dropped.entry("hash_collision").or_default() += 1;
        }
    }
    shown.sort();
    (shown, dropped)
}

impl Reading {
    /// A reading of everything that SES listed, in any order.
    pub fn new(mut identities: Vec<Identity>, settings: &Settings) -> Self {
        identities.sort_by(|a, b| a.name.cmp(&b.name));
        // Between two pages an identity can move from one to the other and be answered twice.
        identities.dedup_by(|later, first| later.name == first.name);
        let (shown, dropped) = shown(&identities, settings);
        Self { identities, shown, dropped }
    }

    /// Label value and identity of those that bear series, sorted by label.
    pub fn shown(&self) -> impl Iterator<Item = (&Arc<str>, &Identity)> {
        self.shown.iter().filter_map(|(label, at)| Some((label, self.identities.get(*at)?)))
    }
}

fn counts(reading: &Reading, out: &mut Samples<'_, 2>) {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for identity_type in TYPES {
        for status in STATUSES {
            counts.insert((identity_type, status), 0);
        }
    }
    for identity in &reading.identities {
        let status = identity.status.as_deref().unwrap_or("UNKNOWN");
        *counts.entry((&identity.identity_type, status)).or_default() += 1;
    }
    for ((identity_type, status), count) in counts {
        out.push([identity_type, status], number(count));
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows doubles only")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[(&str, &str)]) -> Vec<Identity> {
        let one = |(name, status): &(&str, &str)| Identity {
            name: Arc::from(*name),
            identity_type: Arc::from(if name.contains('@') { "email_address" } else { "domain" }),
            status: (!status.is_empty()).then(|| Arc::from(*status)),
            sending_enabled: *status == "SUCCESS",
        };
        names.iter().map(one).collect()
    }

    fn labels(reading: &Reading) -> Vec<&str> {
        reading.shown().map(|(label, _)| &**label).collect()
    }

    #[test]
    fn the_cap_keeps_what_is_wrong_and_counts_the_rest() {
        let all =
            list(&[("a.example", "SUCCESS"), ("b.example", "SUCCESS"), ("z.example", "FAILED"), ("y.example", "")]);
        let settings = Settings { max_per_region: 3, ..Settings::default() };
        let reading = Reading::new(all, &settings);
        assert_eq!(labels(&reading), ["a.example", "y.example", "z.example"]);
        assert_eq!(reading.dropped.get(CAPPED), Some(&1));
        assert_eq!(reading.identities.len(), 4);
    }

    #[test]
    fn an_identity_on_two_pages_is_one() {
        let reading = Reading::new(list(&[("a.example", "PENDING"), ("a.example", "PENDING")]), &Settings::default());
        assert_eq!(labels(&reading), ["a.example"]);
    }

    #[test]
    fn addresses_can_be_hashed_or_left_out() {
        let all =
            list(&[("ann@shop.example", "SUCCESS"), ("bob@shop.example", "SUCCESS"), ("shop.example", "SUCCESS")]);
        let none = Settings { email_addresses: EmailAddresses::None, ..Settings::default() };
        assert_eq!(labels(&Reading::new(all.clone(), &none)), ["shop.example"]);
        let key = HashKey::new(b"sixteen bytes ok".to_vec());
        let hashed = Settings { email_addresses: EmailAddresses::Hashed(key), ..Settings::default() };
        let reading = Reading::new(all, &hashed);
        assert_eq!(labels(&reading).len(), 3);
        assert!(labels(&reading).iter().all(|label| !label.contains("ann") && !label.contains("bob")));
        assert_eq!(labels(&reading).iter().filter(|label| label.ends_with("@shop.example")).count(), 2);
    }

    #[test]
    fn a_nameless_identity_is_counted_not_shown() {
        let reading = Reading::new(list(&[("", "SUCCESS")]), &Settings::default());
        assert!(labels(&reading).is_empty());
        assert_eq!(reading.dropped.get("nameless"), Some(&1));
    }

    #[test]
    fn filters_are_globs_without_case() {
        let pattern = |text| glob::Pattern::new(text).expect("a pattern");
        let settings =
            Settings { include: vec![pattern("*.example")], exclude: vec![pattern("*@*")], ..Settings::default() };
        let all = list(&[("Shop.EXAMPLE", "SUCCESS"), ("a@shop.example", "SUCCESS"), ("shop.test", "SUCCESS")]);
        assert_eq!(labels(&Reading::new(all, &settings)), ["Shop.EXAMPLE"]);
    }
}
