//! The send operations: what the rules of `send` make of a message, and what becomes of it then.
//!
//! Nothing is delivered to anybody: a message that is taken is counted and gone.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::{self, Refusal, element};
use super::super::call::Input;
use super::super::mail::Message;
use super::super::send::{self, State};
use super::Write;

/// SendEmail of SES v2.
pub(super) fn send_v2(write: &mut Write<'_>) -> Result<Value, Refusal> {
    let Input::Json(members) = &write.call.input else { return Err(unreadable()) };
    let message = Message::of_v2(members).map_err(Refusal::Invalid)?;
    Ok(json!({ "MessageId": send(write, &message)? }))
}

/// SendEmail of SES v1.
pub(super) fn send_v1(write: &mut Write<'_>) -> Result<String, Refusal> {
    let Input::Form(form) = &write.call.input else { return Err(unreadable()) };
    let message = Message::of_v1(form);
    Ok(element("MessageId", &send(write, &message)?))
}

/// SendRawEmail of SES v1.
pub(super) fn send_raw_v1(write: &mut Write<'_>) -> Result<String, Refusal> {
    let Input::Form(form) = &write.call.input else { return Err(unreadable()) };
    let message = Message::of_v1_raw(form).map_err(Refusal::Invalid)?;
    Ok(element("MessageId", &send(write, &message)?))
}

/// Takes a message, and answers its id.
fn send(write: &mut Write<'_>, message: &Message) -> Result<String, Refusal> {
    let (name, now, at) = (write.call.region(), write.world.now(), Instant::now());
    let told = write.world.region_as_told(write.account, name).map_err(|_| Refusal::InvalidToken)?;
    let rate = send::number(&told, "/SendQuota/MaxSendRate");
    let sent = told.account_answer(write.key(), now).pointer("/SendQuota/SentLast24Hours").and_then(Value::as_f64);
    let rate_left = write.world.mail_limiter.has_left(write.account, name, rate, at);
    let state = State { region: &told, sent_last_24_hours: sent.unwrap_or(0.0), rate_left };
    let accepted = send::judge(state, message).map_err(|refused| refused.refusal(write.call.service, name))?;
    write.world.mail_limiter.take(write.account, name, rate, accepted.recipients, at);
    write.region()?.post(accepted.posted, now);
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    // The form of `0102018f2b6c0d4e-8c6f2a1e-…-000000`: four digits of the region, a time, a UUID, a count.
    Ok(format!("0102{millis:012x}-{}-000000", answer::request_id()))
}

fn unreadable() -> Refusal {
    Refusal::Invalid("The body cannot be read.".to_owned())
}
