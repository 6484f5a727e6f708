//! What people do outside of the API, over the control API: `POST …/identities/{name}/clicked`, `POST …/review {"status": "GRANTED"}`.

use serde::Deserialize;
use serde_json::Value;

use super::{Mistake, Place, identities, read, views};
use crate::simulator::people::{Decision, Quota};
use crate::simulator::world::World;

/// The owner of an identity does something; none when there is no such deed.
pub(super) fn owner(world: &mut World, place: &Place<'_>, deed: &str) -> Result<Option<Value>, Mistake> {
    match deed {
        "clicked" => world.click(place.account, place.region, place.name)?,
        "published" => world.publish(place.account, place.region, place.name)?,
        _ => return Ok(None),
    }
    identities::show(world, place).map(Some)
}

/// The body of POST …/review. The quota is for `GRANTED` alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    status: Decision,
    case_id: Option<String>,
    max_24_hour_send: Option<f64>,
    max_send_rate: Option<f64>,
}

/// Somebody at AWS decides about the request for production access.
pub(super) fn review(world: &mut World, account: &str, region: &str, body: &[u8]) -> Result<Value, Mistake> {
    let words: Words = read(body)?;
    let usual = Quota::default();
    let quota = Quota {
        max_24_hour_send: words.max_24_hour_send.unwrap_or(usual.max_24_hour_send),
        max_send_rate: words.max_send_rate.unwrap_or(usual.max_send_rate),
    };
    world.review(account, region, words.status, words.case_id.as_deref(), quota)?;
    views::region(world, account, region)
}
