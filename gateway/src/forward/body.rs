//! The body of a metered answer: each piece goes to the gauge as it passes; the end settles, and so does leaving.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};
use types::Reason;

use super::metering::{End, Metering};
use crate::front::Aborted;
use crate::reply::COST_HEADER;

/// An agent that has left is not waited for: the rest of its answer is read for its cost within these bounds.
const DRAIN_MAX: Duration = Duration::from_secs(300);
const DRAIN_MAX_BYTES: usize = 64 * 1024 * 1024;

/// A response body that meters what passes.
pub(crate) struct MeteredBody {
    state: Option<Open>,
    ready: Option<Bytes>,
    trailer: Option<HeaderMap>,
    wants_trailer: bool,
}

struct Open {
    incoming: Incoming,
    metering: Metering,
    /// When the vendor last sent something.
    heard: Instant,
    silence: Option<Pin<Box<Sleep>>>,
}

impl MeteredBody {
    /// Meters a body from its start.
    #[must_use]
    pub(crate) fn new(incoming: Incoming, metering: Metering, wants_trailer: bool) -> Self {
        let open = Open { incoming, metering, heard: Instant::now(), silence: None };
        Self { state: Some(open), ready: None, trailer: None, wants_trailer }
    }

    /// Meters the rest of a body whose first part has been metered already.
    #[must_use]
    pub(crate) fn resume(first: Bytes, incoming: Incoming, metering: Metering) -> Self {
        let mut body = Self::new(incoming, metering, false);
        body.ready = Some(first);
        body
    }

    /// Settles; what is owed to the agent waits in `ready` and `trailer`.
    fn close(&mut self, end: End) {
        let Some(open) = self.state.take() else { return };
        let closed = open.metering.close(end);
        if !closed.tail.is_empty() {
            self.ready = Some(closed.tail);
        }
        if self.wants_trailer
            && let Some(cost) = Metering::cost_trailer(&closed.posted)
        {
            let mut trailer = HeaderMap::with_capacity(1);
            trailer.insert(COST_HEADER, cost);
            self.trailer = Some(trailer);
        }
    }

    /// Cuts the stream: its last words are well-formed, the vendor's connection is closed.
    fn cut(&mut self, shown: Bytes, reason: Reason) {
        let Some(open) = &mut self.state else { return };
        let words = open.metering.cut(reason);
        self.close(End::Cut);
        self.ready = Some(if shown.is_empty() { words } else { [shown, words].concat().into() });
    }
}

impl Open {
    /// One piece of the vendor's answer, or silence beyond the bound.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.heard = Instant::now();
            return Poll::Ready(frame.map(|frame| frame.map_err(|_| Aborted)));
        }
        let until = self.heard + self.metering.idle();
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while silence.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(Some(Err(Aborted)));
            }
            // The timer was armed for an earlier piece; arm it for the last one.
            silence.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        loop {
            if let Some(bytes) = self.ready.take() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(open) = &mut self.state else {
                return Poll::Ready(self.trailer.take().map(|trailer| Ok(Frame::trailers(trailer))));
            };
            match std::task::ready!(open.poll(context)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let shown = open.metering.chunk(&data);
                    if let Some(reason) = open.metering.must_stop() {
                        self.cut(shown, reason);
                    } else if !shown.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(shown))));
                    }
                }
                // The agent must see that the answer is not whole.
                Some(Err(aborted)) => {
                    self.close(End::Truncated);
                    self.ready = None;
                    return Poll::Ready(Some(Err(aborted)));
                }
                None => self.close(End::Complete),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state.is_none() && self.ready.is_none() && self.trailer.is_none()
    }
}

impl Drop for MeteredBody {
    /// The agent left. Its answer is read on for the cost, in a task, where one may still be started; at the end of
    /// the process the metering is dropped instead, which presumes the bound.
    fn drop(&mut self) {
        let Some(open) = self.state.take() else { return };
        let place = open.metering.gateway.drains.clone().try_acquire_owned();
        match (place, tokio::runtime::Handle::try_current()) {
            (Ok(place), Ok(runtime)) => {
                runtime.spawn(async move {
                    drain(open).await;
                    drop(place);
                });
            }
            _ => {
                open.metering.close(End::AgentLeft);
            }
        }
    }
}

/// Reads the rest of an answer that nobody waits for, to learn what it did cost.
async fn drain(mut open: Open) {
    let until = Instant::now() + DRAIN_MAX;
    let mut left_bytes = DRAIN_MAX_BYTES;
    loop {
        let patience = until.min(Instant::now() + open.metering.idle());
        let end = match tokio::time::timeout_at(patience, open.incoming.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                open.metering.chunk(&data);
                left_bytes = left_bytes.saturating_sub(data.len());
                if left_bytes > 0 && open.metering.must_stop().is_none() {
                    continue;
                }
                End::AgentLeft
            }
            Ok(None) => End::Complete,
            Ok(Some(Err(_))) | Err(_) => End::AgentLeft,
        };
        open.metering.close(end);
        return;
    }
}
