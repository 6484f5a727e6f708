//! What the simulator makes of a mail, asked by sending it, and all of its reasons: each refusal is mended in the region and the
//! mail sent again, until it is taken.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::place::{Mail, Place, Someone};
use crate::support::stage::{KEY, MAIN};
use crate::support::{Aws, send};

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    Paused,
    SetMissing(String),
    SetPaused(String),
    MailFrom,
    /// Whether the sender is not verified, and the recipients that are not.
    NotVerified(bool, BTreeSet<String>),
    Quota,
}

/// Everything that the simulator has against a mail in a region, in its own order; more than these many rounds are no progress.
pub(super) fn all(aws: &Aws, region: &str, place: &Place, mail: &Mail) -> Vec<Refusal> {
    both_agree(aws, region, place, mail);
    let (mut place, mut refusals) = (place.clone(), Vec::new());
    while let Some(message) = once(aws, region, &place, mail) {
        let refusal = read(&message, mail);
        assert!(refusals.len() < 12, "no end of refusals: {refusals:?}\n{place}\n{mail:?}");
        mend(&mut place, &refusal, mail);
        refusals.push(refusal);
    }
    refusals
}

/// Sends it to the region as it is described.
fn once(aws: &Aws, region: &str, place: &Place, mail: &Mail) -> Option<String> {
    aws.world.change(|world| *world.region_mut(MAIN, region).unwrap() = place.region(region));
    v2(aws, region, mail)
}

/// Whether the other API says the same.
fn both_agree(aws: &Aws, region: &str, place: &Place, mail: &Mail) {
    let v2 = once(aws, region, place, mail);
    aws.world.change(|world| *world.region_mut(MAIN, region).unwrap() = place.region(region));
    assert_eq!(v1(aws, region, mail), v2, "both APIs have the same rules and words: {place}\n{mail:?}");
}

fn mend(place: &mut Place, refusal: &Refusal, mail: &Mail) {
    match refusal {
        Refusal::Paused => (place.enforcement, place.enabled) = ("HEALTHY", true),
        Refusal::SetMissing(name) => place.sets.push((name.clone(), true)),
        Refusal::SetPaused(name) => place.sets.iter_mut().filter(|set| set.0 == *name).for_each(|set| set.1 = true),
        Refusal::MailFrom => {
            place
                .people
                .iter_mut()
                .flat_map(|someone| &mut someone.mail_from)
                .for_each(|mail_from| mail_from.0 = "SUCCESS");
        }
        Refusal::NotVerified(sender, recipients) => {
            let sender = sender.then(|| mail.sender());
            for name in recipients.iter().cloned().chain(sender) {
                place.people.retain(|someone| someone.name != name);
                place.people.push(Someone::verified(&name));
            }
        }
        Refusal::Quota => place.limit = -1.0,
    }
}

/// The message of a refusal; none if it is taken.
fn v2(aws: &Aws, region: &str, mail: &Mail) -> Option<String> {
    let content = json!({ "Simple": { "Subject": { "Data": "Hello" }, "Body": { "Text": { "Data": "Hello" } } } });
    let mut body = json!({
        "FromEmailAddress": mail.sender(),
        "Destination": { "ToAddresses": mail.recipients() },
        "Content": content,
    });
    if let Some(set) = mail.set {
        body["ConfigurationSetName"] = json!(set);
    }
    let (status, body) = post(aws, region, "/v2/email/outbound-emails", body.to_string().as_bytes());
    let told: Value = serde_json::from_str(&body).unwrap();
    (status != 200).then(|| told["message"].as_str().unwrap_or_else(|| panic!("no message: {body}")).to_owned())
}

fn v1(aws: &Aws, region: &str, mail: &Mail) -> Option<String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "SendEmail").append_pair("Version", "2010-12-01").append_pair("Source", &mail.sender());
    for (number, recipient) in mail.recipients().iter().enumerate() {
        form.append_pair(&format!("Destination.ToAddresses.member.{}", number + 1), recipient);
    }
    if let Some(set) = mail.set {
        form.append_pair("ConfigurationSetName", set);
    }
    let (status, body) = post(aws, region, "/", form.finish().as_bytes());
    let between = |start, end| Some(body.split_once(start)?.1.split_once(end)?.0);
    let told = || between("<Message>", "</Message>").unwrap_or_else(|| panic!("no message: {body}"));
    (status != 200).then(|| told().replace("&lt;", "<").replace("&gt;", ">"))
}

/// The simulator reads key and region off the head, and no signature.
fn post(aws: &Aws, region: &str, path: &str, body: &[u8]) -> (u16, String) {
    let mut scope = String::new();
    let _ = write!(scope, "AWS4-HMAC-SHA256 Credential={KEY}/20261122/{region}/ses/aws4_request, Signature=0");
    let answer = send(aws.simulator.address(), "POST", path, &[("Authorization", &scope)], body);
    (answer.status, answer.text())
}

/// A refusal by its words.
fn read(message: &str, mail: &Mail) -> Refusal {
    if let Some(rest) = message.strip_prefix("Configuration set <") {
        return Refusal::SetMissing(rest.strip_suffix("> does not exist.").unwrap().to_owned());
    }
    if let Some(name) = message.strip_prefix("Sending is paused for configuration set ") {
        return Refusal::SetPaused(name.to_owned());
    }
    if let Some((_, names)) = message.split_once("failed the check in region ") {
        let names = names.split_once(": ").unwrap().1.split(", ").map(str::to_owned).collect::<BTreeSet<String>>();
        let sender = mail.sender();
        return Refusal::NotVerified(
            names.contains(&sender),
            names.into_iter().filter(|name| *name != sender).collect(),
        );
    }
    match message {
        _ if message.starts_with("Sending paused for this account.") => Refusal::Paused,
        "Mail-From domain is not verified" => Refusal::MailFrom,
        "Daily message quota exceeded." => Refusal::Quota,
        other => panic!("{other}: {mail:?}"),
    }
}
