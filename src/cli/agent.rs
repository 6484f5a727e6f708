//! Asking a running agent for its report: one GET, bounded in time and in bytes.
//!
//! It asks AWS nothing, follows no redirect and uses no proxy. The URL may hold a name and a password: they go into the
//! request and nowhere else.

use std::time::Duration;

use aws_smithy_types::base64;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::TokioExecutor;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::report::{Report, VERSION};

/// An agent has its answer ready within 9 s or says that it has not.
const PATIENCE: Duration = Duration::from_secs(20);
/// 1,500 targets are 5 MB; what is ten times that is no report.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
/// A sentence of an agent is shorter than this.
const LONGEST_SENTENCE: usize = 200;
const PATH: &str = "/api/v1/check";

/// Where an agent is.
pub(super) struct Agent {
    uri: Uri,
    /// For messages: without name and password.
    shown: String,
    authorization: Option<HeaderValue>,
}

/// Why there is no report. The URL is shown without name and password.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// What stands there may be a password, so it is not shown.
    #[error(
        "--from-agent (SES_EXPORTER_AGENT_URL) takes the URL of an agent, such as http://agent.example:10060 or \
         https://NAME:PASSWORD@agent.example"
    )]
    NotAUrl,
    #[error("can't find the certificates of this machine: {0}")]
    Certificates(std::io::Error),
    #[error("can't reach the agent at {shown}: {why}")]
    Unreachable { shown: String, why: String },
    #[error("the agent at {0} has not answered within {PATIENCE:?}")]
    Slow(String),
    #[error("the answer of {0} is too large for a report of an agent")]
    TooLarge(String),
    #[error(
        "the agent at {0} wants a name and a password, or others than these; write them into the URL, as NAME:PASSWORD@ before the host"
    )]
    Unauthorized(String),
    #[error("there is no {PATH} at {0}: it is an older agent, none at all, or the URL needs another path")]
    NotFound(String),
    /// With the seconds after which to ask again.
    #[error("the agent at {shown} can't tell now: {sentence}")]
    NotNow { shown: String, sentence: String, again: Option<u64> },
    #[error("the agent at {shown} answered with status {status} in place of a report")]
    Status { shown: String, status: u16 },
    #[error("what {0} answered is no report that this program understands; use the same release on both sides")]
    NotAReport(String),
    #[error(
        "the agent at {shown} speaks version {version} of the report, and this program {VERSION}; use the same release on both sides"
    )]
    Version { shown: String, version: u64 },
}

impl AgentError {
    /// After how many seconds another attempt may do better; none where it would not.
    pub(super) fn again(&self, otherwise: u64) -> Option<u64> {
        match self {
            Self::NotNow { again, .. } => Some(again.unwrap_or(otherwise)),
            // Those are what a proxy says whose agent is away, or which is asked too often.
            Self::Unreachable { .. } | Self::Slow(_) | Self::Status { status: 429 | 502 | 504, .. } => Some(otherwise),
            _ => None,
        }
    }
}

impl Agent {
    /// Reads the URL of an agent, with or without the path of its report.
    pub(super) fn at(url: &str) -> Result<Self, AgentError> {
        // A password with a slash in it ends up in the path.
        let whole = |uri: &Uri| uri.query().is_none() && !uri.path().contains('@');
        let parts = url.parse::<Uri>().ok().filter(whole).ok_or(AgentError::NotAUrl)?;
        let scheme = parts.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
        let (Some(scheme), Some(authority)) = (scheme, parts.authority()) else { return Err(AgentError::NotAUrl) };
        let (user, host) = authority.as_str().rsplit_once('@').unwrap_or(("", authority.as_str()));
        let path = parts.path().trim_end_matches('/');
        let path = path.strip_suffix(PATH).unwrap_or(path);
        let shown = format!("{scheme}://{host}{path}");
        let uri = format!("{shown}{PATH}").parse().map_err(|_| AgentError::NotAUrl)?;
        let authorization = (!user.is_empty()).then(|| authorization(user)).transpose()?;
        Ok(Self { uri, shown, authorization })
    }

    /// Asks once.
    pub(super) async fn report(&self) -> Result<Report, AgentError> {
        let answer = if self.uri.scheme_str() == Some("https") {
            let provider = rustls::crypto::ring::default_provider();
            let roots = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
            self.get(roots.map_err(AgentError::Certificates)?.https_only().enable_http1().build()).await?
        } else {
            self.get(HttpConnector::new()).await?
        };
        self.read(&answer)
    }

    async fn get<C>(&self, connector: C) -> Result<Bytes, AgentError>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let client: Client<C, Empty<Bytes>> = Builder::new(TokioExecutor::new()).build(connector);
        let asked = timeout(PATIENCE, self.ask(&client)).await;
        asked.unwrap_or_else(|_| Err(AgentError::Slow(self.shown.clone())))
    }

    async fn ask<C>(&self, client: &Client<C, Empty<Bytes>>) -> Result<Bytes, AgentError>
    where
        C: Connect + Clone + Send + Sync + 'static,
    {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let answer = client.request(request).await.map_err(|error| self.unreachable(&error))?;
        let (status, again) = (answer.status(), answer.headers().get(RETRY_AFTER).cloned());
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => AgentError::TooLarge(self.shown.clone()),
            None => self.unreachable(&*error),
        })?;
        let bytes = body.to_bytes();
        if status == StatusCode::OK { Ok(bytes) } else { Err(self.refused(status, again.as_ref(), &bytes)) }
    }

    fn refused(&self, status: StatusCode, again: Option<&HeaderValue>, body: &[u8]) -> AgentError {
        let shown = self.shown.clone();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => AgentError::Unauthorized(shown),
            StatusCode::NOT_FOUND => AgentError::NotFound(shown),
            StatusCode::SERVICE_UNAVAILABLE => {
                let again = again.and_then(|value| value.to_str().ok()?.parse().ok());
                AgentError::NotNow { shown, sentence: sentence(body), again }
            }
            _ => AgentError::Status { shown, status: status.as_u16() },
        }
    }

    fn read(&self, answer: &[u8]) -> Result<Report, AgentError> {
        #[derive(serde::Deserialize)]
        struct Versioned {
            version: u64,
        }
        let shown = || self.shown.clone();
        let found: Versioned = serde_json::from_slice(answer).map_err(|_| AgentError::NotAReport(shown()))?;
        if found.version != u64::from(VERSION) {
            return Err(AgentError::Version { shown: shown(), version: found.version });
        }
        serde_json::from_slice(answer).map_err(|_| AgentError::NotAReport(shown()))
    }

    /// The innermost cause says it best: "connection refused", "invalid peer certificate".
    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> AgentError {
        let mut innermost = error;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        AgentError::Unreachable { shown: self.shown.clone(), why: innermost.to_string() }
    }
}

/// Basic authentication (RFC 7617) of `NAME:PASSWORD`, in which a URL writes some letters as `%40`.
fn authorization(user: &str) -> Result<HeaderValue, AgentError> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded: Vec<u8> = percent_decode_str(name).chain(*b":").chain(percent_decode_str(password)).collect();
    let value = HeaderValue::try_from(format!("Basic {}", base64::encode(decoded)));
    let mut value = value.map_err(|_| AgentError::NotAUrl)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What an agent says why not, in one line without anything that moves the cursor.
fn sentence(body: &[u8]) -> String {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = said.as_ref().and_then(|said| said.get("error")?.as_str()).unwrap_or("it does not say why");
    said.chars().take(LONGEST_SENTENCE).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(url: &str) -> Option<String> {
        Agent::at(url).ok().map(|agent| agent.uri.to_string())
    }

    #[test]
    fn the_path_of_the_report_is_added_once() {
        for (url, expected) in [
            ("http://agent.example:10060", "http://agent.example:10060/api/v1/check"),
            ("https://agent.example/", "https://agent.example/api/v1/check"),
            ("http://[::1]:10060/ses/", "http://[::1]:10060/ses/api/v1/check"),
            ("http://agent.example/api/v1/check", "http://agent.example/api/v1/check"),
        ] {
            assert_eq!(uri(url).as_deref(), Some(expected), "{url}");
        }
    }

    #[test]
    fn a_name_and_a_password_go_into_the_request_alone() {
        let agent = Agent::at("http://ann:p%40ss%3Aword+@agent.example/x").expect("a URL");
        assert_eq!((agent.shown.as_str(), agent.uri.host()), ("http://agent.example/x", Some("agent.example")));
        let expected = format!("Basic {}", base64::encode("ann:p@ss:word+"));
        let authorization = agent.authorization.expect("a header");
        assert_eq!(authorization.to_str().ok(), Some(expected.as_str()));
        assert!(authorization.is_sensitive());
    }

    #[test]
    fn what_is_no_url_is_refused_without_a_word_of_it() {
        for url in [
            "",
            "agent.example:10060",
            "ftp://ann:canary@agent.example",
            "http://",
            "http://a b",
            "http://a/?canary",
            "http://ann:1/canary@agent.example",
        ] {
            let error = Agent::at(url).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains("takes the URL") && !error.contains("canary")), "{url}");
        }
    }

    #[test]
    fn what_an_agent_says_can_not_move_the_cursor() {
        assert_eq!(sentence(br#"{"error":"not\u001b[2J yet"}"#), "not\u{fffd}[2J yet");
        assert_eq!(sentence(b"<html>"), "it does not say why");
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        let shown = String::new();
        let not_now = |again| AgentError::NotNow { shown: String::new(), sentence: String::new(), again };
        assert_eq!((not_now(Some(2)).again(10), not_now(None).again(10)), (Some(2), Some(10)));
        assert_eq!(AgentError::Slow(shown.clone()).again(10), Some(10));
        assert_eq!(AgentError::NotFound(shown).again(10), None);
        let again = |status| AgentError::Status { shown: String::new(), status }.again(10);
        assert_eq!([429, 502, 504].map(again), [Some(10); 3], "a proxy before an agent that is away");
        assert_eq!([302, 400, 500].map(again), [None; 3]);
    }
}
