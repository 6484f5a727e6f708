//! One identity of a region: a domain, an e-mail address or a managed domain, and how both APIs tell of it.
//!
//! It holds what is true; it never decides who may see it. Statuses are plain strings in the spelling of SES v2, so that a world can
//! hold a status that no SDK knows yet. What GetEmailIdentity answers is the one description of an identity, and the batch reads of v1
//! are cut out of it: the two APIs cannot disagree. How to say what an identity is like, one method each, is in `details`.

mod details;

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::{Value, json};

use super::chance;
use super::clock::epoch_seconds;
use super::merge::merge;

/// The name server of the SOA record, unless a world says otherwise.
const PRIMARY_NAME_SERVER: &str = "ns1.dns.example";

/// SOARecord.SerialNumber, in the usual form of a date and a count. The zone never changes here.
const ZONE_SERIAL: u64 = 2_026_112_201;

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
    /// Where notifications are published. SES v1 alone tells.
    pub topics: Topics,
    /// Tags of GetEmailIdentity, in its shape.
    tags: Vec<Value>,
    /// Merged over the answer of GetEmailIdentity, one after the other; `null` removes a member.
    details: Vec<Value>,
    /// Why verification fails, and the name server that SES asked.
    verification_error: Option<(String, String)>,
    /// Deterministic Easy DKIM: the region whose keys sign here too.
    replica_of: Option<String>,
    /// Turns the key of the region that holds this identity into the key of the region that it is a replica of.
    key_shift: u64,
}

/// The SNS topics of an identity, as ARNs (SES v1, GetIdentityNotificationAttributes).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    /// NotificationAttributes.BounceTopic.
    pub bounce: Option<String>,
    /// NotificationAttributes.ComplaintTopic.
    pub complaint: Option<String>,
    /// NotificationAttributes.DeliveryTopic.
    pub delivery: Option<String>,
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

    fn verified(name: String, identity_type: &str) -> Identity {
        Identity {
            name,
            identity_type: identity_type.to_owned(),
            verification_status: "SUCCESS".to_owned(),
            sending_enabled: true,
            topics: Topics::default(),
            tags: Vec::new(),
            details: Vec::new(),
            verification_error: None,
            replica_of: None,
            key_shift: 0,
        }
    }

    /// A region takes the identity in. A replica learns how the key of this region leads to that of its parent.
    pub(super) fn enter(&mut self, region: &str) {
        let parent = self.replica_of.as_deref().unwrap_or(region);
        self.key_shift = chance::region_key(parent) ^ chance::region_key(region);
    }

    /// True when mail may be sent from it: it is verified, or SES cannot tell at the moment and has not switched it off.
    pub(super) fn may_send(&self) -> bool {
        match self.verification_status.as_str() {
            "SUCCESS" => true,
            "TEMPORARY_FAILURE" => self.sending_enabled,
            _ => false,
        }
    }

    /// A text of GetEmailIdentity's answer that does not depend on the account: any but tokens and times.
    pub(super) fn told(&self, pointer: &str) -> Option<String> {
        self.described(0, SystemTime::UNIX_EPOCH).pointer(pointer).and_then(Value::as_str).map(str::to_owned)
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
            "DkimAttributes": self.dkim_attributes(key),
            "MailFromAttributes": { "BehaviorOnMxFailure": "USE_DEFAULT_VALUE" },
            "Policies": {},
            "Tags": self.tags,
            "VerificationInfo": self.verification_info(epoch_seconds(now), success),
        });
        self.details.iter().for_each(|details| merge(&mut answer, details));
        answer
    }

    fn dkim_attributes(&self, key: u64) -> Value {
        if self.identity_type == "EMAIL_ADDRESS" {
            return json!({ "SigningEnabled": false, "Status": "NOT_STARTED", "SigningAttributesOrigin": "AWS_SES" });
        }
        let key = chance::hash(key ^ self.key_shift, &[&self.name]);
        let token = |number: u64| chance::token(chance::mix(key, number), 32);
        let origin =
            self.replica_of.as_ref().map(|parent| format!("AWS_SES_{}", parent.to_uppercase().replace('-', "_")));
        json!({
            "SigningEnabled": true,
            "Status": self.verification_status,
            "Tokens": [token(1), token(2), token(3)],
            "SigningHostedZone": "dkim.amazonses.com",
            "SigningAttributesOrigin": origin.as_deref().unwrap_or("AWS_SES"),
            "CurrentSigningKeyLength": "RSA_2048_BIT",
            "NextSigningKeyLength": "RSA_2048_BIT",
        })
    }

    /// SES looks at the DNS again every now and then; here it last did at the full hour.
    fn verification_info(&self, now: u64, success: bool) -> Value {
        if self.identity_type == "EMAIL_ADDRESS" {
            return json!({});
        }
        let told = self.verification_error.as_ref().map(|(error, server)| (error.as_str(), server.as_str()));
        let (error_type, name_server) = told.unwrap_or(("HOST_NOT_FOUND", PRIMARY_NAME_SERVER));
        let checked = now - now % 3600;
        let mut info = json!({ "LastCheckedTimestamp": checked, "SOARecord": {
            "PrimaryNameServer": name_server,
            "AdminEmail": "hostmaster.dns.example",
            "SerialNumber": ZONE_SERIAL,
        } });
        let outcome =
            if success { json!({ "LastSuccessTimestamp": checked }) } else { json!({ "ErrorType": error_type }) };
        merge(&mut info, &outcome);
        info
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
    fn a_replica_has_the_tokens_of_its_parent() {
        let key = |region| 0x4d ^ chance::region_key(region);
        let tokens = |mut identity: Identity, region| {
            identity.enter(region);
            identity.described(key(region), SystemTime::UNIX_EPOCH)["DkimAttributes"]["Tokens"].clone()
        };
        let parent = tokens(Identity::domain("shop.example"), "us-east-1");
        assert_eq!(tokens(Identity::domain("shop.example").replica_of("us-east-1"), "eu-west-1"), parent);
        assert_ne!(tokens(Identity::domain("shop.example"), "eu-west-1"), parent);
    }

    #[test]
    fn the_name_server_is_told_of_domains_alone() {
        let info = |name| Identity::named(name).described(1, SystemTime::UNIX_EPOCH)["VerificationInfo"].clone();
        assert_eq!(info("shop.example")["SOARecord"]["PrimaryNameServer"], "ns1.dns.example");
        assert_eq!(info("a@shop.example"), json!({}));
    }
}
