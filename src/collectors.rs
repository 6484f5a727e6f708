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
}

const fn row<C: Collector>(make: fn(&Config) -> Arc<dyn AnyCollector>) -> Row {
    Row { declaration: C::DECLARATION, families: || C::METRICS.iter().map(|family| family.about()).collect(), make }
}

/// From one slice to the next, for what is to be read anew when. Whoever waits for few names sees them anew sooner.
fn pace(config: &Config, collector: &str, in_focus: Duration) -> Duration {
    if config.focus.is_some() { in_focus } else { config.interval(collector) }
}

/// Every collector there is.
pub const ALL: &[Row] = &[
    row::<account::Account>(|_| Arc::new(account::Account)),
    row::<sending::Sending>(|_| Arc::new(sending::Sending)),
    row::<identities::Identities>(|config| Arc::new(identities::Identities { settings: config.identities.clone() })),
    row::<identity_details::IdentityDetails>(|config| {
        let only = config.focus.as_ref().map(|focus| focus.identities.clone());
        let interval = pace(config, identity_details::IdentityDetails::DECLARATION.name, Duration::from_secs(1));
        Arc::new(identity_details::IdentityDetails { interval, tags: config.identities.tags.clone(), only })
    }),
    row::<configuration_sets::ConfigurationSets>(|config| {
        let only = config.focus.as_ref().and_then(|focus| focus.configuration_set.clone());
        // A list that is older than an identity that names a set proves nothing about the set.
        let interval = pace(config, configuration_sets::ConfigurationSets::DECLARATION.name, Duration::ZERO);
        Arc::new(configuration_sets::ConfigurationSets { interval, only })
    }),
    row::<dns::Dns>(|config| Arc::new(dns::Dns { resolver: Resolver::new(&config.dns) })),
];
