//! HTTP/1 on one stream: each request judged, counted and answered, until the connection ends or becomes a tunnel.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use types::{Name, Reason, Secret};

use super::answer;
use super::drain::{Drain, Guard};
use super::handler::{Aborted, Connect, Connection, Event, Handler, Mode, Passage, ReplyBody};
use super::server::FrontOptions;
use super::strict::{Authority, Exchange, HostKind, StrictStream};

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;
/// Most bytes that hyper buffers of a request; it must hold the largest head.
const BUFFER_MAX_BYTES: usize = 128 * 1024;

/// What all connections share.
pub(super) struct Shared<H> {
    pub(super) handler: Arc<H>,
    pub(super) drain: Arc<Drain>,
    pub(super) options: FrontOptions,
    http: http1::Builder,
}

impl<H> Shared<H> {
    pub(super) fn new(handler: Arc<H>, drain: Arc<Drain>, options: FrontOptions) -> Self {
        let mut http = http1::Builder::new();
        // Time is kept by the StrictStream, for heads, bodies, idling and answers alike.
        http.header_read_timeout(None).max_buf_size(BUFFER_MAX_BYTES.max(options.head.bytes * 2));
        Self { handler, drain, options, http }
    }
}

/// A CONNECT that was answered 200, with the stream it came over.
pub(super) struct Tunnel<S> {
    pub(super) io: S,
    /// Bytes that the client sent ahead of our 200.
    pub(super) ahead: Bytes,
    pub(super) connect: Connect,
    pub(super) passage: Passage,
}

/// What a connection may turn into at its end.
#[derive(Default)]
struct Afterwards {
    /// The last request that could have ended in an upgrade. hyper then gives the stream to this future instead of
    /// shutting it down, whatever the answer was.
    upgrade: Option<OnUpgrade>,
    /// The CONNECT that was answered 200.
    accepted: Option<(Connect, Passage)>,
}

/// Serves one stream to its end. `Some` if a CONNECT made a tunnel of it.
pub(super) async fn serve<S, H>(
    shared: &Shared<H>,
    io: S,
    connection: &Connection,
    closing: &mut watch::Receiver<bool>,
) -> Option<Tunnel<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let stream = StrictStream::new(io, shared.options.head, shared.options.patience);
    let line = Line { shared, connection, exchange: stream.exchange(), afterwards: Mutex::default() };
    let service = service_fn(|request| line.answer(request));
    let served = {
        let mut serving = pin!(shared.http.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let closed = tokio::select! {
            biased;
            served = serving.as_mut() => Some(served),
            _ = closing.wait_for(|closing| *closing) => None,
        };
        match closed {
            Some(served) => served,
            None => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    };
    if let Some(violation) = line.exchange.violation() {
        let event = Event::HeadRefused { peer: connection.peer, status: violation.status(), what: violation.word() };
        shared.handler.note(&event);
    }
    served.ok()?;
    let Afterwards { upgrade, accepted } = line.afterwards.into_inner();
    let parts = upgrade?.await.ok()?.downcast::<TokioIo<StrictStream<S>>>().ok()?;
    let mut stream = parts.io.into_inner();
    let Some((connect, passage)) = accepted else {
        let _ = stream.shutdown().await;
        return None;
    };
    let (io, ahead) = stream.into_parts();
    Some(Tunnel { io, ahead, connect, passage })
}

/// One HTTP/1 connection, as the service sees it.
struct Line<'a, H> {
    shared: &'a Shared<H>,
    connection: &'a Connection,
    exchange: Arc<Exchange>,
    afterwards: Mutex<Afterwards>,
}

impl<H: Handler> Line<'_, H> {
    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
        let counted = self.shared.drain.request();
        if let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() {
            self.afterwards.lock().upgrade = Some(upgrade);
        }
        let connects = request.method() == Method::CONNECT;
        let mut response = match judge(self.connection, &request) {
            Err(reason) => self.shared.handler.refuse(self.connection, reason),
            Ok(()) if connects => self.connect(request).await,
            Ok(()) => self.serve(request).await,
        };
        // A tunnel is opened even then: what is asked inside it is told.
        if self.shared.drain.is_draining() && !(connects && response.status().is_success()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer { body, exchange: Arc::clone(&self.exchange), _counted: counted }))
    }

    /// The handler's answer, unless its request turns out to be malformed while it is being read.
    async fn serve(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let mut serving = pin!(self.shared.handler.serve(self.connection, request));
        poll_fn(|cx| match self.exchange.violation() {
            Some(violation) => Poll::Ready(answer::to_violation(violation)),
            None => serving.as_mut().poll(cx),
        })
        .await
    }

    async fn connect(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let decided = match connect_of(self.connection.peer, &request) {
            Ok(connect) => self.shared.handler.connect(&connect).await.map(|passage| (connect, passage)),
            Err(reason) => Err(reason),
        };
        match decided {
            Ok(accepted) => {
                self.afterwards.lock().accepted = Some(accepted);
                Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync())
            }
            Err(reason) => self.refuse_connect(reason),
        }
    }

    /// RFC 9110 §15.5.8: a missing identity is challenged, so that clients which wait for that send theirs.
    fn refuse_connect(&self, reason: Reason) -> Response<ReplyBody> {
        let challenged = matches!(reason, Reason::IdentityMissing | Reason::IdentityUnknown);
        let mut response = self.shared.handler.refuse(self.connection, reason);
        if challenged {
            *response.status_mut() = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
            response.headers_mut().remove(WWW_AUTHENTICATE);
            let challenge = HeaderValue::from_static("Basic realm=\"bursar\"");
            response.headers_mut().insert(PROXY_AUTHENTICATE, challenge);
        }
        response
    }
}

/// What no handler is asked about: methods that are never forwarded, and a request for another host than the tunnel's.
fn judge<B>(connection: &Connection, request: &Request<B>) -> Result<(), Reason> {
    let method = request.method();
    if method == Method::TRACE || method.as_str() == "TRACK" {
        return Err(Reason::MethodNotAllowed);
    }
    let Mode::Intercepted { host, port } = &connection.mode else { return Ok(()) };
    if method == Method::CONNECT {
        return Err(Reason::MethodNotAllowed);
    }
    let default = if connection.tls { HTTPS_PORT } else { HTTP_PORT };
    let names_it = |text: &[u8]| Authority::read(text).is_some_and(|named| named.names(host, *port, default));
    let host_agrees = request.headers().get_all(HOST).iter().all(|value| names_it(value.as_bytes()));
    let target_agrees = request.uri().authority().is_none_or(|authority| names_it(authority.as_str().as_bytes()));
    if host_agrees && target_agrees { Ok(()) } else { Err(Reason::Misdirected) }
}

fn connect_of<B>(peer: SocketAddr, request: &Request<B>) -> Result<Connect, Reason> {
    let malformed = || Reason::AmbiguousHead { what: "CONNECT names one plain `host:port`".to_owned() };
    let target = request.uri().authority().ok_or_else(malformed)?.as_str();
    let authority = Authority::read(target.as_bytes()).ok_or_else(malformed)?;
    let port = authority.port.ok_or_else(malformed)?;
    Ok(Connect {
        host: Name::from(authority.canonical()),
        port,
        is_address: authority.kind != HostKind::Name,
        peer,
        proxy_authorization: proxy_authorization(request.headers())?,
    })
}

fn proxy_authorization(headers: &HeaderMap) -> Result<Option<Secret>, Reason> {
    let Some(value) = headers.get(PROXY_AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Reason::IdentityUnknown)?;
    Ok(Some(Secret::new(text.to_owned())))
}

/// The body of an answer; its end, or its drop, ends the request's count and lets the next request be shown.
struct Answer {
    body: ReplyBody,
    exchange: Arc<Exchange>,
    _counted: Guard,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.exchange.answer_ended();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
