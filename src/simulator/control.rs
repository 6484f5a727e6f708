//! The control API under `/_simulator/`: the world and its faults for people and for programs in other processes.
//!
//! JSON in and out. A mistake is answered with 400 or 404 and one sentence that says what is allowed. It needs no key: the simulator
//! listens on the loopback only.

mod configuration_sets;
mod dns;
mod faults;
mod identities;
mod people;
mod views;

use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::decode_segment;
use super::rate::Rate;
use super::shared::SharedWorld;
use super::world::WorldError;

/// Where the control API begins. No path of AWS does.
pub(super) const PREFIX: &str = "/_simulator";

/// What there is: method, path, and what it is for.
const ENDPOINTS: [(&str, &str, &str); 29] = [
    ("GET", "/_simulator/", "this page"),
    ("GET", "/_simulator/faults", "the faults in force"),
    ("POST", "/_simulator/faults", "put a fault in force: kind, and optionally account, region, operation, count"),
    ("DELETE", "/_simulator/faults", "remove all faults"),
    ("DELETE", "/_simulator/faults/{id}", "remove a fault"),
    ("GET", "/_simulator/requests", "what was asked of AWS, oldest first"),
    ("DELETE", "/_simulator/requests", "forget what was asked"),
    ("GET", "/_simulator/dns", "the address of the DNS server, and its faults"),
    ("GET", "/_simulator/dns/zones/{name}", "the records that are published in the zone of a domain"),
    ("GET", "/_simulator/dns/faults", "the faults of the DNS in force"),
    ("POST", "/_simulator/dns/faults", "put a fault of the DNS in force: kind, and optionally name, record_type"),
    ("DELETE", "/_simulator/dns/faults", "remove all faults of the DNS"),
    ("DELETE", "/_simulator/dns/faults/{id}", "remove a fault of the DNS"),
    ("GET", "/_simulator/dns/queries", "what the DNS server was asked, oldest first"),
    ("DELETE", "/_simulator/dns/queries", "forget what the DNS server was asked"),
    ("GET", "/_simulator/settings", "rate, latency and life of temporary keys, times of the DNS"),
    (
        "PATCH",
        "/_simulator/settings",
        "change rate {per_second, burst} or null, send_rate true or false, latency_milliseconds, session_lifetime_seconds or null, \
         dns_ttl_seconds, notices_dns_after_seconds",
    ),
    ("POST", "/_simulator/clock", "move the world's time forward: advance_seconds"),
    ("GET", "/_simulator/accounts/{id}/regions/{region}", "the state of a region"),
    (
        "PATCH",
        "/_simulator/accounts/{id}/regions/{region}",
        "merge into the account state (GetAccount's shape); Enabled is the opt-in",
    ),
    ("GET", "/_simulator/accounts/{id}/regions/{region}/identities/{name}", "an identity"),
    (
        "PUT",
        "/_simulator/accounts/{id}/regions/{region}/identities/{name}",
        "put an identity: type, status, sending_enabled, topics {bounce, complaint, delivery}, details",
    ),
    ("DELETE", "/_simulator/accounts/{id}/regions/{region}/identities/{name}", "remove an identity"),
    (
        "POST",
        "/_simulator/accounts/{id}/regions/{region}/identities/{name}/clicked",
        "the owner of an address clicks on the link in the verification mail",
    ),
    (
        "POST",
        "/_simulator/accounts/{id}/regions/{region}/identities/{name}/published",
        "the owner of a domain publishes its DNS records, and SES finds them",
    ),
    (
        "POST",
        "/_simulator/accounts/{id}/regions/{region}/review",
        "AWS decides about the request for production access: status, and optionally case_id, max_24_hour_send, max_send_rate",
    ),
    ("GET", "/_simulator/accounts/{id}/regions/{region}/configuration-sets/{name}", "a configuration set"),
    (
        "PUT",
        "/_simulator/accounts/{id}/regions/{region}/configuration-sets/{name}",
        "put a set: event_destinations [{name, enabled, event_types, destination}], details",
    ),
    ("DELETE", "/_simulator/accounts/{id}/regions/{region}/configuration-sets/{name}", "remove a configuration set"),
];

/// Why a request to the control API was refused.
#[derive(Debug, thiserror::Error)]
enum Mistake {
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    World(#[from] WorldError),
    #[error("there is no {0}; GET /_simulator/ lists what there is")]
    Nothing(String),
}

impl Mistake {
    fn status(&self) -> u16 {
        if matches!(self, Mistake::Nothing(_)) { 404 } else { 400 }
    }
}

/// Something in a region that has a name of its own.
struct Place<'a> {
    account: &'a str,
    region: &'a str,
    name: &'a str,
}

impl Place<'_> {
    fn lacks(&self, what: &str) -> Mistake {
        Mistake::Nothing(format!("{what} {} in {} {}", self.name, self.account, self.region))
    }
}

/// Answers a request; `path` is what follows the prefix.
pub(super) fn answer(world: &SharedWorld, method: &Method, path: &str, body: &Bytes) -> Answer {
    let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode_segment).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match route(world, method, &segments, body) {
        Ok(value) => Answer::json(200, &value),
        Err(mistake) => Answer::json(mistake.status(), &json!({ "error": mistake.to_string() })),
    }
}

fn route(world: &SharedWorld, method: &Method, segments: &[&str], body: &[u8]) -> Result<Value, Mistake> {
    match (method.as_str(), segments) {
        ("GET", []) => Ok(views::index(&world.lock(), &ENDPOINTS)),
        ("GET", ["faults"]) => Ok(faults::list(world)),
        ("POST", ["faults"]) => faults::inject(world, body),
        ("DELETE", ["faults"]) => {
            world.clear_faults();
            Ok(json!({}))
        }
        ("DELETE", ["faults", id]) => faults::remove(world, id),
        ("GET", ["requests"]) => Ok(views::requests(&world.requests())),
        ("DELETE", ["requests"]) => {
            world.clear_requests();
            Ok(json!({}))
        }
        (_, ["dns", rest @ ..]) => dns::route(world, method, rest, body),
        ("GET", ["settings"]) => Ok(views::settings(&world.lock())),
        ("PATCH", ["settings"]) => change_settings(world, body),
        ("POST", ["clock"]) => advance_clock(world, body),
        ("GET", ["accounts", id, "regions", region]) => views::region(&world.lock(), id, region),
        ("PATCH", ["accounts", id, "regions", region]) => patch_region(world, id, region, body),
        ("POST", ["accounts", id, "regions", region, "review"]) => people::review(&mut world.lock(), id, region, body),
        ("POST", ["accounts", account, "regions", region, "identities", name, deed]) => {
            let place = Place { account, region, name };
            people::owner(&mut world.lock(), &place, deed)?.ok_or_else(|| unknown(method, segments))
        }
        (_, ["accounts", account, "regions", region, kind, name]) => {
            let place = Place { account, region, name };
            match (method.as_str(), *kind) {
                ("GET", "identities") => identities::show(&world.lock(), &place),
                ("PUT", "identities") => identities::put(&mut world.lock(), &place, body),
                ("DELETE", "identities") => identities::remove(&mut world.lock(), &place),
                ("GET", "configuration-sets") => configuration_sets::show(&world.lock(), &place),
                ("PUT", "configuration-sets") => configuration_sets::put(&mut world.lock(), &place, body),
                ("DELETE", "configuration-sets") => configuration_sets::remove(&mut world.lock(), &place),
                _ => Err(unknown(method, segments)),
            }
        }
        _ => Err(unknown(method, segments)),
    }
}

fn unknown(method: &Method, segments: &[&str]) -> Mistake {
    Mistake::Nothing(format!("{method} {PREFIX}/{}", segments.join("/")))
}

fn patch_region(world: &SharedWorld, id: &str, region: &str, body: &[u8]) -> Result<Value, Mistake> {
    let mut patch: Map<String, Value> = read(body)?;
    let enabled = match patch.remove("Enabled") {
        None => None,
        Some(Value::Bool(enabled)) => Some(enabled),
        Some(_) => return Err(Mistake::Wrong("Enabled must be true or false".to_owned())),
    };
    let mut world = world.lock();
    world.patch_region(id, region, &Value::Object(patch))?;
    if let Some(enabled) = enabled {
        world.region_mut(id, region)?.enabled = enabled;
    }
    views::region(&world, id, region)
}

/// The body of POST …/clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockWords {
    advance_seconds: u32,
}

fn advance_clock(world: &SharedWorld, body: &[u8]) -> Result<Value, Mistake> {
    let words: ClockWords = read(body)?;
    world.advance(Duration::from_secs(words.advance_seconds.into()));
    Ok(json!({ "now": humantime::format_rfc3339_millis(world.now()).to_string() }))
}

fn change_settings(world: &SharedWorld, body: &[u8]) -> Result<Value, Mistake> {
    let members: Map<String, Value> = read(body)?;
    let mut world = world.lock();
    for (name, value) in &members {
        match name.as_str() {
            "rate" => world.limiter.rate = rate(value)?,
            "send_rate" => world.mail_limiter.enforced = boolean(name, value)?,
            "latency_milliseconds" => world.latency = Duration::from_millis(whole(name, value)?),
            "session_lifetime_seconds" if value.is_null() => world.session_lifetime = None,
            "session_lifetime_seconds" => world.session_lifetime = Some(Duration::from_secs(whole(name, value)?)),
            "dns_ttl_seconds" => world.dns.ttl = Duration::from_secs(whole(name, value)?),
            "notices_dns_after_seconds" => world.dns.noticed_after = Duration::from_secs(whole(name, value)?),
            other => {
                return Err(Mistake::Wrong(format!(
                    "there is no setting {other}; there are: rate, send_rate, latency_milliseconds, session_lifetime_seconds, \
                     dns_ttl_seconds, notices_dns_after_seconds"
                )));
            }
        }
    }
    Ok(views::settings(&world))
}

fn rate(value: &Value) -> Result<Option<Rate>, Mistake> {
    let number = |name: &str| value.get(name).and_then(Value::as_f64).filter(|number| *number > 0.0);
    match (value, number("per_second"), number("burst")) {
        (Value::Null, ..) => Ok(None),
        (_, Some(per_second), Some(burst)) => Ok(Some(Rate { per_second, burst })),
        _ => Err(Mistake::Wrong("rate must be null or {\"per_second\": 1, \"burst\": 2}, both above 0".to_owned())),
    }
}

fn boolean(name: &str, value: &Value) -> Result<bool, Mistake> {
    value.as_bool().ok_or_else(|| Mistake::Wrong(format!("{name} must be true or false")))
}

fn whole(name: &str, value: &Value) -> Result<u64, Mistake> {
    let number = value.as_u64().filter(|number| u32::try_from(*number).is_ok());
    number.ok_or_else(|| Mistake::Wrong(format!("{name} must be a whole number from 0 to {}", u32::MAX)))
}

/// Reads a JSON body; serde's message names the unknown member and those that there are.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Mistake> {
    serde_json::from_slice(body).map_err(|error| Mistake::Wrong(format!("the body is not right: {error}")))
}
