//! Writes about sending as a whole: the request for production access, the switch of the account, the switches of its sets.

use serde_json::{Map, Value, json};

use super::super::answer::Refusal;
use super::super::call::Input;
use super::super::configuration_set::ConfigurationSet;
use super::super::send::Refused;
use super::Write;

/// "It can contain 64 characters or fewer" (CreateConfigurationSet).
const LONGEST_SET: usize = 64;

/// Members of PutAccountDetails that are kept as they come.
const DETAILS: [&str; 5] =
    ["AdditionalContactEmailAddresses", "ContactLanguage", "MailType", "UseCaseDescription", "WebsiteURL"];

/// PutAccountDetails: with ProductionAccessEnabled a request that somebody at AWS then looks at.
///
/// While one is open, and after it was decided, SES answers ConflictException without a text (aws-cli#6652). After `FAILED`, which is
/// "we didn't receive your appeal", another can be made.
pub(super) fn put_details(write: &mut Write<'_>) -> Result<(), Refusal> {
    if !["MARKETING", "TRANSACTIONAL"].contains(&write.required("MailType")?.as_str()) {
        return Err(Refusal::Invalid("MailType must be MARKETING or TRANSACTIONAL.".to_owned()));
    }
    write.required("WebsiteURL")?;
    let asks = write.flag("ProductionAccessEnabled")?;
    let status = write.region()?.account().pointer("/Details/ReviewDetails/Status").and_then(Value::as_str);
    if matches!(status, Some("PENDING" | "GRANTED" | "DENIED")) {
        let (status, code, message) = (409, "ConflictException".to_owned(), String::new());
        return Err(Refusal::Other { status, code, message });
    }
    let mut details = json!({ "ContactLanguage": "EN" });
    if let (Input::Json(members), Value::Object(details)) = (&write.call.input, &mut details) {
        let kept = members.iter().filter(|(name, value)| DETAILS.contains(&name.as_str()) && !value.is_null());
        details.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    }
    if asks && let Value::Object(details) = &mut details {
        details.insert("ReviewDetails".to_owned(), json!({ "Status": "PENDING", "CaseId": case_id() }));
    }
    let now = write.world.now();
    let region = write.region()?;
    region.patch(&json!({ "Details": null }), now);
    region.patch(&json!({ "Details": details }), now);
    Ok(())
}

/// The number of a support case: 15 digits.
fn case_id() -> String {
    fastrand::u64(100_000_000_000_000..1_000_000_000_000_000).to_string()
}

/// PutAccountSendingAttributes and UpdateAccountSendingEnabled (v1).
///
/// "If Amazon Web Services paused your account's ability to send email, you can't use this operation to resume" it
/// (PutAccountSendingAttributes); how SES says so is not documented.
pub(super) fn switch_sending(write: &mut Write<'_>, member: &str) -> Result<(), Refusal> {
    let (enabled, now) = (write.flag(member)?, write.world.now());
    let region = write.region()?;
    if enabled && region.account().pointer("/EnforcementStatus").is_some_and(|status| status == "SHUTDOWN") {
        return Err(Refusal::Invalid(
            "Sending was paused by Amazon SES and cannot be resumed with this operation.".to_owned(),
        ));
    }
    region.patch(&json!({ "SendingEnabled": enabled }), now);
    Ok(())
}

/// CreateConfigurationSet. What is said of the new set is taken over; reputation metrics are off unless they are asked for.
pub(super) fn create_set(write: &mut Write<'_>) -> Result<(), Refusal> {
    let name = write.required("ConfigurationSetName")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.len() > LONGEST_SET || !name.chars().all(allowed) {
        return Err(Refusal::Invalid(format!("Invalid configuration set name <{name}>.")));
    }
    if write.region()?.all_configuration_sets().contains_key(&name) {
        let (status, code) = (400, "AlreadyExistsException".to_owned());
        return Err(Refusal::Other { status, code, message: format!("Configuration set <{name}> already exists.") });
    }
    let set = ConfigurationSet::new(name).without_reputation_metrics();
    let said = match &write.call.input {
        Input::Json(members) => members.iter().filter(|(name, value)| name.ends_with("Options") && !value.is_null()),
        Input::Form(_) | Input::Unreadable => return Err(Refusal::Invalid("The body cannot be read.".to_owned())),
    };
    let said: Map<String, Value> = said.map(|(name, value)| (name.clone(), value.clone())).collect();
    write.region()?.put_configuration_set(set.details(&Value::Object(said)));
    Ok(())
}

/// PutConfigurationSetSendingOptions and UpdateConfigurationSetSendingEnabled (v1).
pub(super) fn switch_set(write: &mut Write<'_>, member: &str) -> Result<(), Refusal> {
    let (name, enabled) = (write.required("ConfigurationSetName")?, write.flag(member)?);
    let (service, region_name) = (write.call.service, write.call.region());
    let region = write.region()?;
    let set = region.all_configuration_sets().get(&name).cloned();
    let set = set.ok_or_else(|| Refused::ConfigurationSetMissing(name).refusal(service, region_name))?;
    region.put_configuration_set(set.details(&json!({ "SendingOptions": { "SendingEnabled": enabled } })));
    Ok(())
}
