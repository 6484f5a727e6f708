//! The one door to AWS: every request passes [`Aws::call`], which waits for its turn, bounds, counts and classifies.
//!
//! The SDK's own retries are off, because its retry tokens are shared by the whole process: one throttled account
//! would starve the others. Waiting for a turn is no part of any time limit. Nothing here writes to AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

pub use budget::Budget;
pub use credentials::{Sdk, Session};
pub use failure::{Failure, FailureKind, SkipReason};
pub use http::client;

use crate::target::{Target, ses_region};
use crate::telemetry::Telemetry;

mod budget;
mod credentials;
mod failure;
mod http;

/// An AWS operation, as the labels name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `sesv2`, `ses` or `sts`.
    pub service: &'static str,
    /// The operation's name in the API reference.
    pub name: &'static str,
}

/// SES v2 GetAccount.
pub const SESV2_GET_ACCOUNT: Operation = Operation { service: "sesv2", name: "GetAccount" };
/// SES v2 ListEmailIdentities.
pub const SESV2_LIST_EMAIL_IDENTITIES: Operation = Operation { service: "sesv2", name: "ListEmailIdentities" };
/// SES v2 GetEmailIdentity.
pub const SESV2_GET_EMAIL_IDENTITY: Operation = Operation { service: "sesv2", name: "GetEmailIdentity" };
/// SES v2 ListConfigurationSets.
pub const SESV2_LIST_CONFIGURATION_SETS: Operation = Operation { service: "sesv2", name: "ListConfigurationSets" };
/// SES v2 GetConfigurationSet.
pub const SESV2_GET_CONFIGURATION_SET: Operation = Operation { service: "sesv2", name: "GetConfigurationSet" };
/// SES v2 GetConfigurationSetEventDestinations.
pub const SESV2_GET_CONFIGURATION_SET_EVENT_DESTINATIONS: Operation =
    Operation { service: "sesv2", name: "GetConfigurationSetEventDestinations" };
/// SES v1 GetIdentityDkimAttributes.
pub const SES_GET_IDENTITY_DKIM_ATTRIBUTES: Operation = Operation { service: "ses", name: "GetIdentityDkimAttributes" };
/// SES v1 GetIdentityMailFromDomainAttributes.
pub const SES_GET_IDENTITY_MAIL_FROM_DOMAIN_ATTRIBUTES: Operation =
    Operation { service: "ses", name: "GetIdentityMailFromDomainAttributes" };
/// SES v1 GetIdentityNotificationAttributes.
pub const SES_GET_IDENTITY_NOTIFICATION_ATTRIBUTES: Operation =
    Operation { service: "ses", name: "GetIdentityNotificationAttributes" };
/// SES v1 GetIdentityVerificationAttributes.
pub const SES_GET_IDENTITY_VERIFICATION_ATTRIBUTES: Operation =
    Operation { service: "ses", name: "GetIdentityVerificationAttributes" };
/// SES v1 GetSendStatistics.
pub const SES_GET_SEND_STATISTICS: Operation = Operation { service: "ses", name: "GetSendStatistics" };
/// STS AssumeRole.
pub const STS_ASSUME_ROLE: Operation = Operation { service: "sts", name: "AssumeRole" };
/// STS GetCallerIdentity.
pub const STS_GET_CALLER_IDENTITY: Operation = Operation { service: "sts", name: "GetCallerIdentity" };

/// One reading's call is tried at most this often: a blip must not cost a whole interval, an outage must not cost more.
const MAX_ATTEMPTS: u32 = 3;
/// How often a skipped target is asked again, and how old the proof that credentials work may be.
pub const HOUR: Duration = Duration::from_hours(1);

/// Requests sent, by operation. Attempts count each.
#[derive(Debug, Default)]
pub struct Requests(Mutex<BTreeMap<Operation, u64>>);

impl Requests {
    fn count(&self, operation: Operation) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
    }

    /// All counts so far.
    pub fn snapshot(&self) -> BTreeMap<Operation, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What all targets share.
#[derive(Debug)]
pub struct Limits {
    /// Requests in flight in the whole process: each holds a connection and, while it resolves a name, a thread.
    pub in_flight: Semaphore,
    /// Longest time of one attempt. The SDK has no limit of its own: a silent server would hold it for ever.
    pub attempt_timeout: Duration,
    /// How many collectors ask each target without waiting for another, each by operations of its own.
    pub collectors: AtomicUsize,
    /// Where durations are counted.
    pub telemetry: Arc<Telemetry>,
}

impl Limits {
    /// Sends one request, bounded; and counted, unless there was nothing to sign it with.
    async fn send<T, E>(
        &self,
        requests: &Requests,
        operation: Operation,
        longest: Duration,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let began = Instant::now();
        let answer = match timeout(longest, request).await {
            Err(_) => {
                let longest = humantime::format_duration(longest);
                Err(Failure::timeout(format!("{}: no answer within {longest}", operation.name)))
            }
            Ok(answer) => answer.map_err(|error| Failure::classify(operation.name, &error)),
        };
        if !answer.as_ref().is_err_and(|failure| failure.unsent) {
            requests.count(operation);
            self.telemetry.aws_request(operation.service, operation.name, began.elapsed());
        }
        answer
    }
}

/// One target's side of the door: what every collector of that target shares.
#[derive(Debug)]
pub struct Door {
    target: Target,
    session: Arc<Session>,
    limits: Arc<Limits>,
    budget: Arc<Budget>,
    requests: Arc<Requests>,
    /// What an organisation's policy has denied. Only a target where everything is denied is none.
    denied: Mutex<BTreeSet<Operation>>,
    /// This target has answered at least once, so it can't be one that does not exist.
    exists: AtomicBool,
    /// The operator expects it to answer: whatever keeps it from that is a failure to be seen.
    declared: AtomicBool,
    /// While set and in the future, nobody asks.
    skipped: Mutex<Option<(SkipReason, Instant)>>,
    sesv2: aws_sdk_sesv2::Client,
    ses: aws_sdk_ses::Client,
}

impl Door {
    /// The door of one target, on the credentials of its account.
    pub fn new(
        target: Target,
        session: Arc<Session>,
        limits: Arc<Limits>,
        budget: Arc<Budget>,
        requests: Arc<Requests>,
    ) -> Self {
        let sdk = session.sdk_config();
        let region = || aws_types::region::Region::new(target.region.to_string());
        let once = RetryConfig::disabled; // see `Aws::call`
        let sesv2 = aws_sdk_sesv2::config::Builder::from(sdk).region(region()).retry_config(once()).build();
        let ses = aws_sdk_ses::config::Builder::from(sdk).region(region()).retry_config(once()).build();
        Self {
            session,
            limits,
            budget,
            requests,
            denied: Mutex::default(),
            exists: AtomicBool::new(false),
            declared: AtomicBool::new(false),
            skipped: Mutex::new(None),
            sesv2: aws_sdk_sesv2::Client::from_conf(sesv2),
            ses: aws_sdk_ses::Client::from_conf(ses),
            target,
        }
    }

    /// Whether the operator expects this target to answer. One that was left alone is asked again as soon as somebody does.
    pub fn declare(&self, declared: bool) {
        let before = self.declared.swap(declared, Ordering::Relaxed);
        if declared && !before {
            self.remember_skip(None);
        }
    }

    /// Account and region behind the door.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The requests sent on behalf of this target.
    pub fn requests(&self) -> &Arc<Requests> {
        &self.requests
    }

    /// Notes that a policy denies an operation, and says whether it is the last one that was left.
    fn all_denied(&self, operation: Operation) -> bool {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.insert(operation);
        denied.len() >= self.limits.collectors.load(Ordering::Relaxed)
    }

    fn skipped(&self) -> Option<SkipReason> {
        let skipped = *self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.and_then(|(reason, until)| (Instant::now() < until).then_some(reason))
    }

    fn remember_skip(&self, skip: Option<SkipReason>) {
        let until = Instant::now() + HOUR;
        *self.skipped.lock().unwrap_or_else(PoisonError::into_inner) = skip.map(|reason| (reason, until));
    }
}

/// The door as one reading sees it: its time is limited, waiting for a turn not counted.
#[derive(Debug)]
pub struct Aws {
    door: Arc<Door>,
    milliseconds_left: AtomicU64,
}

impl Aws {
    /// The door for one reading that may spend `limit` on AWS.
    pub fn new(door: Arc<Door>, limit: Duration) -> Self {
        Self { door, milliseconds_left: AtomicU64::new(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)) }
    }

    /// Account and region behind the door.
    pub fn target(&self) -> &Target {
        &self.door.target
    }

    /// The SES v2 client of the target. Requests go through [`Aws::call`].
    pub fn sesv2(&self) -> &aws_sdk_sesv2::Client {
        &self.door.sesv2
    }

    /// The SES v1 client of the target. Requests go through [`Aws::call`].
    pub fn ses(&self) -> &aws_sdk_ses::Client {
        &self.door.ses
    }

    /// Makes one call of a reading: waits for its turn, tries up to three times, each through the budget and counted.
    ///
    /// # Errors
    /// The last attempt's failure; with `skip` set where the target is to be left alone.
    pub async fn call<T, E, F>(&self, operation: Operation, request: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut attempt = 1;
        loop {
            // A request of the SDK is some 30 KiB while it is on its way; it must not be part of every task.
            match Box::pin(self.attempt(operation, &request)).await {
                Ok(answer) => {
                    self.door.exists.store(true, Ordering::Relaxed);
                    self.door.session.answered();
                    self.door.remember_skip(None);
                    return Ok(answer);
                }
                Err(failure) if failure.transient && attempt < MAX_ATTEMPTS => attempt += 1,
                Err(failure) if failure.ended_credentials() && attempt == 1 => {
                    self.door.session.ended_early().await;
                    attempt += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn attempt<T, E, F>(&self, operation: Operation, request: &impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let door = &*self.door;
        let _turn = door.budget.turn().await;
        if let Some(reason) = door.skipped() {
            let message = format!("{}: {} is left alone for an hour", operation.name, door.target);
            return Err(Failure { skip: Some(reason), ..Failure::new(FailureKind::Rejected, message) });
        }
        let Ok(_permit) = door.limits.in_flight.acquire().await else {
            return Err(Failure::unexpected("the agent is stopping"));
        };
        let longest = self.time_left().min(door.limits.attempt_timeout);
        if longest.is_zero() {
            let message = format!("{}: the reading took longer than its read_timeout", operation.name);
            return Err(Failure::timeout(message));
        }
        let began = Instant::now();
        let answer = door.limits.send(&door.requests, operation, longest, request()).await;
        self.spend(began.elapsed());
        match answer {
            Ok(answer) => Ok(answer),
            Err(failure) => Err(self.judge(operation, failure).await),
        }
    }

    /// Finds out whether a failure means that the target is to be left alone.
    async fn judge(&self, operation: Operation, failure: Failure) -> Failure {
        let door = &*self.door;
        if failure.no_such_host && door.session.sdk_config().endpoint_url().is_some() {
            return failure; // a slip in endpoint_url says nothing about the region
        }
        let region = &*door.target.region;
        let exists = door.exists.load(Ordering::Relaxed) || door.declared.load(Ordering::Relaxed);
        // Asked only where the answer matters: were these credentials good, it would be the region's fault.
        let if_good = skip_reason(&failure, region, exists, true);
        let skip = match skip_reason(&failure, region, exists, false) {
            None if if_good.is_some() && door.session.proven(HOUR).await => if_good,
            proven => proven,
        };
        let Some(reason) = skip else { return failure };
        if reason == SkipReason::ServiceControlPolicy && !door.all_denied(operation) {
            return failure;
        }
        door.remember_skip(skip);
        let (target, reason) = (&door.target, reason.as_str());
        tracing::debug!(%target, reason, "{target} is skipped and asked again in an hour ({reason}): {failure}");
        Failure { skip, transient: false, ..failure }
    }

    fn time_left(&self) -> Duration {
        Duration::from_millis(self.milliseconds_left.load(Ordering::Relaxed))
    }

    fn spend(&self, time: Duration) {
        let left = self.time_left().saturating_sub(time);
        self.milliseconds_left.store(u64::try_from(left.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Whether a failure proves that the target is none: a region without SES, one that the account has not switched on,
/// one that the organisation denies. A target that has ever answered, or that the operator declares, exists and is never
/// skipped; all else is a visible failure.
pub fn skip_reason(failure: &Failure, region: &str, target_exists: bool, account_answered: bool) -> Option<SkipReason> {
    if target_exists {
        return None;
    }
    let known = ses_region(region);
    let code = failure.code.as_deref().unwrap_or_default();
    if failure.no_such_host && known.is_none() {
        return Some(SkipReason::NoEndpoint);
    }
    let not_enabled =
        ["UnrecognizedClientException", "InvalidClientTokenId", "RegionDisabledException", "OptInRequired"];
    if not_enabled.contains(&code) && known.is_some_and(|region| region.opt_in) && account_answered {
        return Some(SkipReason::RegionDisabled);
    }
    let by_policy = failure.kind == FailureKind::AccessDenied && failure.message.contains("service control policy");
    by_policy.then_some(SkipReason::ServiceControlPolicy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(code: &str) -> Failure {
        Failure { code: Some(code.to_owned()), ..Failure::new(FailureKind::Credentials, "x") }
    }

    #[test]
    fn skipping_needs_proof() {
        let unknown_token = coded("UnrecognizedClientException");
        assert_eq!(skip_reason(&unknown_token, "me-south-1", false, true), Some(SkipReason::RegionDisabled));
        assert_eq!(skip_reason(&unknown_token, "me-south-1", false, false), None, "the key itself may be wrong");
        assert_eq!(skip_reason(&unknown_token, "us-east-1", false, true), None, "this region can't be switched off");
        assert_eq!(
            skip_reason(&unknown_token, "me-south-1", true, true),
            None,
            "it has answered before, or is declared"
        );
        assert_eq!(skip_reason(&coded("SignatureDoesNotMatch"), "me-south-1", false, true), None);
    }

    #[test]
    fn a_missing_host_is_proof_only_where_no_ses_is_known() {
        let missing = Failure { no_such_host: true, ..Failure::new(FailureKind::Unreachable, "x") };
        assert_eq!(skip_reason(&missing, "ap-east-1", false, false), Some(SkipReason::NoEndpoint));
        assert_eq!(skip_reason(&missing, "us-east-1", false, true), None, "the resolver may be wrong");
    }

    #[test]
    fn only_a_policy_of_the_organisation_skips_a_denied_region() {
        let denied = |text: &str| Failure::new(FailureKind::AccessDenied, text);
        let by_policy =
            denied("GetAccount: AccessDeniedException: … with an explicit deny in a service control policy");
        assert_eq!(skip_reason(&by_policy, "us-east-1", false, true), Some(SkipReason::ServiceControlPolicy));
        assert_eq!(skip_reason(&denied("no identity-based policy allows it"), "us-east-1", false, true), None);
    }
}
