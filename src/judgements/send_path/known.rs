//! What is known of a region that decides about mail, gathered once for all of its paths. It judges nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::collectors::account::{self, Account};
use crate::collectors::configuration_sets::{self, ConfigurationSets, Sets};
use crate::collectors::identities::{Identities, Identity};
use crate::collectors::identity_details::{Details, IdentityDetails};
use crate::judgement::Seen;
use crate::judgements::coverage::Verified;

/// What is known of a region. What is `None` has not been read.
pub struct Known<'a> {
    /// GetAccount.
    pub account: Option<&'a account::Reading>,
    /// ListEmailIdentities.
    pub identities: Option<Senders<'a>>,
    /// GetEmailIdentity and the batches, by name.
    pub details: Option<&'a BTreeMap<Arc<str>, Arc<Details>>>,
    /// The configuration sets.
    pub sets: Option<Sets<'a>>,
    /// The identities of the account in its other regions, as far as they have been read.
    pub elsewhere: Vec<Elsewhere<'a>>,
}

/// Another region of the account.
#[derive(Clone, Copy)]
pub struct Elsewhere<'a> {
    /// Its code.
    pub region: &'a str,
    /// ListEmailIdentities.
    pub identities: &'a [Identity],
    /// Whether mail to anyone can go out from there, as far as GetAccount tells.
    pub sends: bool,
}

/// The identities of a region, by what they are good for.
pub struct Senders<'a> {
    /// All of them.
    pub all: &'a [Identity],
    /// Those that can send.
    pub verified: Verified,
    /// Those of which SES did not say whether they can.
    pub perhaps: Verified,
}

impl<'a> Known<'a> {
    /// What the readings of a target tell.
    pub fn of(seen: &Seen<'a>) -> Self {
        Self {
            account: seen.reading::<Account>(),
            identities: seen.reading::<Identities>().map(|reading| Senders::of(&reading.identities)),
            details: seen.reading::<IdentityDetails>().map(|reading| &reading.identities),
            sets: seen.reading::<ConfigurationSets>().and_then(configuration_sets::Reading::listed),
            elsewhere: seen.elsewhere().filter_map(|other| Elsewhere::of(&other)).collect(),
        }
    }
}

impl<'a> Elsewhere<'a> {
    fn of(other: &Seen<'a>) -> Option<Self> {
        let sends = |account: &account::Reading| account.production_access && account.sending_enabled;
        Some(Self {
            region: &other.target().region,
            identities: &other.reading::<Identities>()?.identities,
            sends: other.reading::<Account>().is_some_and(sends),
        })
    }
}

impl<'a> Senders<'a> {
    /// The identities as they are listed.
    pub fn of(all: &'a [Identity]) -> Self {
        Self { all, verified: Verified::of(all), perhaps: Verified::perhaps(all) }
    }
}
