//! What can go wrong when AWS is asked, in the closed set of words that the label `kind` takes.
//!
//! Classified from the shapes that SES, STS and the SDK really answer with. A failure carries one line for the log;
//! the line never holds a credential, a canonical request or a control character.

use std::error::Error;
use std::fmt::{self, Write};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The words of `ses_exporter_collector_failures_total{kind}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// IAM or an organisation's policy forbids the call.
    AccessDenied,
    /// AWS asked to slow down.
    Throttled,
    /// No answer, or no whole answer, in time.
    Timeout,
    /// No connection: name resolution, refused, reset.
    Unreachable,
    /// No credentials, expired or unknown ones, or a role that can't be assumed.
    Credentials,
    /// AWS understood the call and refused it.
    Rejected,
    /// An answer that is no answer: server errors, garbage, missing fields.
    Unexpected,
    /// A fault of this agent.
    Panic,
}

impl FailureKind {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Credentials => "credentials",
            Self::Rejected => "rejected",
            Self::Unexpected => "unexpected",
            Self::Panic => "panic",
        }
    }
}

/// Why a target is left alone. Each is proven, see [`super::skip_reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// SES has no endpoint in this region.
    NoEndpoint,
    /// The account has not switched this opt-in region on.
    RegionDisabled,
    /// An organisation's policy denies the region.
    ServiceControlPolicy,
}

impl SkipReason {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_endpoint",
            Self::RegionDisabled => "region_disabled",
            Self::ServiceControlPolicy => "service_control_policy",
        }
    }
}

/// One failed reading.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one failure, each with its own reader")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The closed set.
    pub kind: FailureKind,
    /// The error code that AWS answered with.
    pub code: Option<String>,
    /// One line for people.
    pub message: String,
    /// The host's name does not exist, as opposed to a resolver that has trouble.
    pub no_such_host: bool,
    /// Worth another attempt right away.
    pub transient: bool,
    /// Set where the target is left alone instead of being called broken.
    pub skip: Option<SkipReason>,
    /// Told to people already by whoever found it, once for all who hear of it.
    pub told: bool,
    /// No request was sent: there was nothing to sign it with.
    pub unsent: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl Failure {
    /// A failure of a kind that another attempt would not mend.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let message = one_line(&message.into());
        Self {
            kind,
            code: None,
            message,
            no_such_host: false,
            transient: false,
            skip: None,
            told: false,
            unsent: false,
        }
    }

    /// An answer that is no answer.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unexpected, message)
    }

    /// Nothing whole came back in time. Not tried again within the reading: whoever was silent for the whole of an
    /// attempt would hold up the target's other collectors three times as long.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Timeout, message)
    }

    /// Whether a permission is missing.
    pub fn is_denied(&self) -> bool {
        self.kind == FailureKind::AccessDenied
    }

    fn unreachable(message: impl Into<String>) -> Self {
        Self { transient: true, ..Self::new(FailureKind::Unreachable, message) }
    }

    /// Reads the kind off an SDK error. `operation` leads the message.
    pub fn classify<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::TimeoutError(_) => Self::timeout(format!("{operation}: no answer in time")),
            SdkError::DispatchFailure(dispatch) => {
                let cause = dispatch.as_connector_error().map(|error| error as &(dyn Error + 'static));
                Self::dispatch(operation, cause, dispatch.is_timeout())
            }
            SdkError::ResponseError(response) => {
                Self::broken_answer(operation, error, response.raw().status().as_u16())
            }
            SdkError::ServiceError(service) => Self::service(operation, service.err(), service.raw().status().as_u16()),
            _ => Self::unexpected(format!("{operation}: the request could not be made: {}", chain(error))),
        }
    }

    fn dispatch(operation: &str, cause: Option<&(dyn Error + 'static)>, timeout: bool) -> Self {
        let Some(cause) = cause else { return Self::unreachable(format!("{operation}: the request was not sent")) };
        if let Some(inner) = find::<Failure>(cause) {
            return Self { unsent: true, ..inner.clone() }; // our own role provider has classified already
        }
        // The SDK tells only the first who asks that a profile does not exist; the others hear "already taken".
        let none = matches!(find(cause), Some(CredentialsError::CredentialsNotLoaded(_)))
            || chain(cause).contains("initialization error already taken");
        if none {
            let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that exists, or run \
                        where a role is attached";
            let found = Self::new(FailureKind::Credentials, format!("{operation}: no credentials found; {hint}"));
            return Self { unsent: true, ..found };
        }
        if find::<CredentialsError>(cause).is_some() {
            let hint = "set up credentials as the AWS command line takes them";
            let mut text = chain(cause);
            // What a credential helper writes to standard error may be the credentials.
            text.truncate(text.find("Stderr").unwrap_or(text.len()));
            let broken =
                Self::new(FailureKind::Credentials, format!("{operation}: no usable credentials ({hint}): {text}"));
            return Self { unsent: true, ..broken };
        }
        let text = chain(cause);
        if timeout {
            return Self::timeout(format!("{operation}: {text}"));
        }
        // getaddrinfo's words; "Temporary failure in name resolution" is a resolver in trouble and proves nothing.
        let no_such_host =
            ["Name or service not known", "nodename nor servname", "No address associated with hostname"]
                .iter()
                .any(|words| text.contains(words));
        Self { no_such_host, transient: !no_such_host, ..Self::unreachable(format!("{operation}: {text}")) }
    }

    fn broken_answer(operation: &str, error: &(dyn Error + 'static), status: u16) -> Self {
        let text = chain(error);
        if text.contains("minimum throughput") || text.contains("timeout") || text.contains("timed out") {
            return Self::timeout(format!("{operation}: the answer stalled: {text}"));
        }
        let reset =
            find::<std::io::Error>(error).is_some() || text.contains("connection error") || text.contains("closed");
        if reset && !text.contains("length limit exceeded") {
            return Self::unreachable(format!("{operation}: the connection broke inside the answer: {text}"));
        }
        Self::unexpected(format!("{operation}: unreadable answer with HTTP status {status}: {text}"))
    }

    fn service<E: ProvideErrorMetadata + Error + 'static>(operation: &str, error: &E, status: u16) -> Self {
        let code = error.meta().code();
        let said = error.meta().message().unwrap_or_default();
        let kind = kind_of(code.unwrap_or_default(), status);
        let detail = match code {
            // AWS explains a wrong signature with the canonical request, which may hold a session token.
            Some(code) if code.contains("Signature") && is_about_the_clock(said) => {
                format!("{code}: the clock of this machine and that of AWS differ; synchronise it")
            }
            Some(code) if code.contains("Signature") => {
                format!("{code}: the secret does not belong to the access key; a password for SMTP is not one")
            }
            Some(code) => format!("{code}: {said}"),
            None if status < 400 => {
                format!(
                    "an answer with HTTP status {status} that is not of AWS; a proxy or a wrong endpoint_url gives such"
                )
            }
            None => format!("HTTP status {status} without an error code"),
        };
        let mut failure = Self::new(kind, format!("{operation}: {detail}"));
        failure.code = code.map(str::to_owned);
        let skewed = SKEWED.contains(&code.unwrap_or_default()) || is_about_the_clock(said);
        failure.transient = kind == FailureKind::Throttled || status >= 500 || skewed;
        failure
    }

    /// AWS knows the credentials, and has ended them.
    pub(super) fn ended_credentials(&self) -> bool {
        matches!(self.code.as_deref(), Some("ExpiredToken" | "ExpiredTokenException"))
    }

    /// A role that can't be assumed is a matter of credentials, whatever STS called it.
    #[must_use]
    pub fn of_credentials(mut self) -> Self {
        if matches!(self.kind, FailureKind::AccessDenied | FailureKind::Rejected) {
            self.kind = FailureKind::Credentials;
        }
        self.transient = false; // the provider decides when it asks again
        self.code = None; // STS' word about the role is none of SES' about the region
        self
    }
}

/// Our clock is off; the SDK has learned by how much from this answer, so the next attempt is signed right.
const SKEWED: &[&str] = &["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];

/// How a signature is refused whose time is off: "Signature expired: … is now earlier than …".
fn is_about_the_clock(said: &str) -> bool {
    said.starts_with("Signature expired") || said.starts_with("Signature not yet current")
}

const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
];

const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"];

const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "RequestInTheFuture",
];

fn kind_of(code: &str, status: u16) -> FailureKind {
    if THROTTLED.contains(&code) || status == 429 {
        FailureKind::Throttled
    } else if DENIED.contains(&code) {
        FailureKind::AccessDenied
    } else if CREDENTIALS.contains(&code) {
        FailureKind::Credentials
    } else if (400..500).contains(&status) {
        FailureKind::Rejected
    } else {
        FailureKind::Unexpected
    }
}

/// An error and its sources, outermost first.
fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| <dyn Error>::source(*error))
}

/// The first error of type `T` among an error and its sources.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    sources(error).find_map(|error| error.downcast_ref())
}

/// An error with its sources, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for error in sources(error) {
        let part = error.to_string();
        if !text.contains(&part) {
            let separator = if text.is_empty() { "" } else { ": " };
            // Writing to a String can't fail.
            let _ = write!(text, "{separator}{part}");
        }
    }
    text
}

/// One line without control characters, of bounded length: the text comes from outside.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() < text.len() && text.chars().count() > LONGEST {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_have_their_kind() {
        let table = [
            ("AccessDeniedException", 403, FailureKind::AccessDenied),
            ("AccessDenied", 403, FailureKind::AccessDenied),
            ("TooManyRequestsException", 429, FailureKind::Throttled),
            ("ThrottlingException", 400, FailureKind::Throttled),
            ("Throttling", 400, FailureKind::Throttled),
            ("", 429, FailureKind::Throttled),
            ("UnrecognizedClientException", 403, FailureKind::Credentials),
            ("InvalidClientTokenId", 403, FailureKind::Credentials),
            ("SignatureDoesNotMatch", 403, FailureKind::Credentials),
            ("ExpiredTokenException", 403, FailureKind::Credentials),
            ("OptInRequired", 403, FailureKind::Rejected),
            ("BadRequestException", 400, FailureKind::Rejected),
            ("", 404, FailureKind::Rejected),
            ("InternalFailure", 500, FailureKind::Unexpected),
            ("", 503, FailureKind::Unexpected),
            ("", 200, FailureKind::Unexpected),
        ];
        for (code, status, kind) in table {
            assert_eq!(kind_of(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn a_message_from_outside_is_one_bounded_line() {
        let failure = Failure::unexpected(format!("a\nb\u{1b}[31m{}", "x".repeat(2000)));
        assert!(!failure.message.contains(['\n', '\u{1b}']));
        assert!(failure.message.chars().count() <= 501);
    }
}
