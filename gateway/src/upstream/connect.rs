//! From a judged host to a connection: look it up, judge every address, dial a judged one, see that it is the one,
//! shake hands with the judged name.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use rustix::net::sockopt;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::error::{ConnectError, Step, UpstreamSetupError};
use super::host::Host;
use super::options::UpstreamOptions;
use config::AddressRange;

use super::ranges::denied_because;
use super::resolve::{Lookup, Resolver};
use super::tls;
use super::wire::Wire;

/// Silence on a connection after which the system asks whether the other end is still there, and how often it asks.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;
/// No attempt at one of several addresses is cut below this, however many there are.
const ATTEMPT_MIN: Duration = Duration::from_secs(1);

/// Makes connections. Clones are one and the same.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    resolver: Resolver,
    allow_addresses: Vec<AddressRange>,
    own_ports: Arc<[u16]>,
    tls: Arc<ClientConfig>,
    patience: Duration,
}

impl Connector {
    pub(super) fn new(options: &UpstreamOptions, lookup: Arc<dyn Lookup>) -> Result<Self, UpstreamSetupError> {
        let patience = Duration::from_millis(options.connect_timeout_ms);
        Ok(Self(Arc::new(Inner {
            resolver: Resolver::new(lookup),
            allow_addresses: options.allow_addresses.clone(),
            own_ports: Arc::clone(&options.own_ports),
            tls: Arc::new(tls::client_config(options)?),
            patience,
        })))
    }

    /// A cleartext connection to a judged address of the host.
    pub(super) async fn dial(&self, host: &Host, port: u16) -> Result<TcpStream, ConnectError> {
        self.dial_until(host, port, Instant::now() + self.0.patience).await
    }

    async fn dial_until(&self, host: &Host, port: u16, until: Instant) -> Result<TcpStream, ConnectError> {
        let judged = match host {
            Host::Address(address) => self.0.judge([*address])?,
            Host::Name(name) => self.0.judge(self.0.resolver.addresses(name, until).await?.iter().copied())?,
        };
        self.0.dial_judged(&judged, port, until).await
    }

    async fn connect(self, uri: Uri) -> Result<Wire, ConnectError> {
        let tls = uri.scheme() != Some(&Scheme::HTTP);
        let host = Host::parse(uri.host().unwrap_or_default()).map_err(ConnectError::MalformedHost)?;
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let until = Instant::now() + self.0.patience;
        let stream = self.dial_until(&host, port, until).await?;
        if !tls {
            return Ok(Wire::plain(stream));
        }
        // The name that is proved is the name that was judged; nothing that an agent says can turn this off.
        let name = match host {
            Host::Address(address) => ServerName::from(address),
            Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| ConnectError::ServerName)?,
        };
        let handshake = TlsConnector::from(Arc::clone(&self.0.tls)).connect(name, stream);
        match timeout_at(until, handshake).await {
            Ok(Ok(stream)) => Ok(Wire::tls(stream)),
            Ok(Err(error)) => Err(ConnectError::of_handshake(error)),
            Err(_) => Err(ConnectError::Timeout(Step::Handshake)),
        }
    }
}

impl Inner {
    /// The addresses that may be dialled. Those that may not are left out, not only passed over when dialling: a name
    /// that shows a public address beside a private one reaches the public one or nothing.
    fn judge(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Result<Vec<IpAddr>, ConnectError> {
        let mut judged = Vec::new();
        let mut denied = None;
        for address in addresses {
            let address = address.to_canonical();
            match denied_because(address, &self.allow_addresses) {
                None => judged.push(address),
                Some(range) => denied = Some(ConnectError::AddressNotAllowed { address, range }),
            }
        }
        match denied {
            Some(denied) if judged.is_empty() => Err(denied),
            _ => Ok(judged),
        }
    }

    /// Tries one address after the other, in the resolver's order (RFC 6724); each gets its share of the time left, so
    /// that one that swallows packets leaves some for the next.
    async fn dial_judged(&self, addresses: &[IpAddr], port: u16, until: Instant) -> Result<TcpStream, ConnectError> {
        let mut failure = ConnectError::Unconnected(io::ErrorKind::NotFound.into());
        for (tried, address) in addresses.iter().enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = (left / others).max(ATTEMPT_MIN.min(left));
            failure = match timeout(share, self.dial_one(*address, port)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(refused @ ConnectError::Ourselves { .. })) => return Err(refused),
                Ok(Err(error)) => error,
                Err(_) => ConnectError::Timeout(Step::Connect),
            };
        }
        Err(failure)
    }

    async fn dial_one(&self, address: IpAddr, port: u16) -> Result<TcpStream, ConnectError> {
        let is_ours = self.own_ports.contains(&port);
        let ourselves = ConnectError::Ourselves { address, port };
        if is_ours && address.is_loopback() {
            return Err(ourselves);
        }
        let stream = TcpStream::connect(SocketAddr::new(address, port)).await.map_err(ConnectError::Unconnected)?;
        let peer = stream.peer_addr().map_err(ConnectError::Unconnected)?;
        if peer.ip().to_canonical() != address || peer.port() != port {
            return Err(ConnectError::OtherPeer { judged: address });
        }
        // A connection to an address of this machine starts at that address, whichever it is.
        if is_ours && stream.local_addr().is_ok_and(|local| local.ip() == peer.ip()) {
            return Err(ourselves);
        }
        tune(&stream).map_err(ConnectError::Unconnected)?;
        Ok(stream)
    }
}

/// No waiting for small pieces to become large ones (40 ms stalls otherwise), and dead peers are noticed.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    Ok(())
}

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
