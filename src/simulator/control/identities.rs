//! Identities over the control API: `{"status": "FAILED", "details": {"MailFromAttributes": {…}}, "topics": {"bounce": "arn:…"}}`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, Place, read};
use crate::simulator::identity::{Identity, Topics};
use crate::simulator::merge::merge;
use crate::simulator::world::World;

/// The body of PUT.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    r#type: Option<String>,
    status: Option<String>,
    sending_enabled: Option<bool>,
    #[serde(default)]
    topics: Topics,
    details: Option<Value>,
}

/// GET: what GetEmailIdentity answers, and the topics, which it does not tell.
pub(super) fn show(world: &World, place: &Place<'_>) -> Result<Value, Mistake> {
    let told = world.region_as_told(place.account, place.region)?;
    let found = told.all_identities().get(place.name);
    let identity = found.ok_or_else(|| place.lacks("identity"))?;
    let Topics { bounce, complaint, delivery } = &identity.topics;
    let mut shown = identity.described(world.key(place.account, place.region), world.now());
    let topics = json!({ "BounceTopic": bounce, "ComplaintTopic": complaint, "DeliveryTopic": delivery });
    merge(&mut shown, &json!({ "NotificationAttributes": topics }));
    Ok(shown)
}

/// PUT: adds it, or replaces the one of that name.
pub(super) fn put(world: &mut World, place: &Place<'_>, body: &[u8]) -> Result<Value, Mistake> {
    let words: Words = read(if body.is_empty() { b"{}" } else { body })?;
    let mut identity = Identity::named(place.name).status(words.status.as_deref().unwrap_or("SUCCESS"));
    identity.topics = words.topics;
    if let Some(identity_type) = words.r#type {
        identity.identity_type = identity_type;
    }
    if let Some(sending_enabled) = words.sending_enabled {
        identity.sending_enabled = sending_enabled;
    }
    if let Some(details) = &words.details {
        identity = identity.details(details);
    }
    world.put_identity(place.account, place.region, identity)?;
    show(world, place)
}

/// DELETE.
pub(super) fn remove(world: &mut World, place: &Place<'_>) -> Result<Value, Mistake> {
    let removed = world.remove_identity(place.account, place.region, place.name)?;
    removed.then(|| json!({})).ok_or_else(|| place.lacks("identity"))
}
