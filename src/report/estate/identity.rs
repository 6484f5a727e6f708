//! One identity with everything that is known of it: the list, its details, its DNS records and the judgements on it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::collectors::dns::{self, Dns, Verdict};
use crate::collectors::identities::{self, Identities};
use crate::collectors::identity_details::{self, Details, IdentityDetails};
use crate::estate::Subject;
use crate::judgement::Seen;
use crate::judgements::coverage::{Verified, usable};

use super::super::Word;
use super::super::moment::{Moment, Since};
use super::super::region::Remembered;

/// A domain or an e-mail address. What is left out was not read, or SES has none.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Identity {
    /// The value of the label `identity`: an address is hashed where the configuration says so.
    pub(crate) identity: String,
    /// `domain`, `email_address` or `managed_domain` (ListEmailIdentities `IdentityType`).
    identity_type: String,
    /// `SUCCESS` = verified (ListEmailIdentities `VerificationStatus`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<String>,
    /// Since when that is so, told only while it is not `SUCCESS`.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
    /// SES lets it send (ListEmailIdentities `SendingEnabled`).
    sending_enabled: bool,
    /// SES would take it as a sender: it is verified, or a verified domain above covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) can_send: Option<bool>,
    /// How its mail is signed (GetIdentityDkimAttributes, GetEmailIdentity).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dkim: Option<Dkim>,
    /// Its own MAIL FROM domain (GetIdentityMailFromDomainAttributes, GetEmailIdentity).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mail_from: Option<MailFrom>,
    /// The configuration set of its mail that names none (GetEmailIdentity `ConfigurationSetName`).
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set: Option<String>,
    /// The records that a domain needs, looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dns: Option<Vec<Record>>,
}

/// DKIM of an identity.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Dkim {
    /// `SUCCESS`, or why not (`DkimVerificationStatus`, `Status`).
    pub(crate) status: String,
    /// SES signs (`DkimEnabled`, `SigningEnabled`).
    pub(crate) signing_enabled: bool,
    /// Since when that is so, told only while SES should sign and the status is not `SUCCESS`.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
}

/// The MAIL FROM domain of an identity.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct MailFrom {
    /// `MailFromDomain`.
    pub(crate) domain: String,
    /// `SUCCESS`, or why not (`MailFromDomainStatus`).
    pub(crate) status: String,
    /// SES refuses mail while it is not verified (`BehaviorOnMXFailure` is REJECT_MESSAGE).
    pub(crate) rejects_on_mx_failure: bool,
    /// Since when that is so, told only while the status is not `SUCCESS`.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
}

/// A DNS record that a domain needs.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Record {
    /// A word of the label `record`, such as `dkim1`.
    record: Word,
    /// Where it has to be.
    name: String,
    /// Whether it says what SES needs; left out while looks do not agree or nobody answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ok: Option<bool>,
    /// What is wrong: a word of `ses_identity_dns_record_problem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
    /// Since when it is wrong for this reason.
    #[serde(flatten)]
    pub(crate) since: Option<Since>,
    /// When somebody looked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_at: Option<Moment>,
}

/// Which identities of a target are told, by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// Those behind this one; none where all are.
    pub(super) behind: Option<&'a str>,
    /// So many at the most.
    pub(super) most: usize,
}

impl Window<'_> {
    /// Every one of them.
    pub(super) const ALL: Window<'static> = Window { behind: None, most: usize::MAX };
}

/// What other readings know of the identities of a target.
struct Known<'a> {
    verified: Verified,
    perhaps: Verified,
    details: Option<&'a identity_details::Reading>,
    domains: HashMap<&'a str, &'a dns::Domain>,
    remembered: Remembered<'a>,
}

impl Identity {
    /// Those that bear series; none where the list has not been read.
    pub(super) fn all(seen: &Seen<'_>, remembered: Remembered<'_>, window: Window<'_>) -> Option<Vec<Self>> {
        let list = seen.reading::<Identities>()?;
        let domains = seen.reading::<Dns>().into_iter().flat_map(|reading| &reading.domains);
        let known = Known {
            verified: Verified::of(&list.identities),
            perhaps: Verified::perhaps(&list.identities),
            details: seen.reading::<IdentityDetails>(),
            domains: domains.map(|domain| (&*domain.identity, domain)).collect(),
            remembered,
        };
        let behind = |label: &str| window.behind.is_none_or(|last| label > last);
        let told = list.shown().filter(|(label, _)| behind(label)).take(window.most);
        Some(told.map(|(label, identity)| Self::of(label, identity, &known)).collect())
    }

    /// Leaves out when somebody looked, which says nothing about the identity.
    pub(super) fn forget_times(&mut self) {
        self.dns.iter_mut().flatten().for_each(|record| record.looked_at = None);
    }

    fn of(label: &Arc<str>, identity: &identities::Identity, known: &Known<'_>) -> Self {
        let name = &identity.name;
        let details = known.details.and_then(|reading| reading.identities.get(name)).map(|details| &**details);
        let described = details.and_then(|details| details.described.as_ref());
        let domain = known.domains.get(&**label);
        Self {
            identity: label.to_string(),
            identity_type: identity.identity_type.to_string(),
            verification: identity.status.as_deref().map(str::to_owned),
            since: known.remembered.since(&Subject::Verification(Arc::clone(name))),
            sending_enabled: identity.sending_enabled,
            can_send: usable(name, &known.verified, &known.perhaps),
            dkim: details.and_then(|details| Dkim::of(name, details, known.remembered)),
            mail_from: details.and_then(|details| MailFrom::of(name, details, known.remembered)),
            configuration_set: described
                .and_then(|described| described.configuration_set.as_deref())
                .map(str::to_owned),
            dns: domain.map(|domain| Record::all(domain, known.remembered)),
        }
    }
}

impl Dkim {
    fn of(name: &Arc<str>, details: &Details, remembered: Remembered<'_>) -> Option<Self> {
        let dkim = details.dkim.as_ref()?;
        Some(Self {
            status: dkim.status.to_string(),
            signing_enabled: dkim.signing_enabled,
            since: remembered.since(&Subject::Dkim(Arc::clone(name))),
        })
    }
}

impl MailFrom {
    fn of(name: &Arc<str>, details: &Details, remembered: Remembered<'_>) -> Option<Self> {
        let mail_from = details.mail_from.as_ref()?;
        Some(Self {
            domain: mail_from.domain.to_string(),
            status: mail_from.status.to_string(),
            rejects_on_mx_failure: mail_from.rejects,
            since: remembered.since(&Subject::MailFrom(Arc::clone(name))),
        })
    }
}

impl Record {
    fn all(domain: &dns::Domain, remembered: Remembered<'_>) -> Vec<Self> {
        let of = |record: &dns::Record| {
            let reason = match record.verdict {
                Some(Verdict::Wrong(reason)) => Some(reason.as_str().into()),
                _ => None,
            };
            Self {
                record: record.expected.label.as_str().into(),
                name: record.expected.name.clone(),
                ok: record.verdict.map(|verdict| verdict == Verdict::Ok),
                reason,
                since: remembered.since(&Subject::Record(Arc::clone(&domain.identity), record.expected.label)),
                looked_at: record.last_looked.and_then(Moment::of),
            }
        };
        domain.records.iter().map(of).collect()
    }
}
