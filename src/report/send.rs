//! Whether SES would take a mail, as plain values: what `check send` tells. The names of the fields are those of its JSON.
//!
//! Pure: made from the picture of the estate and a question, it asks nobody. It can be read back from JSON.

use tokio::time::Instant;

use super::Terms;
use super::mend::Place;
use super::refusal::Refusal;
use super::tried::{Tried, unread};
use crate::collector::Collector;
use crate::collectors::account::Account;
use crate::collectors::identities::Identities;
use crate::collectors::identity_details::IdentityDetails;
use crate::collectors::sending::Sending;
use crate::estate::{Estate, TargetView};
use crate::judgement::{Judgement, Seen};
use crate::judgements::send_path::{Known, Reason, SendPaths, Weighed, weigh};

pub(crate) mod question;
pub(crate) mod warning;

use question::Question;
use warning::Warning;

/// All that is told about a mail.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SendReport {
    /// Raised when something is taken away or changes its meaning.
    version: u8,
    /// Of the regions that were asked about the worst; of a question about every region the best.
    pub(crate) verdict: Verdict,
    /// What the process ends with.
    pub(crate) exit_code: u8,
    /// The mail and where it is weighed, as it was asked for.
    pub(crate) mail: Question,
    /// The regions that were asked about.
    pub(crate) regions: Vec<InRegion>,
    /// Where else it was weighed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) others: Vec<InRegion>,
}

/// What becomes of the mail, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// SES would take it.
    Accepted,
    /// It is, and somebody should look at something.
    AcceptedBut,
    /// Something that could refuse it has not been read.
    CouldNotTell,
    /// SES would refuse it.
    Refused,
}

/// One account in one region.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct InRegion {
    /// The value of the label `account`; left out until AWS has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// The code of the region.
    pub(crate) region: String,
    /// What becomes of the mail here.
    pub(crate) verdict: Verdict,
    /// Every reason that is known why SES would refuse it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<Refusal>,
    /// What should be looked at although SES would take it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<Warning>,
    /// Something that could be one more reason has not been read.
    pub(crate) open: bool,
    /// What that is, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unread: Vec<String>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPolled {
    #[error("no account is called {0}; name one that is configured, by its name or its twelve digits")]
    Account(String),
    #[error("{0} is not polled; name a region that is configured, or with --account the account in which it is meant")]
    Region(String),
}

impl Verdict {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::AcceptedBut => 1,
            Self::Refused => 2,
            Self::CouldNotTell => 3,
        }
    }
}

impl SendReport {
    /// What is known now.
    pub(crate) fn of(terms: &Terms, estate: &Estate, question: &Question) -> Result<Self, NotPolled> {
        let now = Instant::now();
        let (mut regions, mut others) = (Vec::new(), Vec::new());
        for view in question.targets(estate)? {
            let seen = Seen::new(estate, view, now);
            if question.asks_about(&view.target.region) {
                regions.push(InRegion::of(terms, estate, view, &seen, question));
            } else if question.all_regions {
                others.push(InRegion::of(terms, estate, view, &seen, question));
            }
        }
        let verdicts = regions.iter().map(|region| region.verdict);
        let verdict = if question.wants_any() { verdicts.min() } else { verdicts.max() };
        let verdict = verdict.unwrap_or(Verdict::CouldNotTell);
        Ok(Self { version: 1, verdict, exit_code: verdict.exit_code(), mail: question.clone(), regions, others })
    }
}

impl InRegion {
    fn of(terms: &Terms, estate: &Estate, view: &TargetView, seen: &Seen<'_>, question: &Question) -> Self {
        let known = Known::of(seen);
        let mail = question.mail();
        let weighed = weigh(&known, &mail);
        let place = Place::new(seen, &known, &mail);
        let reasons = Refusal::all(&weighed, &place);
        let warnings = if weighed.accepted() == Some(true) { Warning::all(&place) } else { Vec::new() };
        let verdict = match weighed.accepted() {
            Some(true) if warnings.is_empty() => Verdict::Accepted,
            Some(true) => Verdict::AcceptedBut,
            Some(false) => Verdict::Refused,
            None => Verdict::CouldNotTell,
        };
        Self {
            account: view.account.as_deref().map(str::to_owned),
            region: view.target.region.to_string(),
            verdict,
            reasons,
            warnings,
            open: weighed.open,
            unread: why_open(terms, &weighed, estate, view),
        }
    }
}

/// Whether the report can't be expected to say more soon: nothing is open but what has been tried in vain.
pub(crate) fn is_settled(terms: &Terms, estate: &Estate, question: &Question) -> bool {
    let now = Instant::now();
    let Ok(targets) = question.targets(estate) else { return true };
    targets.into_iter().filter(|view| question.looks_at(&view.target.region)).all(|view| {
        let region = InRegion::of(terms, estate, view, &Seen::new(estate, view, now), question);
        let has = |reason| region.reasons.iter().any(|one| one.reason == reason);
        let both = [Account::DECLARATION.name, Identities::DECLARATION.name];
        let elsewhere = || estate.targets.iter().all(|view| both.iter().all(|name| view.settled(name)));
        let room = || view.settled(Sending::DECLARATION.name);
        // What mends an identity depends on its keys, which only its description tells.
        let described = || view.settled(IdentityDetails::DECLARATION.name);
        let in_vain =
            || view.slots.iter().all(|slot| slot.last.is_some()) && view.slots.iter().any(|slot| slot.has_failed());
        (!region.open || view.skipped.is_some() || in_vain())
            && (!(has(Reason::IdentityMissing) || has(Reason::IdentityInOtherRegion)) || elsewhere())
            && (!has(Reason::QuotaExhausted) || room())
            && (!(has(Reason::IdentityPending) || has(Reason::IdentityFailed)) || described())
    })
}

/// What could not be read of that which decides about mail.
fn why_open(terms: &Terms, weighed: &Weighed, estate: &Estate, view: &TargetView) -> Vec<String> {
    if !weighed.open {
        return Vec::new();
    }
    if let Some(reason) = view.skipped {
        return vec![format!("the region is left alone: {}", reason.as_str().replace('_', " "))];
    }
    let weighs = |tried: &Tried| SendPaths::DECLARATION.from.contains(&&*tried.collector);
    let tried: Vec<Tried> = Tried::all(terms, estate, view).into_iter().filter(weighs).collect();
    let told = unread(&tried);
    if !told.is_empty() {
        return told;
    }
    vec!["SES has not told yet all that it says of the sender and its configuration set".to_owned()]
}
