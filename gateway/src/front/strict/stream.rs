//! The stream between socket and hyper: hyper reads judged bytes of one message at a time, and nothing else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::Exchange;
use super::head::HeadLimits;
use super::message::MessageScan;
use super::patience::{ClientClock, Patience, Wait};
use super::violation::Violation;
use crate::front::answer;

/// Bytes of the next message that are taken in while the present one is being answered. Beyond it the client waits,
/// and its going away shows only when the answer is written.
const HELD_MAX_BYTES: usize = 64 * 1024;
/// What a closing connection still reads away, so that the client sees our last answer and not a reset.
const LINGER_MAX_BYTES: usize = 256 * 1024;
/// An IO wrapper for hyper's server side.
///
/// - Only bytes that [`MessageScan`] has judged are read through it, and only of the present message; the next one is
///   held until the answer is flushed.
/// - While an answer is pending the socket is read on, so that hyper sees the client leave and drops the request.
/// - A violation before hyper saw a byte of the message is answered here, and the read side ends. A later one (in a
///   chunked body) is told through [`Exchange::violation`]; the read side fails, and the service gives the answer.
/// - After a CONNECT that was accepted, [`StrictStream::into_parts`] gives back the socket and the bytes behind the
///   head, unread.
#[derive(Debug)]
pub struct StrictStream<S> {
    io: S,
    exchange: Arc<Exchange>,
    scan: MessageScan,
    /// Bytes taken from the socket and not handed on: `cleared` judged ones first.
    held: BytesMut,
    cleared: usize,
    /// Bytes are held that this message's scan has not seen.
    unseen: bool,
    /// A byte of the present message was handed to hyper.
    handed: bool,
    /// The answer to the present message is flushed.
    flushed: bool,
    /// Nothing is handed on any more.
    ended: bool,
    peer_closed: bool,
    parked: Option<Waker>,
    read_clock: ClientClock,
    write_clock: ClientClock,
    answer: Bytes,
    shut: bool,
    lingered: usize,
}

impl<S> StrictStream<S> {
    /// Wraps a fresh connection.
    #[must_use]
    pub fn new(io: S, limits: HeadLimits, patience: Patience) -> Self {
        Self {
            io,
            exchange: Arc::default(),
            scan: MessageScan::new(limits),
            held: BytesMut::new(),
            cleared: 0,
            unseen: false,
            handed: false,
            flushed: false,
            ended: false,
            peer_closed: false,
            parked: None,
            read_clock: ClientClock::new(patience),
            write_clock: ClientClock::new(patience),
            answer: Bytes::new(),
            shut: false,
            lingered: 0,
        }
    }

    /// The side that the service holds.
    #[must_use]
    pub fn exchange(&self) -> Arc<Exchange> {
        Arc::clone(&self.exchange)
    }

    /// The socket, and what was read from it and not handed on.
    #[must_use]
    pub fn into_parts(self) -> (S, Bytes) {
        (self.io, self.held.freeze())
    }

    fn begin_next(&mut self) {
        self.scan.next();
        self.exchange.begin();
        self.handed = false;
        self.flushed = false;
        self.unseen = !self.held.is_empty();
    }

    fn hand_out(&mut self, out: &mut ReadBuf<'_>) {
        let count = self.cleared.min(out.remaining());
        out.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.advance(count);
        self.cleared -= count;
        self.handed = true;
        if self.held.is_empty() {
            // Give the memory back: an idle connection holds none.
            self.held = BytesMut::new();
        }
    }

    /// Refuses the connection: by our own answer if hyper knows nothing of the message yet, through hyper otherwise.
    fn refuse(&mut self, violation: Violation) -> io::Result<()> {
        self.ended = true;
        self.exchange.refuse(violation);
        if self.handed {
            return Err(io::Error::new(io::ErrorKind::InvalidData, violation));
        }
        self.held.clear();
        self.answer = answer::to_violation_raw(violation);
        Ok(())
    }

    fn judge_held(&mut self) -> io::Result<()> {
        self.unseen = false;
        match self.scan.judge(&self.held) {
            Ok(judged) => {
                self.held.advance(judged.skip);
                self.cleared = judged.pass;
                Ok(())
            }
            Err(violation) => self.refuse(violation),
        }
    }

    /// Judges what was just read into hyper's own buffer behind `before`, and takes back what may not stay there.
    fn judge_in_place(&mut self, out: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let fresh = out.filled().get(before..).unwrap_or_default();
        let judged = match self.scan.judge(fresh) {
            Ok(judged) => judged,
            Err(violation) => {
                out.set_filled(before);
                return self.refuse(violation);
            }
        };
        let stays = if judged.skip == 0 { judged.pass } else { 0 };
        let taken_back = fresh.get(judged.skip + stays..).unwrap_or_default();
        if !taken_back.is_empty() {
            self.held.extend_from_slice(taken_back);
        }
        self.cleared = judged.pass - stays;
        self.handed |= stays > 0;
        out.set_filled(before + stays);
        Ok(())
    }

    fn end_of_input(&mut self) -> io::Result<()> {
        self.peer_closed = true;
        if self.scan.is_in_head() && !self.held.is_empty() {
            return self.refuse(Violation::TruncatedHead);
        }
        self.ended = true;
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> StrictStream<S> {
    /// Takes in the next bytes of the present message; afterwards there is something in `out` or in `cleared`, or the
    /// end is reached, or more is needed.
    fn poll_receive(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unseen {
            return Poll::Ready(self.judge_held());
        }
        let before = out.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, out) {
            Poll::Pending => return self.poll_patience(cx),
            Poll::Ready(result) => result?,
        }
        let fresh = out.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            return Poll::Ready(self.end_of_input());
        }
        self.read_clock.received(fresh.len());
        if self.held.is_empty() {
            return Poll::Ready(self.judge_in_place(out, before));
        }
        self.held.extend_from_slice(fresh);
        out.set_filled(before);
        Poll::Ready(self.judge_held())
    }

    /// The message is complete and its answer is not: only watch for the client leaving, and hold what it sends ahead.
    fn poll_hold(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.read_clock.rest();
        while self.held.len() < HELD_MAX_BYTES {
            let before = out.filled().len();
            let Poll::Ready(result) = Pin::new(&mut self.io).poll_read(cx, out) else { break };
            result?;
            let fresh = out.filled().get(before..).unwrap_or_default();
            if fresh.is_empty() {
                self.peer_closed = true;
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(fresh);
            out.set_filled(before);
        }
        if !self.held.is_empty() {
            // The socket will not wake us for bytes that are here already; the flush of the answer will.
            self.parked = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The client keeps us waiting: ready once that is over, one way or the other.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wait = match (self.scan.is_in_head(), self.held.is_empty()) {
            (true, true) => Wait::Idle,
            (true, false) => Wait::Head,
            (false, _) => Wait::Body,
        };
        ready!(self.read_clock.poll(cx, wait));
        self.read_clock.rest();
        Poll::Ready(match wait {
            Wait::Head => self.refuse(Violation::HeadTimeout),
            Wait::Body => self.refuse(Violation::BodyTimeout),
            _ => {
                self.ended = true;
                Ok(())
            }
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        while !this.ended && out.filled().len() == before {
            if this.cleared > 0 {
                this.hand_out(out);
                break;
            }
            if this.scan.is_complete() {
                if !this.flushed {
                    return this.poll_hold(cx, out);
                }
                this.begin_next();
            }
            ready!(this.poll_receive(cx, out))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> StrictStream<S> {
    /// Fails a write that has been pending for too long.
    fn stall<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.write_clock.rest();
            return polled;
        }
        ready!(self.write_clock.poll(cx, Wait::Write));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let polled = Pin::new(&mut self.io).poll_write(cx, &self.answer);
            let count = ready!(self.stall(cx, polled))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answer.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> StrictStream<S> {
    /// Whether bytes may still come that would turn our closing into a reset, and lose the answer on its way.
    fn has_unread_input(&self) -> bool {
        let refused = self.exchange.violation().is_some();
        let cut_short = self.handed && !self.scan.is_complete();
        !self.peer_closed && (refused || cut_short || !self.held.is_empty())
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0_u8; 4096];
        while self.lingered < LINGER_MAX_BYTES {
            let mut out = ReadBuf::new(&mut space);
            match Pin::new(&mut self.io).poll_read(cx, &mut out) {
                Poll::Pending => return self.read_clock.poll(cx, Wait::Linger),
                Poll::Ready(Ok(())) if !out.filled().is_empty() => self.lingered += out.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for StrictStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.stall(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.stall(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_flush(cx);
        ready!(this.stall(cx, polled))?;
        if this.exchange.is_answered() && !this.flushed {
            this.flushed = true;
            if this.scan.is_complete() && this.held.is_empty() {
                // hyper reads again only when the socket wakes it, so idling begins here. Its end is seen in a read.
                let _ = this.read_clock.poll(cx, Wait::Idle);
            }
            if let Some(waker) = this.parked.take() {
                waker.wake();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_answer(cx))?;
        if !this.shut {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.shut = true;
        }
        if this.has_unread_input() {
            ready!(this.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
