//! The body of an answer as it goes over the wire: whole, or as slow, as long or as unfinished as a fault wants it.
//!
//! It counts as in flight until it is dropped. It never holds more than the answer itself: a huge body is one block of blanks, again
//! and again.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::shared::Presence;
use super::trouble::Trouble;

static BLANKS: [u8; 65_536] = [b' '; 65_536];

/// A body.
#[derive(Debug)]
pub(super) struct ReplyBody {
    rest: Bytes,
    manner: Manner,
    _presence: Option<Presence>,
}

#[derive(Debug)]
enum Manner {
    Whole,
    /// Half of it, then nothing for ever; the number is what is left to send.
    Stalling(usize),
    Dripping(usize, Interval),
    /// So many blanks first.
    AfterBlanks(u64),
}

impl ReplyBody {
    /// A body without any trouble.
    pub(super) fn whole(bytes: Bytes) -> ReplyBody {
        ReplyBody { rest: bytes, manner: Manner::Whole, _presence: None }
    }

    /// A body in the manner of a trouble.
    pub(super) fn in_trouble(bytes: Bytes, trouble: Option<&Trouble>, presence: Presence) -> ReplyBody {
        let manner = match trouble {
            Some(Trouble::HangInBody) => Manner::Stalling(bytes.len() / 2),
            Some(Trouble::Drip { bytes_per_second }) => {
                let mut ticks = interval(Duration::from_secs(1));
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                Manner::Dripping(usize::try_from((*bytes_per_second).max(1)).unwrap_or(1), ticks)
            }
            Some(Trouble::HugeBody { bytes }) => Manner::AfterBlanks(*bytes),
            _ => Manner::Whole,
        };
        ReplyBody { rest: bytes, manner, _presence: Some(presence) }
    }

    fn take(&mut self, most: usize) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let chunk = self.rest.split_to(most.min(self.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        match &mut this.manner {
            Manner::Whole | Manner::AfterBlanks(0) => this.take(usize::MAX),
            // Nothing will wake this again; the connection's end does.
            Manner::Stalling(0) => Poll::Pending,
            Manner::Stalling(left) => {
                let most = std::mem::take(left);
                this.take(most)
            }
            Manner::Dripping(most, ticks) => {
                let most = *most;
                match ticks.poll_tick(context) {
                    Poll::Ready(_) => this.take(most),
                    Poll::Pending => Poll::Pending,
                }
            }
            Manner::AfterBlanks(left) => {
                let block = BLANKS.get(..usize::try_from(*left).unwrap_or(usize::MAX)).unwrap_or(&BLANKS);
                *left = left.saturating_sub(u64::try_from(block.len()).unwrap_or(*left));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(block)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !matches!(self.manner, Manner::AfterBlanks(1..))
    }

    /// Known for all but the huge body, which comes in chunks: a client cannot refuse it by its length.
    fn size_hint(&self) -> SizeHint {
        if matches!(self.manner, Manner::AfterBlanks(_)) {
            return SizeHint::default();
        }
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
