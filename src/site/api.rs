//! The JSON API: the report of `check` and the facts behind it, made anew for each request from what is known already.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::desk::{Desk, Unwritten};
use crate::estate::Estate;
use crate::exporter::Readiness;
use crate::report::estate::{Facts, Filter};
use crate::report::{Report, Terms};

/// While the first look lasts, in seconds: it is over within some seconds where AWS answers.
const LOOK_AGAIN: u16 = 2;

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
        self.answer(|terms, estate| serde_json::to_vec_pretty(&Report::of(terms, estate)).ok()).await
    }

    /// The facts about the targets that the query names.
    pub(super) async fn estate(&self, query: Option<&str>) -> Response<Full<Bytes>> {
        match filter(query.unwrap_or_default()) {
            Ok(filter) => {
                self.answer(move |terms, estate| serde_json::to_vec(&Facts::of(terms, estate, &filter)).ok()).await
            }
            Err(sentence) => error(StatusCode::BAD_REQUEST, sentence),
        }
    }

    /// What `write` says of the picture, once the first look is over and it is this request's turn.
    async fn answer<W>(&self, write: W) -> Response<Full<Bytes>>
    where
        W: FnOnce(&Terms, &Estate) -> Option<Vec<u8>> + Send + 'static,
    {
        if self.readiness.still_looking() {
            let mut answer =
                error(StatusCode::SERVICE_UNAVAILABLE, "the agent has not looked at everything yet; try again soon");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(LOOK_AGAIN));
            return answer;
        }
        match self.desk.write(write).await {
            Ok(bytes) => json(StatusCode::OK, bytes),
            Err(Unwritten::Busy) => error(StatusCode::SERVICE_UNAVAILABLE, "too many ask at once; try again later"),
            Err(Unwritten::Failed) => {
                error(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; the log says why")
            }
        }
    }
}

/// Reads a query. What is not understood is refused: an answer about too much would look like the right one.
fn filter(query: &str) -> Result<Filter, &'static str> {
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = match &*name {
            "account" => &mut filter.account,
            "region" => &mut filter.region,
            _ => return Err("there are two filters, account and region: ?account=shop&region=eu-west-1"),
        };
        if place.replace(value.into_owned()).is_some() {
            return Err("account and region may be named once each");
        }
    }
    Ok(filter)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_an_account_a_region_or_both_and_nothing_else() {
        let wanted = |account: Option<&str>, region: Option<&str>| {
            Ok(Filter { account: account.map(str::to_owned), region: region.map(str::to_owned) })
        };
        assert_eq!(filter(""), wanted(None, None));
        assert_eq!(filter("region=eu-west-1&account=a%20b%26"), wanted(Some("a b&"), Some("eu-west-1")));
        for wrong in ["acount=a", "region", "account=a&account=b", "=", "account=a&x=1"] {
            assert_eq!(filter(wrong).is_err(), wrong != "region", "{wrong}");
        }
    }
}
