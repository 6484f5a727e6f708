//! What should be looked at although SES would take the mail: few things, and only with proof.
//!
//! Pure. Whether a message reaches the inbox depends on more than SES; what only receivers know is not guessed.

use crate::collectors::account;
use crate::collectors::identity_details::Details;
use crate::reference::thousands;
use crate::remedy::{Need, Remedy};
use crate::report::findings::MUCH;
use crate::report::mend::Place;

/// One thing to look at. The names of the fields are those of the JSON.
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Warning {
    /// A word for programs.
    pub(crate) warning: Kind,
    /// One sentence for people.
    pub(crate) what: String,
    /// The first is the one to do.
    pub(crate) remedies: Vec<Remedy>,
}

/// What there is to warn of, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// AWS looks at the account and may pause it. (GetAccount EnforcementStatus)
    UnderReview,
    /// With this mail, more than 80 % of the quota is used. (GetAccount SendQuota)
    QuotaNearlyUsed,
    /// In the sandbox, with no recipient but the mailbox simulator: nobody else would get it.
    SimulatorOnly,
    /// The mail bears no valid DKIM signature of its domain. (GetEmailIdentity DkimAttributes)
    DkimNotSigning,
    /// The MAIL FROM domain is not verified, so that of SES is used. (GetEmailIdentity MailFromAttributes)
    MailFromFallsBack,
}

impl Kind {
    /// The word of the JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UnderReview => "under_review",
            Self::QuotaNearlyUsed => "quota_nearly_used",
            Self::SimulatorOnly => "simulator_only",
            Self::DkimNotSigning => "dkim_not_signing",
            Self::MailFromFallsBack => "mail_from_falls_back",
        }
    }
}

impl Warning {
    /// All of them about a mail that SES would take.
    pub(crate) fn all(place: &Place<'_>) -> Vec<Self> {
        let of_account = place.known.account.into_iter().flat_map(|account| of_account(account, place));
        of_account.chain(of_identity(place)).collect()
    }
}

fn of_account(account: &account::Reading, place: &Place<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |warning, what, remedies| warnings.push(Warning { warning, what, remedies });
    if account.enforcement_status != "HEALTHY" {
        let what = format!("the account is under review by AWS: {}", account.enforcement_status);
        warn(Kind::UnderReview, what, vec![place.named(Need::LookAtAccount, None)]);
    }
    let simulated = place.mail.is_simulated();
    let used = if simulated { account.sent_24h } else { account.sent_24h + f64::from(place.mail.recipients) };
    if let Some(quota) = account.max_24h.filter(|quota| used > MUCH * quota) {
        let what = format!("{} of the quota of {} in 24 hours are used with it", thousands(used), thousands(quota));
        warn(Kind::QuotaNearlyUsed, what, vec![place.more()]);
    }
    if simulated && !account.production_access {
        let what =
            "the account is in the sandbox, and mail to the mailbox simulator says nothing about other recipients";
        warn(Kind::SimulatorOnly, what.to_owned(), vec![place.leave_sandbox()]);
    }
    warnings
}

fn of_identity(place: &Place<'_>) -> Vec<Warning> {
    let from = place.mail.from;
    let name = place.known.identities.as_ref().and_then(|senders| senders.verified.closest(from));
    let Some((name, details)) = name.and_then(|name| Some((&**name, place.details(name)?))) else { return Vec::new() };
    let mut warnings = Vec::new();
    if let Some(what) = unsigned(name, details) {
        let remedies = vec![place.dkim(name)];
        warnings.push(Warning { warning: Kind::DkimNotSigning, what, remedies });
    }
    if let Some(mail_from) = details.mail_from.as_ref().filter(|one| !one.rejects && &*one.status != "SUCCESS") {
        let what = format!(
            "the MAIL FROM domain {} of {name} is {}, so the mail goes with that of SES",
            mail_from.domain, mail_from.status
        );
        warnings.push(Warning { warning: Kind::MailFromFallsBack, what, remedies: vec![place.mail_from(name)] });
    }
    warnings
}

/// Why mail of an identity is not signed with DKIM. An address without keys of its own is not judged: its domain's sign.
fn unsigned(name: &str, details: &Details) -> Option<String> {
    match &details.dkim {
        Some(dkim) if dkim.signing_enabled && &*dkim.status == "SUCCESS" => None,
        Some(dkim) if dkim.signing_enabled => {
            Some(format!("DKIM of {name} is {}: its mail is not signed", dkim.status))
        }
        Some(_) => Some(format!("DKIM of {name} is switched off: its mail is not signed")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collectors::identity_details::Dkim;

    const ALL: [Kind; 5] =
        [Kind::UnderReview, Kind::QuotaNearlyUsed, Kind::SimulatorOnly, Kind::DkimNotSigning, Kind::MailFromFallsBack];

    #[test]
    fn the_words_are_those_of_the_json() {
        for kind in ALL {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
        }
    }

    #[test]
    fn mail_is_unsigned_where_ses_says_so() {
        let with = |status: &str, signing_enabled| {
            let mut details = Details::default();
            details.dkim = Some(Dkim { status: status.into(), signing_enabled, tokens: Vec::new() });
            unsigned("shop.example", &details)
        };
        assert_eq!(with("SUCCESS", true), None);
        assert_eq!(unsigned("a@shop.example", &Details::default()), None, "its domain may sign");
        assert!(with("FAILED", true).is_some_and(|what| what.contains("is FAILED")));
        assert!(with("SUCCESS", false).is_some_and(|what| what.contains("switched off")));
    }
}
