//! The mail of a region that the send operations took, and the addresses that it does not deliver to.
//!
//! Nothing is kept of a message but how many recipients it had, by the quarter hour. It never decides who may send.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::Region;
use crate::simulator::clock::epoch_seconds;
use crate::simulator::configuration_set::ConfigurationSet;
use crate::simulator::sending::{Posted, quarter_hour, whole_window_before};

/// One address of the account's suppression list, in the members of GetSuppressedDestination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// EmailAddress.
    pub address: String,
    /// Reason: `BOUNCE` or `COMPLAINT`; any other word is passed on.
    pub reason: String,
    /// LastUpdateTime.
    pub since: SystemTime,
}

impl Suppressed {
    /// The answer of GetSuppressedDestination.
    pub(in crate::simulator) fn described(&self) -> Value {
        json!({ "SuppressedDestination": {
            "EmailAddress": self.address,
            "Reason": self.reason,
            "LastUpdateTime": epoch_seconds(self.since),
        } })
    }
}

impl Region {
    /// Mail to this address is taken and not delivered; the reason is `BOUNCE` or `COMPLAINT`.
    #[must_use]
    pub fn suppressed(mut self, address: &str, reason: &str) -> Region {
        self.suppress(Suppressed {
            address: address.to_owned(),
            reason: reason.to_owned(),
            since: SystemTime::UNIX_EPOCH,
        });
        self
    }

    /// Puts an address on the suppression list, or in the place of the same one.
    pub(in crate::simulator) fn suppress(&mut self, suppressed: Suppressed) {
        self.suppression.insert(suppressed.address.to_lowercase(), suppressed);
    }

    /// Takes an address off the suppression list; false when it is not on it.
    pub(in crate::simulator) fn unsuppress(&mut self, address: &str) -> bool {
        self.suppression.remove(&address.to_lowercase()).is_some()
    }

    /// An address of the suppression list; upper and lower case are the same.
    pub(in crate::simulator) fn suppression_of(&self, address: &str) -> Option<&Suppressed> {
        self.suppression.get(&address.to_lowercase())
    }

    /// True when mail to the address is not delivered: it is on the list for a reason that the configuration set holds for one, or the
    /// account where the set says nothing.
    pub(in crate::simulator) fn withholds(&self, address: &str, set: Option<&ConfigurationSet>) -> bool {
        let Some(suppressed) = self.suppression_of(address) else { return false };
        let own = set.map(ConfigurationSet::described).and_then(|set| reasons(&set, "/SuppressionOptions"));
        let reasons = own.or_else(|| reasons(self.account(), "/SuppressionAttributes")).unwrap_or_default();
        reasons.contains(&suppressed.reason)
    }

    /// Counts a message that was taken. A SentLast24Hours that a world has fixed goes up; otherwise it follows from what was posted.
    pub(in crate::simulator) fn post(&mut self, posted: Posted, now: SystemTime) {
        let now = epoch_seconds(now);
        let slot = self.posted.entry(quarter_hour(now)).or_default();
        slot.counted += posted.counted;
        slot.delivered += posted.delivered;
        self.posted.retain(|quarter, _| *quarter >= whole_window_before(now));
        if let Some(fixed) = self.account.pointer_mut("/SendQuota/SentLast24Hours")
            && let Some(sent) = fixed.as_f64()
        {
            *fixed = json!(sent + f64::from(u32::try_from(posted.counted).unwrap_or(u32::MAX)));
        }
    }
}

fn reasons(of: &Value, within: &str) -> Option<Vec<String>> {
    let reasons = of.pointer(within)?.get("SuppressedReasons")?.as_array()?;
    Some(reasons.iter().filter_map(|reason| reason.as_str().map(str::to_owned)).collect())
}

/// What [`Region`] keeps of the mail that it took, by the quarter hour.
pub(in crate::simulator) type Outbox = BTreeMap<u64, Posted>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::clock::from_epoch;

    const NOON: u64 = 1_795_348_800;

    fn sent(region: &Region, now: u64) -> Value {
        region.account_answer(7, from_epoch(now))["SendQuota"]["SentLast24Hours"].clone()
    }

    #[test]
    fn what_is_posted_is_in_the_sum_of_24_hours_and_in_the_buckets() {
        let mut region = Region::fresh("eu-west-1");
        region.post(Posted { counted: 3, delivered: 2 }, from_epoch(NOON + 10));
        region.post(Posted { counted: 1, delivered: 1 }, from_epoch(NOON + 20));
        assert_eq!(sent(&region, NOON + 30), 4.0);
        assert_eq!(sent(&region, NOON + 86_400 + 899), 4.0, "the oldest quarter hour is still within 24 hours");
        assert_eq!(sent(&region, NOON + 86_400 + 900), 0.0);
        let buckets = region.ledger(7, from_epoch(NOON + 30)).buckets();
        assert_eq!(buckets.iter().map(|bucket| bucket.delivery_attempts).collect::<Vec<_>>(), [3]);
        assert_eq!(epoch_seconds(buckets[0].start), NOON);
    }

    #[test]
    fn a_fixed_sum_goes_up() {
        let mut region = Region::fresh("eu-west-1").sent(198.0);
        region.post(Posted { counted: 2, delivered: 2 }, from_epoch(NOON));
        assert_eq!(sent(&region, NOON), 200.0);
    }

    #[test]
    fn the_set_has_the_last_word_on_suppression() {
        let region = Region::fresh("eu-west-1").suppressed("Eve@x.example", "COMPLAINT");
        let set = |reasons: &[&str]| ConfigurationSet::new("main").suppressed_reasons(reasons);
        assert!(region.withholds("eve@X.example", None));
        assert!(!region.withholds("bob@x.example", None));
        assert!(region.withholds("eve@x.example", Some(&ConfigurationSet::new("silent"))));
        assert!(!region.withholds("eve@x.example", Some(&set(&["BOUNCE"]))));
        assert!(!region.withholds("eve@x.example", Some(&set(&[]))));
        let lenient = region.patched(&json!({ "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE"] } }));
        assert!(!lenient.withholds("eve@x.example", None));
        assert!(lenient.withholds("eve@x.example", Some(&set(&["COMPLAINT"]))));
    }
}
