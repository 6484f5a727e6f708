//! What a request says: which API, which operation, whose key, in which region, with which input.
//!
//! The account comes from the access key and the region from the credential scope of the SigV4 `Authorization` header. Signatures
//! are **not** verified: any secret will do.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::{Map, Value};

use super::journal::Service;
use super::{neighbours, ses, sesv2, sts, writes};

/// A request, read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) service: Service,
    /// The operation, if the simulator knows it.
    pub(super) operation: Option<&'static str>,
    /// What the client asked for, known or not.
    pub(super) asked: String,
    pub(super) credential: Option<Credential>,
    /// `X-Amz-Security-Token`.
    pub(super) token: Option<String>,
    pub(super) input: Input,
}

/// The scope of a credential: `AKIA…/20261122/eu-west-1/ses/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) key: String,
    pub(super) region: String,
    pub(super) service: String,
}

/// The input of an operation.
#[derive(Debug)]
pub(super) enum Input {
    /// Of an API that speaks JSON: the members of the input structure, wherever on the wire they were.
    Json(Map<String, Value>),
    /// SES v1 and STS.
    Form(BTreeMap<String, String>),
    /// The body was not what its API asks for.
    Unreadable,
}

impl Input {
    /// The members of a JSON body, and those that stood elsewhere.
    fn of_json(body: &Bytes, mut members: Map<String, Value>) -> Input {
        if body.is_empty() {
            return Input::Json(members);
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Input::Unreadable };
        members.extend(body);
        Input::Json(members)
    }
}

impl Call {
    /// Reads a request.
    pub(super) fn read(parts: &Parts, body: &Bytes) -> Call {
        let credential = header(parts, "authorization").and_then(|value| Credential::parse(&value));
        let token = header(parts, "x-amz-security-token");
        if parts.uri.path().starts_with("/v2/") {
            return Call::read_v2(parts, body, credential, token);
        }
        let scope = credential.as_ref().map_or("", |credential| credential.service.as_str());
        if let Some((service, asked)) = neighbours::recognise(scope, parts) {
            let known = neighbours::OPERATIONS.iter().find(|(name, of)| *name == asked && *of == service);
            let (operation, input) = (known.map(|(name, _)| *name), Input::of_json(body, Map::new()));
            return Call { service, operation, asked, credential, token, input };
        }
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(query).into_owned().chain(form_urlencoded::parse(body).into_owned()).collect();
        let asked = form.get("Action").cloned().unwrap_or_default();
        let sts = match &credential {
            Some(credential) => credential.service == "sts",
            None => form.get("Version").is_some_and(|version| version == "2011-06-15"),
        };
        let (service, reads, writes): (_, &[&'static str], &[&'static str]) =
            if sts { (Service::Sts, &sts::OPERATIONS, &[]) } else { (Service::Ses, &ses::OPERATIONS, &writes::SES) };
        let operation = reads.iter().chain(writes).copied().find(|name| *name == asked);
        Call { service, operation, asked, credential, token, input: Input::Form(form) }
    }

    fn read_v2(parts: &Parts, body: &Bytes, credential: Option<Credential>, token: Option<String>) -> Call {
        let path = parts.uri.path();
        let asked = format!("{} {path}", parts.method);
        let recognised = sesv2::recognise(&parts.method, path);
        let operation = recognised.as_ref().map(|recognised| recognised.operation);
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            members.insert(name.into_owned(), Value::String(value.into_owned()));
        }
        if let Some((member, name)) = recognised.and_then(|recognised| recognised.named) {
            members.insert(member.to_owned(), Value::String(name));
        }
        let input = Input::of_json(body, members);
        Call { service: Service::SesV2, operation, asked, credential, token, input }
    }

    /// The region of the credential scope.
    pub(super) fn region(&self) -> &str {
        self.credential.as_ref().map_or("", |credential| &credential.region)
    }

    /// A text member of the input.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        match &self.input {
            Input::Json(members) => members.get(member).and_then(Value::as_str),
            Input::Form(form) => form.get(member).map(String::as_str),
            Input::Unreadable => None,
        }
    }

    /// A whole number of the input: a JSON number or digits in a query string. `Err` is something else.
    pub(super) fn number(&self, member: &str) -> Result<Option<u64>, ()> {
        if let Input::Json(members) = &self.input
            && let Some(Value::Number(number)) = members.get(member)
        {
            return number.as_u64().map(Some).ok_or(());
        }
        self.text(member).map(str::parse).transpose().map_err(|_| ())
    }

    /// A boolean of the input: a JSON boolean or its word. `Err` is something else.
    pub(super) fn flag(&self, member: &str) -> Result<Option<bool>, ()> {
        if let Input::Json(members) = &self.input
            && let Some(value) = members.get(member).filter(|value| !value.is_null())
        {
            return value.as_bool().map(Some).ok_or(());
        }
        self.text(member).map(str::parse).transpose().map_err(|_| ())
    }

    /// What the operation is about, for the log: a role, an identity, an address of the suppression list or a configuration set.
    pub(super) fn subject(&self) -> Option<String> {
        ["RoleArn", "EmailIdentity", "Identity", "EmailAddress", "Domain", "ConfigurationSetName"]
            .iter()
            .find_map(|member| self.text(member))
            .map(str::to_owned)
    }
}

impl Credential {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…`.
    fn parse(header: &str) -> Option<Credential> {
        let (_, rest) = header.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
        let scope = rest.split([',', ' ']).next()?;
        let mut parts = scope.split('/');
        let key = parts.next()?.to_owned();
        let (_date, region, service) = (parts.next()?, parts.next()?, parts.next()?);
        (parts.next()? == "aws4_request").then(|| Credential {
            key,
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    parts.headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Undoes percent-encoding in a path segment. Unlike in a form, `+` stands for itself: it occurs in addresses.
pub(super) fn decode_segment(segment: &str) -> String {
    let kept = segment.replace('+', "%2B");
    form_urlencoded::parse(kept.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_says_key_region_and_service() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKIA1/20261122/eu-west-1/ses/aws4_request, SignedHeaders=host, Signature=00";
        let credential = Credential::parse(header);
        let expected =
            Credential { key: "AKIA1".to_owned(), region: "eu-west-1".to_owned(), service: "ses".to_owned() };
        assert_eq!(credential, Some(expected));
        assert_eq!(Credential::parse("Bearer abc"), None);
        assert_eq!(Credential::parse("AWS4-HMAC-SHA256 Credential=AKIA1/20261122"), None);
    }

    #[test]
    fn segments_keep_their_plus_signs() {
        assert_eq!(decode_segment("noreply+eu%40shop.example"), "noreply+eu@shop.example");
    }
}
