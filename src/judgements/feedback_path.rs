//! Judgement `feedback_path`: does anyone hear of an identity's bounces and complaints?
//!
//! AWS asks for a way to handle both, and pauses accounts whose bounces nobody reads. There are three: an SNS topic of
//! the identity, forwarding by e-mail, and an event destination of the identity's default configuration set.

use std::sync::Arc;

use crate::collectors::configuration_sets::{self, ConfigurationSets, Sets};
use crate::collectors::identity_details::{self, Details, IdentityDetails, Topics};
use crate::judgement::{Declaration, Judgement, Seen};
use crate::metric::{Family, flag, gauge};

/// The judgement.
pub struct FeedbackPath;

/// The identities that bear series, and what is known of each event.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict(Vec<Heard>);

#[derive(Debug, PartialEq, Eq)]
struct Heard {
    label: Arc<str>,
    identity_type: Arc<str>,
    /// One for each of [`EVENTS`]; none while what could tell has not been read.
    events: [Option<bool>; 2],
}

/// An event, as the label and as SES name it.
struct Event {
    label: &'static str,
    name_in_ses: &'static str,
    topic: fn(Topics) -> bool,
}

const EVENTS: [Event; 2] = [
    Event { label: "bounce", name_in_ses: "BOUNCE", topic: |topics| topics.bounce },
    Event { label: "complaint", name_in_ses: "COMPLAINT", topic: |topics| topics.complaint },
];

impl Verdict {
    /// The labels of the identities of which nobody hears the bounces, or the complaints.
    pub fn unheard(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|heard| heard.events.contains(&Some(false))).map(|heard| &*heard.label)
    }
}

impl Judgement for FeedbackPath {
    type Verdict = Verdict;

    const DECLARATION: Declaration = Declaration {
        name: "feedback_path",
        about: "Whether bounces and complaints of each identity reach anyone: by an SNS topic, by e-mail, or by an event \
                destination of its default configuration set.",
        from: &["identity_details", "configuration_sets"],
    };

    const METRICS: &'static [&'static dyn Family<Verdict>] = &[&gauge(
        "ses_identity_feedback_path",
        "Whether the event of the identity reaches anyone: SNS topic, e-mail forwarding, or event destination of its default configuration set (judged from GetIdentityNotificationAttributes, GetEmailIdentity and GetConfigurationSetEventDestinations).",
        ["identity", "identity_type", "event"],
        |verdict: &Verdict, out| {
            for Heard { label, identity_type, events } in &verdict.0 {
                for (event, heard) in EVENTS.iter().zip(events) {
                    out.push_known([label, identity_type, event.label], heard.map(flag));
                }
            }
        },
    )];

    fn judge(&self, seen: &Seen<'_>) -> Option<Verdict> {
        let sets = seen.reading::<ConfigurationSets>().and_then(configuration_sets::Reading::listed);
        Some(judge(seen.reading::<IdentityDetails>()?, sets))
    }
}

fn judge(identities: &identity_details::Reading, sets: Option<Sets<'_>>) -> Verdict {
    let heard = |(label, details): (&Arc<str>, &Details)| Heard {
        label: Arc::clone(label),
        identity_type: Arc::clone(&details.identity_type),
        events: EVENTS.map(|event| heard(details, sets, &event)),
    };
    Verdict(identities.shown().map(heard).collect())
}

/// One way that is known to work is enough; that there is none is said only when all three are known.
fn heard(details: &Details, sets: Option<Sets<'_>>, event: &Event) -> Option<bool> {
    let ways = [details.topics.map(event.topic), details.forwarding, destination(details, sets, event.name_in_ses)];
    if ways.contains(&Some(true)) {
        Some(true)
    } else if ways.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// Whether the default configuration set passes the event on. A set that is not there passes nothing on, if it was not
/// there when the identity named it: it may be newer than the list.
fn destination(details: &Details, sets: Option<Sets<'_>>, event_type: &str) -> Option<bool> {
    let described = details.described.as_ref()?;
    let Some(set) = &described.configuration_set else { return Some(false) };
    let sets = sets?;
    match sets.all.get(set) {
        None => (sets.listed_at >= described.set_since).then_some(false),
        Some(set) => set.as_ref()?.covers(event_type),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::collectors::configuration_sets::{ConfigurationSet, Destination};
    use crate::collectors::identity_details::Described;

    /// What was described, if anything: the default configuration set, or that there is none.
    #[derive(Clone, Copy)]
    enum Set {
        NotRead,
        None,
        Named(&'static str),
    }

    fn details(topics: Option<Topics>, forwarding: Option<bool>, set: Set) -> Details {
        let mut details = Details::default();
        (details.topics, details.forwarding) = (topics, forwarding);
        let described = Described::at(SystemTime::UNIX_EPOCH);
        details.described = match set {
            Set::NotRead => None,
            Set::None => Some(described),
            Set::Named(name) => Some(Described { configuration_set: Some(Arc::from(name)), ..described }),
        };
        details
    }

    type All = BTreeMap<Arc<str>, Option<Arc<ConfigurationSet>>>;

    fn sets(enabled: bool, events: &[&str]) -> All {
        let events = events.iter().map(|event| Arc::from(*event)).collect();
        let destinations = Some(vec![Destination { name: Arc::from("sns"), enabled, events }]);
        let set = ConfigurationSet { destinations, ..ConfigurationSet::default() };
        BTreeMap::from([(Arc::from("main"), Some(Arc::new(set))), (Arc::from("unread"), None)])
    }

    fn listed(all: &All) -> Sets<'_> {
        Sets { all, listed_at: SystemTime::UNIX_EPOCH + Duration::from_hours(1) }
    }

    const BOUNCE: &Event = &EVENTS[0];
    const COMPLAINT: &Event = &EVENTS[1];
    const NO_TOPICS: Option<Topics> = Some(Topics { bounce: false, complaint: false });

    #[test]
    fn each_of_three_ways_is_enough() {
        let sets = sets(true, &["BOUNCE"]);
        let topic = details(Some(Topics { bounce: true, complaint: false }), Some(false), Set::None);
        let forwarding = details(NO_TOPICS, Some(true), Set::NotRead);
        let destination = details(NO_TOPICS, Some(false), Set::Named("main"));
        for way in [&topic, &forwarding, &destination] {
            assert_eq!(heard(way, Some(listed(&sets)), BOUNCE), Some(true), "{way:?}");
        }
        assert_eq!(heard(&topic, Some(listed(&sets)), COMPLAINT), Some(false), "each event has its own topic");
        assert_eq!(heard(&destination, Some(listed(&sets)), COMPLAINT), Some(false), "and its own destination");
    }

    #[test]
    fn that_there_is_no_way_needs_proof() {
        let sets = sets(true, &["BOUNCE"]);
        let off = Some(false);
        assert_eq!(heard(&details(None, off, Set::None), Some(listed(&sets)), BOUNCE), None, "topics were not read");
        assert_eq!(
            heard(&details(NO_TOPICS, off, Set::NotRead), Some(listed(&sets)), BOUNCE),
            None,
            "not described yet"
        );
        assert_eq!(heard(&details(NO_TOPICS, off, Set::Named("main")), None, BOUNCE), None, "sets were not read");
        assert_eq!(heard(&details(NO_TOPICS, off, Set::Named("unread")), Some(listed(&sets)), BOUNCE), None);
        assert_eq!(
            heard(&details(NO_TOPICS, off, Set::None), None, BOUNCE),
            Some(false),
            "no set, so none needs reading"
        );
    }

    #[test]
    fn a_set_that_is_deleted_or_switched_off_passes_nothing_on() {
        let nobody =
            |set, sets: &All| heard(&details(NO_TOPICS, Some(false), Set::Named(set)), Some(listed(sets)), BOUNCE);
        assert_eq!(nobody("deleted", &sets(true, &["BOUNCE"])), Some(false));
        assert_eq!(nobody("main", &sets(false, &["BOUNCE"])), Some(false));
        let mut newer = details(NO_TOPICS, Some(false), Set::Named("new"));
        newer.described = newer.described.map(|described| Described { set_since: SystemTime::now(), ..described });
        let sets = sets(true, &["BOUNCE"]);
        assert_eq!(heard(&newer, Some(listed(&sets)), BOUNCE), None, "the list may be older than the set");
    }
}
