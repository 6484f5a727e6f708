//! One configuration set of a region, and where its events go, as SES v2 tells of them.
//!
//! Words of SES are passed on as they are, so that a world can hold what no SDK knows yet. It publishes no event and decides about no
//! mail: it is only told of.

use serde::Deserialize;
use serde_json::{Value, json};

use super::merge::merge;

/// A configuration set as GetConfigurationSet and GetConfigurationSetEventDestinations describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationSet {
    /// ConfigurationSetName.
    pub name: String,
    /// SendingOptions.SendingEnabled.
    pub sending_enabled: bool,
    /// ReputationOptions.ReputationMetricsEnabled.
    pub reputation_metrics: bool,
    /// DeliveryOptions.TlsPolicy: `OPTIONAL`, `REQUIRE`, or anything else.
    pub tls_policy: String,
    /// SuppressionOptions.SuppressedReasons, which override those of the account; none: the account's hold.
    pub suppressed_reasons: Option<Vec<String>>,
    /// EventDestinations.
    pub event_destinations: Vec<EventDestination>,
    /// Merged over the answer of GetConfigurationSet, one after the other; `null` removes a member.
    details: Vec<Value>,
}

/// One element of GetConfigurationSetEventDestinations.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDestination {
    /// EventDestination.Name.
    pub name: String,
    /// EventDestination.Enabled. Nothing is published to one that is not.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// EventDestination.MatchingEventTypes: `BOUNCE`, `COMPLAINT`, `DELIVERY` and so on; any other word is passed on.
    pub event_types: Vec<String>,
    /// Where to.
    pub destination: Destination,
}

/// Where events are published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum Destination {
    /// An SNS topic.
    Sns {
        /// SnsDestination.TopicArn.
        topic_arn: String,
    },
    /// CloudWatch metrics with one dimension, which is taken from a message tag.
    CloudWatch {
        /// CloudWatchDimensionConfiguration.DimensionName.
        dimension: String,
        /// CloudWatchDimensionConfiguration.DefaultDimensionValue.
        default_value: String,
    },
    /// An EventBridge bus.
    EventBridge {
        /// EventBridgeDestination.EventBusArn.
        event_bus_arn: String,
    },
    /// A Data Firehose stream.
    KinesisFirehose {
        /// KinesisFirehoseDestination.IamRoleArn.
        role_arn: String,
        /// KinesisFirehoseDestination.DeliveryStreamArn.
        stream_arn: String,
    },
}

impl ConfigurationSet {
    /// A set as the console makes it: it sends, counts its reputation, takes TLS where it is offered, and publishes nothing.
    pub fn new(name: impl Into<String>) -> ConfigurationSet {
        ConfigurationSet {
            name: name.into(),
            sending_enabled: true,
            reputation_metrics: true,
            tls_policy: "OPTIONAL".to_owned(),
            suppressed_reasons: None,
            event_destinations: Vec::new(),
            details: Vec::new(),
        }
    }

    /// Mail with this set is refused.
    #[must_use]
    pub fn sending_disabled(mut self) -> ConfigurationSet {
        self.sending_enabled = false;
        self
    }

    /// Reputation metrics are not published to CloudWatch.
    #[must_use]
    pub fn without_reputation_metrics(mut self) -> ConfigurationSet {
        self.reputation_metrics = false;
        self
    }

    /// Another TlsPolicy, such as `REQUIRE`.
    #[must_use]
    pub fn tls_policy(mut self, policy: &str) -> ConfigurationSet {
        policy.clone_into(&mut self.tls_policy);
        self
    }

    /// Overrides the account's suppression: addresses are suppressed for these reasons, none at all for an empty list.
    #[must_use]
    pub fn suppressed_reasons(mut self, reasons: &[&str]) -> ConfigurationSet {
        self.suppressed_reasons = Some(reasons.iter().map(|reason| (*reason).to_owned()).collect());
        self
    }

    /// Events go there, too.
    #[must_use]
    pub fn event_destination(mut self, destination: EventDestination) -> ConfigurationSet {
        self.event_destinations.push(destination);
        self
    }

    /// Merges raw members over the answer of GetConfigurationSet (JSON merge patch); anything goes, and `null` removes a member.
    #[must_use]
    pub fn details(mut self, details: &Value) -> ConfigurationSet {
        self.details.push(details.clone());
        self
    }

    /// The answer of GetConfigurationSet.
    pub(super) fn described(&self) -> Value {
        let mut answer = json!({
            "ConfigurationSetName": self.name,
            "DeliveryOptions": { "TlsPolicy": self.tls_policy },
            "ReputationOptions": { "ReputationMetricsEnabled": self.reputation_metrics },
            "SendingOptions": { "SendingEnabled": self.sending_enabled },
            "Tags": [],
        });
        if let Some(reasons) = &self.suppressed_reasons {
            merge(&mut answer, &json!({ "SuppressionOptions": { "SuppressedReasons": reasons } }));
        }
        self.details.iter().for_each(|details| merge(&mut answer, details));
        answer
    }

    /// The answer of GetConfigurationSetEventDestinations.
    pub(super) fn destinations(&self) -> Value {
        let destinations: Vec<Value> = self.event_destinations.iter().map(EventDestination::described).collect();
        json!({ "EventDestinations": destinations })
    }
}

impl EventDestination {
    /// A destination that is enabled.
    pub fn new(name: impl Into<String>, event_types: &[&str], destination: Destination) -> EventDestination {
        let event_types = event_types.iter().map(|event_type| (*event_type).to_owned()).collect();
        EventDestination { name: name.into(), enabled: true, event_types, destination }
    }

    /// The same, switched off.
    #[must_use]
    pub fn disabled(mut self) -> EventDestination {
        self.enabled = false;
        self
    }

    fn described(&self) -> Value {
        let mut answer = json!({ "Name": self.name, "Enabled": self.enabled, "MatchingEventTypes": self.event_types });
        merge(&mut answer, &self.destination.described());
        answer
    }
}

impl Destination {
    /// An SNS topic.
    pub fn sns(topic_arn: impl Into<String>) -> Destination {
        Destination::Sns { topic_arn: topic_arn.into() }
    }

    fn described(&self) -> Value {
        match self {
            Destination::Sns { topic_arn } => json!({ "SnsDestination": { "TopicArn": topic_arn } }),
            Destination::CloudWatch { dimension, default_value } => {
                let dimension = json!({
                    "DimensionName": dimension,
                    "DimensionValueSource": "MESSAGE_TAG",
                    "DefaultDimensionValue": default_value,
                });
                json!({ "CloudWatchDestination": { "DimensionConfigurations": [dimension] } })
            }
            Destination::EventBridge { event_bus_arn } => {
                json!({ "EventBridgeDestination": { "EventBusArn": event_bus_arn } })
            }
            Destination::KinesisFirehose { role_arn, stream_arn } => {
                json!({ "KinesisFirehoseDestination": { "IamRoleArn": role_arn, "DeliveryStreamArn": stream_arn } })
            }
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_set_sends_and_counts_its_reputation() {
        let described = ConfigurationSet::new("main").described();
        let expected = json!({
            "ConfigurationSetName": "main",
            "DeliveryOptions": { "TlsPolicy": "OPTIONAL" },
            "ReputationOptions": { "ReputationMetricsEnabled": true },
            "SendingOptions": { "SendingEnabled": true },
            "Tags": [],
        });
        assert_eq!(described, expected);
    }

    #[test]
    fn an_empty_override_of_the_suppression_is_told() {
        let set = ConfigurationSet::new("main").suppressed_reasons(&[]).details(&json!({ "SendingOptions": null }));
        let described = set.described();
        assert_eq!(described["SuppressionOptions"], json!({ "SuppressedReasons": [] }));
        assert!(described.get("SendingOptions").is_none());
    }

    #[test]
    fn each_kind_of_destination_has_its_own_member() {
        let text = str::to_owned;
        let kinds = [
            (Destination::sns("arn:aws:sns:eu-west-1:111111111111:bounces"), "SnsDestination", "TopicArn"),
            (
                Destination::EventBridge {
                    event_bus_arn: text("arn:aws:events:eu-west-1:111111111111:event-bus/default"),
                },
                "EventBridgeDestination",
                "EventBusArn",
            ),
            (
                Destination::KinesisFirehose {
                    role_arn: text("arn:aws:iam::111111111111:role/ses"),
                    stream_arn: text("arn"),
                },
                "KinesisFirehoseDestination",
                "DeliveryStreamArn",
            ),
            (
                Destination::CloudWatch { dimension: text("service"), default_value: text("none") },
                "CloudWatchDestination",
                "DimensionConfigurations",
            ),
        ];
        for (destination, outer, inner) in kinds {
            let described = EventDestination::new("events", &["BOUNCE"], destination).disabled().described();
            let members: Vec<&String> = described.as_object().expect("an object").keys().collect();
            assert_eq!(members.len(), 4, "{members:?}");
            assert!(described[outer].get(inner).is_some(), "{described}");
            assert_eq!(described["Enabled"], false);
        }
    }

    #[test]
    fn a_destination_is_read_from_json() {
        let words = json!({ "name": "bounces", "event_types": ["BOUNCE"], "destination": { "kind": "SNS", "topic_arn": "arn" } });
        let read: EventDestination = serde_json::from_value(words).expect("a destination");
        assert_eq!(read, EventDestination::new("bounces", &["BOUNCE"], Destination::sns("arn")));
    }
}
