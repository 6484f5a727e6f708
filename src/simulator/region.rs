//! One account in one region: its GetAccount state, its identities, its configuration sets and its sends.
//!
//! The account state is kept in the very shape of GetAccount's answer, and every operation of both APIs that tells part of it reads
//! the same document: GetAccount and GetSendQuota cannot disagree, and a world can hold values that no SDK knows (`"WEIRD"`), or lack
//! members that SES always sends. It knows nothing of requests or of who asks. What was sent through it is in `post`.

mod post;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::clock::epoch_seconds;
use super::configuration_set::ConfigurationSet;
use super::identity::Identity;
use super::merge::merge;
use super::sending::{Bucket, Ledger, Profile, Sending, Silence};

use self::post::Outbox;
pub use self::post::Suppressed;

/// The members of GetAccount's answer (SES v2), and so what [`Region::patched`] and the control API accept.
pub const ACCOUNT_MEMBERS: [&str; 9] = [
    "DedicatedIpAutoWarmupEnabled",
    "Details",
    "EnforcementStatus",
    "PricingAttributes",
    "ProductionAccessEnabled",
    "SendQuota",
    "SendingEnabled",
    "SuppressionAttributes",
    "VdmAttributes",
];

/// The state of one account in one region.
#[derive(Debug, Clone)]
pub struct Region {
    /// `eu-west-1`.
    pub name: String,
    /// False for an opt-in region that the account has not enabled: every call is refused as if the key did not exist.
    pub enabled: bool,
    /// What was sent.
    pub sending: Sending,
    /// Copied when changed, so that a thousand regions with the same ten thousand identities share them.
    identities: Arc<BTreeMap<String, Identity>>,
    configuration_sets: Arc<BTreeMap<String, ConfigurationSet>>,
    account: Value,
    silences: Vec<Silence>,
    posted: Outbox,
    suppression: BTreeMap<String, Suppressed>,
}

impl Region {
    /// A region as AWS hands it out: in the sandbox, 200 messages a day, 1 a second, no identity
    /// (<https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>).
    pub fn fresh(name: impl Into<String>) -> Region {
        Region {
            name: name.into(),
            enabled: true,
            sending: Sending::Nothing,
            identities: Arc::default(),
            configuration_sets: Arc::default(),
            account: json!({
                "DedicatedIpAutoWarmupEnabled": true,
                "EnforcementStatus": "HEALTHY",
                "ProductionAccessEnabled": false,
                "SendingEnabled": true,
                "SendQuota": { "Max24HourSend": 200.0, "MaxSendRate": 1.0 },
                "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
                "VdmAttributes": { "VdmEnabled": "DISABLED" },
            }),
            silences: Vec::new(),
            posted: Outbox::new(),
            suppression: BTreeMap::new(),
        }
    }

    /// A region with production access, granted long ago.
    pub fn production(name: impl Into<String>, max_24_hour_send: f64, max_send_rate: f64) -> Region {
        Region::fresh(name)
            .patched(&json!({ "ProductionAccessEnabled": true }))
            .quota(max_24_hour_send, max_send_rate)
            .review("GRANTED", None)
    }

    /// Sets SendQuota; -1 is unlimited.
    #[must_use]
    pub fn quota(self, max_24_hour_send: f64, max_send_rate: f64) -> Region {
        self.patched(&json!({ "SendQuota": { "Max24HourSend": max_24_hour_send, "MaxSendRate": max_send_rate } }))
    }

    /// Fixes SentLast24Hours, which otherwise follows from the buckets.
    #[must_use]
    pub fn sent(self, sent_last_24_hours: f64) -> Region {
        self.patched(&json!({ "SendQuota": { "SentLast24Hours": sent_last_24_hours } }))
    }

    /// Adds Details with a review in this status: PENDING, FAILED, GRANTED, DENIED, or anything else.
    #[must_use]
    pub fn review(self, status: &str, case_id: Option<&str>) -> Region {
        let mut review = json!({ "Status": status });
        if let Some(case_id) = case_id {
            merge(&mut review, &json!({ "CaseId": case_id }));
        }
        self.patched(&json!({ "Details": {
            "MailType": "TRANSACTIONAL",
            "WebsiteURL": "https://www.shop.example/",
            "ContactLanguage": "EN",
            "UseCaseDescription": "Order confirmations and password resets.",
            "ReviewDetails": review,
        } }))
    }

    /// Sets EnforcementStatus. `SHUTDOWN` also switches sending off, as AWS does when it pauses an account.
    #[must_use]
    pub fn enforcement(self, status: &str) -> Region {
        let region = self.patched(&json!({ "EnforcementStatus": status }));
        if status == "SHUTDOWN" { region.paused() } else { region }
    }

    /// Sending was paused long ago.
    #[must_use]
    pub fn paused(self) -> Region {
        self.patched(&json!({ "SendingEnabled": false }))
    }

    /// An opt-in region that was not enabled.
    #[must_use]
    pub fn disabled(mut self) -> Region {
        self.enabled = false;
        self
    }

    /// Sends like this.
    #[must_use]
    pub fn sending(mut self, profile: Profile) -> Region {
        self.sending = Sending::Profile(profile);
        self
    }

    /// Sent exactly this.
    #[must_use]
    pub fn sent_exactly(mut self, buckets: Vec<Bucket>) -> Region {
        self.sending = Sending::Exactly(buckets);
        self
    }

    /// Adds an identity, or replaces the one of that name.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Region {
        self.put_identity(identity);
        self
    }

    /// Adds a configuration set, or replaces the one of that name.
    #[must_use]
    pub fn configuration_set(mut self, set: ConfigurationSet) -> Region {
        self.put_configuration_set(set);
        self
    }

    /// Adds that many verified domains, `domain-00000.test` and so on.
    #[must_use]
    pub fn identities(mut self, count: usize) -> Region {
        let identities = Arc::make_mut(&mut self.identities);
        for number in 0..count {
            let identity = Identity::domain(format!("domain-{number:05}.test"));
            identities.insert(identity.name.clone(), identity);
        }
        self
    }

    /// Merges raw members of GetAccount's answer over the state (JSON merge patch); anything goes, `"EnforcementStatus": "WEIRD"` too.
    #[must_use]
    pub fn patched(mut self, patch: &Value) -> Region {
        self.patch(patch, UNIX_EPOCH);
        self
    }

    /// The same at a known time: a pause is remembered from when to when, and nothing is sent in it.
    pub fn patch(&mut self, patch: &Value, now: SystemTime) {
        let was_sending = self.sends();
        merge(&mut self.account, patch);
        let now = epoch_seconds(now);
        match (was_sending, self.sends()) {
            (true, false) => self.silences.push(Silence { from: now, until: None }),
            (false, true) => self.silences.iter_mut().for_each(|silence| {
                silence.until.get_or_insert(now);
            }),
            _ => {}
        }
    }

    /// Adds an identity, or replaces the one of that name.
    pub fn put_identity(&mut self, mut identity: Identity) {
        identity.enter(&self.name);
        Arc::make_mut(&mut self.identities).insert(identity.name.clone(), identity);
    }

    /// The identity of this name takes another VerificationStatus and keeps its details; nothing happens when there is none.
    pub(super) fn change_status(&mut self, name: &str, status: &str) {
        self.change_identity(name, |identity| identity.status(status));
    }

    /// Changes an identity and keeps the rest of it; false when there was none of that name.
    pub(super) fn change_identity(&mut self, name: &str, change: impl FnOnce(Identity) -> Identity) -> bool {
        let Some(identity) = self.identities.get(name).cloned() else { return false };
        self.put_identity(change(identity));
        true
    }

    /// Removes an identity; false when there was none of that name.
    pub fn remove_identity(&mut self, name: &str) -> bool {
        self.identities.contains_key(name) && Arc::make_mut(&mut self.identities).remove(name).is_some()
    }

    /// All identities, by name.
    pub fn all_identities(&self) -> &BTreeMap<String, Identity> {
        &self.identities
    }

    /// Adds a configuration set, or replaces the one of that name.
    pub fn put_configuration_set(&mut self, set: ConfigurationSet) {
        Arc::make_mut(&mut self.configuration_sets).insert(set.name.clone(), set);
    }

    /// Removes a configuration set; false when there was none of that name.
    pub fn remove_configuration_set(&mut self, name: &str) -> bool {
        self.configuration_sets.contains_key(name) && Arc::make_mut(&mut self.configuration_sets).remove(name).is_some()
    }

    /// All configuration sets, by name.
    pub fn all_configuration_sets(&self) -> &BTreeMap<String, ConfigurationSet> {
        &self.configuration_sets
    }

    /// The account state in the shape of GetAccount's answer, without SentLast24Hours where that is computed.
    pub fn account(&self) -> &Value {
        &self.account
    }

    fn sends(&self) -> bool {
        self.account.get("SendingEnabled") != Some(&Value::Bool(false))
    }

    /// This region's sends at a moment.
    pub(super) fn ledger(&self, key: u64, now: SystemTime) -> Ledger<'_> {
        Ledger { sending: &self.sending, silences: &self.silences, posted: &self.posted, key, now }
    }

    /// GetAccount's answer, with SentLast24Hours filled in.
    pub(super) fn account_answer(&self, key: u64, now: SystemTime) -> Value {
        let mut answer = self.account.clone();
        if let Some(Value::Object(quota)) = answer.get_mut("SendQuota")
            && !quota.contains_key("SentLast24Hours")
        {
            let sent = self.ledger(key, now).sent_last_24_hours();
            let sent = f64::from(u32::try_from(sent).unwrap_or(u32::MAX));
            quota.insert("SentLast24Hours".to_owned(), json!(sent));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::clock::from_epoch;

    #[test]
    fn a_fresh_region_is_in_the_sandbox() {
        let answer = Region::fresh("eu-west-1").account_answer(0, UNIX_EPOCH);
        assert_eq!(answer["ProductionAccessEnabled"], false);
        assert_eq!(answer["SendQuota"], json!({ "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 0.0 }));
        assert!(answer.get("Details").is_none(), "nothing was requested yet");
    }

    #[test]
    fn a_pause_silences_and_a_resumption_ends_it() {
        let mut region = Region::production("eu-west-1", 50_000.0, 14.0).sending(Profile::healthy(40_000.0));
        let (start, now) = (1_795_348_800, 1_795_348_800 + 86_400);
        let before = region.ledger(1, from_epoch(now)).sent_last_24_hours();
        region.patch(&json!({ "SendingEnabled": false }), from_epoch(start));
        assert_eq!(region.ledger(1, from_epoch(now)).sent_last_24_hours(), 0);
        region.patch(&json!({ "SendingEnabled": true }), from_epoch(start + 900));
        let after = region.ledger(1, from_epoch(now)).sent_last_24_hours();
        assert!(after > 0 && after < before);
    }

    #[test]
    fn shutdown_switches_sending_off() {
        let region = Region::production("eu-west-1", 1.0, 1.0).enforcement("SHUTDOWN");
        assert_eq!(region.account()["SendingEnabled"], false);
        assert_eq!(region.account()["EnforcementStatus"], "SHUTDOWN");
    }
}
