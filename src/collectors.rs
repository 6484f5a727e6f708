//! The table of collectors, in documentation order. To add one: write its file, add its row.

use std::sync::Arc;
use std::time::Duration;

use crate::collector::{AnyCollector, Collector, Declaration};
use crate::config::Config;
use crate::dns::Resolver;
use crate::metric::About;

pub mod account;
pub mod configuration_sets;
pub mod dns;
pub mod identities;
pub mod identity_details;
pub mod sending;

/// One row of the table: what a collector is, and how it is made from a configuration.
pub struct Row {
    /// Name, meaning, permissions, defaults.
    pub declaration: Declaration,
    /// Its families, for the reference and for tests.
    pub families: fn() -> Vec<About<'static>>,
    /// The collector with its settings.
    pub make: fn(&Config) -> Arc<dyn AnyCollector>,
    /// Whether a reading under the one configuration means the same under the other, as far as the collector's own
    /// settings go: not how often it reads, nor what it builds on.
    pub same: fn(&Config, &Config) -> bool,
}

const fn row<C: Collector>(make: fn(&Config) -> Arc<dyn AnyCollector>, same: fn(&Config, &Config) -> bool) -> Row {
    let families = || C::METRICS.iter().map(|family| family.about()).collect();
    Row { declaration: C::DECLARATION, families, make, same }
}

/// Of a collector without settings.
const ALWAYS: fn(&Config, &Config) -> bool = |_, _| true;

/// From one slice to the next, for what is to be read anew when. Whoever waits for few names sees them anew sooner.
fn pace(config: &Config, collector: &str, in_focus: Duration) -> Duration {
    if config.focus.is_some() { in_focus } else { config.interval(collector) }
}

/// Every collector there is.
pub const ALL: &[Row] = &[
    row::<account::Account>(|_| Arc::new(account::Account), ALWAYS),
    row::<sending::Sending>(|_| Arc::new(sending::Sending), ALWAYS),
    row::<identities::Identities>(
        |config| Arc::new(identities::Identities { settings: config.identities.clone() }),
        |one, other| one.identities == other.identities,
    ),
    row::<identity_details::IdentityDetails>(details, |one, other| one.identities.tags == other.identities.tags),
    row::<configuration_sets::ConfigurationSets>(configuration_sets, ALWAYS),
    row::<dns::Dns>(
        |config| Arc::new(dns::Dns { resolver: Resolver::new(&config.dns) }),
        |one, other| one.dns == other.dns,
    ),
];

fn details(config: &Config) -> Arc<dyn AnyCollector> {
    let only = config.focus.as_ref().map(|focus| focus.identities.clone());
    let interval = pace(config, identity_details::IdentityDetails::DECLARATION.name, Duration::from_secs(1));
    Arc::new(identity_details::IdentityDetails { interval, tags: config.identities.tags.clone(), only })
}

fn configuration_sets(config: &Config) -> Arc<dyn AnyCollector> {
    let only = config.focus.as_ref().and_then(|focus| focus.configuration_set.clone());
    // A list that is older than an identity that names a set proves nothing about the set.
    let interval = pace(config, configuration_sets::ConfigurationSets::DECLARATION.name, Duration::ZERO);
    Arc::new(configuration_sets::ConfigurationSets { interval, only })
}
