//! `http_server_config`, `basic_auth_users` and `rate_limit`.

use std::collections::BTreeMap;
use std::time::Duration;

use bcrypt::HashParts;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::document::{Section, Value, flag, mapping, text};
use crate::config::Notes;

/// The headers that may be set, each with its only values where there are few. The list is the toolkit's.
const HEADERS: &[(&str, &[&str])] = &[
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// A bcrypt of cost 16 takes about 5 s, and each further step twice as long; Prometheus gives up a scrape after 10 s.
const HIGHEST_COST: u32 = 16;

/// The lowest cost that bcrypt knows.
const LOWEST_COST: u32 = 4;

/// `rate_limit`: so many at once, and one more every interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) struct RateLimit {
    pub(in crate::web) burst: u32,
    pub(in crate::web) interval: Duration,
}

/// The headers below `http_server_config`. Its `http2` is a permission that this server, which speaks HTTP/1.1, makes no use of.
pub(super) fn headers(value: Option<&Value<'_>>, text: &str, notes: &mut Notes) -> HeaderMap {
    let headers = {
        let mut section = Section::open("http_server_config", &["http2", "headers"], value, text, notes);
        let _ = section.optional("http2", flag);
        section.value("headers")
    };
    let names: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
    let mut section = Section::open("http_server_config.headers", &names, headers, text, notes);
    let mut set = HeaderMap::new();
    for (name, allowed) in HEADERS {
        if let Some(value) = section.optional(name, |value| header(value, allowed))
            && let Ok(name) = HeaderName::try_from(*name)
        {
            set.insert(name, value);
        }
    }
    set
}

fn header(value: &Value<'_>, allowed: &[&str]) -> Result<HeaderValue, String> {
    let written = text(value)?;
    if !allowed.is_empty() && !allowed.contains(&written) {
        return Err(format!("must be {}", allowed.join(" or ")));
    }
    HeaderValue::try_from(written).map_err(|_| "holds what a header can't, such as a line break; remove it".into())
}

/// Names and hashes below `basic_auth_users`.
pub(super) fn users(value: Option<&Value<'_>>, text: &str, notes: &mut Notes) -> BTreeMap<String, String> {
    const PATH: &str = "basic_auth_users";
    let entries = value.map_or(Ok(Vec::new()), |value| mapping(value, text));
    let mut users = BTreeMap::new();
    match entries {
        Err(what) => Section::open("", &[PATH], None, text, notes).note(PATH, what),
        Ok(entries) => {
            for entry in entries {
                match user(entry.name, entry.value) {
                    Ok(hash) => drop(users.insert(entry.name.to_owned(), hash)),
                    Err(what) => notes.add(entry.at, PATH, what),
                }
            }
        }
    }
    users
}

fn user(name: &str, hash: &Value<'_>) -> Result<String, String> {
    if name.contains(':') {
        return Err("this user's name holds a colon, so that no client can say it; choose another".into());
    }
    let hash = text(hash)?;
    let parts: HashParts = hash.parse().map_err(|_| NO_HASH.to_owned())?;
    // 2x marks hashes of a faulty PHP, which are to be checked by that fault.
    if hash.starts_with("$2x$") {
        return Err(NO_HASH.into());
    }
    let cost = parts.get_cost();
    if !(LOWEST_COST..=HIGHEST_COST).contains(&cost) {
        return Err(format!(
            "the cost of this user's hash is {cost}; make one of {LOWEST_COST} to {HIGHEST_COST}, 10 is usual"
        ));
    }
    Ok(hash.to_owned())
}

const NO_HASH: &str =
    "this user has no bcrypt hash ($2a$, $2b$ or $2y$, 60 characters); make one with htpasswd -nBC 10 \"\"";

/// The limit below `rate_limit`; none where it is switched off by an interval of 0.
pub(super) fn rate_limit(value: Option<&Value<'_>>, text: &str, notes: &mut Notes) -> Option<RateLimit> {
    let mut section = Section::open("rate_limit", &["interval", "burst"], value, text, notes);
    let interval = section.optional("interval", interval)?;
    let burst = section.optional("burst", burst);
    if interval.is_zero() {
        return None;
    }
    match burst {
        None if section.value("burst").is_none() => section.note("burst", NO_BURST),
        Some(0) => section.note("burst", NO_BURST),
        _ => {}
    }
    burst.map(|burst| RateLimit { burst, interval })
}

const NO_BURST: &str = "without any burst every request would be refused; write 1 or more";

fn interval(value: &Value<'_>) -> Result<Duration, String> {
    let written = text(value)?;
    if written == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(written).map_err(|_| "must be a duration with its unit, such as 1s or 100ms".into())
}

fn burst(value: &Value<'_>) -> Result<u32, String> {
    text(value)?.parse().map_err(|_| "must be a whole number of requests".into())
}
