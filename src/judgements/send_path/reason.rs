//! Why SES refuses mail: the closed set of reasons, with their words. What mends them stands in the runbook.

/// Why SES would not take a mail, in the order in which they are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// AWS has paused the account in the region: GetAccount `EnforcementStatus` is SHUTDOWN.
    AccountShutDown,
    /// The customer has paused the account in the region: GetAccount `SendingEnabled` is false.
    SendingPaused,
    /// The configuration set that the mail names, or its identity's default one, is not there.
    ConfigurationSetMissing,
    /// The configuration set does not send: GetConfigurationSet `SendingOptions.SendingEnabled` is false.
    ConfigurationSetPaused,
    /// `SentLast24Hours` and these recipients are more than `Max24HourSend`.
    QuotaExhausted,
    /// `Max24HourSend` is less than the mail of one day.
    QuotaTooSmall,
    /// `MaxSendRate` is less than the highest rate.
    RateTooLow,
    /// No identity covers the sender.
    IdentityMissing,
    /// No identity covers the sender here; one in another region of the account does.
    IdentityInOtherRegion,
    /// The sender's identity waits for its verification: PENDING or NOT_STARTED.
    IdentityPending,
    /// The sender's identity is not verified, and will not be by itself.
    IdentityFailed,
    /// The MAIL FROM domain is not verified, and the identity rejects mail in that case.
    MailFromRejects,
    /// Sandbox with a recipient that is not verified; nobody has asked for production access.
    SandboxNotRequested,
    /// The same while AWS decides about the request.
    SandboxPending,
    /// The same after AWS has said no.
    SandboxDenied,
    /// The same after the request got lost at AWS.
    SandboxFailed,
    /// The same where SES says nothing of a request, or that it was granted.
    Sandbox,
}

impl Reason {
    /// Every reason, in the order in which they are weighed.
    pub const ALL: [Self; 17] = [
        Self::AccountShutDown,
        Self::SendingPaused,
        Self::ConfigurationSetMissing,
        Self::ConfigurationSetPaused,
        Self::QuotaExhausted,
        Self::QuotaTooSmall,
        Self::RateTooLow,
        Self::IdentityMissing,
        Self::IdentityInOtherRegion,
        Self::IdentityPending,
        Self::IdentityFailed,
        Self::MailFromRejects,
        Self::SandboxNotRequested,
        Self::SandboxPending,
        Self::SandboxDenied,
        Self::SandboxFailed,
        Self::Sandbox,
    ];

    /// The value of the label `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountShutDown => "account_shut_down",
            Self::SendingPaused => "sending_paused",
            Self::ConfigurationSetMissing => "configuration_set_missing",
            Self::ConfigurationSetPaused => "configuration_set_paused",
            Self::QuotaExhausted => "quota_exhausted",
            Self::QuotaTooSmall => "quota_too_small",
            Self::RateTooLow => "rate_too_low",
            Self::IdentityMissing => "identity_missing",
            Self::IdentityInOtherRegion => "identity_in_other_region",
            Self::IdentityPending => "identity_pending",
            Self::IdentityFailed => "identity_failed",
            Self::MailFromRejects => "mail_from_rejects",
            Self::SandboxNotRequested => "sandbox_not_requested",
            Self::SandboxPending => "sandbox_pending",
            Self::SandboxDenied => "sandbox_denied",
            Self::SandboxFailed => "sandbox_failed",
            Self::Sandbox => "sandbox",
        }
    }

    /// The sandbox by GetAccount `Details.ReviewDetails.Status`.
    pub fn of_sandbox(review_status: Option<&str>) -> Self {
        match review_status {
            Some("NOT_REQUESTED") => Self::SandboxNotRequested,
            Some("PENDING") => Self::SandboxPending,
            Some("DENIED") => Self::SandboxDenied,
            Some("FAILED") => Self::SandboxFailed,
            _ => Self::Sandbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn reasons_are_in_order_and_have_words_of_their_own_that_the_runbook_explains() {
        assert!(Reason::ALL.is_sorted());
        let words: HashSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        let runbook = include_str!("../../../deploy/prometheus/runbooks/SESSendPathBlocked.md");
        for word in words {
            assert!(runbook.contains(&format!("| `{word}` |")), "{word}");
        }
        let in_json = |reason: &Reason| serde_json::to_value(reason).expect("JSON");
        assert!(Reason::ALL.iter().all(|reason| in_json(reason) == reason.as_str()), "one word everywhere");
    }
}
