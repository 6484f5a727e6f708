//! The batch reads of SES v1: verification, DKIM, MAIL FROM and notifications of up to 100 identities each.
//!
//! All but the legacy token and the topics is cut out of what GetEmailIdentity (v2) answers of the same identity, in the spelling of v1.
//! What v2 leaves out is left out here. It never answers of an identity that the region does not have: the map lacks its name.

use serde_json::Value;

use super::super::answer::{Refusal, element};
use super::super::call::{Call, Input};
use super::super::door::Seen;
use super::super::identity::{Identity, spelled_for_v1};

/// "This operation is throttled at one request per second and can only get verification attributes for up to 100 identities".
const MOST_IDENTITIES: usize = 100;

/// GetIdentityVerificationAttributes.
pub(super) fn verification(call: &Call, seen: &Seen) -> Result<String, Refusal> {
    entries(call, seen, "VerificationAttributes", |identity, _| {
        let token = identity.verification_token(seen.key);
        let token = token.map(|token| element("VerificationToken", &token)).unwrap_or_default();
        element("VerificationStatus", &spelled_for_v1(&identity.verification_status)) + &token
    })
}

/// GetIdentityDkimAttributes. v1 has no key length, hosted zone or origin.
pub(super) fn dkim(call: &Call, seen: &Seen) -> Result<String, Refusal> {
    entries(call, seen, "DkimAttributes", |_, described| {
        let dkim = described.get("DkimAttributes").unwrap_or(&Value::Null);
        let tokens = dkim.get("Tokens").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let tokens: String = tokens.map(|token| element("member", token)).collect();
        let tokens = if tokens.is_empty() { tokens } else { format!("<DkimTokens>{tokens}</DkimTokens>") };
        flag(dkim, "SigningEnabled", "DkimEnabled") + &word(dkim, "Status", "DkimVerificationStatus") + &tokens
    })
}

/// GetIdentityMailFromDomainAttributes. Of an identity without a MAIL FROM domain SES tells the behaviour alone, in both APIs; the SDKs
/// make an empty domain of that.
pub(super) fn mail_from(call: &Call, seen: &Seen) -> Result<String, Refusal> {
    entries(call, seen, "MailFromDomainAttributes", |_, described| {
        let mail_from = described.get("MailFromAttributes").unwrap_or(&Value::Null);
        let domain = mail_from.get("MailFromDomain").and_then(Value::as_str);
        let domain = domain.map(|domain| element("MailFromDomain", domain)).unwrap_or_default();
        domain
            + &word(mail_from, "MailFromDomainStatus", "MailFromDomainStatus")
            + &word(mail_from, "BehaviorOnMxFailure", "BehaviorOnMXFailure")
    })
}

/// GetIdentityNotificationAttributes, the only operation that tells the topics. Headers are never included here.
pub(super) fn notification(call: &Call, seen: &Seen) -> Result<String, Refusal> {
    entries(call, seen, "NotificationAttributes", |identity, described| {
        let topics = &identity.topics;
        let topics = [("Bounce", &topics.bounce), ("Complaint", &topics.complaint), ("Delivery", &topics.delivery)];
        let of_kind = |(kind, topic): (&str, &Option<String>)| {
            let topic = topic.as_ref().map(|arn| element(&format!("{kind}Topic"), arn)).unwrap_or_default();
            topic + &element(&format!("HeadersIn{kind}NotificationsEnabled"), "false")
        };
        topics.map(of_kind).concat() + &flag(described, "FeedbackForwardingStatus", "ForwardingEnabled")
    })
}

/// The map of an answer: each identity of the call that the region has, with what `tell` makes of it and of its description in v2.
fn entries(call: &Call, seen: &Seen, map: &str, tell: impl Fn(&Identity, &Value) -> String) -> Result<String, Refusal> {
    let entries: String = names(call)?
        .into_iter()
        .filter_map(|name| {
            let identity = seen.region.all_identities().get(name)?;
            let value = tell(identity, &identity.described(seen.key, seen.now));
            Some(format!("<entry>{}<value>{value}</value></entry>", element("key", name)))
        })
        .collect();
    Ok(format!("<{map}>{entries}</{map}>"))
}

fn names(call: &Call) -> Result<Vec<&str>, Refusal> {
    let Input::Form(form) = &call.input else { return Ok(Vec::new()) };
    let names: Vec<&str> = form
        .iter()
        .filter(|(name, _)| name.starts_with("Identities.member."))
        .map(|(_, value)| value.as_str())
        .collect();
    if names.len() > MOST_IDENTITIES {
        return Err(Refusal::Invalid(format!("Too many identities: at most {MOST_IDENTITIES} are allowed.")));
    }
    Ok(names)
}

/// A boolean of v2 as an element of v1.
fn flag(from: &Value, member: &str, name: &str) -> String {
    let value = from.get(member).and_then(Value::as_bool);
    value.map(|value| element(name, &value.to_string())).unwrap_or_default()
}

/// A word of a closed set of v2 as an element of v1.
fn word(from: &Value, member: &str, name: &str) -> String {
    let value = from.get(member).and_then(Value::as_str);
    value.map(|value| element(name, &spelled_for_v1(value))).unwrap_or_default()
}
