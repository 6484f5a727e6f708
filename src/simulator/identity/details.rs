//! What an identity is like beyond its status, one method each: DKIM, MAIL FROM, notifications, tags.
//!
//! Each is a JSON merge patch over the answer of GetEmailIdentity, and a later one wins over an earlier one. Words are passed on as they
//! are: a world may hold a status or an origin that no SDK knows. Nothing here looks at a request.

use serde_json::{Value, json};

use super::{Identity, Topics};

impl Identity {
    /// Merges raw members over the answer of GetEmailIdentity (JSON merge patch); anything goes, and `null` removes a member.
    #[must_use]
    pub fn details(mut self, details: &Value) -> Identity {
        self.details.push(details.clone());
        self
    }

    /// A custom MAIL FROM domain, MailFromAttributes: `PENDING`, `SUCCESS`, `FAILED` or `TEMPORARY_FAILURE`, and `USE_DEFAULT_VALUE` or
    /// `REJECT_MESSAGE` for when its MX record is missing.
    #[must_use]
    pub fn mail_from(self, domain: &str, status: &str, behavior_on_mx_failure: &str) -> Identity {
        self.details(&json!({ "MailFromAttributes": {
            "MailFromDomain": domain,
            "MailFromDomainStatus": status,
            "BehaviorOnMxFailure": behavior_on_mx_failure,
        } }))
    }

    /// DkimAttributes.Status, where it is not the verification status.
    #[must_use]
    pub fn dkim(self, status: &str) -> Identity {
        self.details(&json!({ "DkimAttributes": { "Status": status } }))
    }

    /// DkimAttributes.SigningEnabled.
    #[must_use]
    pub fn dkim_signing(self, enabled: bool) -> Identity {
        self.details(&json!({ "DkimAttributes": { "SigningEnabled": enabled } }))
    }

    /// DkimAttributes.SigningHostedZone: where the CNAME records of Easy DKIM have to lead.
    #[must_use]
    pub fn signing_hosted_zone(self, zone: &str) -> Identity {
        self.details(&json!({ "DkimAttributes": { "SigningHostedZone": zone } }))
    }

    /// Bring your own DKIM: the one token is the selector, and what the SDKs' documentation says of Easy DKIM alone is absent.
    #[must_use]
    pub fn byodkim(self, selector: &str) -> Identity {
        self.details(&json!({ "DkimAttributes": {
            "SigningAttributesOrigin": "EXTERNAL",
            "Tokens": [selector],
            "SigningHostedZone": null,
            "CurrentSigningKeyLength": null,
            "NextSigningKeyLength": null,
        } }))
    }

    /// Deterministic Easy DKIM: signs with the keys of the identity of this name in another region of the account, and has its tokens.
    #[must_use]
    pub fn replica_of(mut self, region: &str) -> Identity {
        self.replica_of = Some(region.to_owned());
        self
    }

    /// Verified by the `_amazonses` TXT record alone, as before Easy DKIM: DKIM was never asked for.
    #[must_use]
    pub fn legacy_txt(self) -> Identity {
        self.details(&json!({ "DkimAttributes": {
            "SigningEnabled": false,
            "Status": "NOT_STARTED",
            "Tokens": null,
            "SigningHostedZone": null,
            "CurrentSigningKeyLength": null,
        } }))
    }

    /// Why verification fails, while it does: VerificationInfo.ErrorType. SOARecord.PrimaryNameServer is told in any case.
    #[must_use]
    pub fn verification_error(mut self, error_type: &str, primary_name_server: &str) -> Identity {
        self.verification_error = Some((error_type.to_owned(), primary_name_server.to_owned()));
        self
    }

    /// The SNS topics for bounces and complaints, as ARNs.
    #[must_use]
    pub fn topics(mut self, bounce: Option<&str>, complaint: Option<&str>) -> Identity {
        let (bounce, complaint) = (bounce.map(str::to_owned), complaint.map(str::to_owned));
        self.topics = Topics { bounce, complaint, ..self.topics };
        self
    }

    /// Bounces and complaints come by mail: FeedbackForwardingStatus in v2, ForwardingEnabled in v1.
    #[must_use]
    pub fn forwarding(self, enabled: bool) -> Identity {
        self.details(&json!({ "FeedbackForwardingStatus": enabled }))
    }

    /// The default configuration set.
    #[must_use]
    pub fn configuration_set(self, name: &str) -> Identity {
        self.details(&json!({ "ConfigurationSetName": name }))
    }

    /// One more tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Identity {
        self.tags.push(json!({ "Key": key, "Value": value }));
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn described(identity: &Identity) -> Value {
        identity.described(1, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn details_go_over_the_usual_answer_and_the_last_word_wins() {
        let identity = Identity::domain("shop.example")
            .configuration_set("first")
            .details(&json!({ "ConfigurationSetName": "main", "Policies": null }))
            .tag("owner", "web")
            .tag("service", "orders");
        let described = described(&identity);
        assert_eq!(described["ConfigurationSetName"], "main");
        assert!(described.get("Policies").is_none());
        assert_eq!(
            described["Tags"],
            json!([{ "Key": "owner", "Value": "web" }, { "Key": "service", "Value": "orders" }])
        );
        assert_eq!(described["DkimAttributes"]["Tokens"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn own_keys_have_a_selector_and_nothing_of_easy_dkim() {
        let described = described(&Identity::domain("shop.example").byodkim("mail2026"));
        let expected = json!({
            "SigningEnabled": true, "Status": "SUCCESS", "SigningAttributesOrigin": "EXTERNAL", "Tokens": ["mail2026"]
        });
        assert_eq!(described["DkimAttributes"], expected);
    }

    #[test]
    fn a_domain_of_the_legacy_record_is_verified_and_does_not_sign() {
        let described = described(&Identity::domain("shop.example").legacy_txt());
        assert_eq!(described["VerificationStatus"], "SUCCESS");
        let dkim = &described["DkimAttributes"];
        assert_eq!((&dkim["SigningEnabled"], &dkim["Status"]), (&json!(false), &json!("NOT_STARTED")));
        assert!(dkim.get("Tokens").is_none());
    }

    #[test]
    fn a_replica_names_its_parent_as_the_origin() {
        let described = described(&Identity::domain("shop.example").replica_of("us-east-1"));
        assert_eq!(described["DkimAttributes"]["SigningAttributesOrigin"], "AWS_SES_US_EAST_1");
    }

    #[test]
    fn a_verification_error_is_told_while_verification_fails() {
        let identity = Identity::domain("shop.example").verification_error("TYPE_NOT_FOUND", "ns1.other.example");
        for (status, error_type) in [("FAILED", json!("TYPE_NOT_FOUND")), ("SUCCESS", Value::Null)] {
            let info = described(&identity.clone().status(status))["VerificationInfo"].clone();
            assert_eq!(info["ErrorType"], error_type);
            assert_eq!(info["SOARecord"]["PrimaryNameServer"], "ns1.other.example");
            assert!(info["SOARecord"]["SerialNumber"].is_u64() && info["LastCheckedTimestamp"].is_u64());
        }
    }
}
