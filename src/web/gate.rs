//! What a client must speak and show before the site is asked: TLS, a limit of requests, a password.
//!
//! The [`Gate`] holds what is in force of the web configuration and takes up what changes in its files. A change that is
//! mistaken, or half-written, changes nothing: what was in force stays. It knows no site and no connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Request, Response, StatusCode};
use rustls::ServerConfig;
use thiserror::Error;

use super::connections::Origin;
use super::rate::Bucket;
use super::users::{KEY_BYTES, Turns, Users, Verdict};
use super::web_config::{Attempt, Footprint, Tls, WebConfig};
use crate::config::Mistakes;
use crate::telemetry::Telemetry;

/// How often the files are looked at. With one more look until they rest, a change is in force within three seconds.
const LOOK: Duration = Duration::from_secs(1);

/// A file that changes at every look is read in the end: it may be a certificate that is renewed all the time.
const PATIENCE_WITH_CHANGES: u32 = 3;

/// Why there is no gate.
#[derive(Debug, Error)]
pub enum GateError {
    /// The web configuration is mistaken.
    #[error(transparent)]
    Mistaken(#[from] Mistakes),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers, without which no password can be checked")]
    NoRandomness,
}

/// The way into a server.
pub struct Gate {
    in_force: RwLock<Arc<Rules>>,
    /// The file behind it with all that it names, and how all of that looked before it was read; none = open to all.
    source: Option<(PathBuf, Vec<PathBuf>, Footprint)>,
    key: [u8; KEY_BYTES],
    turns: Arc<Turns>,
    look: Duration,
}

/// What is in force at one moment.
#[derive(Default)]
pub(super) struct Rules {
    tls: Option<Tls>,
    headers: HeaderMap,
    users: Option<Arc<Users>>,
    bucket: Option<Arc<Bucket>>,
}

impl Gate {
    /// Open to everybody, in plain HTTP.
    pub fn open() -> Gate {
        Gate { in_force: RwLock::default(), source: None, key: [0; KEY_BYTES], turns: Arc::default(), look: LOOK }
    }

    /// As the web configuration at `path` says.
    ///
    /// # Errors
    /// All mistakes of the file, or that there are no random numbers.
    pub fn from_file(path: &Path) -> Result<Gate, GateError> {
        let (attempt, footprint) = load(path, &[path.to_owned()]);
        let config = attempt.result?;
        let mut gate = Gate { source: Some((path.to_owned(), attempt.files, footprint)), ..Gate::open() };
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut gate.key).map_err(|_| GateError::NoRandomness)?;
        gate.put(config);
        Ok(gate)
    }

    /// The same with another pause between two looks at the files, for tests.
    #[must_use]
    pub fn looking_every(mut self, look: Duration) -> Gate {
        self.look = look;
        self
    }

    /// Whether clients have to speak TLS. That is decided at the start, and never changes.
    pub fn speaks_tls(&self) -> bool {
        self.rules().tls.is_some()
    }

    /// What is in force now.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a configuration into force. Who is known stays known as long as the users are the same.
    fn put(&self, config: WebConfig) {
        let before = self.rules();
        let users = match &before.users {
            Some(users) if *users.hashes() == config.users => Some(Arc::clone(users)),
            _ if config.users.is_empty() => None,
            _ => Some(Arc::new(Users::new(config.users, self.key, Arc::clone(&self.turns)))),
        };
        let bucket = match (&before.bucket, config.rate_limit) {
            (Some(bucket), Some(limit)) if bucket.limit() == limit => Some(Arc::clone(bucket)),
            (_, limit) => limit.map(|limit| Arc::new(Bucket::new(limit))),
        };
        let rules = Rules { tls: config.tls, headers: config.headers, users, bucket };
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// Takes up what changes in the files, for ever. At an open gate there is nothing to do.
    pub(super) async fn follow(self: Arc<Self>, telemetry: Arc<Telemetry>) {
        let Some((path, mut files, mut footprint)) = self.source.clone() else { return };
        self.tell(&telemetry);
        let (mut last_look, mut changes) = (footprint.clone(), 0);
        loop {
            tokio::time::sleep(self.look).await;
            let now = {
                let files = files.clone();
                blocking(move || Footprint::of(&files)).await
            };
            let Some(now) = now else { continue };
            let rests = now == last_look;
            last_look = now.clone();
            if now == footprint {
                changes = 0;
                continue;
            }
            changes += 1;
            // What is still being written is left alone until it rests.
            if !rests && changes < PATIENCE_WITH_CHANGES {
                continue;
            }
            changes = 0;
            let (path, known) = (path.clone(), files.clone());
            let Some((attempt, seen)) = blocking(move || load(&path, &known)).await else { continue };
            (files, footprint) = (attempt.files, seen.clone());
            last_look = seen;
            self.take_up(attempt.result, &telemetry);
        }
    }

    /// Puts what was read into force, or says why not.
    fn take_up(&self, read: Result<WebConfig, Mistakes>, telemetry: &Telemetry) {
        let refusal = match read {
            Ok(config) => match self.objection(&config) {
                None => {
                    self.put(config);
                    self.tell(telemetry);
                    tracing::info!("the web configuration has changed and is in force");
                    return;
                }
                Some(why) => why.to_owned(),
            },
            Err(mistakes) => mistakes.in_one_line(),
        };
        telemetry.web_config_refused();
        tracing::error!("the web configuration has changed and is not taken; the one before stays in force: {refusal}");
    }

    /// What speaks against a change that is no mistake by itself. A file that was cut off at the end of a line is a good
    /// file that protects less, so what protects can be changed and not taken away.
    fn objection(&self, config: &WebConfig) -> Option<&'static str> {
        let before = self.rules();
        let asks = |tls: &Option<Tls>| tls.as_ref().is_some_and(|tls| tls.asks_for_certificates);
        if before.users.is_some() && config.users.is_empty() {
            Some("it has no users any more; to do without passwords, restart")
        } else if before.tls.is_some() != config.tls.is_some() {
            Some("TLS can be switched on and off by a restart only")
        } else if asks(&before.tls) && !asks(&config.tls) {
            Some("it asks for no client certificates any more; to do without them, restart")
        } else {
            None
        }
    }

    fn tell(&self, telemetry: &Telemetry) {
        let rules = self.rules();
        telemetry.web_config_loaded(rules.tls.as_ref().and_then(|tls| tls.expires));
    }
}

/// Reads the file, and answers too how all that it names looked before: a change while it is read is seen at the next look.
///
/// `known` are the files of the reading before. What is named for the first time is looked at twice.
fn load(path: &Path, known: &[PathBuf]) -> (Attempt, Footprint) {
    let mut known = known.to_vec();
    let mut footprint = Footprint::of(&known);
    let mut attempt = WebConfig::load(path);
    if attempt.files != known {
        known.clone_from(&attempt.files);
        footprint = Footprint::of(&known);
        attempt = WebConfig::load(path);
    }
    if attempt.files != known {
        // It changed twice within a moment; what is said of another set of files fits none, and the next look reads again.
        footprint = Footprint::default();
    }
    (attempt, footprint)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

impl Rules {
    /// What each handshake goes by; none = plain HTTP.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.server))
    }

    /// Lets a request in, or answers it.
    pub(super) async fn admit(&self, request: &Request<()>, origin: Origin) -> Result<(), Response<Full<Bytes>>> {
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take()) {
            return Err(too_many());
        }
        let Some(users) = &self.users else { return Ok(()) };
        match users.judge(request.headers().get(AUTHORIZATION), origin).await {
            Verdict::Known => Ok(()),
            Verdict::Busy => Err(too_many()),
            Verdict::Unknown => {
                let mut response = plain(StatusCode::UNAUTHORIZED, "Unauthorized\n");
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                Err(response)
            }
        }
    }

    /// Adds the configured headers, where an answer has none of its own by that name.
    pub(super) fn dress(&self, response: &mut Response<Full<Bytes>>) {
        for (name, value) in &self.headers {
            response.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
    }
}

fn too_many() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// An answer of the server itself.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
