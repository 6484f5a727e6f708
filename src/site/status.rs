//! The status page: the answer first, then what is to be mended, then everything that is known.
//!
//! One page without script, made anew for each request from what is known already; it asks nobody. It loads nothing,
//! and its policy lets it load nothing. Everything that is not written here is escaped, and names stand in it as in the
//! labels of the metrics.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, REFRESH,
    X_CONTENT_TYPE_OPTIONS,
};
use sha2::{Digest, Sha256};

use super::desk::Desk;
use crate::exporter::Readiness;

mod asked;
mod findings;
mod freshness;
mod identities;
mod links;
mod matrix;
mod page;
mod paths;
mod view;

use asked::Asked;
use view::View;

/// The only style that the page may have.
const STYLE: &str = include_str!("status/style.css");

/// The policy of the page: that style, its own form, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What else a browser is told. A page of a minute ago is not kept, and nobody outside learns where it stands.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];
/// For those who asked for it: as often as collectors read.
const REFRESH_SECONDS: HeaderValue = HeaderValue::from_static("60");

/// What the status page is made from.
pub struct Status {
    desk: Arc<Desk>,
    readiness: Readiness,
    telemetry_path: String,
}

impl Status {
    /// The status page of an agent whose metrics are at `telemetry_path`.
    pub fn new(desk: Arc<Desk>, readiness: Readiness, telemetry_path: String) -> Self {
        Self { desk, readiness, telemetry_path }
    }

    /// The page. It says so where the first look lasts, and shows what is known by then.
    pub(super) async fn page(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        let asked = Asked::of(query.unwrap_or_default());
        let refresh = asked.refresh;
        let (looking, telemetry_path) = (self.readiness.still_looking(), self.telemetry_path.clone());
        let write = move |terms: &_, estate: &_| {
            let view = View::of(terms, estate, &telemetry_path);
            Some(page::page(&view, &asked, looking).into_string().into_bytes())
        };
        match self.desk.write(write).await {
            Ok(bytes) => html(bytes, refresh),
            Err(why) => why.as_text(),
        }
    }
}

fn html(page: Bytes, refresh: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(page));
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if refresh {
        headers.insert(REFRESH, REFRESH_SECONDS);
    }
    response
}
