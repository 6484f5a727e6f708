//! The handle on a running world: what tests in the same process, the control API and the server itself share.
//!
//! Every look first lets happen what is due, so a story needs no task. The lock is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::account::{AccessKey, Entrance};
use super::configuration_set::ConfigurationSet;
use super::identity::Identity;
use super::journal::{Arrival, LoggedRequest};
use super::rate::Rate;
use super::trouble::Fault;
use super::world::{World, WorldError};

/// A world that a running simulator answers from. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedWorld(Arc<Mutex<World>>);

impl SharedWorld {
    pub(super) fn new(world: World) -> SharedWorld {
        SharedWorld(Arc::new(Mutex::new(world)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        // A panic in a closure of `change` must not end every other test of this world.
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tell();
        world
    }

    /// Changes or reads the world in any way, with no request in between.
    pub fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.lock())
    }

    /// The world's time.
    pub fn now(&self) -> SystemTime {
        self.lock().now()
    }

    /// Moves the world's time forward. Temporary keys and the `Date` header stay with the wall clock.
    pub fn advance(&self, by: Duration) {
        self.lock().clock.advance(by);
    }

    /// Merges into the account state of a region, in the shape of GetAccount's answer (JSON merge patch).
    pub fn patch_region(&self, account: &str, region: &str, patch: &Value) -> Result<(), WorldError> {
        self.lock().patch_region(account, region, patch)
    }

    /// Adds an identity to a region, or replaces the one of that name.
    pub fn put_identity(&self, account: &str, region: &str, identity: Identity) -> Result<(), WorldError> {
        self.lock().put_identity(account, region, identity)
    }

    /// Removes an identity; false when there was none of that name.
    pub fn remove_identity(&self, account: &str, region: &str, name: &str) -> Result<bool, WorldError> {
        self.lock().remove_identity(account, region, name)
    }

    /// Adds a configuration set to a region, or replaces the one of that name.
    pub fn put_configuration_set(&self, account: &str, region: &str, set: ConfigurationSet) -> Result<(), WorldError> {
        self.lock().put_configuration_set(account, region, set)
    }

    /// Removes a configuration set; false when there was none of that name.
    pub fn remove_configuration_set(&self, account: &str, region: &str, name: &str) -> Result<bool, WorldError> {
        self.lock().remove_configuration_set(account, region, name)
    }

    /// The access key from which all accounts can be reached.
    pub fn caller(&self) -> Option<AccessKey> {
        self.lock().caller().cloned()
    }

    /// How to get into each account, for an agent's configuration.
    pub fn entrances(&self) -> Vec<Entrance> {
        self.lock().entrances()
    }

    /// Puts a fault in force; the number removes it again.
    pub fn inject(&self, fault: Fault) -> u64 {
        self.lock().faults.inject(fault)
    }

    /// Removes a fault; false when it is not in force any more.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.lock().faults.remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// The faults in force, with their numbers.
    pub fn faults(&self) -> Vec<(u64, Fault)> {
        self.lock().faults.list()
    }

    /// Everything that was asked, oldest first; the newest 100,000 requests are kept.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().journal.entries()
    }

    /// Forgets what was asked.
    pub fn clear_requests(&self) {
        self.lock().journal.clear();
    }

    /// How many requests to SES or STS are in flight now, over all accounts and regions.
    pub fn in_flight(&self) -> usize {
        self.lock().journal.in_flight()
    }

    /// The most requests to SES that were in flight at once for one account and region, since the log was cleared.
    pub fn most_in_flight(&self) -> usize {
        self.lock().journal.most_in_flight()
    }

    /// The most requests to SES for one account and region that arrived within any window of this length, since the log was
    /// cleared.
    pub fn busiest_window(&self, window: Duration) -> usize {
        self.lock().journal.busiest_window(window)
    }

    /// Another rate for each account and region; none switches the limit off.
    pub fn set_rate(&self, rate: Option<Rate>) {
        self.lock().limiter.rate = rate;
    }

    /// How long every answer takes.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    /// How long temporary keys live from now on; none: as long as AssumeRole asks.
    pub fn set_session_lifetime(&self, lifetime: Option<Duration>) {
        self.lock().session_lifetime = lifetime;
    }

    /// Lets all temporary keys expire.
    pub fn expire_sessions(&self) {
        let mut world = self.lock();
        let now = world.clock.wall();
        world.sessions.values_mut().for_each(|session| session.expires = now);
    }
}

/// A request in flight: dropped with the last byte of its answer, or with its connection.
#[derive(Debug)]
pub(super) struct Presence {
    world: SharedWorld,
    arrival: Arrival,
}

impl Presence {
    pub(super) fn new(world: &SharedWorld, arrival: Arrival) -> Presence {
        Presence { world: world.clone(), arrival }
    }

    pub(super) fn answered(&self, status: u16) {
        self.world.lock().journal.answered(&self.arrival, status);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.world.lock().journal.departed(&self.arrival);
    }
}
