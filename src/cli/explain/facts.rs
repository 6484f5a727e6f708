//! What AWS says now about an error: (a rejection, the estate) to one answer for each account and region that it can be about.
//!
//! Pure. What `weigh` knows of SES' rules and `mend` of what mends them is not said a second time here: this finds out who of
//! the error is who, asks them, and puts the answer into words. What has not been read is told as such.

mod culprits;
pub(super) mod here;
mod others;
mod unverified;
mod words;

use std::time::SystemTime;

use tokio::time::Instant;

use super::asked::Told;
use super::explanation::{Explained, Role};
use crate::estate::Estate;
use crate::expectations::Recipients;
use crate::judgements::send_path::{Block, Weighed};
use crate::rejection::{Reason, Rejection};
use crate::remedy::Remedy;
use crate::report::mend::Place;
use crate::report::refusal::Refusal;
use crate::report::region::Sending;

use here::{Here, mail};

/// So many accounts and regions are told in full: the first is the likeliest, and nobody reads a fourth.
const MOST: usize = 3;
/// The ways beside the one that mends it.
const MOST_ALTERNATIVES: usize = 2;

/// What AWS says about one rejection.
#[derive(Debug, Default, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Facts {
    /// The likeliest first.
    pub(super) places: Vec<Found>,
    /// Accounts and regions of which there is nothing more to say, as `eu-west-1 of main`.
    pub(super) others: Vec<String>,
    /// Further ones that could not be read, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unread: Vec<String>,
}

/// What AWS says at one account in one region. The names of the fields are those of `--json`.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Found {
    /// The value of the label `account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// Twelve digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account_id: Option<String>,
    /// Such as `eu-west-1`.
    pub(super) region: String,
    /// Whether what the error says is so now; left out where that could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) still_so: Option<bool>,
    /// One sentence.
    pub(super) verdict: String,
    /// What SES says of the account (GetAccount).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sending: Option<Sending>,
    /// The support case of the request for production access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) review_case: Option<String>,
    /// Those that failed, as they stand there; empty where the error is not about who is verified.
    pub(super) identities: Vec<Judged>,
    /// What else matters, in sentences.
    pub(super) more: Vec<String>,
    /// What mends it: one thing as a rule, several where each is needed.
    pub(super) remedies: Vec<Remedy>,
    /// Other ways.
    pub(super) alternatives: Vec<Remedy>,
    /// Whether this account knows anything of what the error is about.
    #[serde(skip)]
    pub(super) knows: bool,
    /// Whether what decides could be read.
    #[serde(skip)]
    pub(super) read: bool,
}

/// An identity of the error as it stands there.
#[derive(Debug, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Judged {
    /// The address or domain.
    pub(super) name: String,
    /// A word: `unknown`, `verified`, `pending`, `failed`, `elsewhere`, `missing`.
    pub(super) standing: &'static str,
    /// The identity that covers it or would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<String>,
    /// The other regions in which it is verified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) regions: Vec<String>,
    /// What it can have been in the message; empty: it is not what SES refuses.
    pub(super) roles: Vec<Role>,
    /// In sentences: how it stands, and which part it plays.
    pub(super) says: Vec<String>,
    /// The DNS records that are wrong, each as it should be and as it was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) wrong_records: Vec<String>,
}

/// What is found out about a rejection. `identities` are those that its text names.
pub(super) fn of(rejection: &Rejection, identities: &[Explained], told: &Told, estate: &Estate) -> Facts {
    let now = Instant::now();
    let owned = culprits::Owned::of(estate, now);
    // Where the account has no SES, nothing comes about; only somebody who names the region wants to hear it.
    let named = told.region(rejection).is_some();
    let places = told.places(rejection, estate).filter(|view| named || view.skipped.is_none());
    let found = places.map(|view| {
        let here = Here::new(estate, view, now);
        match &rejection.reason {
            Reason::Unverified { cut, .. } => unverified::found(&here, identities, *cut, told, &owned),
            reason => others::found(&here, reason, told),
        }
    });
    let mut found: Vec<Found> = found.collect();
    // Where it is so, then where it could not be told, then where it is not: the accounts that know of it first.
    found.sort_by_key(|one| (!one.knows, one.still_so.map_or(1, |so| if so { 0 } else { 2 })));
    let worth = found.iter().filter(|one| one.knows && one.still_so != Some(false)).count();
    let known = found.iter().filter(|one| one.knows).count();
    let shown = [worth, known, found.len()].into_iter().find(|count| *count > 0).unwrap_or_default();
    let rest = found.split_off(shown.min(MOST));
    let (well, unread): (Vec<Found>, Vec<Found>) = rest.into_iter().partition(|one| one.read);
    let as_places = |found: Vec<Found>| found.iter().map(Found::place).collect();
    Facts { places: found, others: as_places(well), unread: as_places(unread) }
}

/// Whether what takes many calls to read can change what is said about a place.
pub(super) fn needs_details(here: &Here<'_>, rejection: &Rejection) -> bool {
    match &rejection.reason {
        Reason::Unverified { identities, .. } => {
            let absent =
                |name: &str| matches!(here.standing(name), here::Standing::Missing | here::Standing::Elsewhere { .. });
            identities.is_empty() || !identities.iter().all(|identity| absent(&identity.name))
        }
        _ => true,
    }
}

impl Found {
    /// Whether it says more than the text does.
    pub(super) fn decides(&self) -> bool {
        self.read && (self.still_so.is_some() || !self.remedies.is_empty() || !self.identities.is_empty())
    }

    /// Where what decides could not be read.
    fn unread(here: &Here<'_>, why: &str) -> Self {
        let verdict = format!("What decides in {} could not be read: {}.", here.name(), why.trim_end_matches('.'));
        Self { read: false, ..Self::new(here, None, verdict) }
    }

    /// With nothing but what every place has.
    fn new(here: &Here<'_>, still_so: Option<bool>, verdict: String) -> Self {
        let text = |text: &std::sync::Arc<str>| text.to_string();
        Self {
            account: here.view.account.as_ref().map(text),
            account_id: here.view.account_id.as_ref().map(text),
            region: here.region().to_owned(),
            still_so,
            verdict,
            sending: here.known.account.map(Sending::now),
            review_case: here.known.account.and_then(|account| account.review_case_id.clone()),
            identities: Vec::new(),
            more: Vec::new(),
            remedies: Vec::new(),
            alternatives: Vec::new(),
            knows: true,
            read: true,
        }
    }

    /// Every record that is told to be wrong.
    pub(super) fn wrong(&self) -> String {
        let of_identities = self.identities.iter().flat_map(|identity| &identity.wrong_records);
        self.more.iter().chain(of_identities).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// `eu-west-1 of main`.
    fn place(&self) -> String {
        let of = self.account.as_ref().map(|account| format!(" of {account}")).unwrap_or_default();
        format!("{}{of}", self.region)
    }

    /// Adds what mends these refusals of mail from a sender through a set, and answers each in words. Of each reason the first way is the one to go.
    fn mend(&mut self, here: &Here<'_>, from: &str, set: Option<&str>, blocks: &[Block]) -> Vec<String> {
        let nobody = Recipients::Only(Vec::new());
        let mail = mail(from, &nobody, set);
        let place = Place::new(&here.seen, &here.known, &mail);
        let weighed = Weighed { blocks: blocks.to_vec(), open: false };
        let words = Refusal::all(&weighed, &place).into_iter().map(|refusal| {
            let mut ways = refusal.remedies.into_iter();
            self.remedies.extend(ways.next());
            self.alternatives.extend(ways);
            refusal.what
        });
        words.collect()
    }

    /// Adds the DNS records of an identity that are wrong.
    fn wrong_records(&mut self, here: &Here<'_>, identity: &str, of_mail_from: bool) {
        let wrong = here.wrong_records(identity, of_mail_from);
        self.more.extend(wrong.iter().map(|record| format!("Wrong in the DNS: {record}.")));
    }

    /// No way twice, and no more than are read.
    fn tidied(mut self) -> Self {
        let mut seen: Vec<Remedy> = Vec::new();
        let mut new = |remedy: &Remedy| {
            let known = seen.contains(remedy);
            seen.push(remedy.clone());
            !known
        };
        self.remedies.retain(&mut new);
        self.alternatives.retain(&mut new);
        self.alternatives.truncate(MOST_ALTERNATIVES);
        self
    }
}

/// When, for people.
fn moment(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}
