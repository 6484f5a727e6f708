//! Collector `identity_details`: DKIM, MAIL FROM, notifications and what SES found when it last looked, for every
//! identity. (SES v1 GetIdentity…Attributes, SES v2 GetEmailIdentity)
//!
//! One reading is a slice of at most ten calls, put into what earlier slices have found; see [`pace`]. It never asks
//! for the list of identities: that is what collector `identities` reads.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::aws::Failure;
use crate::collector::{Ask, Collector, Declaration};
use crate::collectors::identities::Identities;
use crate::metric::{Family, Samples, flag, gauge};

pub use details::{Described, Details, Dkim, MailFrom, Topics};
pub use reading::Reading;

mod details;
mod pace;
mod questions;
mod reading;

use pace::Pace;
use questions::Slice;

/// The collector with its settings.
pub struct IdentityDetails {
    /// From one slice to the next.
    pub interval: Duration,
    /// The keys of the tags that are shown.
    pub tags: Vec<String>,
    /// Nothing but these is described, by name; none = every identity.
    pub only: Option<Vec<String>>,
}

impl Collector for IdentityDetails {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "identity_details",
        about: "DKIM, MAIL FROM, notifications, default configuration set, tags and the last verification of each identity, \
                a slice of ten calls at a time.",
        actions: &[
            "ses:GetEmailIdentity",
            "ses:GetIdentityDkimAttributes",
            "ses:GetIdentityMailFromDomainAttributes",
            "ses:GetIdentityNotificationAttributes",
            "ses:GetIdentityVerificationAttributes",
        ],
        after: &["identities"],
        interval: Duration::from_mins(1),
        enabled: true,
        cost: pace::cost,
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &gauge(
            "ses_identity_dkim_status",
            "1 for the DKIM status that the identity has (polled from GetIdentityDkimAttributes DkimVerificationStatus and GetEmailIdentity DkimAttributes.Status).",
            ["identity", "identity_type", "status"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    if let Some(dkim) = &identity.details.dkim {
                        out.push([identity.label, identity.of_type(), &dkim.status], 1.0);
                    }
                });
            },
        ),
        &gauge(
            "ses_identity_dkim_signing_enabled",
            "Whether SES signs mail of the identity with DKIM (polled from GetIdentityDkimAttributes DkimEnabled and GetEmailIdentity DkimAttributes.SigningEnabled).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    let enabled = identity.details.dkim.as_ref().map(|dkim| flag(dkim.signing_enabled));
                    out.push_known([identity.label, identity.of_type()], enabled);
                });
            },
        ),
        &gauge(
            "ses_identity_dkim_info",
            "Always 1, with where the DKIM key comes from and its length (polled from GetEmailIdentity DkimAttributes SigningAttributesOrigin, CurrentSigningKeyLength).",
            ["identity", "identity_type", "origin", "key_length"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    let Some(described) =
                        identity.details.described.as_ref().filter(|_| identity.details.dkim.is_some())
                    else {
                        return;
                    };
                    let origin = described.dkim_origin.as_deref().unwrap_or_default();
                    let length = described.dkim_key_length.as_deref().unwrap_or_default();
                    out.push([identity.label, identity.of_type(), origin, length], 1.0);
                });
            },
        ),
        &gauge(
            "ses_identity_mail_from_status",
            "1 for the status of the identity's custom MAIL FROM domain, where one is configured (polled from GetIdentityMailFromDomainAttributes MailFromDomainStatus and GetEmailIdentity).",
            ["identity", "identity_type", "status"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    if let Some(mail_from) = &identity.details.mail_from {
                        out.push([identity.label, identity.of_type(), &mail_from.status], 1.0);
                    }
                });
            },
        ),
        &gauge(
            "ses_identity_mail_from_rejects_on_mx_failure",
            "Whether SES refuses to send while the custom MAIL FROM domain is not verified: 1 = REJECT_MESSAGE (polled from GetIdentityMailFromDomainAttributes BehaviorOnMXFailure and GetEmailIdentity).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    let rejects = identity.details.mail_from.as_ref().map(|mail_from| flag(mail_from.rejects));
                    out.push_known([identity.label, identity.of_type()], rejects);
                });
            },
        ),
        &gauge(
            "ses_identity_feedback_forwarding_enabled",
            "Whether SES forwards bounces and complaints by e-mail (polled from GetIdentityNotificationAttributes ForwardingEnabled and GetEmailIdentity FeedbackForwardingStatus).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    out.push_known([identity.label, identity.of_type()], identity.details.forwarding.map(flag));
                });
            },
        ),
        &gauge(
            "ses_identity_notification_topic_configured",
            "Whether the identity's bounces or complaints go to an SNS topic (polled from GetIdentityNotificationAttributes BounceTopic, ComplaintTopic).",
            ["identity", "identity_type", "event"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    if let Some(topics) = identity.details.topics {
                        out.push([identity.label, identity.of_type(), "bounce"], flag(topics.bounce));
                        out.push([identity.label, identity.of_type(), "complaint"], flag(topics.complaint));
                    }
                });
            },
        ),
        &gauge(
            "ses_identity_configuration_set_info",
            "Always 1, with the identity's default configuration set, where it has one (polled from GetEmailIdentity ConfigurationSetName).",
            ["identity", "identity_type", "configuration_set"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    if let Some(set) = identity.described().and_then(|described| described.configuration_set.as_ref()) {
                        out.push([identity.label, identity.of_type(), set], 1.0);
                    }
                });
            },
        ),
        &gauge(
            "ses_identity_verification_error",
            "1 while SES names an error of the last verification (polled from GetEmailIdentity VerificationInfo.ErrorType).",
            ["identity", "identity_type", "error_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    if let Some(error) = identity.described().and_then(|described| described.error_type.as_ref()) {
                        out.push([identity.label, identity.of_type(), error], 1.0);
                    }
                });
            },
        ),
        &gauge(
            "ses_identity_verification_last_checked_timestamp_seconds",
            "When SES last looked whether the identity is verified, as Unix time (polled from GetEmailIdentity VerificationInfo.LastCheckedTimestamp).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    let at = identity.described().and_then(|described| described.last_checked);
                    out.push_known([identity.label, identity.of_type()], at.and_then(unix_time));
                });
            },
        ),
        &gauge(
            "ses_identity_verification_last_success_timestamp_seconds",
            "When SES last found the identity verified, as Unix time (polled from GetEmailIdentity VerificationInfo.LastSuccessTimestamp).",
            ["identity", "identity_type"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    let at = identity.described().and_then(|described| described.last_success);
                    out.push_known([identity.label, identity.of_type()], at.and_then(unix_time));
                });
            },
        ),
        &gauge(
            "ses_identity_tag_info",
            "Always 1, one series for each tag of the identity that [identities] tags names (polled from GetEmailIdentity Tags).",
            ["identity", "identity_type", "tag", "value"],
            |reading: &Reading, out| {
                each(reading, out, |identity, out| {
                    for (tag, value) in identity.described().into_iter().flat_map(|described| &described.tags) {
                        out.push([identity.label, identity.of_type(), tag, value], 1.0);
                    }
                });
            },
        ),
        &gauge(
            "ses_exporter_identity_sweep_seconds",
            "How long it takes to see every identity once, in seconds: its attributes, by batches, and its description, by GetEmailIdentity.",
            ["part"],
            |reading: &Reading, out| {
                let pace = Pace::of(reading.identities.len(), reading.interval);
                out.push(["attributes"], pace.pass.as_secs_f64());
                out.push(["description"], pace.round.as_secs_f64());
            },
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let list = ask.readings.of::<Identities>()?;
        let reading = Reading::following(ask.previous, list, self.interval, ask.now);
        let mut slice = Slice::new(ask.aws, ask.now, &self.tags, reading);
        if self.only.is_none() {
            for batch in slice.reading.batches(ask.now) {
                slice.batch(&batch).await?;
            }
        }
        slice.descriptions(self.only.as_deref()).await?;
        Ok(slice.reading)
    }

    fn lacks(reading: &Reading) -> Option<Failure> {
        reading.lacks()
    }
}

/// One identity with its label.
struct Shown<'a> {
    label: &'a str,
    details: &'a Details,
}

impl<'a> Shown<'a> {
    fn of_type(&self) -> &'a str {
        &self.details.identity_type
    }

    fn described(&self) -> Option<&'a Described> {
        self.details.described.as_ref()
    }
}

/// Writes what each identity has to say that bears series.
fn each<const N: usize>(reading: &Reading, out: &mut Samples<'_, N>, write: impl Fn(&Shown<'_>, &mut Samples<'_, N>)) {
    for (label, details) in reading.shown() {
        write(&Shown { label, details }, out);
    }
}

fn unix_time(at: SystemTime) -> Option<f64> {
    at.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}
