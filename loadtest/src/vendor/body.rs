//! The body of an answer: the frames of a script, paced, and broken where a fault says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::record::Recorder;
use super::script::Script;

/// What happens at one frame of a body instead of that frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// Nothing more comes, and the connection stays open.
    Silence,
    /// The connection is closed.
    Close,
    /// The provider's failure event, and the end.
    Failure,
}

/// The connection ends here on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the mock vendor closes this connection on purpose")]
pub(super) struct Closed;

/// The body of one answer.
pub(super) struct VendorBody {
    script: Box<dyn Script>,
    next: u64,
    interval: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    paused: bool,
    fault: Option<(u64, Break)>,
    over: bool,
    hide_length: bool,
    ending: Option<(Arc<Recorder>, u64)>,
}

impl VendorBody {
    /// A body that sends the frames of `script`, `interval` apart.
    #[must_use]
    pub(super) fn new(script: Box<dyn Script>, interval: Duration) -> Self {
        Self {
            script,
            next: 0,
            interval,
            pause: None,
            paused: true,
            fault: None,
            over: false,
            hide_length: false,
            ending: None,
        }
    }

    /// The same body that breaks in its middle.
    #[must_use]
    pub(super) fn breaking(mut self, how: Break) -> Self {
        self.fault = Some((self.script.frames() / 2, how));
        self
    }

    /// The same body, silent about its length, so that the head may lie about it.
    #[must_use]
    pub(super) const fn without_length(mut self) -> Self {
        self.hide_length = true;
        self
    }

    /// The same body; its end is noted in the record of request `serial`.
    #[must_use]
    pub(super) fn noting(mut self, recorder: Arc<Recorder>, serial: u64) -> Self {
        self.ending = Some((recorder, serial));
        self
    }

    fn end(&mut self) {
        self.over = true;
        if let Some((recorder, serial)) = self.ending.take() {
            recorder.ended(serial);
        }
    }

    /// Waits before the next frame: the interval, or one turn of the runtime, so that each frame is a write of its own.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.paused {
            return Poll::Ready(());
        }
        if self.interval.is_zero() {
            self.paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let interval = self.interval;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(interval)));
        std::task::ready!(pause.as_mut().poll(context));
        self.pause = None;
        self.paused = true;
        Poll::Ready(())
    }
}

impl Body for VendorBody {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if self.over {
            return Poll::Ready(None);
        }
        std::task::ready!(self.poll_pause(context));
        if let Some((at, how)) = self.fault
            && at == self.next
        {
            return match how {
                Break::Silence => Poll::Pending,
                Break::Close => Poll::Ready(Some(Err(Closed))),
                Break::Failure => {
                    let failure = self.script.failure();
                    self.end();
                    Poll::Ready(Some(Ok(Frame::data(failure))))
                }
            };
        }
        let Some(bytes) = self.script.frame(self.next) else {
            self.end();
            return Poll::Ready(None);
        };
        self.next = self.next.saturating_add(1);
        self.paused = false;
        if self.next == self.script.frames() {
            self.end();
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }

    fn size_hint(&self) -> SizeHint {
        match self.script.length() {
            Some(length) if !self.hide_length => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}
