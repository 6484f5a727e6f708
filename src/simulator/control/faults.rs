//! Faults in JSON: `{"kind": "throttle", "region": "eu-west-1", "operation": "GetAccount", "count": 3}`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Mistake, read, views};
use crate::simulator::shared::SharedWorld;
use crate::simulator::trouble::{Fault, Trouble};
use crate::simulator::world::World;

/// One of each kind with all its members, for the index.
pub(super) fn examples() -> [Trouble; 19] {
    [
        Trouble::Throttle,
        Trouble::Deny,
        Trouble::DenyByServiceControlPolicy,
        Trouble::RegionDisabled,
        Trouble::ExpiredToken,
        Trouble::RequestTimeTooSkewed,
        Trouble::Refuse { status: 403, code: "OptInRequired".to_owned(), message: "Not subscribed.".to_owned() },
        Trouble::ServerError { status: 503 },
        Trouble::Html,
        Trouble::InvalidJson,
        Trouble::EmptyObject,
        Trouble::Hang,
        Trouble::HangInBody,
        Trouble::Drip { bytes_per_second: 4 },
        Trouble::Reset,
        Trouble::Slow { delay: Duration::from_millis(200) },
        Trouble::HugeBody { bytes: 600 << 20 },
        Trouble::EndlessPaging,
        Trouble::ClockSkew { seconds: -3600 },
    ]
}

/// For which requests: what every kind takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    account: Option<String>,
    region: Option<String>,
    operation: Option<String>,
    count: Option<u64>,
}

/// Lists the faults in force.
pub(super) fn list(world: &SharedWorld) -> Value {
    let faults: Vec<Value> = world.faults().iter().map(|(id, fault)| shown(*id, fault)).collect();
    json!({ "faults": faults })
}

/// Puts a fault in force.
pub(super) fn inject(world: &SharedWorld, body: &[u8]) -> Result<Value, Mistake> {
    let (scope, kind): (Map<String, Value>, Map<String, Value>) = read::<Map<String, Value>>(body)?
        .into_iter()
        .partition(|(member, _)| ["account", "region", "operation", "count"].contains(&member.as_str()));
    let scope: Scope = understood(Value::Object(scope))?;
    let trouble = trouble(&kind)?;
    let mut world = world.lock();
    check(&world, &scope)?;
    let Scope { account, region, operation, count } = scope;
    let id = world.faults.inject(Fault { trouble, account, region, operation, count });
    Ok(json!({ "id": id }))
}

/// Removes a fault.
pub(super) fn remove(world: &SharedWorld, id: &str) -> Result<Value, Mistake> {
    let removed = id.parse().is_ok_and(|id| world.remove_fault(id));
    removed.then(|| json!({})).ok_or_else(|| Mistake::Nothing(format!("fault {id} in force")))
}

fn trouble(words: &Map<String, Value>) -> Result<Trouble, Mistake> {
    let trouble: Trouble = understood(Value::Object(words.clone()))?;
    // serde lets kinds without members have any: what does not come out again was not understood.
    let said = json!(trouble);
    match words.keys().find(|member| said.get(member.as_str()).is_none()) {
        None => Ok(trouble),
        Some(stranger) => {
            let known: Vec<&String> = said.as_object().into_iter().flat_map(Map::keys).collect();
            Err(Mistake::Wrong(format!(
                "this kind has no member {stranger}; it has {known:?} beside account, region, operation and count"
            )))
        }
    }
}

fn check(world: &World, scope: &Scope) -> Result<(), Mistake> {
    if let Some(id) = &scope.account {
        world.account(id)?;
    }
    if let Some(region) = scope.region.as_deref().filter(|region| !views::knows_region(world, region)) {
        return Err(Mistake::Wrong(format!(
            "there is no region {region}; GET /_simulator/ lists those of each account"
        )));
    }
    if let Some(operation) = scope.operation.as_deref().filter(|operation| !views::knows_operation(operation)) {
        let known: Vec<&str> = views::operations().collect();
        return Err(Mistake::Wrong(format!("there is no operation {operation}; there are: {}", known.join(", "))));
    }
    if scope.count == Some(0) {
        return Err(Mistake::Wrong("count must be at least 1, or left out".to_owned()));
    }
    Ok(())
}

fn understood<T: for<'a> Deserialize<'a>>(value: Value) -> Result<T, Mistake> {
    serde_json::from_value(value).map_err(|error| Mistake::Wrong(format!("the fault is not right: {error}")))
}

fn shown(id: u64, fault: &Fault) -> Value {
    let mut shown = json!(fault.trouble);
    let scope = [
        ("id", json!(id)),
        ("account", json!(fault.account)),
        ("region", json!(fault.region)),
        ("operation", json!(fault.operation)),
        ("count", json!(fault.count)),
    ];
    if let Value::Object(shown) = &mut shown {
        shown.extend(scope.map(|(member, value)| (member.to_owned(), value)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &Value) -> String {
        let world = SharedWorld::new(World::demo(1));
        match inject(&world, body.to_string().as_bytes()) {
            Ok(value) => value.to_string(),
            Err(mistake) => mistake.to_string(),
        }
    }

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        for example in examples() {
            let Value::Object(words) = json!(example) else { panic!("an object") };
            assert_eq!(trouble(&words).expect("understood"), example);
        }
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        assert!(told(&json!({ "kind": "thrott" })).contains("expected one of `throttle`, `deny`"));
        assert!(told(&json!({ "kind": "drip" })).contains("missing field `bytes_per_second`"));
        assert!(told(&json!({ "kind": "hang", "bytes": 3 })).contains("no member bytes"));
        assert!(told(&json!({ "kind": "hang", "operation": "GetAcount" })).contains("there are: GetAccount"));
        assert!(told(&json!({ "kind": "hang", "account": "1" })).contains("there are: 111111111111"));
        assert!(told(&json!({ "kind": "hang", "region": "eu-west-9" })).contains("no region eu-west-9"));
        assert!(told(&json!({ "kind": "hang", "count": 0 })).contains("at least 1"));
        assert_eq!(told(&json!({ "kind": "hang", "count": 1 })), r#"{"id":1}"#);
    }
}
