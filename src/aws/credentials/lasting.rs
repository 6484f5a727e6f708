//! Credentials that outlast their source: while it fails, the last ones serve until they really end.
//!
//! This takes the place of the SDK's own cache, which gives up credentials that still hold when their source fails, and
//! can't be told that AWS has ended them early.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::LOAD_TIMEOUT;

/// Credentials are renewed this long before they end, so that an STS outage of minutes is not noticed.
const RENEW_BEFORE_END: Duration = Duration::from_mins(5);
/// Credentials that end sooner are not worth a request, which may take as long as one attempt.
const TOO_SHORT: Duration = Duration::from_secs(10);
/// Those that tell no end are asked for anew after this long, as the SDK does it: a file may have changed.
const WITHOUT_END: Duration = Duration::from_mins(15);
/// However often AWS says that credentials have ended, their source is asked anew once in this time.
const FORGET_AGAIN: Duration = Duration::from_mins(1);

/// How long a request waits for new credentials while the last ones hold.
const GLANCE: Duration = Duration::from_millis(500);

type Question = Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send>>;

/// A source whose last good answer is kept. Clones share it.
#[derive(Clone)]
pub(super) struct Lasting {
    source: SharedCredentialsProvider,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    last: Option<(Credentials, Instant)>,
    /// A question outlives whoever asked it: who loses patience leaves it here, and the next one finds its answer
    /// instead of asking again.
    asked: Option<Question>,
    forgotten: Option<Instant>,
}

impl fmt::Debug for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lasting").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Lasting {
    pub(super) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, kept: Arc::default() }
    }

    /// AWS has ended the credentials before their time: the next request asks for new ones.
    pub(super) async fn forget(&self) {
        let mut kept = self.kept.lock().await;
        if kept.forgotten.is_none_or(|at| at.elapsed() >= FORGET_AGAIN) {
            kept.forgotten = Some(Instant::now());
            kept.last = None;
        }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let Kept { last, asked, .. } = &mut *kept;
        if let Some((credentials, taken)) = last
            && is_fresh(credentials, *taken)
        {
            return Ok(credentials.clone());
        }
        let source = self.source.clone();
        let question = asked.get_or_insert_with(|| Box::pin(ask(source)));
        let holding = last.as_ref().map(|(credentials, _)| credentials).filter(|credentials| still_holds(credentials));
        let answer = match holding {
            None => question.await,
            // Nobody waits for a slow source while there are credentials that hold; the next request looks again.
            Some(credentials) => match timeout(GLANCE, question).await {
                Ok(answer) => answer,
                Err(_) => return Ok(credentials.clone()),
            },
        };
        *asked = None;
        match answer {
            Ok(credentials) => Ok(last.insert((credentials, Instant::now())).0.clone()),
            Err(error) => {
                last.take_if(|(credentials, _)| !still_holds(credentials));
                last.as_ref().map(|(credentials, _)| credentials.clone()).ok_or(error)
            }
        }
    }
}

/// Asks the source. One that hangs must not hold everybody up for ever.
async fn ask(source: SharedCredentialsProvider) -> Result<Credentials, CredentialsError> {
    let answer = timeout(LOAD_TIMEOUT, source.provide_credentials()).await;
    answer.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(LOAD_TIMEOUT)))
}

/// Whether the credentials are worth a request.
fn still_holds(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|ends| ends > SystemTime::now() + TOO_SHORT)
}

fn is_fresh(credentials: &Credentials, taken: Instant) -> bool {
    match credentials.expiry() {
        Some(ends) => ends > SystemTime::now() + RENEW_BEFORE_END,
        None => taken.elapsed() < WITHOUT_END,
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
    use std::sync::Mutex;

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
