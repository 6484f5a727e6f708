//! Where long answers are written: from what is known already, one at a time, on a thread for long work.
//!
//! It asks nobody. An answer of thousands of targets is large and takes a while to make, so few are held in memory,
//! however slowly somebody reads. The metrics need none of these places.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::text;
use crate::estate::Estate;
use crate::exporter::InForce;
use crate::report::Terms;

/// So many answers are held at once, each some tens of megabytes at the worst: thousands of targets, each with a
/// thousand identities.
const MOST_ANSWERS: usize = 4;
/// A request waits this long for its turn; whoever asks waits 10 s by habit.
const PATIENCE: Duration = Duration::from_secs(9);

/// The desk of an agent.
pub struct Desk {
    in_force: watch::Receiver<InForce>,
    estate: watch::Receiver<Estate>,
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// Too many ask at once.
    Busy,
    /// It could not be made.
    Failed,
}

impl Unwritten {
    /// The same to a person.
    pub(super) fn as_text(self) -> Response<Full<Bytes>> {
        let (status, sentence) = match self {
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Too many ask at once; try again later.\n"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log says why.\n"),
        };
        text(status, sentence.to_owned())
    }
}

impl Desk {
    /// That of an agent that runs by the configuration in force.
    pub fn new(in_force: watch::Receiver<InForce>, estate: watch::Receiver<Estate>) -> Self {
        Self { in_force, estate, places: Arc::new(Semaphore::new(MOST_ANSWERS)), turn: Arc::new(Semaphore::new(1)) }
    }

    /// What `write` says of the picture, once it is this request's turn.
    pub(super) async fn write<W>(&self, write: W) -> Result<Bytes, Unwritten>
    where
        W: FnOnce(&Terms, &Estate) -> Option<Vec<u8>> + Send + 'static,
    {
        let (bytes, ()) = self.write_about(|terms, estate| Some((write(terms, estate)?, ()))).await?;
        Ok(bytes)
    }

    /// The same with what `write` says about it, which goes into the head of the answer.
    pub(super) async fn write_about<W, A>(&self, write: W) -> Result<(Bytes, A), Unwritten>
    where
        W: FnOnce(&Terms, &Estate) -> Option<(Vec<u8>, A)> + Send + 'static,
        A: Send + 'static,
    {
        let Ok(Some((place, turn))) = timeout(PATIENCE, self.turn()).await else { return Err(Unwritten::Busy) };
        let (in_force, estate) = (self.in_force.clone(), self.estate.clone());
        let written = spawn_blocking(move || {
            // In this order: what a new configuration hides must not be shown of an old picture.
            let estate = estate.borrow().clone();
            let terms = Terms::of(&in_force.borrow().config).remembering();
            let written = write(&terms, &estate);
            drop(turn); // only now, also where nobody waits for the answer any more
            written
        });
        let (bytes, about) = written.await.ok().flatten().ok_or(Unwritten::Failed)?;
        Ok((Bytes::from_owner(Held { bytes, _place: place }), about))
    }

    async fn turn(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        Some((place, Arc::clone(&self.turn).acquire_owned().await.ok()?))
    }
}

/// An answer that keeps its place until the last byte is sent or the client has gone.
struct Held {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
