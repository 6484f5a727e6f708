//! Writes about identities: create, verify again, remove, MAIL FROM, notifications, default configuration set.
//!
//! What SES asks of the owner in return, a click or DNS records, happens elsewhere (`people`); until then an identity is `PENDING`. It
//! never becomes `FAILED` by waiting. The texts about identities that do not exist in v1 are this simulator's own.

use serde_json::{Value, json};

use super::super::address::Address;
use super::super::answer::{Refusal, element};
use super::super::call::Input;
use super::super::identity::{Identity, Topics};
use super::super::journal::Service;
use super::super::send::Refused;
use super::Write;

/// CreateEmailIdentity. BYODKIM is known by its selector; the private key is not looked at.
pub(super) fn create(write: &mut Write<'_>) -> Result<Value, Refusal> {
    let name = spelled(&write.required("EmailIdentity")?)?;
    if write.region()?.all_identities().contains_key(&name) {
        let message = format!("Email identity {name} already exist.");
        return Err(Refusal::Other { status: 400, code: "AlreadyExistsException".to_owned(), message });
    }
    let mut identity = Identity::named(&*name).status("PENDING");
    if let Some(set) = configuration_set(write)? {
        identity = identity.configuration_set(&set);
    }
    if let Input::Json(input) = &write.call.input {
        let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let selector = input.get("DkimSigningAttributes").and_then(|dkim| text(dkim, "/DomainSigningSelector"));
        if let Some(selector) = selector {
            identity = identity.byodkim(&selector);
        }
        for tag in input.get("Tags").and_then(Value::as_array).into_iter().flatten() {
            identity = identity.tag(&text(tag, "/Key").unwrap_or_default(), &text(tag, "/Value").unwrap_or_default());
        }
    }
    write.region()?.put_identity(identity);
    let described = described(write, &name)?;
    let member = |name: &str| described.get(name).cloned().unwrap_or(Value::Null);
    Ok(json!({
        "IdentityType": member("IdentityType"),
        "VerifiedForSendingStatus": member("VerifiedForSendingStatus"),
        "DkimAttributes": member("DkimAttributes"),
    }))
}

/// VerifyEmailIdentity (v1): the mail with the link goes out, also a second time.
pub(super) fn verify_address(write: &mut Write<'_>) -> Result<(), Refusal> {
    let name = spelled(&write.required("EmailAddress")?)?;
    ask_again(write, Identity::email_address(name))
}

/// VerifyDomainIdentity (v1): proof by the `_amazonses` record, as long as nobody asks for DKIM.
pub(super) fn verify_domain(write: &mut Write<'_>) -> Result<String, Refusal> {
    let name = spelled(&write.required("Domain")?)?;
    ask_again(write, Identity::domain(name.clone()).legacy_txt())?;
    let key = write.key();
    let token = write.region()?.all_identities().get(&name).and_then(|identity| identity.verification_token(key));
    Ok(element("VerificationToken", &token.unwrap_or_default()))
}

/// VerifyDomainDkim (v1): Easy DKIM, also for a domain that was proved by its record alone. SES looks for the records of a domain
/// anew that it has given up.
pub(super) fn verify_domain_dkim(write: &mut Write<'_>) -> Result<String, Refusal> {
    let (name, key, now) = (spelled(&write.required("Domain")?)?, write.key(), write.world.now());
    let fresh = Identity::domain(name.clone());
    let region = write.region()?;
    let status = region.all_identities().get(&name).and_then(|identity| identity.told("/DkimAttributes/Status"));
    match status.as_deref() {
        None => region.put_identity(fresh.status("PENDING")),
        Some("NOT_STARTED" | "FAILED") => {
            let easy = fresh.described(key, now);
            let member = |pointer: &str| easy.pointer(pointer).cloned().unwrap_or(Value::Null);
            let asked = json!({ "DkimAttributes": {
                "Status": "PENDING",
                "Tokens": member("/DkimAttributes/Tokens"),
                "SigningHostedZone": member("/DkimAttributes/SigningHostedZone"),
                "CurrentSigningKeyLength": member("/DkimAttributes/CurrentSigningKeyLength"),
            } });
            region.change_identity(&name, |identity| match identity.verification_status.as_str() {
                "FAILED" | "NOT_STARTED" => identity.status("PENDING").details(&asked),
                _ => identity.details(&asked),
            });
        }
        Some(_) => {}
    }
    let described = described(write, &name)?;
    let tokens = described.pointer("/DkimAttributes/Tokens").and_then(Value::as_array).into_iter().flatten();
    let tokens: String = tokens.filter_map(Value::as_str).map(|token| element("member", token)).collect();
    Ok(format!("<DkimTokens>{tokens}</DkimTokens>"))
}

/// DeleteEmailIdentity, and DeleteIdentity (v1), which does not mind when there is none.
pub(super) fn delete(write: &mut Write<'_>) -> Result<(), Refusal> {
    let name = named(write)?;
    let removed = write.region()?.remove_identity(&name);
    if removed || write.call.service == Service::Ses { Ok(()) } else { Err(unknown(write, &name)) }
}

/// PutEmailIdentityMailFromAttributes and SetIdentityMailFromDomain (v1). No domain switches the custom one off. SES looks for the
/// records of a new domain anew.
pub(super) fn set_mail_from(write: &mut Write<'_>) -> Result<(), Refusal> {
    let name = named(write)?;
    let behavior = behavior(write)?;
    let domain = write.call.text("MailFromDomain").filter(|domain| !domain.is_empty()).map(str::to_lowercase);
    let host = name.rsplit('@').next().unwrap_or_default().to_lowercase();
    if let Some(domain) = domain.as_ref().filter(|domain| !domain.ends_with(&format!(".{host}"))) {
        return Err(Refusal::Invalid(format!(
            "Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{host}>."
        )));
    }
    change(write, &name, |identity| {
        let kept = identity.told("/MailFromAttributes/MailFromDomain") == domain;
        let status = identity.told("/MailFromAttributes/MailFromDomainStatus").filter(|_| kept);
        let status = domain.as_ref().map(|_| status.unwrap_or_else(|| "PENDING".to_owned()));
        identity.details(&json!({ "MailFromAttributes": {
            "MailFromDomain": domain,
            "MailFromDomainStatus": status,
            "BehaviorOnMxFailure": behavior,
        } }))
    })
}

/// PutEmailIdentityConfigurationSetAttributes. No name takes the default set away.
pub(super) fn set_configuration_set(write: &mut Write<'_>) -> Result<(), Refusal> {
    let (name, set) = (named(write)?, configuration_set(write)?);
    change(write, &name, |identity| identity.details(&json!({ "ConfigurationSetName": set })))
}

/// PutEmailIdentityDkimAttributes.
pub(super) fn switch_signing(write: &mut Write<'_>) -> Result<(), Refusal> {
    let (name, enabled) = (named(write)?, write.flag("SigningEnabled")?);
    change(write, &name, |identity| identity.details(&json!({ "DkimAttributes": { "SigningEnabled": enabled } })))
}

/// PutEmailIdentityFeedbackAttributes and SetIdentityFeedbackForwardingEnabled (v1), which "can only disable" it where both topics are set.
pub(super) fn switch_forwarding(write: &mut Write<'_>) -> Result<(), Refusal> {
    let name = named(write)?;
    let v1 = write.call.service == Service::Ses;
    let enabled = write.flag(if v1 { "ForwardingEnabled" } else { "EmailForwardingEnabled" })?;
    let topics = write.region()?.all_identities().get(&name).map(|identity| identity.topics.clone());
    if v1 && !enabled && topics.is_some_and(|topics| topics.bounce.is_none() || topics.complaint.is_none()) {
        return Err(Refusal::Invalid(format!("Identity <{name}> has no topic for bounces or none for complaints.")));
    }
    change(write, &name, |identity| identity.forwarding(enabled))
}

/// SetIdentityNotificationTopic (v1). No topic takes it away.
pub(super) fn set_topic(write: &mut Write<'_>) -> Result<(), Refusal> {
    let (name, kind) = (named(write)?, write.required("NotificationType")?);
    let topic = write.call.text("SnsTopic").filter(|topic| !topic.is_empty()).map(str::to_owned);
    let set = move |topics: &mut Topics| match kind.as_str() {
        "Bounce" => topics.bounce = topic,
        "Complaint" => topics.complaint = topic,
        _ => topics.delivery = topic,
    };
    if !["Bounce", "Complaint", "Delivery"].contains(&write.required("NotificationType")?.as_str()) {
        return Err(Refusal::Invalid("NotificationType must be Bounce, Complaint or Delivery.".to_owned()));
    }
    change(write, &name, |mut identity| {
        set(&mut identity.topics);
        identity
    })
}

/// A new identity waits for its owner; of an old one only what failed starts again.
fn ask_again(write: &mut Write<'_>, fresh: Identity) -> Result<(), Refusal> {
    let region = write.region()?;
    let status = region.all_identities().get(&fresh.name).map(|identity| identity.verification_status.clone());
    match status.as_deref() {
        None => region.put_identity(fresh.status("PENDING")),
        Some("FAILED" | "NOT_STARTED") => region.change_status(&fresh.name, "PENDING"),
        Some(_) => {}
    }
    Ok(())
}

fn change(write: &mut Write<'_>, name: &str, change: impl FnOnce(Identity) -> Identity) -> Result<(), Refusal> {
    if write.region()?.change_identity(name, change) { Ok(()) } else { Err(unknown(write, name)) }
}

/// The identity that a write is about, as either API names it.
fn named(write: &Write<'_>) -> Result<String, Refusal> {
    write.required(if write.call.service == Service::Ses { "Identity" } else { "EmailIdentity" })
}

fn unknown(write: &Write<'_>, name: &str) -> Refusal {
    if write.call.service == Service::Ses {
        return Refusal::Invalid(format!("Identity <{name}> does not exist."));
    }
    Refusal::NotFound(format!("Email identity {name} does not exist."))
}

fn described(write: &mut Write<'_>, name: &str) -> Result<Value, Refusal> {
    let (key, now) = (write.key(), write.world.now());
    let described = write.region()?.all_identities().get(name).map(|identity| identity.described(key, now));
    described.ok_or_else(|| unknown(write, name))
}

/// The configuration set that a write names, which must be there.
fn configuration_set(write: &mut Write<'_>) -> Result<Option<String>, Refusal> {
    let Some(name) = write.call.text("ConfigurationSetName").filter(|name| !name.is_empty()) else { return Ok(None) };
    if !write.region()?.all_configuration_sets().contains_key(name) {
        let missing = Refused::ConfigurationSetMissing(name.to_owned());
        return Err(missing.refusal(write.call.service, write.call.region()));
    }
    Ok(Some(name.to_owned()))
}

/// BehaviorOnMxFailure in the spelling of SES v2.
fn behavior(write: &Write<'_>) -> Result<&'static str, Refusal> {
    match write.call.text("BehaviorOnMxFailure").or(write.call.text("BehaviorOnMXFailure")) {
        None | Some("USE_DEFAULT_VALUE" | "UseDefaultValue") => Ok("USE_DEFAULT_VALUE"),
        Some("REJECT_MESSAGE" | "RejectMessage") => Ok("REJECT_MESSAGE"),
        Some(other) => Err(Refusal::Invalid(format!("Invalid behavior on MX failure {other}."))),
    }
}

/// An identity as SES keeps it: domains in lower case, local parts as they are.
fn spelled(name: &str) -> Result<String, Refusal> {
    let invalid = |why: &str| Refusal::Invalid(format!("Invalid email address or domain {name}: {why}."));
    if name.contains('@') {
        return Address::parse(name).map(|address| address.plain()).map_err(invalid);
    }
    let domain = Address::parse(&format!("postmaster@{name}")).map_err(invalid)?.domain;
    if domain.contains('.') { Ok(domain) } else { Err(invalid("a domain has a dot")) }
}
