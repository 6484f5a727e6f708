//! The site: which address shows what. Nothing here asks AWS: every answer comes from what is known already.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

use crate::exporter::Readiness;
use crate::page::Pages;
use crate::web::negotiation::{self, Representation};
use crate::web::{READ, Site};

mod api;
mod desk;
mod lifecycle;
mod status;
mod tag;

pub use api::Api;
pub use desk::Desk;
pub use lifecycle::{Configuration, Lifecycle, Reloaded, Wish};
pub use status::Status;

/// A scrape waits this long for the first page of its kind. Prometheus gives up after 10 s by default.
const PATIENCE: Duration = Duration::from_secs(9);

/// Where another configuration is asked for.
const RELOAD: &str = "/-/reload";
/// Every address but that of the metrics, which must not be one of them; and all below [`API`].
pub(crate) const TAKEN: [&str; 5] = ["/", "/-/healthy", "/-/ready", RELOAD, "/config"];

/// Below this everything is JSON, also what is not there.
pub(crate) const API: &str = "/api/";

/// The agent's addresses.
pub struct Routes {
    /// Where the metrics are, `/metrics` unless told otherwise.
    pub telemetry_path: String,
    /// Where pages are asked for.
    pub pages: Pages,
    /// Whether every target has said something.
    pub readiness: Readiness,
    /// What programs ask.
    pub api: Api,
    /// What people look at first.
    pub status: Status,
    /// The configuration in force.
    pub configuration: Configuration,
    /// Whether and where another one is asked for.
    pub lifecycle: Lifecycle,
    /// True while the agent ends.
    pub stopping: watch::Receiver<bool>,
}

impl Site for Routes {
    fn methods(&self, path: &str) -> &'static [Method] {
        if path == RELOAD { &[Method::POST, Method::PUT] } else { READ }
    }

    async fn answer(&self, request: Request<()>) -> Response<Full<Bytes>> {
        match request.uri().path() {
            path if path == self.telemetry_path => self.metrics(&request).await,
            "/" => self.status.page(request.uri().query()).await,
            "/-/healthy" => text(StatusCode::OK, "Healthy\n".to_owned()),
            "/-/ready" => self.ready(),
            RELOAD => self.lifecycle.reload().await,
            "/config" => self.configuration.page().await,
            "/api/v1/check" => self.api.check(request.uri().query()).await,
            "/api/v1/estate" => self.api.estate(request.uri().query(), request.headers()).await,
            path if path.starts_with(API) => {
                api::error(StatusCode::NOT_FOUND, "there is nothing here; /api/v1/check and /api/v1/estate are")
            }
            _ => text(StatusCode::NOT_FOUND, "Not found\n".to_owned()),
        }
    }
}

impl Routes {
    async fn metrics(&self, request: &Request<()>) -> Response<Full<Bytes>> {
        let wanted = Representation::wanted(request.headers());
        let Some(page) = self.pages.get((wanted.format, wanted.encoding), PATIENCE).await else {
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "The page could not be built in time; the log says why.\n".to_owned(),
            );
        };
        let mut response = Response::new(Full::new(page));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(wanted.content_type));
        headers.insert(VARY, HeaderValue::from_static(negotiation::VARY));
        if let Some(encoding) = wanted.encoding.content_encoding() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        if *self.stopping.borrow() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "Not ready: stopping\n".to_owned());
        }
        match self.readiness.waiting_for() {
            0 => text(StatusCode::OK, "Ready\n".to_owned()),
            targets => {
                let of = if targets == 1 { "1 target".to_owned() } else { format!("{targets} targets") };
                let waiting = format!("Not ready: waiting for the first answer of {of}\n");
                let mut response = text(StatusCode::SERVICE_UNAVAILABLE, waiting);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
