//! Two services beside SES to which the owner of an account is sent: Service Quotas tells the quotas of SES and their codes, Account
//! Management tells whether a region is switched on.
//!
//! They are asked by the access key of the account and answer from the same world. They change nothing: what AWS grants is granted by
//! [`super::people`].

use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::geography::REGIONS_BY_DEFAULT;
use super::journal::Service;
use super::world::World;

/// The operations, each with its service.
pub(super) const OPERATIONS: [(&str, Service); 2] =
    [("GetRegionOptStatus", Service::AccountManagement), ("ListServiceQuotas", Service::ServiceQuotas)];

/// Their service and what is asked of it, if a request is for one of them: by the name in the credential scope, and by the path or the
/// header `X-Amz-Target`.
pub(super) fn recognise(scope: &str, parts: &Parts) -> Option<(Service, String)> {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    match scope {
        "account" => Some((Service::AccountManagement, capitalised(parts.uri.path().trim_start_matches('/')))),
        "servicequotas" => Some((Service::ServiceQuotas, target.rsplit('.').next().unwrap_or_default().to_owned())),
        _ => None,
    }
}

/// Answers one operation about an account.
pub(super) fn answer(operation: &str, call: &Call, account: &str, world: &World) -> Result<Answer, Refusal> {
    match operation {
        "GetRegionOptStatus" => region_opt_status(call, account, world),
        "ListServiceQuotas" => quotas(call, account, world),
        other => Err(Refusal::UnknownOperation(other.to_owned())),
    }
}

fn region_opt_status(call: &Call, account: &str, world: &World) -> Result<Answer, Refusal> {
    let name = call.text("RegionName").ok_or_else(|| Refusal::Invalid("RegionName is required.".to_owned()))?;
    let enabled =
        world.region(account, name).map_err(|_| Refusal::Invalid(format!("There is no region {name}.")))?.enabled;
    let status = match (REGIONS_BY_DEFAULT.contains(&name), enabled) {
        (true, _) => "ENABLED_BY_DEFAULT",
        (false, true) => "ENABLED",
        (false, false) => "DISABLED",
    };
    Ok(Answer::json(200, &json!({ "RegionName": name, "RegionOptStatus": status })))
}

/// The two quotas of SES, by the codes that Service Quotas has for them.
fn quotas(call: &Call, account: &str, world: &World) -> Result<Answer, Refusal> {
    if call.text("ServiceCode") != Some("ses") {
        return Err(Refusal::NotFound("The service is not known to the simulator".to_owned()));
    }
    let region = world.region(account, call.region()).map_err(|_| Refusal::InvalidToken)?;
    let quota = |code: &str, name: &str, member: &str| {
        let value = region.account().pointer(&format!("/SendQuota/{member}")).cloned().unwrap_or(Value::Null);
        json!({
            "ServiceCode": "ses",
            "ServiceName": "Amazon Simple Email Service (Amazon SES)",
            "QuotaArn": format!("arn:aws:servicequotas:{}:{account}:ses/{code}", call.region()),
            "QuotaCode": code,
            "QuotaName": name,
            "Value": value,
            "Unit": "None",
            "Adjustable": true,
            "GlobalQuota": false,
        })
    };
    let quotas =
        [quota("L-804C8AE8", "Sending quota", "Max24HourSend"), quota("L-CDEF9B6B", "Sending rate", "MaxSendRate")];
    Ok(Answer::json(200, &json!({ "Quotas": quotas })))
}

/// `getRegionOptStatus` as the operation is called.
fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at_checked(1).unwrap_or((name, ""));
    first.to_uppercase() + rest
}
