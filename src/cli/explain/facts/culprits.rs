//! Who of an error is who: which of the identities that SES names is the sender, which a recipient, as far as facts tell.
//!
//! SES never says. But an identity that is verified there can't have failed; in production no recipient can; and what is verified in
//! another region is surely meant to send.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::here::{Here, Standing};
use crate::cli::explain::asked::Told;
use crate::cli::explain::explanation::{Explained, Role};
use crate::collectors::identities::{Identities, Identity};
use crate::estate::Estate;
use crate::judgement::Seen;
use crate::judgements::coverage::{candidates, folded};
use crate::remedy::domain_of_ones_own;

/// Which part an identity played in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Sender(Why),
    Recipient(Why),
    /// Nothing tells.
    Either,
    /// SES would not refuse it.
    Innocent,
}

/// How that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The arguments say so.
    Told,
    /// In production only a sender can fail.
    Production,
    /// SES takes mail to its simulator always.
    Simulator,
    /// It is verified in another region.
    Elsewhere,
    /// No identity of any account is at its domain.
    Stranger,
}

impl Part {
    pub(super) fn of(here: &Here<'_>, one: &Explained, standing: &Standing, told: &Told, owned: &Owned) -> Self {
        let production = here.known.account.map(|account| account.production_access);
        let same = |other: &String| folded(other) == folded(&one.name);
        let recipient = told.to.iter().any(same);
        match standing {
            Standing::Verified { .. } => Self::Innocent,
            _ if told.from.as_ref().is_some_and(same) => Self::Sender(Why::Told),
            _ if recipient && production == Some(true) => Self::Innocent,
            _ if recipient => Self::Recipient(Why::Told),
            _ if production == Some(true) => Self::Sender(Why::Production),
            _ if !one.roles.contains(&Role::SandboxRecipient) => Self::Sender(Why::Simulator),
            Standing::Elsewhere { .. } => Self::Sender(Why::Elsewhere),
            Standing::Missing if owned.whole && !owned.has(&one.name) => Self::Recipient(Why::Stranger),
            _ => Self::Either,
        }
    }

    pub(super) fn roles(self) -> Vec<Role> {
        match self {
            Self::Sender(_) => vec![Role::Sender],
            Self::Recipient(_) => vec![Role::SandboxRecipient],
            Self::Either => vec![Role::Sender, Role::SandboxRecipient],
            Self::Innocent => Vec::new(),
        }
    }
}

/// The domains at which there are identities.
pub(super) struct Owned {
    domains: BTreeSet<String>,
    /// Every region that was looked at has told its identities.
    whole: bool,
}

impl Owned {
    /// Those of every account.
    pub(super) fn of(estate: &Estate, now: Instant) -> Self {
        let mut owned = Self { domains: BTreeSet::new(), whole: true };
        for view in estate.targets.iter().filter(|view| view.skipped.is_none()) {
            match Seen::new(estate, view, now).reading::<Identities>() {
                None => owned.whole = false,
                Some(reading) => owned.take(&reading.identities),
            }
        }
        owned
    }

    /// Those of one account, as far as they have been read.
    pub(super) fn by(here: &Here<'_>) -> Self {
        let mut owned = Self { domains: BTreeSet::new(), whole: here.known.identities.is_some() };
        owned.take(here.known.identities.as_ref().map(|senders| senders.all).unwrap_or_default());
        here.known.elsewhere.iter().for_each(|other| owned.take(other.identities));
        owned
    }

    /// A tester at a mail provider makes nobody the owner of its domain.
    fn take(&mut self, identities: &[Identity]) {
        let domains = identities.iter().filter_map(|identity| domain_of_ones_own(&identity.name));
        self.domains.extend(domains.map(folded));
    }

    /// Whether an address or domain is at one of them, or below.
    pub(super) fn has(&self, name: &str) -> bool {
        candidates(name).iter().any(|candidate| self.domains.contains(candidate))
    }
}
