//! Steps 11 and 12: the permitted request goes to the vendor; what comes back goes to the agent and to the gauge;
//! the end of the response, however it comes, settles the charge exactly once.

mod body;
mod head;
mod metering;
mod survive;

pub(crate) use body::MeteredBody;
pub(crate) use head::{outgoing_headers, strip_response};
pub(crate) use metering::{End, Metering};

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue, TE, TRAILER};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ledger::Permit;
use types::{Name, Reason};

use self::survive::Survive;
use crate::front::ReplyBody;
use crate::reply::COST_HEADER;
use crate::upstream::{Target, Upstream, UpstreamError, UpstreamKind};

/// Unstreamed answers up to this size are gathered, so that their head can tell what they did cost.
const GATHER_MAX_BYTES: usize = 256 * 1024;

/// A request as it leaves.
pub(crate) struct Outgoing {
    /// The way out.
    pub upstream: Arc<Upstream>,
    /// Where to.
    pub target: Target,
    /// The request, head and body.
    pub request: Request<Full<Bytes>>,
    /// Whether the answer will be a stream; an unstreamed one may be gathered.
    pub streaming: bool,
    /// Whether the agent said `TE: trailers`, so that a stream can tell its cost at the end.
    pub trailers: bool,
}

/// Sends the request and meters the answer. Goes on by itself when the agent leaves, so that an agent that leaves does
/// not take the knowledge of the cost with it.
///
/// The [`Permit`] is the proof that the `admit` entry is durable.
///
/// # Errors
/// A [`Reason`] where no answer came; the money is then released (nothing was sent) or presumed.
pub(crate) async fn forward(
    _permit: Permit,
    outgoing: Outgoing,
    metering: Metering,
) -> Result<Response<ReplyBody>, Reason> {
    Survive::new(exchange(outgoing, metering)).await.unwrap_or(Err(Reason::VendorProtocol))
}

async fn exchange(outgoing: Outgoing, mut metering: Metering) -> Result<Response<ReplyBody>, Reason> {
    let Outgoing { upstream, target, request, streaming, trailers } = outgoing;
    let response = match upstream.send(&target, request).await {
        Ok(response) => response,
        Err(error) => return Err(fail(metering, &target, &error)),
    };
    let (mut head, incoming) = response.into_parts();
    metering.head(&mut head);
    strip_response(&mut head.headers);
    metering.tell(&mut head.headers);
    if streaming {
        return Ok(stream(head, incoming, metering, trailers));
    }
    gather(head, incoming, metering).await
}

/// What a failed attempt means for the money, and for the agent.
fn fail(metering: Metering, target: &Target, error: &UpstreamError) -> Reason {
    let reason = reason(error, &target.host);
    tracing::info!(host = %target.host, code = reason.code(), sent = error.sent, cause = %error.cause, "no answer");
    metering.fail(&reason, error.sent);
    reason
}

/// What an agent is told about a vendor that could not be reached.
pub(crate) fn reason(error: &UpstreamError, host: &Name) -> Reason {
    match error.kind {
        UpstreamKind::AddressNotAllowed => Reason::AddressNotAllowed { host: host.clone() },
        UpstreamKind::Unreachable => Reason::VendorUnreachable,
        UpstreamKind::Certificate => Reason::VendorCertificate,
        UpstreamKind::Timeout => Reason::VendorTimeout,
        UpstreamKind::Overloaded => Reason::Overloaded,
        UpstreamKind::Protocol => Reason::VendorProtocol,
    }
}

fn stream(
    mut head: http::response::Parts,
    incoming: Incoming,
    metering: Metering,
    trailers: bool,
) -> Response<ReplyBody> {
    if trailers {
        head.headers.insert(TRAILER, HeaderValue::from_name(COST_HEADER));
    }
    let body = MeteredBody::new(incoming, metering, trailers);
    Response::from_parts(head, body.boxed_unsync())
}

/// Reads a small answer whole; one that turns out larger is streamed on from where it stands.
async fn gather(
    mut head: http::response::Parts,
    mut incoming: Incoming,
    mut metering: Metering,
) -> Result<Response<ReplyBody>, Reason> {
    let mut shown = BytesMut::new();
    loop {
        match tokio::time::timeout(metering.idle(), incoming.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                shown.extend_from_slice(&metering.chunk(&data));
            }
            // The vendor broke off or went silent: what it told so far is settled, the agent gets an honest error.
            Ok(Some(Err(_))) => {
                metering.close(End::Truncated);
                return Err(Reason::VendorProtocol);
            }
            Err(_) => {
                metering.close(End::Truncated);
                return Err(Reason::VendorTimeout);
            }
        }
        if shown.len() > GATHER_MAX_BYTES {
            let body = MeteredBody::resume(shown.freeze(), incoming, metering);
            return Ok(Response::from_parts(head, body.boxed_unsync()));
        }
    }
    let closed = metering.close(End::Complete);
    shown.extend_from_slice(&closed.tail);
    head.headers.remove(CONTENT_LENGTH);
    if let Ok(cost) = HeaderValue::from_str(&closed.posted.usd.to_string()) {
        head.headers.insert(COST_HEADER, cost);
    }
    Ok(Response::from_parts(head, Full::new(shown.freeze()).map_err(|never| match never {}).boxed_unsync()))
}

/// Whether the agent can take trailers (RFC 9110 §10.1.4).
#[must_use]
pub(crate) fn takes_trailers(headers: &HeaderMap) -> bool {
    headers
        .get_all(TE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}
