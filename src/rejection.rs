//! What SES said when it did not send: a text, one line or a whole log, made into a closed set of reasons.
//!
//! Pure, and never more than linear in the length of the text. It looks for sentences that SES, the SMTP interface of SES and
//! AWS are known to say, whatever a log, a bounce or a stack trace puts around them. It guesses nothing: what the sentence does
//! not tell (whose address failed, whether the account is in the sandbox) is not in the [`Rejection`] either. It explains
//! nothing and asks nobody.

mod evidence;
mod identities;
mod phrases;
mod plain;

use std::collections::{HashMap, HashSet};
use std::mem::discriminant;

use evidence::Evidence;
use phrases::{PHRASES, Place, Sign};
use plain::Plain;

/// Of a longer text, only so many bytes are read: 1 MiB, thousands of errors.
pub const LONGEST: usize = 1 << 20;

/// A message has 50 recipients at most, and some senders. A log can name more; who reads them all?
const MOST_IDENTITIES: usize = 100;

/// One thing that SES, AWS or a receiver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What was said.
    pub reason: Reason,
    /// The region in which SES was really called, such as `us-east-1`: what the error names, else the host or the ARN beside it.
    pub region: Option<String>,
    /// How often it stands in the text.
    pub times: usize,
}

/// An identity as the error has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// With the name in front of it: `Shop <a@shop.example>`.
    pub written: String,
    /// The address, domain or ARN alone.
    pub name: String,
}

/// Who rejects mail that was not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receiver {
    /// Gmail and Google Workspace.
    Google,
    /// Outlook.com and Microsoft 365.
    Microsoft,
    /// Yahoo and AOL.
    Yahoo,
}

/// Why SES did not send.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `Email address is not verified.` With older or other answers the list is empty.
    Unverified {
        /// In the order of the error.
        identities: Vec<Identity>,
        /// SES left some out: the list ended in three dots.
        cut: bool,
    },
    /// `MailFromDomainNotVerified`: the custom MAIL FROM domain has no MX record, and its identity is set to reject then.
    MailFromNotVerified,
    /// `Sending paused for this account.`
    AccountPaused,
    /// The configuration set is switched off.
    ConfigurationSetPaused {
        /// Its name, where the error has it.
        name: Option<String>,
    },
    /// `Configuration set <x> does not exist.`
    ConfigurationSetMissing {
        /// Its name, where the error has it.
        name: Option<String>,
    },
    /// `Daily message quota exceeded.`
    DailyQuota,
    /// `Maximum sending rate exceeded.`
    SendRate,
    /// `Rate exceeded`: too many questions to the API, not too many messages.
    ApiRate,
    /// `421 Too many concurrent SMTP connections`.
    Connections,
    /// ConflictException on PutAccountDetails: production access is being reviewed, or was refused.
    ReviewConflict,
    /// The identity that was to be made is there already.
    AlreadyExists {
        /// Its name, where the error has it.
        identity: Option<String>,
    },
    /// InvalidClientTokenId, UnrecognizedClientException: AWS does not know the key in this region.
    UnknownKey,
    /// SignatureDoesNotMatch: the key is known, its secret is another.
    WrongSignature,
    /// ExpiredToken: temporary credentials have ended.
    ExpiredToken,
    /// AccessDenied: IAM does not allow it.
    AccessDenied {
        /// Such as `ses:SendRawEmail`.
        action: Option<String>,
        /// The ARN of who asked.
        principal: Option<String>,
        /// The ARN of what was asked about.
        resource: Option<String>,
        /// A service control policy of the organisation says no.
        by_organisation: bool,
        /// A policy denies it in so many words, which no other policy can undo.
        explicit: bool,
    },
    /// `535 Authentication Credentials Invalid` of the SMTP interface.
    SmtpCredentials,
    /// `530 Authentication required` of the SMTP interface.
    SmtpLogin,
    /// `535 Account not subscribed to SES`.
    NotSubscribed,
    /// An address that cannot be one.
    MalformedAddress {
        /// What SES says about it.
        complaint: &'static str,
    },
    /// `Recipient count exceeds 50.`
    TooManyRecipients,
    /// The message has too many bytes.
    TooLong,
    /// `Address blacklisted.`, or it is on a suppression list.
    Suppressed,
    /// The name of the host does not exist.
    NoSuchHost {
        /// Such as `email.eu-wset-1.amazonaws.com`.
        host: String,
    },
    /// The host exists, and there is no way to it.
    Unreachable {
        /// Such as `email-smtp.eu-west-1.amazonaws.com`.
        host: String,
        /// The TCP port, where the text has it.
        port: Option<u16>,
    },
    /// `451` and `454 Temporary service failure`: SES' own trouble.
    Temporary,
    /// A receiver refused a message that SES had sent. Not an error of SES.
    Unauthenticated {
        /// Who refused it.
        receiver: Receiver,
        /// The domain of the From header, where the text has it.
        domain: Option<String>,
    },
    /// `MessageRejected` with a sentence that is not known here.
    Other,
}

impl Reason {
    /// A word for programs, stable.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unverified { .. } => "unverified",
            Self::MailFromNotVerified => "mail_from_not_verified",
            Self::AccountPaused => "account_paused",
            Self::ConfigurationSetPaused { .. } => "configuration_set_paused",
            Self::ConfigurationSetMissing { .. } => "configuration_set_missing",
            Self::DailyQuota => "daily_quota",
            Self::SendRate => "send_rate",
            Self::ApiRate => "api_rate",
            Self::Connections => "connections",
            Self::ReviewConflict => "review_conflict",
            Self::AlreadyExists { .. } => "already_exists",
            Self::UnknownKey => "unknown_key",
            Self::WrongSignature => "wrong_signature",
            Self::ExpiredToken => "expired_token",
            Self::AccessDenied { .. } => "access_denied",
            Self::SmtpCredentials => "smtp_credentials",
            Self::SmtpLogin => "smtp_login",
            Self::NotSubscribed => "not_subscribed",
            Self::MalformedAddress { .. } => "malformed_address",
            Self::TooManyRecipients => "too_many_recipients",
            Self::TooLong => "too_long",
            Self::Suppressed => "suppressed",
            Self::NoSuchHost { .. } => "no_such_host",
            Self::Unreachable { .. } => "unreachable",
            Self::Temporary => "temporary",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Other => "other",
        }
    }

    /// Whether it says nothing that its kind alone does not say, where others of its kind say more.
    fn is_bare(&self) -> bool {
        match self {
            Self::Unverified { identities, .. } => identities.is_empty(),
            Self::ConfigurationSetPaused { name } | Self::ConfigurationSetMissing { name } => name.is_none(),
            Self::AlreadyExists { identity } => identity.is_none(),
            Self::AccessDenied { action, .. } => action.is_none(),
            Self::Unauthenticated { domain, .. } => domain.is_none(),
            _ => false,
        }
    }
}

impl Reason {
    /// What makes it one with others: who was written to is another for every message, and mended alike.
    fn without_names(&self) -> Self {
        let mut same = self.clone();
        match &mut same {
            Self::Unverified { identities, cut } => (*identities, *cut) = (Vec::new(), false),
            Self::AccessDenied { resource, .. } => *resource = None,
            _ => {}
        }
        same
    }

    /// Adds the identities of another list. A list that grows too long is cut, as SES does.
    fn take_in(&mut self, other: Self) {
        let (Self::Unverified { identities, cut }, Self::Unverified { identities: more, cut: more_cut }) =
            (self, other)
        else {
            return;
        };
        *cut |= more_cut;
        for identity in more {
            if identities.contains(&identity) {
                continue;
            }
            if identities.len() >= MOST_IDENTITIES {
                *cut = true;
                break;
            }
            identities.push(identity);
        }
    }
}

/// A place where something was said.
struct Sighting {
    at: usize,
    line: usize,
    sign: Sign,
    reason: Reason,
    region: Option<String>,
}

/// Everything that a text says, each thing once, in the order of the text. Nothing: it is no error of SES.
pub fn read(text: &str) -> Vec<Rejection> {
    let plain = Plain::of(text);
    let evidence = Evidence::of(&plain);
    let mut sightings: Vec<Sighting> = PHRASES.iter().flat_map(|phrase| look(&plain, &evidence, phrase)).collect();
    sightings.sort_by_key(|sighting| sighting.at);
    sightings.retain(|said| said.sign != Sign::Common || !evidence.is_of_another_service(said.line));
    without_echoes(&mut sightings);
    counted(sightings)
}

/// Every place where one phrase stands.
fn look(plain: &Plain, evidence: &Evidence, phrase: &phrases::Phrase) -> Vec<Sighting> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = plain.lower.get(from..).and_then(|rest| rest.find(phrase.words)).map(|at| from + at) {
        let place = Place { plain, evidence, floor: from, begin: at, end: at + phrase.words.len() };
        from = place.end;
        if let Some(said) = place.stands_alone(phrase.sign).then(|| (phrase.read)(&place)).flatten() {
            from = from.max(said.end);
            let line = plain.line(at);
            let region = said.region.or_else(|| evidence.region(line));
            found.push(Sighting { at, line, sign: phrase.sign, reason: said.reason, region });
        }
    }
    found
}

/// Drops names of errors that only repeat a sentence: on the same line, and those that SES gives to sentences about identities
/// as well, which say more.
fn without_echoes(sightings: &mut Vec<Sighting>) {
    let sentences: Vec<usize> = sightings.iter().filter(|said| said.sign != Sign::Name).map(|said| said.line).collect();
    let unverified = sightings.iter().any(|said| matches!(said.reason, Reason::Unverified { .. }));
    let anything = sightings.iter().any(|said| said.reason != Reason::Other);
    // Sentences are sorted by their place, so their lines are sorted too.
    sightings.retain(|said| match said.reason {
        Reason::Other => !anything,
        Reason::MailFromNotVerified if unverified => false,
        _ => said.sign != Sign::Name || sentences.binary_search(&said.line).is_err(),
    });
    let told = sightings.iter().map(|said| &said.reason).filter(|reason| !reason.is_bare());
    let told: HashSet<_> = told.map(discriminant).collect();
    sightings.retain(|said| !said.reason.is_bare() || !told.contains(&discriminant(&said.reason)));
}

/// Each reason once for each region, and how often: a line that says it several times over counts once. Identities that failed
/// in one region are one list; of the resources that IAM denied, the first is kept.
fn counted(sightings: Vec<Sighting>) -> Vec<Rejection> {
    let mut places: HashMap<(Reason, Option<String>), (usize, usize)> = HashMap::new();
    let mut rejections: Vec<Rejection> = Vec::new();
    for Sighting { reason, region, line, .. } in sightings {
        let seen = places.entry((reason.without_names(), region.clone())).or_insert((rejections.len(), line));
        match rejections.get_mut(seen.0) {
            Some(rejection) => {
                rejection.times += usize::from(seen.1 != line);
                rejection.reason.take_in(reason);
                seen.1 = line;
            }
            None => rejections.push(Rejection { reason, region, times: 1 }),
        }
    }
    rejections
}

/// A word that has the form of a region's code, in lower case: `US-EAST-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn region_like(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic());
    let (number, names) = parts.split_last()?;
    let number = !number.is_empty() && number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit());
    let fits = number && (2..=3).contains(&names.len()) && names.iter().all(letters) && word.len() <= 32;
    fits.then(|| word.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
