//! The operations that change a region or send mail, of SES v2 and SES v1.
//!
//! Where both APIs have the same write, both lead to one function here. A write is carried out under the lock of the world, so that two
//! never mix. It changes the region itself and not what the DNS makes of it, and it decides nothing about who may ask.

mod account;
mod identities;
mod mail;
pub(super) mod suppression;

use hyper::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::journal::Service;
use super::region::Region;
use super::sesv2::Recognised;
use super::world::World;

/// The writes of SES v2.
pub(super) const SESV2: [&str; 13] = [
    "CreateConfigurationSet",
    "CreateEmailIdentity",
    "DeleteEmailIdentity",
    "DeleteSuppressedDestination",
    "PutAccountDetails",
    "PutAccountSendingAttributes",
    "PutConfigurationSetSendingOptions",
    "PutEmailIdentityConfigurationSetAttributes",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityFeedbackAttributes",
    "PutEmailIdentityMailFromAttributes",
    "PutSuppressedDestination",
    SEND_EMAIL,
];

/// The writes of SES v1.
pub(super) const SES: [&str; 11] = [
    "DeleteIdentity",
    SEND_EMAIL,
    SEND_RAW_EMAIL,
    "SetIdentityFeedbackForwardingEnabled",
    "SetIdentityMailFromDomain",
    "SetIdentityNotificationTopic",
    "UpdateAccountSendingEnabled",
    "UpdateConfigurationSetSendingEnabled",
    "VerifyDomainDkim",
    "VerifyDomainIdentity",
    "VerifyEmailIdentity",
];

const SEND_EMAIL: &str = "SendEmail";
const SEND_RAW_EMAIL: &str = "SendRawEmail";

/// True for an operation that changes something.
pub(super) fn is_write(operation: &str) -> bool {
    SESV2.contains(&operation) || SES.contains(&operation)
}

/// True for the operations that are not throttled as the others are, but by SendQuota.
pub(super) fn is_send(operation: &str) -> bool {
    [SEND_EMAIL, SEND_RAW_EMAIL].contains(&operation)
}

/// The write of SES v2 of a method and of the segments of a path below `/v2/email/`, and what the path names.
pub(super) fn recognise(method: &Method, segments: &[&str]) -> Option<Recognised> {
    let identity = |operation, name| Some(Recognised::naming(operation, "EmailIdentity", name));
    let plain = |operation| Some(Recognised::plain(operation));
    match (method.as_str(), segments) {
        ("POST", ["outbound-emails"]) => plain(SEND_EMAIL),
        ("POST", ["account", "details"]) => plain("PutAccountDetails"),
        ("PUT", ["account", "sending"]) => plain("PutAccountSendingAttributes"),
        ("POST", ["identities"]) => plain("CreateEmailIdentity"),
        ("POST", ["configuration-sets"]) => plain("CreateConfigurationSet"),
        ("DELETE", ["identities", name]) => identity("DeleteEmailIdentity", name),
        ("PUT", ["identities", name, "mail-from"]) => identity("PutEmailIdentityMailFromAttributes", name),
        ("PUT", ["identities", name, "dkim"]) => identity("PutEmailIdentityDkimAttributes", name),
        ("PUT", ["identities", name, "feedback"]) => identity("PutEmailIdentityFeedbackAttributes", name),
        ("PUT", ["identities", name, "configuration-set"]) => {
            identity("PutEmailIdentityConfigurationSetAttributes", name)
        }
        ("PUT", ["configuration-sets", name, "sending"]) => {
            Some(Recognised::naming("PutConfigurationSetSendingOptions", "ConfigurationSetName", name))
        }
        ("PUT", ["suppression", "addresses"]) => plain("PutSuppressedDestination"),
        ("DELETE", ["suppression", "addresses", name]) => {
            Some(Recognised::naming("DeleteSuppressedDestination", "EmailAddress", name))
        }
        _ => None,
    }
}

/// One write, and where it happens.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) world: &'a mut World,
    pub(super) account: &'a str,
    pub(super) call: &'a Call,
}

impl Write<'_> {
    /// Carries it out, or refuses and changes nothing.
    pub(super) fn carry_out(mut self, operation: &str, request_id: &str) -> Result<Answer, Refusal> {
        if self.call.service == Service::SesV2 {
            return Ok(Answer::json(200, &self.of_v2(operation)?));
        }
        let inner = self.of_v1(operation)?;
        Ok(Answer::result(Service::Ses, operation, &inner, request_id))
    }

    fn of_v2(&mut self, operation: &str) -> Result<Value, Refusal> {
        match operation {
            "CreateEmailIdentity" => return identities::create(self),
            SEND_EMAIL => return mail::send_v2(self),
            "CreateConfigurationSet" => account::create_set(self),
            "DeleteEmailIdentity" => identities::delete(self),
            "DeleteSuppressedDestination" => suppression::delete(self),
            "PutAccountDetails" => account::put_details(self),
            "PutAccountSendingAttributes" => account::switch_sending(self, "SendingEnabled"),
            "PutConfigurationSetSendingOptions" => account::switch_set(self, "SendingEnabled"),
            "PutEmailIdentityConfigurationSetAttributes" => identities::set_configuration_set(self),
            "PutEmailIdentityDkimAttributes" => identities::switch_signing(self),
            "PutEmailIdentityFeedbackAttributes" => identities::switch_forwarding(self),
            "PutEmailIdentityMailFromAttributes" => identities::set_mail_from(self),
            "PutSuppressedDestination" => suppression::put(self),
            other => Err(Refusal::UnknownOperation(other.to_owned())),
        }?;
        Ok(json!({}))
    }

    fn of_v1(&mut self, operation: &str) -> Result<String, Refusal> {
        match operation {
            SEND_EMAIL => return mail::send_v1(self),
            SEND_RAW_EMAIL => return mail::send_raw_v1(self),
            "VerifyDomainDkim" => return identities::verify_domain_dkim(self),
            "VerifyDomainIdentity" => return identities::verify_domain(self),
            "DeleteIdentity" => identities::delete(self),
            "SetIdentityFeedbackForwardingEnabled" => identities::switch_forwarding(self),
            "SetIdentityMailFromDomain" => identities::set_mail_from(self),
            "SetIdentityNotificationTopic" => identities::set_topic(self),
            "UpdateAccountSendingEnabled" => account::switch_sending(self, "Enabled"),
            "UpdateConfigurationSetSendingEnabled" => account::switch_set(self, "Enabled"),
            "VerifyEmailIdentity" => identities::verify_address(self),
            other => Err(Refusal::UnknownOperation(other.to_owned())),
        }?;
        Ok(String::new())
    }

    /// The region to change.
    fn region(&mut self) -> Result<&mut Region, Refusal> {
        self.world.region_mut(self.account, self.call.region()).map_err(|_| Refusal::InvalidToken)
    }

    fn key(&self) -> u64 {
        self.world.key(self.account, self.call.region())
    }

    /// A member of the input that must be there and not be empty.
    fn required(&self, member: &str) -> Result<String, Refusal> {
        let text = self.call.text(member).filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| Refusal::Invalid(format!("{member} is required.")))
    }

    /// A boolean of the input; SES takes one that is missing for false.
    fn flag(&self, member: &str) -> Result<bool, Refusal> {
        let flag = self.call.flag(member).map_err(|()| Refusal::Invalid(format!("{member} must be true or false.")))?;
        Ok(flag.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_method_make_a_write() {
        let of = |method, path: &str| recognise(&method, &path.split('/').collect::<Vec<_>>());
        let address = "a%2Bb%40shop.example";
        assert_eq!(of(Method::POST, "outbound-emails"), Some(Recognised::plain("SendEmail")));
        let expected = Recognised::naming("PutEmailIdentityMailFromAttributes", "EmailIdentity", address);
        assert_eq!(of(Method::PUT, &format!("identities/{address}/mail-from")), Some(expected));
        assert_eq!(of(Method::GET, "identities/shop.example"), None, "that is a read");
        assert_eq!(of(Method::PUT, "identities/shop.example/dkim/signing"), None, "not simulated");
    }

    #[test]
    fn nothing_that_only_reads_is_called_a_write() {
        assert!(SESV2.iter().chain(&SES).all(|name| !name.starts_with("Get") && !name.starts_with("List")));
        assert!(is_write("SendRawEmail") && !is_write("GetSuppressedDestination"));
    }
}
