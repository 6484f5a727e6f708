//! The world as the control API shows it.

use serde_json::{Value, json};

use super::Mistake;
use crate::simulator::account::{Account, Entrance};
use crate::simulator::geography::{REGIONS_BY_DEFAULT, REGIONS_TO_OPT_IN};
use crate::simulator::identity::Identity;
use crate::simulator::journal::LoggedRequest;
use crate::simulator::world::World;
use crate::simulator::{ses, sesv2, sts, writes};

/// What there is: endpoints, operations, fault kinds, accounts.
pub(super) fn index(world: &World, endpoints: &[(&str, &str, &str)]) -> Value {
    let endpoints: Vec<Value> = endpoints
        .iter()
        .map(|(method, path, about)| json!({ "method": method, "path": path, "about": about }))
        .collect();
    json!({
        "about": "Amazon SES v2, SES v1 and STS, simulated; signatures are not verified",
        "now": humantime::format_rfc3339_millis(world.now()).to_string(),
        "endpoints": endpoints,
        "operations": { "sesv2": sesv2::OPERATIONS, "ses": ses::OPERATIONS, "sts": sts::OPERATIONS },
        "writes": { "sesv2": writes::SESV2, "ses": writes::SES },
        "faults": super::faults::examples(),
        "access_key_id": world.caller().map(|key| &key.id),
        "accounts": world.accounts().map(account).collect::<Vec<_>>(),
    })
}

fn account(account: &Account) -> Value {
    let entrance = Entrance::from(account);
    json!({
        "id": entrance.account_id,
        "name": entrance.name,
        "role_arn": entrance.role_arn,
        "external_id": entrance.external_id,
        "regions": entrance.regions,
    })
}

/// The log.
pub(super) fn requests(requests: &[LoggedRequest]) -> Value {
    let requests: Vec<Value> = requests
        .iter()
        .map(|request| {
            json!({
                "number": request.number,
                "time": humantime::format_rfc3339_millis(request.time).to_string(),
                "account": request.account,
                "region": request.region,
                "service": request.service.as_str(),
                "operation": request.operation,
                "writes": request.writes,
                "subject": request.subject,
                "in_flight": request.in_flight,
                "status": request.status,
            })
        })
        .collect();
    json!({ "requests": requests })
}

/// Rates, latency, life of temporary keys, and the two times of the DNS.
pub(super) fn settings(world: &World) -> Value {
    let rate = world.limiter.rate.map(|rate| json!({ "per_second": rate.per_second, "burst": rate.burst }));
    json!({
        "rate": rate,
        "send_rate": world.mail_limiter.enforced,
        "latency_milliseconds": u64::try_from(world.latency.as_millis()).unwrap_or(u64::MAX),
        "session_lifetime_seconds": world.session_lifetime.map(|lifetime| lifetime.as_secs()),
        "dns_ttl_seconds": world.dns.ttl.as_secs(),
        "notices_dns_after_seconds": world.dns.noticed_after.as_secs(),
    })
}

/// The state of a region.
pub(super) fn region(world: &World, id: &str, name: &str) -> Result<Value, Mistake> {
    let region = world.region_as_told(id, name)?;
    let identities: Vec<Value> = region.all_identities().values().map(Identity::listed).collect();
    Ok(json!({
        "enabled": region.enabled,
        "account": region.account_answer(world.key(id, name), world.now()),
        "identities": identities,
        "configuration_sets": region.all_configuration_sets().keys().collect::<Vec<_>>(),
    }))
}

/// True for a region that SES or this world has.
pub(super) fn knows_region(world: &World, name: &str) -> bool {
    REGIONS_BY_DEFAULT.contains(&name)
        || REGIONS_TO_OPT_IN.contains(&name)
        || world.accounts().any(|account| account.regions.contains_key(name))
}

/// True for an operation that the simulator answers.
pub(super) fn knows_operation(name: &str) -> bool {
    operations().any(|operation| operation == name)
}

/// All operations.
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    let reads = sesv2::OPERATIONS.into_iter().chain(ses::OPERATIONS).chain(sts::OPERATIONS);
    reads.chain(writes::SESV2).chain(writes::SES)
}
