//! Answers and refusals, in the shapes of the APIs.
//!
//! SES v2 speaks JSON and names an error in the header `x-amzn-ErrorType`; SES v1 and STS speak XML with an `ErrorResponse`. The codes
//! and texts are those of public threads that quote real answers (django-ses#283, aws-sdk-php#941, amazon-ses-developer-guide#60) and of
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html>. It decides nothing: who is refused is decided elsewhere.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::journal::Service;

/// An answer before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// The value of `x-amzn-ErrorType`.
    pub(super) error_type: Option<String>,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Answer {
        Answer { status, content_type: "application/json", error_type: None, body: body.to_string().into() }
    }

    pub(super) fn html(status: u16, body: &str) -> Answer {
        Answer { status, content_type: "text/html", error_type: None, body: body.to_owned().into() }
    }

    pub(super) fn xml(status: u16, body: String) -> Answer {
        Answer { status, content_type: "text/xml", error_type: None, body: body.into() }
    }

    /// The answer of an operation of SES v1 or STS: `inner` in its two wrappers. `inner` is XML already.
    pub(super) fn result(service: Service, operation: &str, inner: &str, request_id: &str) -> Answer {
        let xmlns = namespace(service);
        Answer::xml(
            200,
            format!(
                "<{operation}Response xmlns=\"{xmlns}\"><{operation}Result>{inner}</{operation}Result>\
                 <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
            ),
        )
    }
}

/// Why AWS would not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No `Authorization` header that can be read.
    MissingToken,
    /// A key that nobody knows, or a region that its account has not enabled: AWS does not tell them apart.
    InvalidToken,
    ExpiredToken,
    /// The client's clock is off.
    Skewed,
    Throttled,
    Denied(String),
    UnknownOperation(String),
    /// A parameter is wrong.
    Invalid(String),
    NotFound(String),
    Other {
        status: u16,
        code: String,
        message: String,
    },
}

impl Refusal {
    /// The refusal in the shape of its API.
    pub(super) fn answer(&self, service: Service, request_id: &str) -> Answer {
        let (status, code, message) = (self.status(service), self.code(service), self.message(service));
        if service.speaks_json() {
            // An error without a text says null, which the command line shows as "None" (aws-cli#6652).
            let message = if message.is_empty() { Value::Null } else { Value::String(message) };
            return Answer { error_type: Some(code), ..Answer::json(status, &json!({ "message": message })) };
        }
        let (xmlns, kind) = (namespace(service), if status < 500 { "Sender" } else { "Receiver" });
        let (code, message) = (escape(&code), escape(&message));
        Answer::xml(
            status,
            format!(
                "<ErrorResponse xmlns=\"{xmlns}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            ),
        )
    }

    fn status(&self, service: Service) -> u16 {
        match self {
            Refusal::Throttled if service.speaks_json() => 429,
            Refusal::UnknownOperation(_) if service.speaks_json() => 404,
            Refusal::Throttled | Refusal::UnknownOperation(_) | Refusal::Invalid(_) => 400,
            Refusal::NotFound(_) => 404,
            Refusal::Other { status, .. } => *status,
            _ => 403,
        }
    }

    fn code(&self, service: Service) -> String {
        let (v2, v1) = match self {
            Refusal::MissingToken => ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
            Refusal::InvalidToken => ("UnrecognizedClientException", "InvalidClientTokenId"),
            Refusal::ExpiredToken => ("ExpiredTokenException", "ExpiredToken"),
            Refusal::Skewed => ("RequestTimeTooSkewed", "RequestTimeTooSkewed"),
            Refusal::Throttled => ("TooManyRequestsException", "Throttling"),
            Refusal::Denied(_) => ("AccessDeniedException", "AccessDenied"),
            Refusal::UnknownOperation(_) => ("UnknownOperationException", "InvalidAction"),
            Refusal::Invalid(_) if service == Service::Sts => ("", "ValidationError"),
            Refusal::Invalid(_) => ("BadRequestException", "InvalidParameterValue"),
            Refusal::NotFound(_) => ("NotFoundException", "NotFound"),
            Refusal::Other { code, .. } => (code.as_str(), code.as_str()),
        };
        if service.speaks_json() { v2 } else { v1 }.to_owned()
    }

    fn message(&self, service: Service) -> String {
        match self {
            Refusal::MissingToken => "Request is missing Authentication Token".to_owned(),
            Refusal::InvalidToken => "The security token included in the request is invalid.".to_owned(),
            Refusal::ExpiredToken => "The security token included in the request is expired".to_owned(),
            Refusal::Skewed => "The difference between the request time and the current time is too large.".to_owned(),
            Refusal::Throttled => "Rate exceeded".to_owned(),
            Refusal::UnknownOperation(name) => match service {
                Service::SesV2 | Service::ServiceQuotas | Service::AccountManagement => {
                    format!("The operation {name} is not known to the simulator")
                }
                Service::Ses => format!("Could not find operation {name} for version 2010-12-01"),
                Service::Sts => format!("Could not find operation {name} for version 2011-06-15"),
            },
            Refusal::Denied(message)
            | Refusal::Invalid(message)
            | Refusal::NotFound(message)
            | Refusal::Other { message, .. } => message.clone(),
        }
    }
}

/// One XML element with text in it.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn namespace(service: Service) -> &'static str {
    match service {
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => "http://ses.amazonaws.com/doc/2010-12-01/",
    }
}

/// A new request id, in the form of a UUID.
pub(super) fn request_id() -> String {
    let number = fastrand::u128(..);
    let mut id = String::with_capacity(36);
    for (at, digit) in format!("{number:032x}").chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_apis_name_the_same_refusal_differently() {
        let v2 = Refusal::Throttled.answer(Service::SesV2, "id");
        assert_eq!((v2.status, v2.error_type.as_deref()), (429, Some("TooManyRequestsException")));
        let v1 = Refusal::Throttled.answer(Service::Ses, "id");
        assert_eq!(v1.status, 400);
        assert!(String::from_utf8_lossy(&v1.body).contains("<Code>Throttling</Code><Message>Rate exceeded</Message>"));
        assert_eq!(Refusal::InvalidToken.code(Service::Sts), "InvalidClientTokenId");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(element("Name", "a<b>&\"c"), "<Name>a&lt;b&gt;&amp;&quot;c</Name>");
    }

    #[test]
    fn request_ids_look_like_uuids() {
        let id = request_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
