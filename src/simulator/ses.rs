//! The operations of Amazon SES v1 (form in, XML out, POST `/`).
//!
//! Each is a pure function of the region as it is, and reads the same state as SES v2 does; what changes something is in `writes`. A new
//! read is a name in [`OPERATIONS`] and an arm in [`answer`].

mod attributes;

use serde_json::Value;

use super::answer::{Answer, Refusal, element};
use super::call::Call;
use super::clock::iso_time;
use super::door::Seen;
use super::journal::Service;
use super::page::{self, Wanted};
use super::sending::Bucket;

/// The operations that only read.
pub(super) const OPERATIONS: [&str; 8] = [
    "GetAccountSendingEnabled",
    "GetIdentityDkimAttributes",
    "GetIdentityMailFromDomainAttributes",
    "GetIdentityNotificationAttributes",
    "GetIdentityVerificationAttributes",
    "GetSendQuota",
    "GetSendStatistics",
    "ListIdentities",
];

/// "Possible values are 1-1000 inclusive" (ListIdentities, MaxItems).
const LARGEST_PAGE: u64 = 1000;

/// Answers one operation.
pub(super) fn answer(operation: &str, call: &Call, seen: &Seen, request_id: &str) -> Result<Answer, Refusal> {
    let inner = match operation {
        "GetAccountSendingEnabled" => sending_enabled(seen),
        "GetIdentityDkimAttributes" => attributes::dkim(call, seen)?,
        "GetIdentityMailFromDomainAttributes" => attributes::mail_from(call, seen)?,
        "GetIdentityNotificationAttributes" => attributes::notification(call, seen)?,
        "GetIdentityVerificationAttributes" => attributes::verification(call, seen)?,
        "GetSendQuota" => send_quota(seen),
        "GetSendStatistics" => send_statistics(seen),
        "ListIdentities" => list_identities(call, seen)?,
        other => return Err(Refusal::UnknownOperation(other.to_owned())),
    };
    Ok(Answer::result(Service::Ses, operation, &inner, request_id))
}

fn send_quota(seen: &Seen) -> String {
    let account = seen.region.account_answer(seen.key, seen.now);
    ["Max24HourSend", "MaxSendRate", "SentLast24Hours"]
        .iter()
        .filter_map(|member| {
            let value = account.get("SendQuota")?.get(member)?;
            Some(element(member, &value.to_string()))
        })
        .collect()
}

fn sending_enabled(seen: &Seen) -> String {
    let enabled = seen.region.account().get("SendingEnabled").and_then(Value::as_bool);
    enabled.map_or_else(String::new, |enabled| element("Enabled", &enabled.to_string()))
}

fn send_statistics(seen: &Seen) -> String {
    let points: String = seen.region.ledger(seen.key, seen.now).buckets().iter().map(data_point).collect();
    format!("<SendDataPoints>{points}</SendDataPoints>")
}

fn data_point(bucket: &Bucket) -> String {
    format!(
        "<member><Timestamp>{}</Timestamp><DeliveryAttempts>{}</DeliveryAttempts><Bounces>{}</Bounces>\
         <Complaints>{}</Complaints><Rejects>{}</Rejects></member>",
        iso_time(bucket.start),
        bucket.delivery_attempts,
        bucket.bounces,
        bucket.complaints,
        bucket.rejects,
    )
}

fn list_identities(call: &Call, seen: &Seen) -> Result<String, Refusal> {
    let size = match call.number("MaxItems") {
        Ok(None) => LARGEST_PAGE,
        Ok(Some(size)) if (1..=LARGEST_PAGE).contains(&size) => size,
        _ => return Err(Refusal::Invalid(format!("MaxItems must be a number from 1 to {LARGEST_PAGE}."))),
    };
    let addresses = match call.text("IdentityType") {
        None => None,
        Some("EmailAddress") => Some(true),
        Some("Domain") => Some(false),
        Some(other) => return Err(Refusal::Invalid(format!("Invalid IdentityType {other}."))),
    };
    let wanted = Wanted {
        token: call.text("NextToken"),
        size: usize::try_from(size).unwrap_or(usize::MAX),
        key: seen.key,
        endless: seen.endless_paging,
    };
    let page = page::cut(seen.region.all_identities(), &wanted, |_, identity| {
        addresses.is_none_or(|addresses| addresses == (identity.identity_type == "EMAIL_ADDRESS"))
    });
    let page = page.ok_or_else(|| Refusal::Invalid("Invalid NextToken.".to_owned()))?;
    let members: String = page.items.iter().map(|(name, _)| element("member", name)).collect();
    let token = page.next_token.map(|token| element("NextToken", &token)).unwrap_or_default();
    Ok(format!("<Identities>{members}</Identities>{token}"))
}
