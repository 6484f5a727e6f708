//! What is answered instead of the truth while a fault is in force.

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::journal::Service;
use super::sts::Caller;
use super::trouble::Trouble;

/// The answer that replaces the healthy one; `None` for faults that spoil only how that one is sent.
pub(super) fn instead(trouble: &Trouble, call: &Call, caller: &Caller, request_id: &str) -> Option<Answer> {
    let refusal = match trouble {
        Trouble::Throttle => Refusal::Throttled,
        Trouble::Deny => {
            let why = format!("because no identity-based policy allows the {} action", action(call));
            denied(call, caller, &why)
        }
        Trouble::DenyByServiceControlPolicy => {
            denied(call, caller, "with an explicit deny in a service control policy")
        }
        Trouble::RegionDisabled => Refusal::InvalidToken,
        Trouble::ExpiredToken => Refusal::ExpiredToken,
        Trouble::RequestTimeTooSkewed => Refusal::Skewed,
        Trouble::Refuse { status, code, message } => {
            Refusal::Other { status: *status, code: code.clone(), message: message.clone() }
        }
        Trouble::ServerError { status } => {
            return Some(Answer::html(*status, "<html><body>Try again later.</body></html>"));
        }
        Trouble::Html => {
            return Some(Answer::html(200, "<html><body>Please log in to the guest network.</body></html>"));
        }
        Trouble::InvalidJson => return Some(broken_off(call)),
        Trouble::EmptyObject => return Some(empty(call, request_id)),
        // Nothing of it will be sent.
        Trouble::Hang | Trouble::Reset => return Some(Answer::html(200, "")),
        Trouble::HangInBody
        | Trouble::Drip { .. }
        | Trouble::HugeBody { .. }
        | Trouble::Slow { .. }
        | Trouble::EndlessPaging
        | Trouble::ClockSkew { .. } => return None,
    };
    Some(refusal.answer(call.service, request_id))
}

/// "User: … is not authorized to perform: ses:GetAccount on resource: * because …", the text of IAM.
fn denied(call: &Call, caller: &Caller, why: &str) -> Refusal {
    let resource = call.text("RoleArn").unwrap_or("*");
    let (user, action) = (&caller.arn, action(call));
    Refusal::Denied(format!("User: {user} is not authorized to perform: {action} on resource: {resource} {why}"))
}

/// `ses:GetAccount`: both APIs of SES share one prefix.
fn action(call: &Call) -> String {
    let prefix = match call.service {
        Service::Ses | Service::SesV2 => "ses",
        Service::Sts => "sts",
        Service::ServiceQuotas => "servicequotas",
        Service::AccountManagement => "account",
    };
    format!("{prefix}:{}", call.operation.unwrap_or("Unknown"))
}

fn broken_off(call: &Call) -> Answer {
    match call.service {
        service if service.speaks_json() => {
            Answer { body: "{\"SendQuota\":{\"Max24Ho".into(), ..Answer::json(200, &serde_json::Value::Null) }
        }
        _ => Answer::xml(200, "<Response><Resu".to_owned()),
    }
}

fn empty(call: &Call, request_id: &str) -> Answer {
    match call.service {
        service if service.speaks_json() => Answer::json(200, &serde_json::json!({})),
        service => Answer::result(service, call.operation.unwrap_or("Unknown"), "", request_id),
    }
}
