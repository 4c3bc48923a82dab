//! One request out, one answer back.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpStream;

use super::answer;
use super::connect::Connector;
use super::error::{ConnectError, UpstreamError, UpstreamKind, UpstreamSetupError};
use super::flight::{Flight, Outgoing};
use super::host::Host;
use super::options::UpstreamOptions;
use super::resolve::{Lookup, SystemLookup};
use super::vendors::{PLACES_PER_LANE, Place, Target, Vendor, Vendors, lanes_for};
use super::wire::Line;

/// The largest head of an answer.
const HEAD_MAX_BYTES: u32 = 64 * 1024;
/// The most header fields in it.
const HEADERS_MAX: usize = 128;
/// Unused h1 connections kept per vendor and lane: all that the lane ever used at once.
const IDLE_MAX: usize = PLACES_PER_LANE as usize;
/// What an h2 vendor may send ahead of a reader, per stream and in all: a slow agent delays itself, and the streams
/// of a whole lane fit side by side.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * PLACES_PER_LANE;
/// An h2 connection in use whose peer does not answer a ping within the second time is given up.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(15);

/// What frames a message or binds it to one connection (RFC 9110 §7.6.1): written by us and nobody else.
const OURS: [HeaderName; 8] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE, EXPECT, TE, TRAILER];

/// The way out to all vendors: judged, verified, pooled. Share it behind an `Arc`, and use it inside one tokio runtime:
/// its connections live there.
///
/// A request is written anew on another connection only where hyper hands it back untouched: the pooled connection was
/// closed before the request was taken up (`hyper_util` 0.1.21, `client/legacy/client.rs`, `TrySendError::Retryable`;
/// hyper 1.12, `proto/h1/dispatch.rs`, `recv_msg`: "the message was never even started"). Nothing of which a byte was
/// written is ever sent twice.
pub struct Upstream {
    lanes: Box<[Lane]>,
    connector: Connector,
    vendors: Vendors,
    head_patience: Duration,
}

impl Upstream {
    /// The way out, with the system's resolver.
    ///
    /// # Errors
    /// Files of authorities that cannot be used, or that hold our own.
    pub fn new(options: &UpstreamOptions) -> Result<Self, UpstreamSetupError> {
        Self::with_lookup(options, Arc::new(SystemLookup::new()))
    }

    /// The way out, with a resolver of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(options: &UpstreamOptions, lookup: Arc<dyn Lookup>) -> Result<Self, UpstreamSetupError> {
        let connector = Connector::new(options, lookup)?;
        let lanes: Box<[_]> = (0..lanes_for(options.in_flight_max))
            .map(|_| Lane::new(&connector, Duration::from_millis(options.pool_idle_ms)))
            .collect();
        let vendors = Vendors::new(options.in_flight_max);
        Ok(Self { lanes, connector, vendors, head_patience: Duration::from_millis(options.head_timeout_ms) })
    }

    /// Sends the request and waits for the head of the answer; the body streams.
    ///
    /// Of the request's URI the path and query count, the rest is the target's. `Host`, the length and everything that
    /// belongs to one connection are written here. Redirects are answers like others. The extensions of the response
    /// hold a [`Place`]: keep it for as long as the body is read.
    ///
    /// Dropping the future closes the connection (h1) or resets the stream (h2); whether something was sent is then
    /// not known.
    ///
    /// # Errors
    /// Why there is no answer, and whether a byte of the request may have left.
    pub async fn send(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let vendor = self.vendors.find(target)?;
        let (place, lane) = Place::take(&vendor)?;
        let flight = Arc::new(Flight::default());
        let request = outgoing(&vendor, request, &flight)?;
        let lane = self.lanes.get(lane).ok_or_else(|| refused("there is no such lane"))?;
        let client = if target.tls { &lane.secure } else { &lane.plain };
        let mut response = self.answer(client.request(request), &flight).await?;
        let line = response.extensions_mut().remove::<Line>();
        if let Err(ambiguous) = answer::check(&response) {
            // The body may be in the buffer already, whole: without this the connection could be used again.
            if let Some(line) = line {
                line.cut();
            }
            return Err(UpstreamError { kind: UpstreamKind::Protocol, sent: true, cause: ambiguous.into() });
        }
        response.extensions_mut().insert(place);
        Ok(response)
    }

    /// A bare connection to a judged address, for tunnels that are not looked into.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, UpstreamError> {
        let host = Host::parse(host).map_err(ConnectError::MalformedHost)?;
        Ok(self.connector.dial(&host, port).await?)
    }

    async fn answer(&self, mut answered: ResponseFuture, flight: &Flight) -> Result<Response<Incoming>, UpstreamError> {
        let mut patience = pin!(tokio::time::sleep(self.head_patience));
        poll_fn(|context| {
            if let Poll::Ready(answer) = Pin::new(&mut answered).poll(context) {
                return Poll::Ready(answer.map_err(|error| failed(error, flight)));
            }
            if flight.is_flooded(context) {
                return Poll::Ready(Err(given_up(UpstreamKind::Protocol, GivenUp::Flooded, flight)));
            }
            if patience.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(given_up(UpstreamKind::Timeout, GivenUp::Silent, flight)));
            }
            Poll::Pending
        })
        .await
    }
}

/// The connections of up to [`PLACES_PER_LANE`] requests per vendor.
struct Lane {
    /// Cleartext is always h1, so its `Host` is written here once instead of by the client on each request.
    plain: Client<Connector, Outgoing>,
    /// Over TLS only the client knows whether the protocol has a `Host` (h1) or an `:authority` (h2).
    secure: Client<Connector, Outgoing>,
}

impl Lane {
    fn new(connector: &Connector, pool_idle: Duration) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(pool_idle)
            .pool_max_idle_per_host(IDLE_MAX)
            .retry_canceled_requests(true)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEAD_MAX_BYTES)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_PATIENCE);
        Self {
            secure: builder.set_host(true).build(connector.clone()),
            plain: builder.set_host(false).build(connector.clone()),
        }
    }
}

/// The request as it leaves: to the vendor and nobody else, its length that of its body.
fn outgoing(
    vendor: &Vendor,
    request: Request<Full<Bytes>>,
    flight: &Arc<Flight>,
) -> Result<Request<Outgoing>, UpstreamError> {
    let (mut head, body) = request.into_parts();
    if head.method == Method::CONNECT {
        return Err(refused("CONNECT is never forwarded"));
    }
    head.uri = vendor.uri(std::mem::take(&mut head.uri).into_parts().path_and_query).map_err(refused)?;
    head.version = Version::HTTP_11;
    for name in &OURS {
        head.headers.remove(name);
    }
    if let Some(host) = vendor.plain_host() {
        head.headers.insert(HOST, host);
    }
    // hyper writes the length of every body but the empty one, which these methods should state (RFC 9110 §8.6).
    if body.is_end_stream() && matches!(head.method, Method::POST | Method::PUT | Method::PATCH) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut request = Request::from_parts(head, Outgoing::new(body, Arc::clone(flight)));
    let interim = Arc::clone(flight);
    hyper::ext::on_informational(&mut request, move |_| interim.heard_interim());
    Ok(request)
}

fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> UpstreamError {
    UpstreamError::unsent(UpstreamKind::Protocol, cause)
}

/// Why we stopped waiting.
#[derive(Clone, Copy, Debug)]
enum GivenUp {
    Silent,
    Flooded,
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "no answer within the time that an answer may take",
            Self::Flooded => "too many interim answers",
        })
    }
}

impl Error for GivenUp {}

fn given_up(kind: UpstreamKind, why: GivenUp, flight: &Flight) -> UpstreamError {
    UpstreamError { kind, sent: flight.has_begun(), cause: why.into() }
}

/// What a failure of the client means.
fn failed(error: ClientError, flight: &Flight) -> UpstreamError {
    if let Some(refused) = error.source().and_then(|source| source.downcast_ref::<ConnectError>()) {
        return UpstreamError { kind: refused.kind(), sent: false, cause: error.into() };
    }
    let inner = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    let was_handed_back = inner.is_some_and(hyper::Error::is_canceled);
    // Two witnesses: the body that was never asked for, and the client that never had a connection for the request or
    // got the request back. Where either has doubts, something may have been sent.
    let never_left = error.is_connect() || error.connect_info().is_none() || was_handed_back;
    let kind = match inner {
        Some(inner) if inner.is_timeout() => UpstreamKind::Timeout,
        _ if never_left || is_io(&error) => UpstreamKind::Unreachable,
        _ => UpstreamKind::Protocol,
    };
    UpstreamError { kind, sent: flight.has_begun() || !never_left, cause: error.into() }
}

/// Whether the system, not the vendor's words, broke the connection.
fn is_io(error: &ClientError) -> bool {
    let mut cause = error.source();
    while let Some(deeper) = cause {
        if let Some(error) = deeper.downcast_ref::<std::io::Error>() {
            // What TLS cannot read is reported in this way, too.
            return error.kind() != std::io::ErrorKind::InvalidData;
        }
        cause = deeper.source();
    }
    false
}
