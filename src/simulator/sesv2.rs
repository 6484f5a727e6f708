//! The operations of Amazon SES v2 (REST and JSON, paths under `/v2/email/`).
//!
//! Each is a pure function of the region as it is. The two lists are served in both of their wire forms: POST
//! `/v2/email/list-identities` and `/v2/email/list-configuration-sets` (SDKs of late 2026), GET `/v2/email/identities` and
//! `/v2/email/configuration-sets` (before that). What changes something is in `writes`; a new read is a name in [`recognise`] and an
//! arm in [`answer`].

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::{Call, Input, decode_segment};
use super::chance;
use super::configuration_set::ConfigurationSet;
use super::door::Seen;
use super::identity::Identity;
use super::page::{self, Page, Wanted};
use super::writes;

/// The operations that only read.
pub(super) const OPERATIONS: [&str; 7] = [
    "GetAccount",
    "GetConfigurationSet",
    "GetConfigurationSetEventDestinations",
    "GetEmailIdentity",
    "GetSuppressedDestination",
    "ListConfigurationSets",
    "ListEmailIdentities",
];

/// SES does not document its default page size; a small one makes clients page.
const DEFAULT_PAGE: u64 = 100;
/// "The value you specify has to be at least 0, and can be no more than 1000" (ListEmailIdentities, PageSize). No limit is documented for
/// ListConfigurationSets; here it has the same.
const LARGEST_PAGE: u64 = 1000;

/// An operation, as a method and path say it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) operation: &'static str,
    /// What the path names: the member of the operation's input, and its value.
    pub(super) named: Option<(&'static str, String)>,
}

impl Recognised {
    pub(super) fn plain(operation: &'static str) -> Recognised {
        Recognised { operation, named: None }
    }

    pub(super) fn naming(operation: &'static str, member: &'static str, segment: &str) -> Recognised {
        Recognised { operation, named: Some((member, decode_segment(segment))) }
    }
}

/// The operation of a method and path, and what the path names.
pub(super) fn recognise(method: &Method, path: &str) -> Option<Recognised> {
    let rest = path.strip_prefix("/v2/email/")?.trim_end_matches('/');
    let segments: Vec<&str> = rest.split('/').collect();
    match (method, segments.as_slice()) {
        (&Method::GET, ["account"]) => Some(Recognised::plain("GetAccount")),
        (&Method::GET, ["identities"]) | (&Method::POST, ["list-identities"]) => {
            Some(Recognised::plain("ListEmailIdentities"))
        }
        (&Method::GET, ["configuration-sets"]) | (&Method::POST, ["list-configuration-sets"]) => {
            Some(Recognised::plain("ListConfigurationSets"))
        }
        (&Method::GET, ["identities", name]) => Some(Recognised::naming("GetEmailIdentity", "EmailIdentity", name)),
        (&Method::GET, ["configuration-sets", name]) => {
            Some(Recognised::naming("GetConfigurationSet", "ConfigurationSetName", name))
        }
        (&Method::GET, ["configuration-sets", name, "event-destinations"]) => {
            Some(Recognised::naming("GetConfigurationSetEventDestinations", "ConfigurationSetName", name))
        }
        (&Method::GET, ["suppression", "addresses", address]) => {
            Some(Recognised::naming("GetSuppressedDestination", "EmailAddress", address))
        }
        (method, segments) => writes::recognise(method, segments),
    }
}

/// Answers one operation.
pub(super) fn answer(operation: &str, call: &Call, seen: &Seen) -> Result<Answer, Refusal> {
    let body = match operation {
        "GetAccount" => seen.region.account_answer(seen.key, seen.now),
        "GetConfigurationSet" => configuration_set(call, seen)?.described(),
        "GetConfigurationSetEventDestinations" => configuration_set(call, seen)?.destinations(),
        "GetEmailIdentity" => get_email_identity(call, seen)?,
        "GetSuppressedDestination" => get_suppressed_destination(call, seen)?,
        "ListConfigurationSets" => list_configuration_sets(call, seen)?,
        "ListEmailIdentities" => list_email_identities(call, seen)?,
        other => return Err(Refusal::UnknownOperation(other.to_owned())),
    };
    Ok(Answer::json(200, &body))
}

fn get_email_identity(call: &Call, seen: &Seen) -> Result<Value, Refusal> {
    let name = call.text("EmailIdentity").unwrap_or_default();
    let identity = seen.region.all_identities().get(name);
    let identity = identity.ok_or_else(|| Refusal::NotFound(format!("Email identity {name} does not exist.")))?;
    Ok(identity.described(seen.key, seen.now))
}

fn get_suppressed_destination(call: &Call, seen: &Seen) -> Result<Value, Refusal> {
    let address = call.text("EmailAddress").unwrap_or_default();
    let found = seen.region.suppression_of(address);
    Ok(found.ok_or_else(|| writes::suppression::not_listed(address))?.described())
}

fn configuration_set<'a>(call: &Call, seen: &'a Seen) -> Result<&'a ConfigurationSet, Refusal> {
    let name = call.text("ConfigurationSetName").unwrap_or_default();
    let set = seen.region.all_configuration_sets().get(name);
    set.ok_or_else(|| Refusal::NotFound(format!("Configuration set <{name}> does not exist.")))
}

fn list_email_identities(call: &Call, seen: &Seen) -> Result<Value, Refusal> {
    let filter = Filter::read(call, &["IDENTITY_NAME_CONTAINS", "IDENTITY_TYPE", "VERIFICATION_STATUS"])?;
    let keep = |_: &str, identity: &Identity| filter.keeps(identity);
    let page = page(call, seen, seen.region.all_identities(), seen.key, keep)?;
    Ok(list("EmailIdentities", page, |_, identity| identity.listed()))
}

fn list_configuration_sets(call: &Call, seen: &Seen) -> Result<Value, Refusal> {
    let filter = Filter::read(call, &["CONFIGURATION_SET_NAME_CONTAINS"])?;
    let keep = |name: &str, _: &ConfigurationSet| filter.0.iter().all(|(_, part)| name.contains(part));
    // A token of one list does not open the other.
    let key = chance::hash(seen.key, &["configuration sets"]);
    let page = page(call, seen, seen.region.all_configuration_sets(), key, keep)?;
    Ok(list("ConfigurationSets", page, |name, _| json!(name)))
}

/// The page that a call wants of either list.
fn page<'a, T>(
    call: &Call,
    seen: &Seen,
    all: &'a BTreeMap<String, T>,
    key: u64,
    keep: impl Fn(&str, &T) -> bool,
) -> Result<Page<'a, T>, Refusal> {
    let size = match call.number("PageSize") {
        Ok(None | Some(0)) => DEFAULT_PAGE,
        Ok(Some(size)) if size <= LARGEST_PAGE => size,
        _ => return Err(Refusal::Invalid(format!("PageSize must be a number from 0 to {LARGEST_PAGE}."))),
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let wanted = Wanted { token: call.text("NextToken"), size, key, endless: seen.endless_paging };
    page::cut(all, &wanted, keep).ok_or_else(|| Refusal::Invalid("The provided NextToken is not valid.".to_owned()))
}

/// The answer of either list.
fn list<T>(member: &str, page: Page<'_, T>, tell: impl Fn(&str, &T) -> Value) -> Value {
    let listed: Vec<Value> = page.items.iter().map(|(name, item)| tell(name, item)).collect();
    let mut body = json!({ member: listed });
    if let (Some(token), Value::Object(body)) = (page.next_token, &mut body) {
        body.insert("NextToken".to_owned(), Value::String(token));
    }
    body
}

/// The Filter of the newer wire form: every condition must hold.
struct Filter(Vec<(String, String)>);

impl Filter {
    fn read(call: &Call, allowed: &[&str]) -> Result<Filter, Refusal> {
        let Input::Json(members) = &call.input else {
            return Err(Refusal::Invalid("The body is not a JSON object.".to_owned()));
        };
        let conditions = members.get("Filter").and_then(Value::as_object).into_iter().flatten();
        conditions
            .map(|(key, value)| match value.as_str() {
                Some(value) if allowed.contains(&key.as_str()) => Ok((key.clone(), value.to_owned())),
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
    fn both_wire_forms_of_a_list_are_one_operation() {
        for (old, new, operation) in [
            ("identities", "list-identities", "ListEmailIdentities"),
            ("configuration-sets", "list-configuration-sets", "ListConfigurationSets"),
        ] {
            let old = format!("/v2/email/{old}");
            assert_eq!(recognise(&Method::GET, &old), Some(Recognised::plain(operation)));
            assert_eq!(recognise(&Method::POST, &format!("/v2/email/{new}")), Some(Recognised::plain(operation)));
            let created = recognise(&Method::POST, &old).map(|recognised| recognised.operation);
            assert!(created.is_some_and(|name| name.starts_with("Create")), "that would create one: {created:?}");
        }
    }

    #[test]
    fn an_identity_is_named_in_the_path() {
        let expected = Recognised::naming("GetEmailIdentity", "EmailIdentity", "a%2Bb%40shop.example");
        assert_eq!(recognise(&Method::GET, "/v2/email/identities/a%2Bb%40shop.example"), Some(expected));
        assert_eq!(recognise(&Method::GET, "/v2/email/identities/shop.example/policies"), None);
    }

    #[test]
    fn a_configuration_set_is_named_in_the_path() {
        let named = |operation| Some(Recognised::naming(operation, "ConfigurationSetName", "main"));
        assert_eq!(recognise(&Method::GET, "/v2/email/configuration-sets/main"), named("GetConfigurationSet"));
        let destinations = recognise(&Method::GET, "/v2/email/configuration-sets/main/event-destinations");
        assert_eq!(destinations, named("GetConfigurationSetEventDestinations"));
        let switch = recognise(&Method::PUT, "/v2/email/configuration-sets/main/sending");
        assert_eq!(switch, named("PutConfigurationSetSendingOptions"));
    }
}
