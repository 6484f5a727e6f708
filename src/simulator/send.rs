//! Whether SES takes a message: the rules of SendEmail and SendRawEmail, (state of the region, message) to accepted or refused.
//!
//! # In which order it looks
//! AWS documents each refusal and no precedence. The order here is ours, from what a refusal needs to know: the form of the message
//! (addresses, then their number), the account, the configuration set, the MAIL FROM domain, the identities, the daily quota, the rate. Three
//! things are known: a bad recipient can be hidden behind the MAIL FROM domain (aws-sdk-net#3526); a message goes through while any of the
//! rate is left, however many recipients it has (django-ses#59); and the quota has no such bursts: "If sending a message would exceed the
//! daily maximum for your account, your call to Amazon SES is rejected"
//! (<https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html>), and it counts recipients.
//!
//! # What it never does
//! It changes nothing, delivers nothing, and looks at no policy: an identity of somebody else is one that is not verified.

use super::address::Address;
use super::answer::Refusal;
use super::configuration_set::ConfigurationSet;
use super::identity::Identity;
use super::journal::Service;
use super::mail::Message;
use super::region::Region;
use super::sending::Posted;

/// "Recipient count exceeds 50." (quotas page: 50 recipients a message; a recipient is any To, Cc or Bcc address).
const MOST_RECIPIENTS: usize = 50;

/// "If Amazon SES is not able to show all of the failed identities, the error message ends with an ellipsis"
/// (<https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>). How many it shows is not documented; here it is these.
const MOST_NAMED: usize = 10;

/// What the rules look at beside the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'a> {
    /// As SES tells of it at the moment.
    pub(super) region: &'a Region,
    /// SendQuota.SentLast24Hours, in recipients.
    pub(super) sent_last_24_hours: f64,
    /// Any of SendQuota.MaxSendRate is left.
    pub(super) rate_left: bool,
}

/// A message that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    /// All recipients, which count against the rate.
    pub(super) recipients: u64,
    /// Those that count against the daily quota, all but the mailbox simulator, and those to whom it is delivered.
    pub(super) posted: Posted,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// An address is none, or there is none, in the words of SES.
    Malformed(String),
    TooManyRecipients,
    AccountPaused,
    /// Of that name.
    ConfigurationSetMissing(String),
    /// Of that name.
    ConfigurationSetPaused(String),
    MailFromDomain,
    /// As they were written, senders first, each once.
    NotVerified(Vec<String>),
    DailyQuota,
    Rate,
}

/// Decides about a message.
pub(super) fn judge(state: State<'_>, message: &Message) -> Result<Accepted, Refused> {
    let senders = addresses(&message.senders, "Missing required header 'From'.")?;
    let recipients = addresses(&message.recipients, "Missing required header 'To'.")?;
    if recipients.len() > MOST_RECIPIENTS {
        return Err(Refused::TooManyRecipients);
    }
    if is_paused(state.region) {
        return Err(Refused::AccountPaused);
    }
    let from = senders.first().and_then(|address| governing(state.region, address));
    let set = configuration_set(state.region, message, from)?;
    if from.is_some_and(rejects_for_mail_from) {
        return Err(Refused::MailFromDomain);
    }
    verified(state.region, &senders, &recipients)?;
    let accepted = accepted(state.region, &recipients, set);
    let most = number(state.region, "/SendQuota/Max24HourSend");
    // At most fifty recipients, which a double holds exactly.
    let counted = f64::from(u32::try_from(accepted.posted.counted).unwrap_or(u32::MAX));
    if accepted.posted.counted > 0 && most.is_some_and(|most| state.sent_last_24_hours + counted > most) {
        return Err(Refused::DailyQuota);
    }
    if state.rate_left { Ok(accepted) } else { Err(Refused::Rate) }
}

/// A number of the account's quota; none where it is unlimited (-1) or missing.
pub(super) fn number(region: &Region, pointer: &str) -> Option<f64> {
    region.account().pointer(pointer)?.as_f64().filter(|number| *number >= 0.0)
}

fn addresses(written: &[String], none: &str) -> Result<Vec<Address>, Refused> {
    if written.is_empty() {
        return Err(Refused::Malformed(none.to_owned()));
    }
    written.iter().map(|written| Address::parse(written).map_err(|why| Refused::Malformed(why.to_owned()))).collect()
}

fn is_paused(region: &Region) -> bool {
    let account = region.account();
    account.pointer("/EnforcementStatus").is_some_and(|status| status == "SHUTDOWN")
        || account.pointer("/SendingEnabled").is_some_and(|enabled| enabled == false)
}

/// The set that the message names, or else the default one of its sender's identity.
fn configuration_set<'a>(
    region: &'a Region,
    message: &Message,
    from: Option<&Identity>,
) -> Result<Option<&'a ConfigurationSet>, Refused> {
    let default = || from.and_then(|identity| identity.told("/ConfigurationSetName"));
    let Some(name) = message.configuration_set.clone().or_else(default) else { return Ok(None) };
    match region.all_configuration_sets().get(&name) {
        None => Err(Refused::ConfigurationSetMissing(name)),
        Some(set)
            if set.described().pointer("/SendingOptions/SendingEnabled").is_some_and(|enabled| enabled == false) =>
        {
            Err(Refused::ConfigurationSetPaused(name))
        }
        set => Ok(set),
    }
}

/// "Reject messages" holds in every status but `SUCCESS` (<https://docs.aws.amazon.com/ses/latest/dg/mail-from.html>).
fn rejects_for_mail_from(identity: &Identity) -> bool {
    let told = |member: &str| identity.told(&format!("/MailFromAttributes/{member}"));
    told("MailFromDomain").is_some()
        && told("BehaviorOnMxFailure").as_deref() == Some("REJECT_MESSAGE")
        && told("MailFromDomainStatus").as_deref() != Some("SUCCESS")
}

/// Senders must be verified always, recipients in the sandbox; the mailbox simulator may be written to from everywhere.
fn verified(region: &Region, senders: &[Address], recipients: &[Address]) -> Result<(), Refused> {
    let production = region.account().pointer("/ProductionAccessEnabled").is_some_and(|enabled| enabled == true);
    let asked = recipients.iter().filter(|address| !production && !address.is_mailbox_simulator());
    let mut failed: Vec<String> = Vec::new();
    for address in senders.iter().chain(asked).filter(|address| governing(region, address).is_none()) {
        if !failed.contains(&address.written) {
            failed.push(address.written.clone());
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Refused::NotVerified(failed)) }
}

/// The identity under which mail of an address goes: of those that may send the closest one, which is the address itself, the address
/// without its label, its domain, the parent domain and so on.
fn governing<'a>(region: &'a Region, address: &Address) -> Option<&'a Identity> {
    let covering = region.all_identities().values().filter(|identity| identity.may_send());
    let ranked = covering.filter_map(|identity| Some((distance(&identity.name, address)?, identity)));
    ranked.min_by_key(|(distance, _)| *distance).map(|(_, identity)| identity)
}

/// How far an identity is from an address that it covers; none when it does not. Local parts are case-sensitive, domains are not
/// (<https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>).
fn distance(identity: &str, address: &Address) -> Option<usize> {
    if let Some((local, domain)) = identity.rsplit_once('@') {
        let same = |part: &str| local == part && domain.eq_ignore_ascii_case(&address.domain);
        return if same(&address.local) { Some(0) } else { same(address.unlabelled()).then_some(1) };
    }
    let below = address.domain.strip_suffix(&identity.to_lowercase())?;
    (below.is_empty() || below.ends_with('.')).then_some(2 + below.len())
}

fn accepted(region: &Region, recipients: &[Address], set: Option<&ConfigurationSet>) -> Accepted {
    let counted: Vec<&Address> = recipients.iter().filter(|address| !address.is_mailbox_simulator()).collect();
    let delivered = counted.iter().filter(|address| !region.withholds(&address.plain(), set)).count();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let posted = Posted { counted: number(counted.len()), delivered: number(delivered) };
    Accepted { recipients: number(recipients.len()), posted }
}

impl Refused {
    /// The refusal as the API that was asked words it. The texts are those of the troubleshooting page and of quoted answers, but
    /// that of a paused configuration set, for which only other people's simulators were found. That SES v2 calls the quota
    /// LimitExceededException and the rate TooManyRequestsException is from clients that tell the two apart.
    pub(super) fn refusal(&self, service: Service, region: &str) -> Refusal {
        let (v2, v1) = match self {
            Refused::Malformed(_) | Refused::TooManyRecipients => return Refusal::Invalid(self.message(region)),
            Refused::AccountPaused => ((400, "SendingPausedException"), "AccountSendingPausedException"),
            Refused::ConfigurationSetMissing(_) => ((404, "NotFoundException"), "ConfigurationSetDoesNotExist"),
            Refused::ConfigurationSetPaused(_) => {
                ((400, "SendingPausedException"), "ConfigurationSetSendingPausedException")
            }
            Refused::MailFromDomain => {
                ((400, "MailFromDomainNotVerifiedException"), "MailFromDomainNotVerifiedException")
            }
            Refused::NotVerified(_) => ((400, "MessageRejected"), "MessageRejected"),
            Refused::DailyQuota => ((400, "LimitExceededException"), "Throttling"),
            Refused::Rate => ((429, "TooManyRequestsException"), "Throttling"),
        };
        let (status, code) = if service == Service::SesV2 { v2 } else { (400, v1) };
        Refusal::Other { status, code: code.to_owned(), message: self.message(region) }
    }

    fn message(&self, region: &str) -> String {
        match self {
            Refused::Malformed(why) => why.clone(),
            Refused::TooManyRecipients => format!("Recipient count exceeds {MOST_RECIPIENTS}."),
            Refused::AccountPaused => {
                "Sending paused for this account. For more information, please check the inbox of the email \
                                       address associated with your AWS account."
                    .to_owned()
            }
            Refused::ConfigurationSetMissing(name) => format!("Configuration set <{name}> does not exist."),
            Refused::ConfigurationSetPaused(name) => format!("Sending is paused for configuration set {name}"),
            Refused::MailFromDomain => "Mail-From domain is not verified".to_owned(),
            Refused::NotVerified(failed) => not_verified(failed, region),
            Refused::DailyQuota => "Daily message quota exceeded.".to_owned(),
            Refused::Rate => "Maximum sending rate exceeded.".to_owned(),
        }
    }
}

fn not_verified(failed: &[String], region: &str) -> String {
    let named: Vec<&str> = failed.iter().map(String::as_str).take(MOST_NAMED).collect();
    let rest = if failed.len() > MOST_NAMED { ", …" } else { "" };
    let (region, named) = (region.to_uppercase(), named.join(", "));
    format!(
        "Email address is not verified. The following identities failed the check in region {region}: {named}{rest}"
    )
}

#[cfg(test)]
mod tests;
