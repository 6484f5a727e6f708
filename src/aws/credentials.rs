//! Who the agent is in an account: the credentials of one account, shared by all its regions.
//!
//! One AssumeRole serves all regions of a role for the credentials' life. A role that is refused is left alone for a
//! growing while, and whoever asks meanwhile gets the same refusal without a call. A role that the caller is already
//! in is not assumed again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::identity::IdentityCache;
use aws_config::imds;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::app_name::AppName;
use tokio::time::Instant;

use self::lasting::Lasting;
use super::{Failure, FailureKind, Limits, Requests, STS_ASSUME_ROLE, STS_GET_CALLER_IDENTITY};
use crate::config;
use crate::target::{Account, Role, partition, ses_region};

mod lasting;

/// What any source of credentials may take, be it a helper program, instance metadata or single sign-on.
const LOAD_TIMEOUT: Duration = Duration::from_secs(25);
/// What the metadata service of an instance may take; a busy one needs more than the SDK's one second.
const METADATA_CONNECT: Duration = Duration::from_secs(2);
const METADATA_READ: Duration = Duration::from_secs(5);
/// A refused role is asked again after a minute, then ever less often, up to a quarter of an hour.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// After trouble on the way to STS, as opposed to a refusal, another try is soon worth its cost.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);

/// One account's credentials.
#[derive(Debug)]
pub struct Session {
    sdk_config: SdkConfig,
    /// Everything that is asked anew when AWS ends credentials: the role's, and those that assume it.
    credentials: Vec<Lasting>,
    caller: Caller,
    /// Where STS is asked.
    region: Option<String>,
    /// What STS last said: account id and ARN.
    identity: Mutex<Option<(String, String)>>,
    /// When AWS last gave a good answer to these credentials.
    answered: Mutex<Option<Instant>>,
    /// When AWS was last asked only to find out whether the credentials are good.
    doubted: tokio::sync::Mutex<Option<Instant>>,
}

/// What SDK clients are made from, apart from the account.
#[derive(Debug)]
pub struct Sdk<'a> {
    /// Endpoint, FIPS, dual stack, the default profile.
    pub aws: &'a config::Aws,
    /// Time limits.
    pub poll: &'a config::Poll,
    /// The shared connections.
    pub http: SharedHttpClient,
    /// Taken instead of those of the AWS environment.
    pub credentials: Option<Credentials>,
}

impl Sdk<'_> {
    /// The region that the AWS environment, the profile or the machine's metadata service names.
    pub async fn home(&self, profile: Option<&str>) -> Option<String> {
        self.loader(profile).load().await.region().map(ToString::to_string)
    }

    /// Where credentials are looked for: the SDK's usual places, with patience for a slow metadata service. The SDK gives
    /// that one second, and then says that there are no credentials.
    async fn chain(&self, profile: Option<&str>, region: Option<Region>) -> DefaultCredentialsChain {
        let config = ProviderConfig::without_region().with_region(region.clone()).with_http_client(self.http.clone());
        let metadata = imds::Client::builder()
            .configure(&config)
            .connect_timeout(METADATA_CONNECT)
            .read_timeout(METADATA_READ)
            .build();
        let mut chain = DefaultCredentialsChain::builder().configure(config).imds_client(metadata);
        chain.set_region(region);
        if let Some(profile) = profile.or(self.aws.profile.as_deref()) {
            chain = chain.profile_name(profile);
        }
        chain.build().await
    }

    /// The AWS environment with our settings, for `profile`, else for the configured one.
    pub fn loader(&self, profile: Option<&str>) -> ConfigLoader {
        // Our own limit ends an attempt first, always with the same words.
        let longest = self.poll.attempt_timeout + Duration::from_secs(1);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.poll.connect_timeout)
            .read_timeout(longest)
            .operation_attempt_timeout(longest)
            .operation_timeout(LOAD_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(self.http.clone())
            .timeout_config(timeouts)
            // `Lasting` keeps credentials, and can be told to forget them.
            .identity_cache(IdentityCache::no_cache());
        if let Ok(name) = AppName::new("ses-exporter") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = profile.or(self.aws.profile.as_deref()) {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &self.aws.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        // "false" is not the same as nothing: it would overrule the environment.
        if self.aws.use_fips {
            loader = loader.use_fips(true);
        }
        if self.aws.use_dual_stack {
            loader = loader.use_dual_stack(true);
        }
        loader
    }
}

/// STS without the SDK's own retries: whoever asks decides when to ask again. What the SDK does to get at credentials
/// (instance metadata, web identity) keeps its retries.
fn sts(base: &SdkConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(base).retry_config(RetryConfig::disabled()).build();
    aws_sdk_sts::Client::from_conf(config)
}

/// The same with other credentials.
fn with_credentials(base: &SdkConfig, credentials: &Lasting) -> SdkConfig {
    base.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials.clone())).build()
}

impl Session {
    /// The credentials of `account`. Nothing is asked yet.
    ///
    /// `requests` counts the calls to STS, which belong to no region of SES.
    pub async fn new(account: &Account, sdk: &Sdk<'_>, limits: Arc<Limits>, requests: Arc<Requests>) -> Self {
        let name = sts_region(account);
        let region = name.map(|region| Region::new(region.clone()));
        let mut loader = sdk.loader(account.profile.as_deref()).region(region.clone());
        if sdk.credentials.is_none() {
            loader = loader.credentials_provider(sdk.chain(account.profile.as_deref(), region).await);
        }
        let base = loader.load().await;
        let own = base.credentials_provider().map(Lasting::new);
        let base = own.as_ref().map_or_else(|| base.clone(), |own| with_credentials(&base, own));
        let caller = Caller { sts: sts(&base), limits, requests };
        let Some(role) = &account.role else { return Self::of(base, Vec::from_iter(own), caller, name) };
        let refused = Mutex::new(None);
        let provider = RoleProvider { role: role.clone(), caller: caller.clone(), own: own.clone(), refused };
        let assumed = Lasting::new(SharedCredentialsProvider::new(provider));
        let sdk_config = with_credentials(&base, &assumed);
        let caller = Caller { sts: sts(&sdk_config), ..caller };
        Self::of(sdk_config, own.into_iter().chain([assumed]).collect(), caller, name)
    }

    fn of(sdk_config: SdkConfig, credentials: Vec<Lasting>, caller: Caller, region: Option<&String>) -> Self {
        let (identity, answered, doubted) = (Mutex::default(), Mutex::default(), tokio::sync::Mutex::default());
        Self { sdk_config, credentials, caller, region: region.cloned(), identity, answered, doubted }
    }

    /// Whether it may go on for `account`, of which nothing but the regions is another. Tokens are good everywhere, so a
    /// region of STS is left only where it may be switched off, or where credentials are others.
    pub fn serves(&self, account: &Account) -> bool {
        self.region.as_ref().zip(sts_region(account)).is_some_and(|(before, now)| is_as_good(before, now))
    }

    /// AWS says that the credentials have ended before their time, revoked or replaced: the next request asks for new ones.
    pub(super) async fn ended_early(&self) {
        for credentials in &self.credentials {
            credentials.forget().await;
        }
    }

    /// What clients of this account are made from. Clones share credentials and connections.
    pub(super) fn sdk_config(&self) -> &SdkConfig {
        &self.sdk_config
    }

    pub(super) fn answered(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn answered_within(&self, age: Duration) -> bool {
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|at| at.elapsed() <= age)
    }

    /// Whether AWS has answered these credentials within `age`. Asks STS where nothing is known, once a minute at most.
    pub(super) async fn proven(&self, age: Duration) -> bool {
        let mut doubted = self.doubted.lock().await;
        if !self.answered_within(age) && doubted.is_none_or(|at| at.elapsed() >= FIRST_PAUSE) {
            *doubted = Some(Instant::now());
            return self.identify().await.is_ok();
        }
        self.answered_within(age)
    }

    /// Who the account's credentials are, without a call where STS has told it already.
    pub async fn identity(&self) -> Result<(String, String), Failure> {
        let known = self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(known) => Ok(known),
            None => self.identify().await,
        }
    }

    /// Asks STS who the account's credentials are: account id and ARN.
    async fn identify(&self) -> Result<(String, String), Failure> {
        let answer = self.caller.identity().await?;
        self.answered();
        match (answer.account, answer.arn) {
            (Some(account), arn) if !account.is_empty() => {
                let identity = (account, arn.unwrap_or_default());
                *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity.clone());
                Ok(identity)
            }
            _ => Err(Failure::unexpected("GetCallerIdentity answered without an account")),
        }
    }
}

/// Where STS is asked: tokens of any regional endpoint are good in every region, but a region that has to be switched
/// on may be off.
fn sts_region(account: &Account) -> Option<&String> {
    account.regions.iter().find(|region| always_on(region)).or(account.regions.first())
}

/// Whether STS may go on to be asked in one region where another would be chosen now.
fn is_as_good(region: &str, other: &str) -> bool {
    region == other || (always_on(region) && partition(region) == partition(other))
}

fn always_on(region: &str) -> bool {
    ses_region(region).is_some_and(|region| !region.opt_in)
}

/// Credentials as STS sees them.
#[derive(Clone, Debug)]
struct Caller {
    sts: aws_sdk_sts::Client,
    limits: Arc<Limits>,
    requests: Arc<Requests>,
}

impl Caller {
    async fn identity(&self) -> Result<GetCallerIdentityOutput, Failure> {
        let request = self.sts.get_caller_identity().send();
        self.limits.send(&self.requests, STS_GET_CALLER_IDENTITY, self.limits.attempt_timeout, request).await
    }

    /// Whether the caller is in this role already: `arn:aws:sts::ID:assumed-role/NAME/session`.
    async fn is(&self, role: &Role) -> bool {
        let arn = self.identity().await.ok().and_then(|identity| identity.arn).unwrap_or_default();
        let own =
            format!(":{}:assumed-role/{}/", role.account_id().unwrap_or_default(), role.name().unwrap_or_default());
        arn.contains(&own)
    }

    async fn assume(&self, role: &Role) -> Result<Credentials, Failure> {
        let request = self
            .sts
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name("ses-exporter")
            .set_external_id(role.external_id.clone())
            .send();
        let answer = self.limits.send(&self.requests, STS_ASSUME_ROLE, self.limits.attempt_timeout, request).await?;
        let Some(given) = answer.credentials else {
            return Err(Failure::unexpected("AssumeRole answered without credentials"));
        };
        let ends = given.expiration.try_into().ok();
        let mut builder = Credentials::builder()
            .access_key_id(given.access_key_id)
            .secret_access_key(given.secret_access_key)
            .session_token(given.session_token)
            .provider_name("ses-exporter");
        builder.set_expiry(ends);
        Ok(builder.build())
    }
}

/// Assumes one role, and remembers a refusal.
#[derive(Debug)]
struct RoleProvider {
    role: Role,
    caller: Caller,
    own: Option<Lasting>,
    refused: Mutex<Option<Refusal>>,
}

#[derive(Clone, Debug)]
struct Refusal {
    failure: Failure,
    pause: Duration,
    until: Instant,
}

impl RoleProvider {
    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        if let Some(refusal) = self.refusal().filter(|refusal| Instant::now() < refusal.until) {
            return Err(CredentialsError::provider_error(refusal.failure));
        }
        if let (Some(own), true) = (&self.own, self.caller.is(&self.role).await) {
            return own.provide_credentials().await;
        }
        match self.caller.assume(&self.role).await {
            Ok(credentials) => {
                self.remember(None);
                Ok(credentials)
            }
            Err(failure) => {
                if let (Some(own), true) = (&self.own, failure.ended_credentials()) {
                    own.forget().await;
                }
                Err(CredentialsError::provider_error(self.refuse(failure)))
            }
        }
    }

    /// Pauses after a failure: a refusal for minutes, trouble on the way for as long as one retry is worth.
    fn refuse(&self, failure: Failure) -> Failure {
        // Ended credentials are replaced at once, so the role itself is not refused.
        let ended = failure.ended_credentials();
        let mut failure = failure.of_credentials();
        failure.message = format!("can't assume {}: {}", self.role.arn, failure.message);
        let before = self.refusal().map_or(Duration::ZERO, |refusal| refusal.pause);
        let refused = failure.kind == FailureKind::Credentials && !ended;
        let pause = if refused { (before * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) } else { before };
        let until = Instant::now() + if refused { pause } else { TROUBLE_PAUSE };
        if refused {
            let pause = humantime::format_duration(pause);
            tracing::warn!(role = %self.role.arn, %pause, "{failure}; asked again after {pause}");
            failure.told = true;
        }
        self.remember(Some(Refusal { failure: failure.clone(), pause, until }));
        failure
    }

    fn refusal(&self) -> Option<Refusal> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, refusal: Option<Refusal>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

impl ProvideCredentials for RoleProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_is_asked_on_where_it_can_not_be_switched_off() {
        for (before, now, good) in [
            ("eu-west-1", "eu-west-1", true),
            ("eu-west-1", "us-east-1", true),
            ("eu-west-1", "af-south-1", true),
            ("af-south-1", "af-south-1", true),
            ("af-south-1", "eu-west-1", false),
            ("eu-west-1", "us-gov-west-1", false),
            ("xx-new-1", "eu-west-1", false),
        ] {
            assert_eq!(is_as_good(before, now), good, "{before} instead of {now}");
        }
    }
}
