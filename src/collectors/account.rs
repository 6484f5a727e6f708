//! Collector `account`: may this account send from this region, and how much? (SES v2 GetAccount)

use std::time::Duration;

use aws_sdk_sesv2::operation::get_account::GetAccountOutput;
use aws_sdk_sesv2::types::SendQuota;

use crate::aws::{Failure, SESV2_GET_ACCOUNT};
use crate::collector::{Ask, Collector, Cost, Declaration};
use crate::metric::{Family, flag, gauge, states};

/// The collector; it has no settings.
pub struct Account;

/// What GetAccount answered. Fields that SES may leave out are optional.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `ProductionAccessEnabled`: false = sandbox.
    pub production_access: bool,
    /// `SendingEnabled`: false = paused, by AWS or by the customer.
    pub sending_enabled: bool,
    /// `EnforcementStatus`: HEALTHY, PROBATION, SHUTDOWN or a word that SES adds one day.
    pub enforcement_status: String,
    /// `Details.ReviewDetails.Status`; NOT_REQUESTED where SES has no details of a request.
    pub review_status: Option<String>,
    /// `Details.ReviewDetails.CaseId`.
    pub review_case_id: Option<String>,
    /// `SendQuota.Max24HourSend` in recipients; +Inf = unlimited.
    pub max_24h: Option<f64>,
    /// `SendQuota.SentLast24Hours` in recipients.
    pub sent_24h: f64,
    /// `SendQuota.MaxSendRate` in messages a second.
    pub max_per_second: Option<f64>,
    /// `SuppressionAttributes.SuppressedReasons`.
    pub suppressed_reasons: Option<Vec<String>>,
    /// `VdmAttributes.VdmEnabled`.
    pub vdm_enabled: Option<bool>,
    /// `DedicatedIpAutoWarmupEnabled`.
    pub auto_warmup: bool,
}

const ENFORCEMENT: &[&str] = &["HEALTHY", "PROBATION", "SHUTDOWN"];
const REVIEW: &[&str] = &["NOT_REQUESTED", "PENDING", "GRANTED", "DENIED", "FAILED"];
const SUPPRESSION: &[&str] = &["BOUNCE", "COMPLAINT"];

impl Collector for Account {
    type Reading = Reading;

    const DECLARATION: Declaration = Declaration {
        name: "account",
        about: "Sandbox, sending, enforcement, review and quota of the account in the region.",
        actions: &["ses:GetAccount"],
        after: &[],
        interval: Duration::from_mins(1),
        enabled: true,
        cost: |_, interval| Cost::of_reading(1, interval),
    };

    const METRICS: &'static [&'static dyn Family<Reading>] = &[
        &gauge(
            "ses_production_access_enabled",
            "Whether the account is out of the sandbox in this region: 1 production, 0 sandbox (polled from GetAccount ProductionAccessEnabled).",
            [],
            |reading: &Reading, out| out.push([], flag(reading.production_access)),
        ),
        &gauge(
            "ses_sending_enabled",
            "Whether sending is enabled: 0 means paused, by AWS or by the customer (polled from GetAccount SendingEnabled).",
            [],
            |reading: &Reading, out| out.push([], flag(reading.sending_enabled)),
        ),
        &gauge(
            "ses_enforcement_status",
            "1 for the state that holds: HEALTHY, PROBATION (under review) or SHUTDOWN (paused by AWS) (polled from GetAccount EnforcementStatus).",
            ["status"],
            |reading: &Reading, out| states(out, ENFORCEMENT, &[&reading.enforcement_status]),
        ),
        &gauge(
            "ses_production_access_review_status",
            "1 for the state of the request for production access; NOT_REQUESTED where SES knows of none (polled from GetAccount Details.ReviewDetails.Status).",
            ["status"],
            |reading: &Reading, out| {
                if let Some(status) = &reading.review_status {
                    states(out, REVIEW, &[status]);
                }
            },
        ),
        &gauge(
            "ses_production_access_review_info",
            "Always 1, with the support case of the request for production access (polled from GetAccount Details.ReviewDetails.CaseId).",
            ["case_id"],
            |reading: &Reading, out| {
                if let Some(case_id) = &reading.review_case_id {
                    out.push([case_id], 1.0);
                }
            },
        ),
        &gauge(
            "ses_send_quota_max_24h_messages",
            "Sending quota of any 24 hours, counted in recipients; +Inf where unlimited (polled from GetAccount SendQuota.Max24HourSend).",
            [],
            |reading: &Reading, out| out.push_known([], reading.max_24h),
        ),
        &gauge(
            "ses_send_quota_sent_24h_messages",
            "Sent in the last 24 hours, counted in recipients (polled from GetAccount SendQuota.SentLast24Hours).",
            [],
            |reading: &Reading, out| out.push([], reading.sent_24h),
        ),
        &gauge(
            "ses_send_quota_max_messages_per_second",
            "Highest rate at which SES accepts mail (polled from GetAccount SendQuota.MaxSendRate).",
            [],
            |reading: &Reading, out| out.push_known([], reading.max_per_second),
        ),
        &gauge(
            "ses_suppression_reason_enabled",
            "Whether the account-level suppression list takes addresses for this reason (polled from GetAccount SuppressionAttributes.SuppressedReasons).",
            ["reason"],
            |reading: &Reading, out| {
                if let Some(reasons) = &reading.suppressed_reasons {
                    let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
                    states(out, SUPPRESSION, &reasons);
                }
            },
        ),
        &gauge(
            "ses_vdm_enabled",
            "Whether the Virtual Deliverability Manager is on (polled from GetAccount VdmAttributes.VdmEnabled).",
            [],
            |reading: &Reading, out| out.push_known([], reading.vdm_enabled.map(flag)),
        ),
        &gauge(
            "ses_dedicated_ip_auto_warmup_enabled",
            "Whether dedicated IP addresses are warmed up automatically (polled from GetAccount DedicatedIpAutoWarmupEnabled).",
            [],
            |reading: &Reading, out| out.push([], flag(reading.auto_warmup)),
        ),
    ];

    async fn read(&self, ask: Ask<'_, Reading>) -> Result<Reading, Failure> {
        let answer = ask.aws.call(SESV2_GET_ACCOUNT, || ask.aws.sesv2().get_account().send()).await?;
        reading(answer)
    }
}

/// An answer without quota or enforcement status is no answer: the SDK fills the missing booleans with false, which
/// would read as "sandbox, paused".
fn reading(answer: GetAccountOutput) -> Result<Reading, Failure> {
    let (Some(quota), Some(enforcement_status)) = (answer.send_quota, answer.enforcement_status) else {
        return Err(Failure::unexpected("GetAccount answered without SendQuota or EnforcementStatus"));
    };
    if quota == SendQuota::builder().build() {
        return Err(Failure::unexpected("GetAccount answered with an empty SendQuota"));
    }
    let (review_status, review_case_id) = match answer.details {
        None => (Some("NOT_REQUESTED".to_owned()), None),
        Some(details) => details.review_details.map_or((None, None), |review| {
            (review.status.map(|status| status.as_str().to_owned()), review.case_id.filter(|id| !id.is_empty()))
        }),
    };
    Ok(Reading {
        production_access: answer.production_access_enabled,
        sending_enabled: answer.sending_enabled,
        enforcement_status,
        review_status,
        review_case_id,
        max_24h: limit(quota.max24_hour_send),
        sent_24h: quota.sent_last24_hours,
        max_per_second: limit(quota.max_send_rate),
        suppressed_reasons: answer
            .suppression_attributes
            .and_then(|attributes| attributes.suppressed_reasons)
            .map(|reasons| reasons.iter().map(|reason| reason.as_str().to_owned()).collect()),
        vdm_enabled: answer.vdm_attributes.and_then(|vdm| match vdm.vdm_enabled.as_str() {
            "ENABLED" => Some(true),
            "DISABLED" => Some(false),
            _ => None,
        }),
        auto_warmup: answer.dedicated_ip_auto_warmup_enabled,
    })
}

/// A limit: −1 means unlimited. The SDK shows a missing number as 0, and no account has a limit of 0, so that is unknown.
fn limit(value: f64) -> Option<f64> {
    if value < 0.0 { Some(f64::INFINITY) } else { (value > 0.0).then_some(value) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sesv2::types::{AccountDetails, ReviewDetails, ReviewStatus, SuppressionAttributes};

    use super::*;

    fn quota(max: f64) -> SendQuota {
        SendQuota::builder().max24_hour_send(max).max_send_rate(14.0).sent_last24_hours(7.0).build()
    }

    #[test]
    fn an_empty_answer_is_no_sandbox() {
        assert!(reading(GetAccountOutput::builder().build()).is_err());
        assert!(reading(GetAccountOutput::builder().send_quota(quota(200.0)).build()).is_err());
        assert!(reading(GetAccountOutput::builder().enforcement_status("HEALTHY").build()).is_err());
        let empty = GetAccountOutput::builder().send_quota(SendQuota::builder().build());
        assert!(reading(empty.enforcement_status("HEALTHY").build()).is_err(), "nothing sent is not known");
    }

    #[test]
    fn what_ses_leaves_out_stays_unknown() {
        let answer = GetAccountOutput::builder()
            .send_quota(SendQuota::builder().sent_last24_hours(3.0).build())
            .enforcement_status("NEW");
        let seen = reading(answer.build()).expect("a whole answer");
        assert_eq!((seen.max_24h, seen.max_per_second, seen.vdm_enabled), (None, None, None));
        assert_eq!(seen.suppressed_reasons, None);
        assert_eq!(seen.enforcement_status, "NEW");
        assert_eq!(seen.review_status.as_deref(), Some("NOT_REQUESTED"));
    }

    #[test]
    fn an_unlimited_quota_is_infinite_and_a_review_names_its_case() {
        let review = ReviewDetails::builder().status(ReviewStatus::from("QUANTUM")).case_id("17").build();
        let answer = GetAccountOutput::builder()
            .send_quota(quota(-1.0))
            .enforcement_status("HEALTHY")
            .details(AccountDetails::builder().review_details(review).build())
            .suppression_attributes(SuppressionAttributes::builder().build());
        let seen = reading(answer.build()).expect("a whole answer");
        assert_eq!(seen.max_24h, Some(f64::INFINITY));
        assert_eq!(seen.review_status.as_deref(), Some("QUANTUM"));
        assert_eq!(seen.review_case_id.as_deref(), Some("17"));
    }
}
