//! What becomes of one request on its way: whether the writing of it has begun, and how much talk precedes the answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

/// The most interim answers (1xx, RFC 9110 §15.2) before the answer: we ask for none, and a vendor that never ends
/// them would keep a processor busy for as long as an answer may take.
const INTERIM_MAX: u32 = 16;

/// The fate of one request, shared between those who wait for its answer and hyper.
#[derive(Default)]
pub(super) struct Flight {
    begun: AtomicBool,
    interim: AtomicU32,
    waker: AtomicWaker,
}

impl Flight {
    /// Whether hyper has begun to write the request into the connection.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Counts an interim answer, and wakes the one who waits where it was one too many.
    pub(super) fn heard_interim(&self) {
        if self.interim.fetch_add(1, Ordering::AcqRel) >= INTERIM_MAX {
            self.waker.wake();
        }
    }

    /// Whether there were too many interim answers; the caller is woken when there are.
    pub(super) fn is_flooded(&self, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.interim.load(Ordering::Acquire) > INTERIM_MAX
    }
}

/// The body of a request, whose length is known, and which notes that hyper asks for it.
///
/// hyper (1.12, `proto/h1/dispatch.rs` and `proto/h2/client.rs`) asks a body for its size or its end right before it
/// encodes the head, and at no earlier time; tests hold it to that. So "never asked" proves that nothing was written.
pub(super) struct Outgoing {
    body: Full<Bytes>,
    flight: Arc<Flight>,
}

impl Outgoing {
    pub(super) fn new(body: Full<Bytes>, flight: Arc<Flight>) -> Self {
        Self { body, flight }
    }

    fn note(&self) {
        self.flight.begun.store(true, Ordering::Release);
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.note();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.note();
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.note();
        self.body.size_hint()
    }
}
