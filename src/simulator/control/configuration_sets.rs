//! Configuration sets over the control API:
//! `{"event_destinations": [{"name": "bounces", "event_types": ["BOUNCE"], "destination": {"kind": "SNS", "topic_arn": "arn:…"}}]}`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, Place, read};
use crate::simulator::configuration_set::{ConfigurationSet, EventDestination};
use crate::simulator::merge::merge;
use crate::simulator::world::World;

/// The body of PUT. What GetConfigurationSet tells is said in its own shape: `{"SendingOptions": {"SendingEnabled": false}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    #[serde(default)]
    event_destinations: Vec<EventDestination>,
    details: Option<Value>,
}

/// GET: the answers of GetConfigurationSet and GetConfigurationSetEventDestinations in one.
pub(super) fn show(world: &World, place: &Place<'_>) -> Result<Value, Mistake> {
    let found = world.region(place.account, place.region)?.all_configuration_sets().get(place.name);
    let set = found.ok_or_else(|| place.lacks("configuration set"))?;
    let mut shown = set.described();
    merge(&mut shown, &set.destinations());
    Ok(shown)
}

/// PUT: adds it, or replaces the one of that name.
pub(super) fn put(world: &mut World, place: &Place<'_>, body: &[u8]) -> Result<Value, Mistake> {
    let words: Words = read(if body.is_empty() { b"{}" } else { body })?;
    let mut set = ConfigurationSet::new(place.name);
    set.event_destinations = words.event_destinations;
    if let Some(details) = &words.details {
        set = set.details(details);
    }
    world.put_configuration_set(place.account, place.region, set)?;
    show(world, place)
}

/// DELETE.
pub(super) fn remove(world: &mut World, place: &Place<'_>) -> Result<Value, Mistake> {
    let removed = world.remove_configuration_set(place.account, place.region, place.name)?;
    removed.then(|| json!({})).ok_or_else(|| place.lacks("configuration set"))
}
