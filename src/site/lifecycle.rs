//! `/-/reload` and `/config`: another configuration on request, and the one that is in force. No secret is shown.
//!
//! Nothing is loaded here: a request is passed on to whoever does that, and waits for what came of it.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};

use super::desk::Desk;
use super::text;
use crate::exporter::{Change, InForce};
use crate::report::Terms;
use crate::report::moment::Moment;

/// What may be asked of the life of the agent.
#[derive(Clone, Debug)]
pub enum Lifecycle {
    /// Nothing: the operator has not switched it on.
    Off,
    /// Nothing: the configuration is no file.
    Fixed,
    /// To load the configuration anew. One request is served after the other.
    On(mpsc::Sender<Wish>),
}

/// A wish that the configuration be loaded anew, with the place for what came of it.
pub type Wish = oneshot::Sender<Reloaded>;

/// What came of loading a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It is in force.
    Taken(Change),
    /// The one before stays in force; with every mistake, one a line.
    Refused(String),
}

impl Lifecycle {
    /// Has the configuration loaded, and answers what came of it.
    pub(super) async fn reload(&self) -> Response<Full<Bytes>> {
        let forbidden = |sentence: &str| text(StatusCode::FORBIDDEN, format!("{sentence}\n"));
        let wishes = match self {
            Self::Off => {
                return forbidden("Reloading on request is off; start with --web.enable-lifecycle or send SIGHUP.");
            }
            Self::Fixed => return forbidden("The demo has a configuration of its own, which cannot be reloaded."),
            Self::On(wishes) => wishes,
        };
        let (wish, reloaded) = oneshot::channel();
        if let Err(mpsc::error::TrySendError::Full(_)) = wishes.try_send(wish) {
            let many = "Too many wait for a reload; try again later.\n".to_owned();
            let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, many);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return answer;
        }
        match reloaded.await {
            Ok(Reloaded::Taken(change)) => text(StatusCode::OK, format!("The configuration is in force: {change}.\n")),
            Ok(Reloaded::Refused(mistakes)) => text(StatusCode::BAD_REQUEST, format!("{mistakes}\n")),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "The agent is stopping.\n".to_owned()),
        }
    }
}

/// The page with the configuration.
pub struct Configuration {
    desk: Arc<Desk>,
    in_force: watch::Receiver<InForce>,
    source: String,
}

impl Configuration {
    /// That of an agent which has it from `source`: a file's name, or words.
    pub fn new(desk: Arc<Desk>, in_force: watch::Receiver<InForce>, source: String) -> Self {
        Self { desk, in_force, source }
    }

    /// Every key with its value, defaults included, as TOML. Addresses are as in labels: whoever reaches the port reads it.
    pub(super) async fn page(&self) -> Response<Full<Bytes>> {
        let InForce { config, since, .. } = self.in_force.borrow().clone();
        let since = Moment::of(since).map(|since| format!(" since {since}")).unwrap_or_default();
        let head = format!("# In force{since}, from {}. Secrets are replaced by (set).\n\n", self.source);
        let write = move |terms: &Terms, _: &_| Some((head + &terms.shown(&config.effective())).into_bytes());
        match self.desk.write(write).await {
            Ok(page) => {
                let mut response = text(StatusCode::OK, String::new());
                *response.body_mut() = Full::new(page);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(why) => why.as_text(),
        }
    }
}
