//! What the front asks of the rest of the gateway, and what it tells about a connection.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use types::{Name, Reason, Secret};

/// The body of an answer. Its error aborts the connection: the agent must not take half an answer for a whole one.
pub type ReplyBody = UnsyncBoxBody<Bytes, Aborted>;

/// The answer cannot be finished; the connection is closed in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer was aborted")
    }
}

impl Error for Aborted {}

/// How the request came to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Straight to one of our listeners: a base URL of ours, or a proxied `http://` URL in absolute form.
    Reverse,
    /// Inside a CONNECT tunnel that we terminate.
    Intercepted {
        /// The host of the CONNECT, lower case, without a trailing dot; an IPv6 address without brackets.
        host: Name,
        /// The port of the CONNECT.
        port: u16,
    },
}

/// What is known of the connection that a request came over.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How the request came.
    pub mode: Mode,
    /// The other end of the socket.
    pub peer: SocketAddr,
    /// The value of the CONNECT's `Proxy-Authorization`, for requests inside its tunnel.
    pub proxy_authorization: Option<Secret>,
    /// Whether the request came inside TLS that we terminated; `false` for cleartext HTTP in a tunnel.
    pub tls: bool,
}

/// A CONNECT as asked for, before any answer to it.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The host, lower case, without a trailing dot; an IPv6 address without brackets.
    pub host: Name,
    /// The port.
    pub port: u16,
    /// Whether the host is an IP address: such clients send no SNI.
    pub is_address: bool,
    /// The other end of the socket.
    pub peer: SocketAddr,
    /// The value of `Proxy-Authorization`, if there is one.
    pub proxy_authorization: Option<Secret>,
}

/// A connection to the far end of a blind tunnel.
pub trait TunnelIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> TunnelIo for T {}

/// What happens to a CONNECT that is not refused.
pub enum Passage {
    /// Answer 200, terminate TLS, and serve the requests inside, refusals included.
    Intercept,
    /// As [`Passage::Intercept`], and serve cleartext HTTP where the client begins with that, instead of closing.
    InterceptCleartextToo,
    /// Answer 200 and copy bytes both ways to this connection, unread.
    Blind(Box<dyn TunnelIo>),
}

impl fmt::Debug for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intercept => "Intercept",
            Self::InterceptCleartextToo => "InterceptCleartextToo",
            Self::Blind(_) => "Blind",
        })
    }
}

/// Something the front did by itself, for logs and counters.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A head or a framing that can be read in two ways was answered, and its connection closed.
    HeadRefused {
        /// The other end.
        peer: SocketAddr,
        /// The status of the answer.
        status: u16,
        /// What was wrong; a word of a small fixed set.
        what: &'static str,
    },
    /// A peer had as many connections as it may.
    ConnectionRefused {
        /// The other end.
        peer: SocketAddr,
    },
    /// The TLS handshake in a tunnel failed: most often the client does not trust our CA.
    HandshakeFailed {
        /// The other end.
        peer: SocketAddr,
        /// The host of the CONNECT.
        host: &'a str,
        /// What rustls says.
        why: &'a str,
    },
    /// A blind tunnel has ended.
    TunnelEnded {
        /// The other end.
        peer: SocketAddr,
        /// The host of the CONNECT.
        host: &'a str,
        /// Bytes from the agent.
        sent: u64,
        /// Bytes to the agent.
        received: u64,
    },
}

/// The rest of the gateway, as the front sees it.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The future is dropped at once when the client goes away.
    fn serve(
        self: &Arc<Self>,
        connection: &Connection,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ReplyBody>> + Send;

    /// Puts a refusal of the front's own into words; it sets the status and `Proxy-Authenticate` of a 407 itself.
    fn refuse(&self, connection: &Connection, reason: Reason) -> Response<ReplyBody>;

    /// Decides on a CONNECT.
    ///
    /// Clients show a refused CONNECT as a bare connection error and try it again, so refuse here only what cannot be
    /// intercepted; everything else is better refused inside TLS, in words that the SDK understands.
    ///
    /// # Errors
    /// Why no tunnel is opened. [`Reason::IdentityMissing`] is answered 407, so that clients which wait for the
    /// challenge send their credentials.
    fn connect(self: &Arc<Self>, connect: &Connect) -> impl Future<Output = Result<Passage, Reason>> + Send;

    /// The TLS side for a host that [`Handler::connect`] said yes to; `None` where no certificate can be made.
    fn server_config(&self, host: &str) -> Option<Arc<rustls::ServerConfig>>;

    /// Hears what the front did by itself.
    fn note(&self, event: &Event<'_>) {
        let _ = event;
    }
}
