//! The table of what is known to be said, and how the rest of each sentence is read.
//!
//! The sentences are those of the developer guide ("Amazon SES email sending errors", "SMTP response codes returned by Amazon
//! SES"), of the service models of both APIs, and of logs that people have shown in public (see the tests).

use super::evidence::Evidence;
use super::plain::Plain;
use super::{Reason, Receiver, identities};

/// What kind of words they are, and so how much they prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Words of SES, or about a host of SES.
    Sentence,
    /// The name of an error of SES: it stands beside its sentence, and alone where a program shows only names.
    Name,
    /// Words that all of AWS says: they count unless the text names another service.
    Common,
}

/// Words in lower case, and who reads on from there.
pub(super) struct Phrase {
    pub(super) words: &'static str,
    pub(super) sign: Sign,
    pub(super) read: fn(&Place<'_>) -> Option<Said>,
}

/// What a reader made of a place.
pub(super) struct Said {
    pub(super) reason: Reason,
    pub(super) region: Option<String>,
    /// Up to where it read.
    pub(super) end: usize,
}

/// Where words were found.
pub(super) struct Place<'t> {
    pub(super) plain: &'t Plain,
    pub(super) evidence: &'t Evidence,
    /// Up to here the text has been read by the same phrase.
    pub(super) floor: usize,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// Readers look so far around their words: an ARN has 2,048 characters at most.
const NEAR: usize = 2_100;

impl Place<'_> {
    /// What follows, near by, as written.
    fn after(&self) -> &str {
        let end = self.plain.text.floor_char_boundary(self.end + NEAR);
        self.plain.text.get(self.end..end).unwrap_or_default()
    }

    /// What follows, near by, in lower case.
    fn after_lower(&self) -> &str {
        let end = self.plain.lower.floor_char_boundary(self.end + NEAR);
        self.plain.lower.get(self.end..end).unwrap_or_default()
    }

    /// What stands in front, at most so many bytes, in lower case.
    fn before(&self, most: usize) -> &str {
        let begin = self.plain.lower.ceil_char_boundary(self.begin.saturating_sub(most).max(self.floor));
        self.plain.lower.get(begin..self.begin).unwrap_or_default()
    }

    /// Names and codes are no parts of longer words: `SendingPausedException` stands in the name of another error too.
    pub(super) fn stands_alone(&self, sign: Sign) -> bool {
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = self.plain.lower.get(..self.begin).and_then(|text| text.chars().next_back());
        let after = self.plain.lower.get(self.end..).and_then(|text| text.chars().next());
        sign != Sign::Name || (!joined(before) && !joined(after))
    }

    /// Whether a sentence begins here, be it behind the name of an error; `your email address is not verified` is said by others.
    fn begins_a_sentence(&self) -> bool {
        let before = self.before(20).trim_end();
        let named = ["rejected", "exception", "error"].iter().any(|name| before.ends_with(name));
        named || !before.ends_with(char::is_alphabetic)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what readers answer")]
    fn says(&self, reason: Reason) -> Option<Said> {
        Some(Said { reason, region: None, end: self.end })
    }
}

const fn sentence(words: &'static str, read: fn(&Place<'_>) -> Option<Said>) -> Phrase {
    Phrase { words, sign: Sign::Sentence, read }
}

const fn name(words: &'static str, read: fn(&Place<'_>) -> Option<Said>) -> Phrase {
    Phrase { words, sign: Sign::Name, read }
}

const fn common(words: &'static str, read: fn(&Place<'_>) -> Option<Said>) -> Phrase {
    Phrase { words, sign: Sign::Common, read }
}

/// Everything that is known, by what it means.
pub(super) const PHRASES: &[Phrase] = &[
    sentence("email address is not verified", unverified),
    sentence("email address not verified", unverified), // emulators of SES
    sentence("the following identities failed the check in region", unverified_list),
    sentence("sending paused for this account", |at| at.says(Reason::AccountPaused)),
    sentence("sending suspended for this account", |at| at.says(Reason::AccountPaused)),
    sentence("email sending for the account is paused", |at| at.says(Reason::AccountPaused)),
    sentence("email sending is disabled for your entire amazon ses account", |at| at.says(Reason::AccountPaused)),
    name("accountsendingpaused", |at| at.says(Reason::AccountPaused)),
    name("accountsendingpausedexception", |at| at.says(Reason::AccountPaused)),
    name("sendingpausedexception", |at| at.says(Reason::AccountPaused)),
    name("accountsuspendedexception", |at| at.says(Reason::AccountPaused)),
    sentence("configuration set ", configuration_set),
    sentence("configuration-set ", configuration_set),
    sentence("configuration set does not exist", |at| at.says(Reason::ConfigurationSetMissing { name: None })),
    name("configurationsetdoesnotexist", |at| at.says(Reason::ConfigurationSetMissing { name: None })),
    name("configurationsetdoesnotexistexception", |at| at.says(Reason::ConfigurationSetMissing { name: None })),
    name("configurationsetsendingpaused", |at| at.says(Reason::ConfigurationSetPaused { name: None })),
    name("configurationsetsendingpausedexception", |at| at.says(Reason::ConfigurationSetPaused { name: None })),
    name("mailfromdomainnotverified", |at| at.says(Reason::MailFromNotVerified)),
    name("mailfromdomainnotverifiedexception", |at| at.says(Reason::MailFromNotVerified)),
    sentence("mail from domain is not verified", |at| at.says(Reason::MailFromNotVerified)),
    sentence("mail-from domain is not verified", |at| at.says(Reason::MailFromNotVerified)),
    sentence("daily message quota exceeded", |at| at.says(Reason::DailyQuota)),
    sentence("maximum sending rate exceeded", |at| at.says(Reason::SendRate)),
    sentence("maximum sigv2 smtp sending rate exceeded", |at| at.says(Reason::SendRate)), // of credentials from before 2019
    common("rate exceeded", api_rate),
    common("toomanyrequestsexception", api_rate_by_name),
    sentence("421 too many concurrent smtp connections", connections),
    common("conflictexception", review_conflict),
    sentence("email identity ", already_exists),
    sentence("aws::ses::emailidentity", already_exists_in_a_stack),
    common("the security token included in the request is invalid", |at| at.says(Reason::UnknownKey)),
    common("invalidclienttokenid", |at| at.says(Reason::UnknownKey)),
    common("unrecognizedclientexception", |at| at.says(Reason::UnknownKey)),
    common("the request signature we calculated does not match", |at| at.says(Reason::WrongSignature)),
    common("signaturedoesnotmatch", |at| at.says(Reason::WrongSignature)),
    common("the security token included in the request is expired", |at| at.says(Reason::ExpiredToken)),
    common("expiredtoken", |at| at.says(Reason::ExpiredToken)),
    sentence("is not authorized to perform", access_denied),
    sentence("535 authentication credentials invalid", |at| at.says(Reason::SmtpCredentials)),
    sentence("530 authentication required", |at| at.says(Reason::SmtpLogin)),
    sentence("account not subscribed to ses", |at| at.says(Reason::NotSubscribed)),
    sentence("domain contains control or whitespace", |at| {
        malformed(at, "the domain holds a space or a control character")
    }),
    sentence("local address contains control or whitespace", |at| {
        malformed(at, "there is a space or a control character in front of the @")
    }),
    sentence("domain contains illegal character", |at| {
        malformed(at, "the domain holds a character that no domain has")
    }),
    sentence("local address contains illegal character", |at| malformed(at, ILLEGAL_LOCAL)),
    sentence("address contains illegal characters in user name", |at| malformed(at, ILLEGAL_LOCAL)),
    sentence("local address starts with dot", |at| malformed(at, "it starts with a dot")),
    sentence("local address ends with dot", |at| malformed(at, "there is a dot in front of the @")),
    sentence("local address contains dot-dot", |at| malformed(at, "there are two dots in a row in front of the @")),
    sentence("domain ends with dot", |at| malformed(at, "the domain ends with a dot")),
    sentence("domain starts with dot", |at| malformed(at, "the domain starts with a dot")),
    sentence("domain contains dot-dot", |at| malformed(at, "the domain holds two dots in a row")),
    sentence("missing final '@domain'", |at| malformed(at, "there is no @ with a domain behind it")),
    sentence("missing domain", |at| malformed_by_ses(at, "the domain is missing")),
    sentence("missing local name", |at| malformed_by_ses(at, "there is nothing in front of the @")),
    sentence("illegal address", |at| malformed_by_ses(at, "it can't be taken apart")),
    sentence("recipient count exceeds 50", |at| at.says(Reason::TooManyRecipients)),
    sentence("message length is more than", |at| at.says(Reason::TooLong)),
    sentence("552 message is too long", |at| at.says(Reason::TooLong)),
    sentence("552 5.3.4 message is too long", |at| at.says(Reason::TooLong)),
    sentence("address blacklisted", blacklisted),
    sentence("on the suppression list for your account", |at| at.says(Reason::Suppressed)),
    sentence("amazon ses has suppressed sending to this address", |at| at.says(Reason::Suppressed)),
    sentence("enotfound", no_such_host),
    sentence("eai_again", no_such_host),
    sentence("no such host", no_such_host),
    sentence("could not resolve", no_such_host),
    sentence("couldn't resolve", no_such_host),
    sentence("unknownhostexception", no_such_host),
    sentence("could not connect to the endpoint url", no_such_host),
    sentence("inaccessible host", no_such_host),
    sentence("name or service not known", no_such_host),
    sentence("nodename nor servname", no_such_host),
    sentence("failed to lookup address", no_such_host),
    sentence("name resolution", no_such_host),
    sentence("getaddrinfo failed", no_such_host),
    sentence("connection timed out", unreachable),
    sentence("connect timed out", unreachable),
    sentence("operation timed out", unreachable),
    sentence("connect timeout", unreachable),
    sentence("i/o timeout", unreachable),
    sentence("etimedout", unreachable),
    sentence("connection refused", unreachable),
    sentence("econnrefused", unreachable),
    sentence("network is unreachable", unreachable),
    sentence("no route to host", unreachable),
    sentence("451 temporary service failure", |at| at.says(Reason::Temporary)),
    sentence("454 temporary service failure", |at| at.says(Reason::Temporary)),
    sentence("454 temporary authentication failure", |at| at.says(Reason::Temporary)),
    sentence("5.7.26 ", |at| unauthenticated(at, Receiver::Google)),
    sentence("unauthenticated email from ", |at| unauthenticated_from(at, Receiver::Google)),
    sentence("421-4.7.0 this message does not pass authentication checks", |at| unauthenticated(at, Receiver::Google)),
    sentence("5.7.515 access denied, sending domain ", |at| unauthenticated_from(at, Receiver::Microsoft)),
    sentence("5.7.9 this mail has been blocked because the sender is unauthenticated", |at| {
        unauthenticated(at, Receiver::Yahoo)
    }),
    name("messagerejected", |at| at.says(Reason::Other)),
    name("messagerejectedexception", |at| at.says(Reason::Other)),
    sentence("554 message rejected", |at| at.says(Reason::Other)),
    sentence("554 transaction failed", |at| at.says(Reason::Other)),
];

const ILLEGAL_LOCAL: &str = "there is a character in front of the @ that no address has";

/// The sentence without its list; the list has a reader of its own, because some programs show nothing else.
fn unverified(at: &Place<'_>) -> Option<Said> {
    if at.begins_a_sentence() { at.says(Reason::Unverified { identities: Vec::new(), cut: false }) } else { None }
}

fn unverified_list(at: &Place<'_>) -> Option<Said> {
    let list = identities::list(at.plain.text.get(at.end..)?);
    let reason = Reason::Unverified { identities: list.identities, cut: list.cut };
    Some(Said { reason, region: list.region, end: at.end + list.length })
}

/// `Configuration set <x> does not exist.`, `… the configuration set x is paused.`, `Sending is paused for configuration set x`
fn configuration_set(at: &Place<'_>) -> Option<Said> {
    let after = at.after().trim_start_matches(['<', '\'', '"', '`', '[']);
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(after.len());
    let (name, rest) = after.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    let rest = rest.trim_start_matches(['>', '\'', '"', '`', ']', ':', ' ', '\n']).to_ascii_lowercase();
    let name = Some(name.to_owned());
    let missing = ["does not exist", "doesn't exist", "not found"].iter().any(|words| rest.starts_with(words));
    let before = at.before(40);
    let paused = ["is paused", "is disabled", "has sending disabled"].iter().any(|words| rest.starts_with(words))
        || ["paused for ", "paused for the ", "disabled for ", "disabled for the "]
            .iter()
            .any(|words| before.ends_with(words));
    if missing {
        at.says(Reason::ConfigurationSetMissing { name })
    } else if paused {
        at.says(Reason::ConfigurationSetPaused { name })
    } else {
        None
    }
}

/// `Rate exceeded` of the API; `Maximum sending rate exceeded` ends in the same words. The name of the error stands in front;
/// Java has it, or that of the service, behind.
fn api_rate(at: &Place<'_>) -> Option<Said> {
    let before = at.before(200);
    let of_aws = ["throttl", "toomanyrequests"].iter().any(|word| before.contains(word))
        || [" (service: amazonsimpleemail", " (service: ses"].iter().any(|words| at.after_lower().starts_with(words));
    if before.ends_with("sending ") || !of_aws { None } else { at.says(Reason::ApiRate) }
}

/// The name of the error stands in front of the other sentence too.
fn api_rate_by_name(at: &Place<'_>) -> Option<Said> {
    let after = at.after_lower();
    let near = after.get(..after.floor_char_boundary(200)).unwrap_or_default();
    let of_messages = ["sending rate exceeded", "quota exceeded"].iter().any(|words| near.contains(words));
    if of_messages { None } else { at.says(Reason::ApiRate) }
}

/// Other servers say it too, and go on.
fn connections(at: &Place<'_>) -> Option<Said> {
    let after = at.after_lower();
    let elsewhere = after.starts_with(';') || after.starts_with(" from");
    if elsewhere { None } else { at.says(Reason::Connections) }
}

fn review_conflict(at: &Place<'_>) -> Option<Said> {
    let after = at.after_lower();
    let near = after.get(..after.floor_char_boundary(200)).unwrap_or_default();
    let asked = near.contains("putaccountdetails") || at.before(200).contains("putaccountdetails");
    if asked { at.says(Reason::ReviewConflict) } else { None }
}

/// `Email identity shop.example already exist.`
fn already_exists(at: &Place<'_>) -> Option<Said> {
    let (identity, rest) = at.after().split_once([' ', '\n'])?;
    let identity = Some(identity.trim_matches(['<', '>', '\'', '"']).to_owned());
    if rest.starts_with("already exist") { at.says(Reason::AlreadyExists { identity }) } else { None }
}

/// CloudFormation: `Resource of type 'AWS::SES::EmailIdentity' with identifier 'shop.example' already exists.`
fn already_exists_in_a_stack(at: &Place<'_>) -> Option<Said> {
    let (_, named) = at.after().split_once("with identifier '")?;
    let (identity, rest) = named.split_once('\'')?;
    let identity = Some(identity.to_owned());
    if rest.trim_start().starts_with("already exist") { at.says(Reason::AlreadyExists { identity }) } else { None }
}

/// ``User `ARN' is not authorized to perform `ses:SendRawEmail' on resource `ARN'``, and as the rest of IAM says it.
fn access_denied(at: &Place<'_>) -> Option<Said> {
    const QUOTES: &[char] = &['`', '\'', '"', ':', ' ', '\n'];
    let after = at.after().trim_start_matches(QUOTES);
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '*').unwrap_or(after.len());
    let (action, rest) = after.split_at(end);
    if !action.to_ascii_lowercase().starts_with("ses:") {
        return None;
    }
    let resource =
        rest.trim_start_matches(QUOTES).strip_prefix("on resource").map(|rest| rest.trim_start_matches(QUOTES));
    let resource = resource.map(|rest| rest.split(['`', '\'', '"', ' ', '\n', ')', '<']).next().unwrap_or_default());
    let resource = resource.map(|arn| arn.trim_end_matches('.').to_owned()).filter(|arn| arn.starts_with("arn:"));
    let region = resource.as_deref().and_then(|arn| arn.split(':').nth(3)).and_then(super::region_like);
    let near = rest.get(..rest.floor_char_boundary(400)).unwrap_or_default();
    let reason = Reason::AccessDenied {
        action: Some(action.to_owned()),
        principal: principal(at),
        by_organisation: near.contains("service control policy"),
        explicit: near.contains("explicit deny"),
        resource,
    };
    Some(Said { reason, region, end: at.end })
}

/// The ARN in front; the name at its end may hold a space.
fn principal(at: &Place<'_>) -> Option<String> {
    let before = at.before(NEAR);
    let from = before.rfind("arn:")?;
    let begin = at.begin - (before.len() - from);
    let arn = at.plain.text.get(begin..at.begin)?.trim_end_matches(['\'', '`', '"', ' ', '\n', ':']);
    Some(arn.to_owned())
}

fn malformed(at: &Place<'_>, complaint: &'static str) -> Option<Said> {
    at.says(Reason::MalformedAddress { complaint })
}

/// The same in words that other programs use as well: the name of the error stands beside them.
fn malformed_by_ses(at: &Place<'_>, complaint: &'static str) -> Option<Said> {
    const NAMES: &[&str] = &["invalidparametervalue", "badrequestexception", "transaction failed"];
    let after = at.after_lower();
    let after = after.get(..after.floor_char_boundary(200)).unwrap_or_default();
    let before = at.before(100);
    if NAMES.iter().any(|name| before.contains(name) || after.contains(name)) { malformed(at, complaint) } else { None }
}

/// Of a recipient; other servers say it of a sender's host: `Your IP address blacklisted`.
fn blacklisted(at: &Place<'_>) -> Option<Said> {
    if at.begins_a_sentence() { at.says(Reason::Suppressed) } else { None }
}

/// A host that a name server does not know: the one on the same line.
fn no_such_host(at: &Place<'_>) -> Option<Said> {
    let host = at.evidence.host(at.plain.line(at.begin))?;
    at.says(Reason::NoSuchHost { host: host.name.clone() })
}

fn unreachable(at: &Place<'_>) -> Option<Said> {
    let host = at.evidence.host(at.plain.line(at.begin))?;
    // Go: `dial tcp: lookup HOST on 127.0.0.53:53: … i/o timeout` is a name server that does not answer.
    if at.plain.lower.get(..host.begin).is_some_and(|before| before.ends_with("lookup ")) {
        return at.says(Reason::NoSuchHost { host: host.name.clone() });
    }
    at.says(Reason::Unreachable { host: host.name.clone(), port: port(at.plain.lower.get(host.end..)?) })
}

/// `[54.243.71.143]:25: …`, `:587`, ` port 443`.
fn port(after_host: &str) -> Option<u16> {
    let near = after_host.get(..after_host.floor_char_boundary(60))?;
    let rest = near.strip_prefix('[').and_then(|address| address.split_once(']')).map_or(near, |(_, rest)| rest);
    let rest = rest.strip_prefix(':').or_else(|| rest.strip_prefix(" port "))?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn unauthenticated(at: &Place<'_>, receiver: Receiver) -> Option<Said> {
    at.says(Reason::Unauthenticated { receiver, domain: None })
}

fn unauthenticated_from(at: &Place<'_>, receiver: Receiver) -> Option<Said> {
    let domain = at
        .after_lower()
        .split([' ', '\n'])
        .next()
        .map(|word| word.trim_matches(['[', ']', '<', '>']))
        .map(str::to_owned);
    let domain = domain.filter(|domain| domain.contains('.'));
    at.says(Reason::Unauthenticated { receiver, domain })
}
