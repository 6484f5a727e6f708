//! The table of collectors, in documentation order. To add one: write its file, add its row.

use std::sync::Arc;

use crate::collector::{AnyCollector, Collector, Declaration};
use crate::config::Config;
use crate::metric::About;

pub mod account;
pub mod dns;
pub mod identities;
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

/// Every collector there is.
pub const ALL: &[Row] = &[
    row::<account::Account>(|_| Arc::new(account::Account)),
    row::<sending::Sending>(|_| Arc::new(sending::Sending)),
    row::<identities::Identities>(|config| Arc::new(identities::Identities { settings: config.identities.clone() })),
];
