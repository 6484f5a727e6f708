//! Credentials that outlast their source: while it fails, the last ones serve until they really end.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use tokio::sync::Mutex;

use super::RENEW_BEFORE_END;

/// Credentials that end sooner are not worth a request, which may take as long as one attempt.
const TOO_SHORT: Duration = Duration::from_secs(10);

type Question = Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send>>;

/// A source whose last good answer is kept. The SDK's cache asks it minutes before credentials end.
pub(super) struct Lasting {
    source: SharedCredentialsProvider,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: Option<Credentials>,
    /// A question outlives whoever asked it: who loses patience leaves it here, and the next one finds its answer
    /// instead of asking again.
    asked: Option<Question>,
}

impl fmt::Debug for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lasting").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Lasting {
    pub(super) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, kept: Mutex::default() }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let Kept { last, asked } = &mut *kept;
        let ends = last.as_ref().and_then(Credentials::expiry);
        if let (Some(fresh), true) = (&*last, ends.is_some_and(|ends| ends > SystemTime::now() + RENEW_BEFORE_END)) {
            return Ok(fresh.clone());
        }
        let source = self.source.clone();
        let ask = || -> Question { Box::pin(async move { source.provide_credentials().await }) };
        let answer = asked.get_or_insert_with(ask).await;
        *asked = None;
        match answer {
            Ok(credentials) => Ok(last.insert(credentials).clone()),
            Err(error) => {
                if ends.is_some_and(|ends| ends < SystemTime::now() + TOO_SHORT) {
                    *last = None;
                }
                last.clone().ok_or(error)
            }
        }
    }
}

impl ProvideCredentials for Lasting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Gives what it is told to give.
    #[derive(Debug, Clone, Default)]
    struct Source(Arc<Mutex<Option<Credentials>>>);

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let given = self.0.lock().unwrap().clone();
            future::ProvideCredentials::ready(given.ok_or_else(|| CredentialsError::provider_error("away")))
        }
    }

    fn ending_in(seconds: u64) -> Credentials {
        Credentials::new("id", "secret", None, Some(SystemTime::now() + Duration::from_secs(seconds)), "test")
    }

    #[tokio::test]
    async fn an_outage_shorter_than_the_credentials_is_not_noticed() {
        let source = Source::default();
        let lasting = Lasting::new(SharedCredentialsProvider::new(source.clone()));
        assert!(lasting.credentials().await.is_err(), "nothing was ever given");
        *source.0.lock().unwrap() = Some(ending_in(200));
        assert!(lasting.credentials().await.is_ok());
        *source.0.lock().unwrap() = None;
        assert!(lasting.credentials().await.is_ok(), "the last ones still hold");
    }

    #[tokio::test]
    async fn credentials_that_have_ended_are_not_shown_to_aws() {
        let source = Source(Arc::new(Mutex::new(Some(ending_in(5)))));
        let lasting = Lasting::new(SharedCredentialsProvider::new(source.clone()));
        assert!(lasting.credentials().await.is_ok());
        *source.0.lock().unwrap() = None;
        assert!(lasting.credentials().await.is_err());
    }
}
