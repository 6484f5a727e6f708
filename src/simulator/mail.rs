//! A message as one of the send operations brings it: whom it is from, whom it is for, and with which configuration set.
//!
//! Bodies, templates, attachments and tags are never looked at: they decide nothing here. ARNs of other people's identities are not
//! looked at either, so that delegated sending is refused unless the identity is one's own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address;

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// As they were written: From, Source, Sender and Return-Path, all of which SES checks
    /// (<https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>).
    pub(super) senders: Vec<String>,
    /// As they were written: To, Cc and Bcc.
    pub(super) recipients: Vec<String>,
    pub(super) configuration_set: Option<String>,
}

impl Message {
    /// The input of SendEmail of SES v2; `Err` says what it lacks.
    pub(super) fn of_v2(input: &Map<String, Value>) -> Result<Message, String> {
        let text = |member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
        let mut message = Message {
            senders: text("FromEmailAddress").into_iter().collect(),
            recipients: destination(input.get("Destination")),
            configuration_set: text("ConfigurationSetName"),
        };
        let content = input.get("Content").and_then(Value::as_object).ok_or("Content is required.")?;
        if let Some(raw) = content.get("Raw") {
            let data = raw.get("Data").and_then(Value::as_str).ok_or("Raw message data is required.")?;
            message.add_headers(data)?;
        } else if !["Simple", "Template"].iter().any(|kind| content.get(*kind).is_some_and(Value::is_object)) {
            return Err("Content must hold one of Simple, Raw and Template.".to_owned());
        }
        message.senders.extend(text("FeedbackForwardingEmailAddress"));
        Ok(message)
    }

    /// The input of SendEmail of SES v1.
    pub(super) fn of_v1(form: &BTreeMap<String, String>) -> Message {
        let kinds = ["ToAddresses", "CcAddresses", "BccAddresses"];
        Message {
            senders: ["Source", "ReturnPath"].iter().filter_map(|member| form.get(*member).cloned()).collect(),
            recipients: kinds.iter().flat_map(|kind| members(form, &format!("Destination.{kind}"))).collect(),
            configuration_set: form.get("ConfigurationSetName").cloned(),
        }
    }

    /// The input of SendRawEmail of SES v1; `Err` says what it lacks.
    pub(super) fn of_v1_raw(form: &BTreeMap<String, String>) -> Result<Message, String> {
        let mut message = Message {
            senders: form.get("Source").cloned().into_iter().collect(),
            recipients: members(form, "Destinations"),
            configuration_set: form.get("ConfigurationSetName").cloned(),
        };
        message.add_headers(form.get("RawMessage.Data").ok_or("Raw message data is required.")?)?;
        Ok(message)
    }

    /// What the headers of a raw message say beyond its envelope. Recipients count only where the envelope names none.
    fn add_headers(&mut self, base64: &str) -> Result<(), String> {
        let bytes = aws_smithy_types::base64::decode(base64.trim())
            .map_err(|_| "Raw message data is not in base64.".to_owned())?;
        let headers = headers(&String::from_utf8_lossy(&bytes));
        let addresses = |names: &[&str]| -> Vec<String> {
            let wanted = headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
            wanted.flat_map(|(_, value)| address::list(value)).collect()
        };
        for sender in addresses(&["from", "sender", "return-path"]) {
            if !self.senders.contains(&sender) {
                self.senders.push(sender);
            }
        }
        if self.recipients.is_empty() {
            self.recipients = addresses(&["to", "cc", "bcc"]);
        }
        if self.configuration_set.is_none() {
            let named = headers.iter().find(|(name, _)| name == "x-ses-configuration-set");
            self.configuration_set = named.map(|(_, value)| value.clone());
        }
        Ok(())
    }
}

fn destination(destination: Option<&Value>) -> Vec<String> {
    ["ToAddresses", "CcAddresses", "BccAddresses"]
        .iter()
        .filter_map(|kind| destination?.get(kind)?.as_array())
        .flatten()
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect()
}

/// `Destinations.member.1`, `Destinations.member.2` and so on, in that order.
fn members(form: &BTreeMap<String, String>, list: &str) -> Vec<String> {
    let prefix = format!("{list}.member.");
    let mut found: Vec<(u32, String)> = form
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.parse().ok()?, value.clone())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, value)| value).collect()
}

/// Names in lower case and values of the header section, folded lines made whole.
fn headers(message: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in message.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RAW: &str = "From: Shop <noreply@shop.example>\r\nReturn-Path: <bounces@shop.example>\r\nTo: a@x.example,\r\n \
                       b@x.example\r\nCC: c@x.example\r\nX-SES-CONFIGURATION-SET: main\r\n\r\nTo: nobody@x.example\r\n";

    fn object(value: Value) -> Map<String, Value> {
        if let Value::Object(object) = value { object } else { Map::new() }
    }

    fn form(members: &[(&str, &str)]) -> BTreeMap<String, String> {
        members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_simple_message_of_v2() {
        let input = json!({
            "FromEmailAddress": "noreply@shop.example", "FeedbackForwardingEmailAddress": "bounces@shop.example",
            "Destination": { "ToAddresses": ["a@x.example"], "CcAddresses": ["b@x.example"], "BccAddresses": ["c@x.example"] },
            "Content": { "Simple": {} }, "ConfigurationSetName": "main", "FromEmailAddressIdentityArn": "arn",
        });
        let message = Message::of_v2(&object(input)).expect("a message");
        assert_eq!(message.senders, ["noreply@shop.example", "bounces@shop.example"]);
        assert_eq!(message.recipients, ["a@x.example", "b@x.example", "c@x.example"]);
        assert_eq!(message.configuration_set.as_deref(), Some("main"));
    }

    #[test]
    fn the_headers_of_a_raw_message_count() {
        let data = aws_smithy_types::base64::encode(RAW);
        let v2 = Message::of_v2(&object(json!({ "Content": { "Raw": { "Data": data } } }))).expect("a message");
        assert_eq!(v2.senders, ["Shop <noreply@shop.example>", "<bounces@shop.example>"]);
        assert_eq!(v2.recipients, ["a@x.example", "b@x.example", "c@x.example"]);
        assert_eq!(v2.configuration_set.as_deref(), Some("main"));
        assert_eq!(Message::of_v1_raw(&form(&[("RawMessage.Data", &data)])), Ok(v2));
    }

    #[test]
    fn the_envelope_wins_over_the_headers_for_recipients_and_set() {
        let data = aws_smithy_types::base64::encode(RAW);
        let members = [
            ("RawMessage.Data", data.as_str()),
            ("Destinations.member.10", "j@x.example"),
            ("Destinations.member.2", "b@x.example"),
            ("Source", "other@shop.example"),
            ("ConfigurationSetName", "second"),
        ];
        let message = Message::of_v1_raw(&form(&members)).expect("a message");
        assert_eq!(message.recipients, ["b@x.example", "j@x.example"]);
        assert_eq!(message.senders.len(), 3, "{:?}", message.senders);
        assert_eq!(message.configuration_set.as_deref(), Some("second"));
    }

    #[test]
    fn a_message_of_v1() {
        let members = [
            ("Source", "noreply@shop.example"),
            ("ReturnPath", "bounces@shop.example"),
            ("Destination.BccAddresses.member.1", "c@x.example"),
            ("Destination.ToAddresses.member.1", "a@x.example"),
        ];
        let message = Message::of_v1(&form(&members));
        assert_eq!(message.senders, ["noreply@shop.example", "bounces@shop.example"]);
        assert_eq!(message.recipients, ["a@x.example", "c@x.example"]);
    }

    #[test]
    fn what_a_message_lacks_is_said() {
        for (input, part) in [
            (json!({}), "Content is required"),
            (json!({ "Content": {} }), "one of Simple, Raw and Template"),
            (json!({ "Content": { "Raw": {} } }), "data is required"),
            (json!({ "Content": { "Raw": { "Data": "%%%" } } }), "base64"),
        ] {
            let error = Message::of_v2(&object(input)).expect_err("a mistake");
            assert!(error.contains(part), "{error}");
        }
    }
}
