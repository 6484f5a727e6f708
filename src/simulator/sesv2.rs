//! The operations of Amazon SES v2 (REST and JSON, paths under `/v2/email/`).
//!
//! Each is a pure function of the region as it is. ListEmailIdentities is served in both of its wire forms: POST
//! `/v2/email/list-identities` (SDKs of late 2026) and GET `/v2/email/identities` (before that). Configuration sets and writes are not
//! simulated; a new operation is a name in [`recognise`] and an arm in [`answer`].

use hyper::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::{Call, Input, decode_segment};
use super::door::Seen;
use super::identity::Identity;
use super::page::{self, Wanted};

/// The operations.
pub(super) const OPERATIONS: [&str; 3] = ["GetAccount", "GetEmailIdentity", "ListEmailIdentities"];

/// SES does not document its default page size; a small one makes clients page.
const DEFAULT_PAGE: u64 = 100;
/// "The value you specify has to be at least 0, and can be no more than 1000" (ListEmailIdentities, PageSize).
const LARGEST_PAGE: u64 = 1000;

/// The operation of a method and path, and the identity that the path names.
pub(super) fn recognise(method: &Method, path: &str) -> Option<(&'static str, Option<String>)> {
    let rest = path.strip_prefix("/v2/email/")?.trim_end_matches('/');
    match (method, rest) {
        (&Method::GET, "account") => Some(("GetAccount", None)),
        (&Method::GET, "identities") | (&Method::POST, "list-identities") => Some(("ListEmailIdentities", None)),
        (&Method::GET, _) => {
            let name = rest.strip_prefix("identities/").filter(|name| !name.contains('/'))?;
            Some(("GetEmailIdentity", Some(decode_segment(name))))
        }
        _ => None,
    }
}

/// Answers one operation.
pub(super) fn answer(operation: &str, call: &Call, seen: &Seen) -> Result<Answer, Refusal> {
    match operation {
        "GetAccount" => Ok(Answer::json(200, &seen.region.account_answer(seen.key, seen.now))),
        "GetEmailIdentity" => get_email_identity(call, seen),
        "ListEmailIdentities" => list_email_identities(call, seen),
        other => Err(Refusal::UnknownOperation(other.to_owned())),
    }
}

fn get_email_identity(call: &Call, seen: &Seen) -> Result<Answer, Refusal> {
    let name = call.text("EmailIdentity").unwrap_or_default();
    let identity = seen.region.all_identities().get(name);
    let identity = identity.ok_or_else(|| Refusal::NotFound(format!("Email identity {name} does not exist.")))?;
    Ok(Answer::json(200, &identity.described(seen.key, seen.now)))
}

fn list_email_identities(call: &Call, seen: &Seen) -> Result<Answer, Refusal> {
    let size = match call.number("PageSize") {
        Ok(None | Some(0)) => DEFAULT_PAGE,
        Ok(Some(size)) if size <= LARGEST_PAGE => size,
        _ => return Err(Refusal::Invalid(format!("PageSize must be a number from 0 to {LARGEST_PAGE}."))),
    };
    let filter = Filter::read(call)?;
    let wanted = Wanted {
        token: call.text("NextToken"),
        size: usize::try_from(size).unwrap_or(usize::MAX),
        key: seen.key,
        endless: seen.endless_paging,
    };
    let page = page::cut(&seen.region, &wanted, |identity| filter.keeps(identity));
    let page = page.ok_or_else(|| Refusal::Invalid("The provided NextToken is not valid.".to_owned()))?;
    let listed: Vec<Value> = page.identities.iter().map(|identity| identity.listed()).collect();
    let mut body = json!({ "EmailIdentities": listed });
    if let (Some(token), Value::Object(body)) = (page.next_token, &mut body) {
        body.insert("NextToken".to_owned(), Value::String(token));
    }
    Ok(Answer::json(200, &body))
}

/// The Filter of the newer wire form: every condition must hold.
struct Filter(Vec<(String, String)>);

impl Filter {
    fn read(call: &Call) -> Result<Filter, Refusal> {
        let Input::Json(members) = &call.input else {
            return Err(Refusal::Invalid("The body is not a JSON object.".to_owned()));
        };
        let conditions = members.get("Filter").and_then(Value::as_object).into_iter().flatten();
        conditions
            .map(|(key, value)| match (key.as_str(), value.as_str()) {
                ("IDENTITY_NAME_CONTAINS" | "IDENTITY_TYPE" | "VERIFICATION_STATUS", Some(value)) => {
                    Ok((key.clone(), value.to_owned()))
                }
                _ => Err(Refusal::Invalid(format!("The filter {key} is not valid."))),
            })
            .collect::<Result<_, _>>()
            .map(Filter)
    }

    fn keeps(&self, identity: &Identity) -> bool {
        self.0.iter().all(|(key, value)| match key.as_str() {
            "IDENTITY_NAME_CONTAINS" => identity.name.contains(value),
            "IDENTITY_TYPE" => identity.identity_type == *value,
            _ => identity.verification_status == *value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_wire_forms_of_the_list_are_one_operation() {
        let old = recognise(&Method::GET, "/v2/email/identities");
        assert_eq!(old, recognise(&Method::POST, "/v2/email/list-identities"));
        assert_eq!(old, Some(("ListEmailIdentities", None)));
        assert_eq!(recognise(&Method::POST, "/v2/email/identities"), None, "that would be CreateEmailIdentity");
    }

    #[test]
    fn an_identity_is_named_in_the_path() {
        let expected = Some(("GetEmailIdentity", Some("a+b@shop.example".to_owned())));
        assert_eq!(recognise(&Method::GET, "/v2/email/identities/a%2Bb%40shop.example"), expected);
        assert_eq!(recognise(&Method::GET, "/v2/email/identities/shop.example/policies"), None);
    }
}
