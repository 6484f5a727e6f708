//! The rules by which SES takes or refuses mail: (what is known of a region, a mail) to every reason against it.
//!
//! AWS documents each refusal and no precedence; the order is that in which a person would mend them. Pure, and it says
//! "refused" only with proof: what has not been read leaves the verdict open.

use std::sync::Arc;

use super::known::{Elsewhere, Known, Senders};
use super::reason::Reason;
use crate::collectors::account;
use crate::collectors::configuration_sets::Sets;
use crate::collectors::identities::Identity;
use crate::collectors::identity_details::Details;
use crate::expectations::{Recipients, SendPath};
use crate::judgements::coverage::{Verified, candidates, folded};

/// What comes before the `@` of the mailbox simulator's addresses, with or without a `+label`; they can be written to
/// from the sandbox, and do not count against the quota ("Using the mailbox simulator", Amazon SES Developer Guide).
const MAILBOX_SIMULATOR: [&str; 5] = ["success", "bounce", "complaint", "suppressionlist", "ooto"];
const MAILBOX_SIMULATOR_DOMAIN: &str = "simulator.amazonses.com";

/// Mail that somebody wants to send.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// The sender: an address or a domain.
    pub from: &'a str,
    /// The recipients.
    pub to: &'a Recipients,
    /// The configuration set that it names.
    pub configuration_set: Option<&'a str>,
    /// How many recipients it has now, which must fit in what is left of the quota.
    pub recipients: u32,
    /// How many recipients a day has, which must fit in the quota.
    pub daily_messages: Option<u32>,
    /// The highest rate, in messages a second.
    pub peak_messages_per_second: Option<f64>,
}

impl<'a> Mail<'a> {
    /// The next mail of a declared path.
    pub fn of(path: &'a SendPath) -> Self {
        Self {
            from: &path.from,
            to: &path.to,
            configuration_set: path.configuration_set.as_deref(),
            recipients: 1,
            daily_messages: path.daily_messages,
            peak_messages_per_second: path.peak_messages_per_second,
        }
    }

    /// Whether all of it goes to the mailbox simulator.
    pub fn is_simulated(&self) -> bool {
        matches!(self.to, Recipients::Only(all) if all.iter().all(|one| is_mailbox_simulator(one)))
    }
}

/// One reason against a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Why.
    pub reason: Reason,
    /// What it is about.
    pub about: About,
}

/// What a reason is about. A name may be an address, and belongs into no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The account in the region.
    Account,
    /// The configuration set that is missing or paused.
    ConfigurationSet(Arc<str>),
    /// The identity of the sender, or the sender where it has none.
    Sender(Arc<str>),
    /// An identity that covers the sender, and the other regions in which one does; never empty.
    SenderElsewhere {
        /// The identity in the first of them.
        identity: Arc<str>,
        /// Their codes, first those that send to anyone.
        regions: Vec<Arc<str>>,
    },
    /// A recipient that is not verified.
    Recipient(Arc<str>),
}

impl About {
    /// The name of the set, identity or recipient.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Account => None,
            Self::ConfigurationSet(name)
            | Self::Sender(name)
            | Self::SenderElsewhere { identity: name, .. }
            | Self::Recipient(name) => Some(name),
        }
    }
}

/// What became of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// Every reason that is known, in order.
    pub blocks: Vec<Block>,
    /// Something that could refuse it has not been read.
    pub open: bool,
}

impl Weighed {
    /// Whether SES would take it; none while that is open.
    pub fn accepted(&self) -> Option<bool> {
        if self.blocks.is_empty() { (!self.open).then_some(true) } else { Some(false) }
    }

    fn block(&mut self, reason: Reason, about: About) {
        self.blocks.push(Block { reason, about });
    }

    /// Blocks if the test fails; leaves open what could not be tested.
    fn demand(&mut self, holds: Option<bool>, reason: Reason, about: About) {
        match holds {
            Some(true) => {}
            Some(false) => self.block(reason, about),
            None => self.open = true,
        }
    }
}

/// Weighs a mail against all that is known of a region.
pub fn weigh(known: &Known<'_>, mail: &Mail<'_>) -> Weighed {
    let mut weighed = Weighed::default();
    let from = Sender::of(known, mail.from);
    match known.account {
        None => weighed.open = true,
        Some(account) => pauses(&mut weighed, account),
    }
    configuration_set(&mut weighed, known.sets, mail, &from);
    if let Some(account) = known.account {
        limits(&mut weighed, account, mail);
    }
    match &from {
        Sender::Unknown => weighed.open = true,
        Sender::Refused(block) => weighed.blocks.push(block.clone()),
        Sender::Goes { name, details } => mail_from(&mut weighed, name, *details),
    }
    if let Some(account) = known.account.filter(|account| !account.production_access) {
        let reason = Reason::of_sandbox(account.review_status.as_deref());
        sandbox(&mut weighed, reason, known.identities.as_ref(), mail.to);
    }
    weighed
}

/// Under which identity mail of a sender goes.
enum Sender<'a> {
    /// What could tell has not been read.
    Unknown,
    /// Under none.
    Refused(Block),
    /// Under this one.
    Goes { name: Arc<str>, details: Option<&'a Details> },
}

impl<'a> Sender<'a> {
    fn of(known: &Known<'a>, from: &str) -> Self {
        let Some(identities) = &known.identities else { return Self::Unknown };
        for candidate in candidates(from) {
            // An identity of which SES tells no status may have other settings than the next one that covers the sender.
            if identities.perhaps.named(&candidate).is_some() {
                return Self::Unknown;
            }
            if let Some(name) = identities.verified.named(&candidate) {
                let details = known.details.and_then(|all| all.get(name)).map(|details| &**details);
                return Self::Goes { name: Arc::clone(name), details };
            }
        }
        Self::Refused(refused(identities.all, &known.elsewhere, from))
    }
}

/// Why a sender that no identity covers is refused: by the closest identity that could, or by there being none.
fn refused(here: &[Identity], elsewhere: &[Elsewhere<'_>], from: &str) -> Block {
    let listed = |name: &String| here.iter().find(|identity| folded(&identity.name) == *name);
    if let Some(identity) = candidates(from).iter().find_map(listed) {
        let waits = matches!(identity.status.as_deref(), Some("PENDING" | "NOT_STARTED"));
        let reason = if waits { Reason::IdentityPending } else { Reason::IdentityFailed };
        return Block { reason, about: About::Sender(Arc::clone(&identity.name)) };
    }
    // One that sends to anyone is better than one in the sandbox.
    let (sending, others): (Vec<&Elsewhere<'_>>, Vec<_>) = elsewhere.iter().partition(|other| other.sends);
    let there = sending.into_iter().chain(others).filter_map(|other| {
        let covers = Verified::of(other.identities).closest(from).cloned();
        covers.map(|identity| (identity, Arc::from(other.region)))
    });
    let (identities, regions): (Vec<Arc<str>>, Vec<Arc<str>>) = there.unzip();
    match identities.into_iter().next() {
        Some(identity) => {
            Block { reason: Reason::IdentityInOtherRegion, about: About::SenderElsewhere { identity, regions } }
        }
        None => Block { reason: Reason::IdentityMissing, about: About::Sender(Arc::from(from)) },
    }
}

fn pauses(weighed: &mut Weighed, account: &account::Reading) {
    if account.enforcement_status == "SHUTDOWN" {
        weighed.block(Reason::AccountShutDown, About::Account); // AWS switches sending off as well; the customer can't switch it on
    } else if !account.sending_enabled {
        weighed.block(Reason::SendingPaused, About::Account);
    }
}

/// The set that the mail names, or else the default one of the sender's identity.
fn configuration_set(weighed: &mut Weighed, sets: Option<Sets<'_>>, mail: &Mail<'_>, from: &Sender<'_>) {
    let (name, named_at) = match (mail.configuration_set, from) {
        (Some(name), _) => (name, None),
        (None, Sender::Goes { details, .. }) => {
            let described = details.and_then(|details| details.described.as_ref());
            let Some(described) = described else { return weighed.open = true };
            let Some(name) = &described.configuration_set else { return };
            (&**name, Some(described.set_since))
        }
        // A sender that goes under no identity has no default set; one that is unknown leaves the verdict open anyway.
        (None, Sender::Refused(_) | Sender::Unknown) => return,
    };
    let Some(sets) = sets else { return weighed.open = true };
    let about = || About::ConfigurationSet(Arc::from(name));
    match sets.all.get(name) {
        // The list may be older than a set that an identity has named since.
        None if named_at.is_some_and(|at| at > sets.listed_at) => weighed.open = true,
        None => weighed.block(Reason::ConfigurationSetMissing, about()),
        Some(set) => {
            let enabled = set.as_ref().and_then(|set| set.sending_enabled);
            weighed.demand(enabled, Reason::ConfigurationSetPaused, about());
        }
    }
}

/// Quota and rate. What is unlimited is infinite.
fn limits(weighed: &mut Weighed, account: &account::Reading, mail: &Mail<'_>) {
    if !mail.is_simulated() {
        let fits = account.max_24h.map(|most| account.sent_24h + f64::from(mail.recipients) <= most);
        weighed.demand(fits, Reason::QuotaExhausted, About::Account);
        if let Some(daily) = mail.daily_messages {
            weighed.demand(account.max_24h.map(|most| f64::from(daily) <= most), Reason::QuotaTooSmall, About::Account);
        }
    }
    if let Some(peak) = mail.peak_messages_per_second {
        weighed.demand(account.max_per_second.map(|most| peak <= most), Reason::RateTooLow, About::Account);
    }
}

/// "Reject messages" holds in every status but SUCCESS ("Using a custom MAIL FROM domain", the same guide). That there
/// is no MAIL FROM domain is known only of an identity that has been described.
fn mail_from(weighed: &mut Weighed, name: &Arc<str>, details: Option<&Details>) {
    let Some(details) = details else { return weighed.open = true };
    match &details.mail_from {
        Some(mail_from) if mail_from.rejects && &*mail_from.status != "SUCCESS" => {
            weighed.block(Reason::MailFromRejects, About::Sender(Arc::clone(name)));
        }
        None if details.described.is_none() => weighed.open = true,
        Some(_) | None => {}
    }
}

/// In the sandbox every recipient must be verified, or be the mailbox simulator.
fn sandbox(weighed: &mut Weighed, reason: Reason, identities: Option<&Senders<'_>>, to: &Recipients) {
    let Recipients::Only(recipients) = to else { return weighed.block(reason, About::Account) };
    for recipient in recipients.iter().filter(|one| !is_mailbox_simulator(one)) {
        match identities {
            Some(known) if known.verified.covers(recipient) => {}
            Some(known) if !known.perhaps.covers(recipient) => {
                weighed.block(reason, About::Recipient(Arc::from(recipient.as_str())));
            }
            Some(_) | None => weighed.open = true,
        }
    }
}

/// Whether it is an address of the mailbox simulator.
pub fn is_mailbox_simulator(recipient: &str) -> bool {
    let Some((local, domain)) = recipient.rsplit_once('@') else { return false };
    let name = local.split_once('+').map_or(local, |(name, _)| name);
    domain.eq_ignore_ascii_case(MAILBOX_SIMULATOR_DOMAIN)
        && MAILBOX_SIMULATOR.iter().any(|one| one.eq_ignore_ascii_case(name))
}
