//! One identity of a region: a domain, an e-mail address or a managed domain, and how both APIs tell of it.
//!
//! It holds what is true; it never decides who may see it. Statuses are plain strings in the spelling of SES v2, so that a world can
//! hold a status that no SDK knows yet. The place for identity details that later collectors read (DKIM, MAIL FROM, notifications).

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::chance;
use super::clock::epoch_seconds;
use super::merge::merge;

/// An identity as ListEmailIdentities and GetEmailIdentity describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// The domain or the address.
    pub name: String,
    /// `DOMAIN`, `EMAIL_ADDRESS` or `MANAGED_DOMAIN`; any other string is passed on.
    pub identity_type: String,
    /// `PENDING`, `SUCCESS`, `FAILED`, `TEMPORARY_FAILURE` or `NOT_STARTED`; any other string is passed on.
    pub verification_status: String,
    /// IdentityInfo.SendingEnabled.
    pub sending_enabled: bool,
    /// Merged over the answer of GetEmailIdentity; `null` removes a member.
    pub details: Map<String, Value>,
}

impl Identity {
    /// A verified domain.
    pub fn domain(name: impl Into<String>) -> Identity {
        Identity::verified(name.into(), "DOMAIN")
    }

    /// A verified e-mail address.
    pub fn email_address(name: impl Into<String>) -> Identity {
        Identity::verified(name.into(), "EMAIL_ADDRESS")
    }

    /// A verified managed domain.
    pub fn managed_domain(name: impl Into<String>) -> Identity {
        Identity::verified(name.into(), "MANAGED_DOMAIN")
    }

    /// A verified domain or address, whichever the name looks like.
    pub fn named(name: impl Into<String>) -> Identity {
        let name = name.into();
        if name.contains('@') { Identity::email_address(name) } else { Identity::domain(name) }
    }

    /// The same identity in another VerificationStatus; only `SUCCESS` may send.
    #[must_use]
    pub fn status(mut self, status: &str) -> Identity {
        self.sending_enabled = status == "SUCCESS";
        status.clone_into(&mut self.verification_status);
        self
    }

    /// The same identity with other details in the answer of GetEmailIdentity.
    #[must_use]
    pub fn details(mut self, details: &Value) -> Identity {
        if let Value::Object(details) = details {
            self.details.clone_from(details);
        }
        self
    }

    fn verified(name: String, identity_type: &str) -> Identity {
        Identity {
            name,
            identity_type: identity_type.to_owned(),
            verification_status: "SUCCESS".to_owned(),
            sending_enabled: true,
            details: Map::new(),
        }
    }

    /// IdentityInfo, one element of ListEmailIdentities.
    pub(super) fn listed(&self) -> Value {
        json!({
            "IdentityName": self.name,
            "IdentityType": self.identity_type,
            "SendingEnabled": self.sending_enabled,
            "VerificationStatus": self.verification_status,
        })
    }

    /// The answer of GetEmailIdentity. `key` makes the DKIM tokens of this account and region its own.
    pub(super) fn described(&self, key: u64, now: SystemTime) -> Value {
        let success = self.verification_status == "SUCCESS";
        let mut answer = json!({
            "IdentityType": self.identity_type,
            "VerificationStatus": self.verification_status,
            "VerifiedForSendingStatus": success,
            "FeedbackForwardingStatus": true,
            "DkimAttributes": self.dkim(key),
            "MailFromAttributes": { "BehaviorOnMxFailure": "USE_DEFAULT_VALUE" },
            "Policies": {},
            "Tags": [],
            "VerificationInfo": self.verification_info(epoch_seconds(now), success),
        });
        merge(&mut answer, &Value::Object(self.details.clone()));
        answer
    }

    fn dkim(&self, key: u64) -> Value {
        if self.identity_type == "EMAIL_ADDRESS" {
            return json!({ "SigningEnabled": false, "Status": "NOT_STARTED", "SigningAttributesOrigin": "AWS_SES" });
        }
        let token = |number: u64| chance::token(chance::mix(chance::hash(key, &[&self.name]), number), 32);
        json!({
            "SigningEnabled": true,
            "Status": self.verification_status,
            "Tokens": [token(1), token(2), token(3)],
            "SigningHostedZone": "dkim.amazonses.com",
            "SigningAttributesOrigin": "AWS_SES",
            "CurrentSigningKeyLength": "RSA_2048_BIT",
            "NextSigningKeyLength": "RSA_2048_BIT",
        })
    }

    /// SES looks at the DNS again every now and then; here it last did at the full hour.
    fn verification_info(&self, now: u64, success: bool) -> Value {
        let checked = now - now % 3600;
        if self.identity_type == "EMAIL_ADDRESS" {
            json!({})
        } else if success {
            json!({ "LastCheckedTimestamp": checked, "LastSuccessTimestamp": checked })
        } else {
            json!({ "LastCheckedTimestamp": checked, "ErrorType": "HOST_NOT_FOUND" })
        }
    }

    /// The token of the legacy `_amazonses` TXT record; SES has none for addresses.
    pub(super) fn verification_token(&self, key: u64) -> Option<String> {
        (self.identity_type != "EMAIL_ADDRESS")
            .then(|| chance::token(chance::hash(key, &[&self.name, "txt"]), 43) + "=")
    }
}

/// SES v2's `TEMPORARY_FAILURE` in the spelling of v1, `TemporaryFailure`.
pub(super) fn spelled_for_v1(status: &str) -> String {
    status
        .split('_')
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            first.to_owned() + &rest.to_lowercase()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_spelled_as_v1_spells_them() {
        let spelled = ["SUCCESS", "TEMPORARY_FAILURE", "NOT_STARTED", "QUANTUM"].map(spelled_for_v1);
        assert_eq!(spelled, ["Success", "TemporaryFailure", "NotStarted", "Quantum"]);
    }

    #[test]
    fn only_a_verified_identity_may_send() {
        assert!(!Identity::named("a@shop.example").status("PENDING").sending_enabled);
        assert!(Identity::named("shop.example").sending_enabled);
    }

    #[test]
    fn details_go_over_the_usual_answer() {
        let identity =
            Identity::domain("shop.example").details(&json!({ "ConfigurationSetName": "main", "Tags": null }));
        let described = identity.described(1, SystemTime::UNIX_EPOCH);
        assert_eq!(described["ConfigurationSetName"], "main");
        assert!(described.get("Tags").is_none());
        assert_eq!(described["DkimAttributes"]["Tokens"].as_array().map(Vec::len), Some(3));
    }
}
