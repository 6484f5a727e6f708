//! Why mail is refused, in words: every reason of a verdict in one sentence, with what it is about and what mends it.
//!
//! Pure: made from a verdict and from what it was weighed against, it asks nobody.

use std::fmt::Write as _;

use super::mend::Place;
use super::tried::without_addresses;
use crate::judgements::send_path::{About, Block, Reason, Weighed};
use crate::reference::thousands;
use crate::remedy::Remedy;

/// One reason. The names of the fields are those of the JSON.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Refusal {
    /// The word of `ses_send_path_blocked`.
    pub(crate) reason: Reason,
    /// The identity, the recipients or the configuration set; empty where it is the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) about: Vec<String>,
    /// One sentence for people.
    pub(crate) what: String,
    /// The first is the one to do.
    pub(crate) remedies: Vec<Remedy>,
}

impl Refusal {
    /// The same without any e-mail address: a command that names one is left out.
    pub(super) fn redacted(&self) -> Self {
        let bare = |text: &String| without_addresses(text);
        let remedies = self.remedies.iter().map(|remedy| Remedy {
            sentence: bare(&remedy.sentence),
            command: remedy.command.clone().filter(|command| bare(command) == *command),
            records: remedy.records.iter().map(bare).collect(),
        });
        Self {
            reason: self.reason,
            about: self.about.iter().map(bare).collect(),
            what: bare(&self.what),
            remedies: remedies.collect(),
        }
    }

    /// Every reason once, in order.
    pub(crate) fn all(weighed: &Weighed, place: &Place<'_>) -> Vec<Self> {
        let same = |one: &Block, other: &Block| one.reason == other.reason;
        weighed.blocks.chunk_by(same).filter_map(|blocks| Self::of(blocks, place)).collect()
    }

    fn of(blocks: &[Block], place: &Place<'_>) -> Option<Self> {
        let reason = blocks.first()?.reason;
        let about: Vec<&About> = blocks.iter().map(|block| &block.about).collect();
        let names: Vec<String> = about.iter().filter_map(|about| about.name()).map(str::to_owned).collect();
        let what = what(reason, &about, &names, place);
        Some(Self { reason, what, remedies: place.remedies(reason, &about), about: names })
    }
}

fn what(reason: Reason, about: &[&About], names: &[String], place: &Place<'_>) -> String {
    let name = names.first().map_or("", String::as_str);
    match reason {
        Reason::AccountShutDown => "AWS has paused sending for the account".to_owned(),
        Reason::SendingPaused => "sending is switched off for the account".to_owned(),
        Reason::ConfigurationSetMissing | Reason::ConfigurationSetPaused => of_set(reason, name, place),
        Reason::QuotaExhausted | Reason::QuotaTooSmall | Reason::RateTooLow => of_quota(reason, place),
        Reason::IdentityMissing => format!("no identity covers the sender {name}"),
        Reason::IdentityInOtherRegion => {
            let regions = about.iter().flat_map(|about| match about {
                About::SenderElsewhere { regions, .. } => regions.as_slice(),
                _ => &[],
            });
            let regions = regions.map(|region| &**region).collect::<Vec<_>>().join(", ");
            format!("the sender {} is verified in {regions}, and not in {}", place.mail.from, place.region)
        }
        Reason::IdentityPending => format!("the sender's identity {name} waits for its verification"),
        Reason::IdentityFailed => failed(name, place),
        Reason::MailFromRejects => rejects(name, place),
        Reason::SandboxNotRequested
        | Reason::SandboxPending
        | Reason::SandboxDenied
        | Reason::SandboxFailed
        | Reason::Sandbox => sandbox(reason, names),
    }
}

fn of_set(reason: Reason, name: &str, place: &Place<'_>) -> String {
    let default =
        if place.mail.configuration_set.is_none() { ", the default one of the sender's identity" } else { "" };
    match reason {
        Reason::ConfigurationSetMissing => format!("there is no configuration set {name}{default}"),
        _ => format!("sending is switched off for the configuration set {name}{default}"),
    }
}

fn of_quota(reason: Reason, place: &Place<'_>) -> String {
    let known = |number: Option<f64>| number.map_or("?".to_owned(), thousands);
    let (quota, rate) = place.known.account.map_or((None, None), |account| (account.max_24h, account.max_per_second));
    let sent = known(place.known.account.map(|account| account.sent_24h));
    match reason {
        Reason::QuotaTooSmall => {
            let daily = known(place.mail.daily_messages.map(f64::from));
            format!("the quota of {} in 24 hours is less than the {daily} of a day", known(quota))
        }
        Reason::RateTooLow => {
            let peak = place.mail.peak_messages_per_second.unwrap_or_default();
            format!("the quota allows {} a second, and {peak} are wanted", rate.unwrap_or_default())
        }
        _ => {
            let mut words = format!("{sent} of the quota of {} are sent in 24 hours", known(quota));
            if place.mail.recipients > 1 {
                let _ =
                    write!(words, ", and the mail has {} recipients", known(Some(f64::from(place.mail.recipients))));
            }
            words
        }
    }
}

/// With the words of SES for it, as far as they are known.
fn failed(name: &str, place: &Place<'_>) -> String {
    let all = place.known.identities.iter().flat_map(|senders| senders.all);
    let status = all.into_iter().find(|one| *one.name == *name).and_then(|one| one.status.as_deref());
    let described = place.known.details.and_then(|all| all.get(name)).and_then(|one| one.described.as_ref());
    let error = described.and_then(|described| described.error_type.as_deref());
    let why: Vec<&str> = status.into_iter().chain(error).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    format!("the sender's identity {name} is not verified{why}")
}

fn rejects(name: &str, place: &Place<'_>) -> String {
    let details = place.known.details.and_then(|all| all.get(name));
    match details.and_then(|details| details.mail_from.as_ref()) {
        Some(mail_from) => {
            format!("the MAIL FROM domain {} is {}, and {name} rejects mail then", mail_from.domain, mail_from.status)
        }
        None => format!("the MAIL FROM domain of {name} is not verified, and {name} rejects mail then"),
    }
}

fn sandbox(reason: Reason, names: &[String]) -> String {
    let review = match reason {
        Reason::SandboxNotRequested => ", and nobody has asked for production access",
        Reason::SandboxPending => ", and AWS has not decided about production access",
        Reason::SandboxDenied => ", and AWS has denied production access",
        Reason::SandboxFailed => ", and AWS has lost the request for production access",
        _ => "",
    };
    let to = match names {
        [] => "it writes to verified recipients only".to_owned(),
        [one] => format!("the recipient {one} is not verified"),
        several => format!("the recipients {} are not verified", several.join(", ")),
    };
    format!("the account is in the sandbox{review}: {to}")
}
