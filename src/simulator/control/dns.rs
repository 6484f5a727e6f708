//! The DNS of the world over HTTP: faults in JSON, `{"kind": "removed", "name": "_dmarc.shop.example", "record_type": "TXT"}`, the
//! records that are published, and the log of questions.

use hyper::Method;
use serde_json::{Value, json};

use super::{Mistake, read, unknown};
use crate::simulator::dns::{DnsFault, DnsFaultKind, DnsQuery};
use crate::simulator::shared::SharedWorld;

/// Answers what is under `/_simulator/dns`.
pub(super) fn route(world: &SharedWorld, method: &Method, segments: &[&str], body: &[u8]) -> Result<Value, Mistake> {
    match (method.as_str(), segments) {
        ("GET", []) => Ok(overview(world)),
        ("GET", ["zones", name]) => zone(world, name),
        ("GET", ["faults"]) => Ok(json!({ "faults": shown(world) })),
        ("POST", ["faults"]) => inject(world, body),
        ("DELETE", ["faults"]) => {
            world.clear_dns_faults();
            Ok(json!({}))
        }
        ("DELETE", ["faults", id]) => remove(world, id),
        ("GET", ["queries"]) => Ok(queries(&world.dns_queries())),
        ("DELETE", ["queries"]) => {
            world.clear_dns_queries();
            Ok(json!({}))
        }
        _ => Err(unknown(method, &[&["dns"], segments].concat())),
    }
}

/// Where it listens, and what is wrong with it.
fn overview(world: &SharedWorld) -> Value {
    let address = world.lock().dns.address.map(|address| address.to_string());
    let kinds = DnsFaultKind::ALL;
    json!({ "address": address, "fault_kinds": kinds, "faults": shown(world) })
}

/// Puts a fault in force.
fn inject(world: &SharedWorld, body: &[u8]) -> Result<Value, Mistake> {
    let fault: DnsFault = read(body)?;
    if let Some(name) = fault.name.as_deref().filter(|name| !world.lock().has_zone_of(name)) {
        return Err(Mistake::Wrong(format!("no identity of this world is in the domain of {name}")));
    }
    Ok(json!({ "id": world.inject_dns(fault) }))
}

/// Removes a fault.
fn remove(world: &SharedWorld, id: &str) -> Result<Value, Mistake> {
    let removed = id.parse().is_ok_and(|id| world.remove_dns_fault(id));
    removed.then(|| json!({})).ok_or_else(|| Mistake::Nothing(format!("DNS fault {id} in force")))
}

/// The records of a zone as they are published now.
fn zone(world: &SharedWorld, name: &str) -> Result<Value, Mistake> {
    let records = world.lock().dns_records(name);
    let records = records.ok_or_else(|| Mistake::Nothing(format!("zone of {name}, since no identity is in it")))?;
    let records: Vec<Value> = records
        .into_iter()
        .map(|(name, record_type, value)| json!({ "name": name, "record_type": record_type, "value": value }))
        .collect();
    Ok(json!({ "records": records }))
}

/// The log.
fn queries(queries: &[DnsQuery]) -> Value {
    let queries: Vec<Value> = queries
        .iter()
        .map(|query| {
            json!({
                "time": humantime::format_rfc3339_millis(query.time).to_string(),
                "name": query.name,
                "record_type": query.record_type,
                "transport": query.transport.as_str(),
            })
        })
        .collect();
    json!({ "queries": queries })
}

fn shown(world: &SharedWorld) -> Vec<Value> {
    let shown = |(id, fault)| {
        let mut shown = json!(fault);
        if let Value::Object(members) = &mut shown {
            members.insert("id".to_owned(), json!(id));
        }
        shown
    };
    world.dns_faults().into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::World;

    fn told(body: &Value) -> String {
        let world = SharedWorld::new(World::demo(1));
        inject(&world, body.to_string().as_bytes())
            .map_or_else(|mistake| mistake.to_string(), |value| value.to_string())
    }

    #[test]
    fn every_kind_is_read_back_as_it_was_written() {
        let world = SharedWorld::new(World::empty());
        for kind in DnsFaultKind::ALL {
            let id = inject(&world, json!({ "kind": kind }).to_string().as_bytes()).expect("understood")["id"].clone();
            let expected = json!([{ "id": id, "kind": kind, "name": null, "record_type": null }]);
            assert_eq!(json!(shown(&world)), expected);
            remove(&world, &id.to_string()).expect("in force");
        }
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        assert!(told(&json!({ "kind": "removd" })).contains("expected one of `removed`, `wrong_value`"));
        assert!(told(&json!({ "kind": "removed", "record_type": "AAAA" })).contains("expected one of `A`, `CNAME`"));
        assert!(
            told(&json!({ "kind": "removed", "zone": "x" })).contains("expected one of `kind`, `name`, `record_type`")
        );
        assert!(told(&json!({ "kind": "removed", "name": "hop.example" })).contains("domain of hop.example"));
        assert_eq!(told(&json!({ "kind": "removed", "name": "Shop.example." })), r#"{"id":1}"#);
    }
}
