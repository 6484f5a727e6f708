//! Judgement `failover`: could the region that stands by take over from the one that sends, right now?
//!
//! A region is its own SES: sandbox, identities, DKIM and quota do not follow the primary. A standby that nobody has
//! tried fails in the hour that it is needed. It says nothing about IAM, configuration sets or the programs that send.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::collectors::account::{self, Account};
use crate::collectors::identities::{Identities, Identity};
use crate::collectors::identity_details::{Details, IdentityDetails};
use crate::collectors::sending::{self, Sending};
use crate::judgement::{Declaration, Judgement, Seen};
use crate::judgements::coverage::Verified;
use crate::metric::{Family, flag, gauge};

/// The judgement.
pub struct Failovers;

/// Each region that this one stands by for, and what speaks against taking over from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict(Vec<(String, Found)>);

/// What is known to speak against it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    reasons: BTreeSet<Reason>,
    /// Something that could speak against it has not been read.
    open: bool,
}

/// Why a region could not take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The standby is in the sandbox.
    Sandbox,
    /// The standby is paused, by AWS or by the customer.
    SendingPaused,
    /// An identity that is verified in the primary can't send in the standby.
    IdentityNotVerified,
    /// DKIM signs in the primary and not in the standby.
    DkimWorse,
    /// What is left of the standby's quota is less than the primary's busiest 24 hours of a week.
    QuotaTooSmall,
}

impl Reason {
    /// The value of the label `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::SendingPaused => "sending_paused",
            Self::IdentityNotVerified => "identity_not_verified",
            Self::DkimWorse => "dkim_worse",
            Self::QuotaTooSmall => "quota_too_small",
        }
    }
}

/// What became of one failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The code of the region that sends.
    pub primary: &'a str,
    /// Whether the standby could take over; none while that is not known.
    pub ready: Option<bool>,
    /// What speaks against it.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Each failover to this region.
    pub fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        self.0.iter().map(|(primary, found)| Pair {
            primary,
            ready: found.ready(),
            reasons: found.reasons.iter().copied().collect(),
        })
    }
}

impl Judgement for Failovers {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "failover",
        about: "Whether the region that `[[failover]]` declares as standby could take over from the primary, and why not; \
                on the series of the standby.",
        from: &["account", "identities", "identity_details", "sending"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[
        &gauge(
            "ses_failover_ready",
            "Whether the region could take over from the primary: production access, sending on, every identity that is verified in the primary verified or covered, with DKIM no worse, and quota left for the primary's busiest 24 hours of the last 7 days (judged from GetAccount, ListEmailIdentities, GetEmailIdentity, GetSendStatistics DeliveryAttempts and [[failover]]).",
            ["primary_aws_region"],
            |verdict: &Verdict, out| {
                for (primary, found) in &verdict.0 {
                    out.push_known([primary], found.ready().map(flag));
                }
            },
        ),
        &gauge(
            "ses_failover_blocked",
            "Always 1, for each reason why the region could not take over: sandbox, sending_paused, identity_not_verified, dkim_worse or quota_too_small (judged from GetAccount, ListEmailIdentities, GetEmailIdentity, GetSendStatistics DeliveryAttempts and [[failover]]).",
            ["primary_aws_region", "reason"],
            |verdict: &Verdict, out| {
                for (primary, found) in &verdict.0 {
                    for reason in &found.reasons {
                        out.push([primary, reason.as_str()], 1.0);
                    }
                }
            },
        ),
    ];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        let declared = seen.declared();
        let here = |standby: &str| *standby == *seen.target().region;
        let pairs = declared.failovers.iter().filter(|pair| here(&pair.standby));
        let found = |primary: &str| {
            let other = seen.elsewhere().find(|other| *other.target().region == *primary);
            let busiest = other.and_then(|other| other.reading::<Sending>()).map(busiest_of_week);
            judge(Known::of(seen), other.map_or_else(Known::default, |other| Known::of(&other)), busiest)
        };
        let verdicts: Vec<_> = pairs.map(|pair| (pair.primary.clone(), found(&pair.primary))).collect();
        (!verdicts.is_empty()).then_some(Verdict(verdicts))
    }
}

/// What is known of a region. What is `None` has not been read.
#[derive(Clone, Copy, Default)]
struct Known<'a> {
    account: Option<&'a account::Reading>,
    identities: Option<&'a [Identity]>,
    /// By name.
    details: Option<&'a BTreeMap<Arc<str>, Arc<Details>>>,
}

impl<'a> Known<'a> {
    fn of(seen: &Seen<'a>) -> Self {
        Self {
            account: seen.reading::<Account>(),
            identities: seen.reading::<Identities>().map(|reading| &*reading.identities),
            details: seen.reading::<IdentityDetails>().map(|reading| &reading.identities),
        }
    }

    fn details_of(&self, name: &str) -> Option<&'a Details> {
        self.details?.get(name).map(|details| &**details)
    }
}

impl Found {
    fn ready(&self) -> Option<bool> {
        if self.reasons.is_empty() { (!self.open).then_some(true) } else { Some(false) }
    }

    /// Takes the reason if the test fails; leaves open what could not be tested.
    fn demand(&mut self, holds: Option<bool>, reason: Reason) {
        match holds {
            Some(true) => {}
            Some(false) => {
                self.reasons.insert(reason);
            }
            None => self.open = true,
        }
    }
}

/// `busiest`: the messages of the primary's busiest 24 hours.
fn judge(standby: Known<'_>, primary: Known<'_>, busiest: Option<f64>) -> Found {
    let mut found = Found::default();
    let account = standby.account;
    found.demand(account.map(|account| account.production_access), Reason::Sandbox);
    let sends = |account: &account::Reading| account.sending_enabled && account.enforcement_status != "SHUTDOWN";
    found.demand(account.map(sends), Reason::SendingPaused);
    identities(&mut found, standby, primary);
    let left = account.and_then(|account| Some(account.max_24h? - account.sent_24h));
    found.demand(left.zip(busiest).map(|(left, busiest)| left >= busiest), Reason::QuotaTooSmall);
    found
}

/// The identities of the primary that are verified themselves. In the standby a verified domain above one is enough.
fn identities(found: &mut Found, standby: Known<'_>, primary: Known<'_>) {
    let (Some(ours), Some(theirs)) = (standby.identities, primary.identities) else { return found.open = true };
    let (verified, perhaps) = (Verified::of(ours), Verified::perhaps(ours));
    for identity in theirs {
        match identity.verified() {
            Some(true) => {}
            Some(false) => continue,
            None => {
                found.open = true;
                continue;
            }
        }
        match verified.closest(&identity.name) {
            // Of one that says nothing it is not known whether mail goes under it.
            _ if perhaps.covers(&identity.name) => found.open = true,
            Some(name) => {
                let (there, here) = (primary.details_of(&identity.name), standby.details_of(name));
                found.demand(dkim_is_no_worse(there, here), Reason::DkimWorse);
            }
            None => found.demand(Some(false), Reason::IdentityNotVerified),
        }
    }
}

/// A mail that the primary signs is signed by the standby too.
fn dkim_is_no_worse(primary: Option<&Details>, standby: Option<&Details>) -> Option<bool> {
    if signs(primary)? { signs(standby) } else { Some(true) }
}

/// That an identity has no DKIM is known only once it has been described.
fn signs(details: Option<&Details>) -> Option<bool> {
    let details = details?;
    match &details.dkim {
        Some(dkim) => Some(dkim.signing_enabled && &*dkim.status == "SUCCESS"),
        None => details.described.as_ref().map(|_| false),
    }
}

/// In seconds.
const DAY: i64 = 24 * 60 * 60;
/// In seconds: a week has its busiest weekday, and what lies further back says little about today's load.
const WEEK: i64 = 7 * DAY;

fn busiest_of_week(primary: &sending::Reading) -> f64 {
    let from = primary.window_end - WEEK;
    busiest_day(primary.attempts().filter(|(began, _)| *began >= from))
}

/// The most attempts in any 24 hours of buckets, sorted by time; zero where there are none, as SES leaves out empty ones.
fn busiest_day(buckets: impl Iterator<Item = (i64, u32)> + Clone) -> f64 {
    let (mut oldest, mut sum, mut most) = (buckets.clone().peekable(), 0.0_f64, 0.0_f64);
    for (began, attempts) in buckets {
        sum += f64::from(attempts);
        while let Some((_, gone)) = oldest.next_if(|(old, _)| began - old >= DAY) {
            sum -= f64::from(gone);
        }
        most = most.max(sum);
    }
    most
}

#[cfg(test)]
mod tests;
