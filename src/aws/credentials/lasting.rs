//! Credentials that outlast their source: while it fails, the last ones serve until they really end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};

/// Credentials that end sooner are not worth a request, which may take as long as one attempt.
const TOO_SHORT: Duration = Duration::from_secs(10);

/// A source whose last good answer is kept. The SDK's cache asks it minutes before credentials end.
#[derive(Debug)]
pub(super) struct Lasting {
    source: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

impl Lasting {
    pub(super) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, last: Mutex::new(None) }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let answer = self.source.provide_credentials().await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(credentials) => Ok(last.insert(credentials).clone()),
            Err(error) => {
                let ends = last.as_ref().and_then(Credentials::expiry);
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
    use std::sync::Arc;

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
