//! The JSON API: the report of `check` and the facts behind it, made anew for each request from what is known already.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, LINK, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::desk::{Desk, Unwritten};
use super::tag::Tag;
use crate::estate::Estate;
use crate::exporter::Readiness;
use crate::report::estate::{Facts, Filter, Gone};
use crate::report::{Report, Terms};

/// While the first look lasts, in seconds: it is over within some seconds where AWS answers.
const LOOK_AGAIN: u16 = 2;

/// Facts may be kept by whoever asked for them, who asks each time whether they are still so. Others keep nothing.
const ASK_AGAIN: &str = "private, no-cache";

/// What the API answers from.
pub struct Api {
    desk: Arc<Desk>,
    readiness: Readiness,
}

impl Api {
    /// The API of an agent.
    pub fn new(desk: Arc<Desk>, readiness: Readiness) -> Self {
        Self { desk, readiness }
    }

    /// The report, with since when things are so.
    pub(super) async fn check(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        if query.is_some_and(|query| !query.is_empty()) {
            return error(StatusCode::BAD_REQUEST, "this report takes no filters; remove what stands behind the ?");
        }
        let write = |terms: &_, estate: &_| Some((serde_json::to_vec_pretty(&Report::of(terms, estate)).ok()?, ()));
        match self.write(write).await {
            Ok((bytes, ())) => json(StatusCode::OK, bytes),
            Err(refusal) => refusal,
        }
    }

    /// The facts that the query names, or that they are those that the client has.
    pub(super) async fn estate(&self, query: Option<&str>, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let filter = match Filter::parse(query.unwrap_or_default()) {
            Ok(filter) => filter,
            Err(sentence) => return error(StatusCode::BAD_REQUEST, sentence),
        };
        let write = move |terms: &_, estate: &_| match Facts::of(terms, estate, &filter) {
            Ok(facts) => Told::of(facts).map(|(bytes, told)| (bytes, Some(told))),
            Err(Gone) => Some((Vec::new(), None)),
        };
        match self.write(write).await {
            Ok((bytes, Some(told))) => told.answer(headers, bytes),
            Ok((_, None)) => error(
                StatusCode::BAD_REQUEST,
                "the account and region of this cursor are not polled any more; ask for the first page, without a cursor",
            ),
            Err(refusal) => refusal,
        }
    }

    /// What `write` says of the picture, once the first look is over and it is this request's turn.
    async fn write<W, A>(&self, write: W) -> Result<(Bytes, A), Response<Full<Bytes>>>
    where
        W: FnOnce(&Terms, &Estate) -> Option<(Vec<u8>, A)> + Send + 'static,
        A: Send + 'static,
    {
        if self.readiness.still_looking() {
            let mut answer =
                error(StatusCode::SERVICE_UNAVAILABLE, "the agent has not looked at everything yet; try again soon");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN));
            return Err(answer);
        }
        self.desk.write_about(write).await.map_err(|unwritten| match unwritten {
            Unwritten::Busy => error(StatusCode::SERVICE_UNAVAILABLE, "too many ask at once; try again later"),
            Unwritten::Failed => {
                error(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; the log says why")
            }
        })
    }
}

/// What is told of facts beside their JSON.
struct Told {
    tag: Tag,
    next: Option<String>,
}

impl Told {
    /// The facts as JSON, and their tag: that of what they say about SES, so that it lasts until that changes.
    fn of(facts: Facts) -> Option<(Vec<u8>, Self)> {
        let bytes = serde_json::to_vec(&facts).ok()?;
        let next = facts.next.clone();
        let tag = Tag::of(&serde_json::to_vec(&facts.without_times()).ok()?);
        Some((bytes, Self { tag, next }))
    }

    /// The answer depends on the address alone, so there is nothing to vary by.
    fn answer(self, headers: &HeaderMap, bytes: Bytes) -> Response<Full<Bytes>> {
        let known = self.tag.is_among(headers);
        let mut answer = if known { json(StatusCode::NOT_MODIFIED, Bytes::new()) } else { json(StatusCode::OK, bytes) };
        let link = self.next.map(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")));
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
        headers.extend(self.tag.header().map(|tag| (ETAG, tag)));
        headers.extend(link.and_then(Result::ok).map(|link| (LINK, link)));
        answer
    }
}

/// One sentence as JSON.
pub(super) fn error(status: StatusCode, sentence: &str) -> Response<Full<Bytes>> {
    json(status, serde_json::json!({ "error": sentence }).to_string().into())
}

fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
