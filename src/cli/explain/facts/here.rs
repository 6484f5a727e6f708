//! One account in one region, as far as it has been read, and how an identity stands there. It judges no error.

use std::sync::Arc;

use tokio::time::Instant;

use crate::collectors::dns::{Dns, Verdict};
use crate::collectors::identity_details::Details;
use crate::estate::{Estate, TargetView};
use crate::expectations::Recipients;
use crate::judgement::Seen;
use crate::judgements::coverage::folded;
use crate::judgements::send_path::{About, Block, Known, Mail, Reason, Weighed, weigh};

/// A target with what is known of it.
pub(in crate::cli::explain) struct Here<'a> {
    pub(super) view: &'a TargetView,
    pub(super) seen: Seen<'a>,
    pub(super) known: Known<'a>,
}

/// How an identity stands in a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// What could tell has not been read.
    Unknown,
    /// This identity covers it: itself, its domain, or a domain above.
    Verified { by: Arc<str> },
    /// This identity would, and waits for a click or for records in the DNS.
    Pending { identity: Arc<str> },
    /// This identity would, and will not be verified by itself.
    Failed { identity: Arc<str> },
    /// This identity does, in other regions.
    Elsewhere { identity: Arc<str>, regions: Vec<Arc<str>> },
    /// No region that was looked at has it.
    Missing,
}

/// The reasons that are about the sender's identity.
pub(super) const OF_SENDER: &[Reason] =
    &[Reason::IdentityMissing, Reason::IdentityInOtherRegion, Reason::IdentityPending, Reason::IdentityFailed];

impl<'a> Here<'a> {
    pub(in crate::cli::explain) fn new(estate: &'a Estate, view: &'a TargetView, now: Instant) -> Self {
        let seen = Seen::new(estate, view, now);
        Self { view, seen, known: Known::of(&seen) }
    }

    pub(super) fn region(&self) -> &'a str {
        &self.view.target.region
    }

    /// `eu-west-1 of main`, for sentences.
    pub(super) fn name(&self) -> String {
        match self.view.account.as_deref() {
            Some(account) => format!("{} of {account}", self.region()),
            None => self.region().to_owned(),
        }
    }

    /// What SES would do with a mail.
    pub(super) fn weigh(&self, from: &str, to: &[String], configuration_set: Option<&str>) -> Weighed {
        weigh_at(&self.known, from, to, configuration_set)
    }

    pub(super) fn standing(&self, name: &str) -> Standing {
        let Some(identities) = self.known.identities.as_ref().filter(|all| !all.perhaps.covers(name)) else {
            return Standing::Unknown;
        };
        if let Some(by) = identities.verified.closest(name) {
            return Standing::Verified { by: Arc::clone(by) };
        }
        let blocks = self.weigh(name, &[], None).blocks;
        match blocks.into_iter().find(|block| OF_SENDER.contains(&block.reason)) {
            Some(Block { reason: Reason::IdentityPending, about: About::Sender(identity) }) => {
                Standing::Pending { identity }
            }
            Some(Block { reason: Reason::IdentityFailed, about: About::Sender(identity) }) => {
                Standing::Failed { identity }
            }
            Some(Block { about: About::SenderElsewhere { identity, regions }, .. }) => {
                Standing::Elsewhere { identity, regions }
            }
            _ => Standing::Missing,
        }
    }

    pub(super) fn details(&self, identity: &str) -> Option<&'a Details> {
        self.known.details?.get(identity).map(|details| &**details)
    }

    /// The DNS records of an identity that are wrong, each as it should be and as it is; those of a MAIL FROM domain, or the others.
    pub(super) fn wrong_records(&self, identity: &str, of_mail_from: bool) -> Vec<String> {
        let domains = self.seen.reading::<Dns>().map(|reading| &*reading.domains).unwrap_or_default();
        let records =
            domains.iter().filter(|domain| folded(&domain.identity) == folded(identity)).flat_map(|it| &it.records);
        let records = records.filter(|record| {
            let label = record.expected.label.as_str();
            label.starts_with("mail_from") == of_mail_from && label != "dmarc"
        });
        let wrong = records.filter(|record| record.looked_wrong() || matches!(record.verdict, Some(Verdict::Wrong(_))));
        wrong.map(|record| format!("{}; found: {}", record.expected.text(), record.found)).collect()
    }

    /// Why one of these collectors has nothing to show.
    pub(super) fn unread(&self, collectors: &[&str]) -> Option<String> {
        if let Some(reason) = self.view.skipped {
            return Some(format!(
                "AWS says that this account has no SES there ({})",
                reason.as_str().replace('_', " ")
            ));
        }
        let slots = collectors.iter().filter_map(|name| self.view.slot(name)).filter(|slot| slot.reading.is_none());
        let failures = slots.filter_map(|slot| Some(slot.last.as_ref()?.failure.as_ref()?.message.clone()));
        failures.into_iter().next()
    }
}

/// The reasons that are about a recipient in the sandbox.
pub(super) const OF_SANDBOX: &[Reason] = &[
    Reason::SandboxNotRequested,
    Reason::SandboxPending,
    Reason::SandboxDenied,
    Reason::SandboxFailed,
    Reason::Sandbox,
];

/// What SES would do with one message. Recipients that nobody names are somebody's, so they count against the quota; whether they
/// are verified is not known.
pub(super) fn weigh_at(known: &Known<'_>, from: &str, to: &[String], configuration_set: Option<&str>) -> Weighed {
    let named = if to.is_empty() { Recipients::Any } else { Recipients::Only(to.to_vec()) };
    let mut weighed = weigh(known, &mail(from, &named, configuration_set));
    weighed.blocks.retain(|block| !to.is_empty() || !OF_SANDBOX.contains(&block.reason));
    weighed
}

/// One message to these.
pub(super) fn mail<'a>(from: &'a str, to: &'a Recipients, configuration_set: Option<&'a str>) -> Mail<'a> {
    Mail { from, to, configuration_set, recipients: 1, daily_messages: None, peak_messages_per_second: None }
}
