//! The listeners on pingora's chassis, and the run from bind to the last closed connection.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::listeners::{ConnectionFilter, L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora_core::protocols::{Stream, TcpKeepalive};
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{ListenFds, RunArgs, Server, ShutdownWatch};
use pingora_core::services::listening::Service;
use pingora_limits::inflight::Inflight;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tracing::warn;

use super::drain::{Drain, Pace};
use super::files::connections_that_fit;
use super::handler::{Connection, Event, Handler, Mode};
use super::serve::{Shared, serve};
use super::signals::{Signals, Stop, StopWatch};
use super::strict::{HeadLimits, Patience};
use super::{answer, connect};

/// How long the runtimes may take to drop what the drain has cut.
const RUNTIME_STOP_S: u64 = 2;

/// Everything about the front that an operator may turn.
#[derive(Clone, Debug)]
pub struct FrontOptions {
    /// Where to listen. Port 0 takes a free one, see [`Front::addresses`].
    pub listeners: Vec<SocketAddr>,
    /// Worker threads.
    pub threads: usize,
    /// Most open connections; beyond it none is accepted until one closes. Fewer where the limit of open files says so.
    pub connections: usize,
    /// Most open connections of one IP address; one more is answered 503.
    pub connections_per_peer: usize,
    /// Caps of request heads.
    pub head: HeadLimits,
    /// How long a client may take.
    pub patience: Patience,
    /// How long a client may take for the TLS handshake in a tunnel, and to begin it.
    pub handshake: Duration,
    /// How to stop.
    pub stop: Stop,
}

impl Default for FrontOptions {
    fn default() -> Self {
        let terminate = Pace { lame_duck: Duration::from_secs(2), finish: Duration::from_secs(25) };
        let interrupt = Pace { lame_duck: Duration::ZERO, finish: Duration::from_secs(5) };
        Self {
            listeners: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            connections: 10_000,
            connections_per_peer: 2_000,
            head: HeadLimits::default(),
            patience: Patience::default(),
            handshake: Duration::from_secs(10),
            stop: Stop { terminate, interrupt },
        }
    }
}

/// Why the front cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrontError {
    /// No listener was named.
    NoListener,
    /// An address cannot be listened on.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for FrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoListener => f.write_str("no listener: name at least one address under `listeners.proxy`"),
            Self::Bind { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "{address} is in use: stop the other process, or choose another port under `listeners.proxy`")
            }
            Self::Bind { address, error } => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for FrontError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoListener => None,
            Self::Bind { error, .. } => Some(error),
        }
    }
}

/// The front, bound and not yet running.
pub struct Front<H> {
    shared: Shared<H>,
    sockets: Vec<(SocketAddr, TcpListener)>,
}

impl<H: Handler> Front<H> {
    /// Binds the listeners: clients may connect from here on, and wait until [`Front::run`].
    ///
    /// # Errors
    /// [`FrontError::Bind`] for the first address that cannot be had.
    pub fn bind(options: FrontOptions, handler: Arc<H>, drain: Arc<Drain>) -> Result<Self, FrontError> {
        if options.listeners.is_empty() {
            return Err(FrontError::NoListener);
        }
        let sockets = options.listeners.iter().map(|address| listen(*address)).collect::<Result<_, _>>()?;
        Ok(Self { shared: Shared::new(handler, drain, options), sockets })
    }

    /// The addresses listened on, with their real ports.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.sockets.iter().map(|(address, _)| *address)
    }

    /// Serves until told to stop, drains, and returns when no task of ours is left. Blocks the thread; call it
    /// outside any runtime. Ledger and trail are closed after it.
    pub fn run(self, signals: Signals) {
        let options = &self.shared.options;
        let conf = ServerConf {
            threads: options.threads.max(1),
            grace_period_seconds: Some(0),
            graceful_shutdown_timeout_seconds: Some(RUNTIME_STOP_S),
            ..ServerConf::default()
        };
        let drain = Arc::clone(&self.shared.drain);
        let watch = StopWatch::new(Arc::clone(&drain), options.stop, signals);
        let mut server = Server::new_with_opt_and_conf(None, conf);
        server.add_service(Doors::new(self.shared, self.sockets));
        server.run(RunArgs { shutdown_signal: Box::new(watch) });
    }
}

fn listen(address: SocketAddr) -> Result<(SocketAddr, TcpListener), FrontError> {
    let bind = || {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok((socket.local_addr()?, socket))
    };
    bind().map_err(|error| FrontError::Bind { address, error })
}

/// The listening service, with our own sockets and our own end.
///
/// pingora binds inside a task, retries for half a minute and then panics there; so the sockets are bound before and
/// put where it looks for those of a predecessor. And its accept loops end when the whole server does; ours end when
/// the drain closes them.
struct Doors<H: Handler> {
    service: Service<App<H>>,
    drain: Arc<Drain>,
    sockets: HashMap<String, TcpListener>,
}

impl<H: Handler> Doors<H> {
    fn new(shared: Shared<H>, sockets: Vec<(SocketAddr, TcpListener)>) -> Self {
        let drain = Arc::clone(&shared.drain);
        let most = connections_that_fit(shared.options.connections);
        let gate = Gate { drain: Arc::clone(&drain), most };
        let per_peer = isize::try_from(shared.options.connections_per_peer).unwrap_or(isize::MAX);
        let app = App { shared, peers: Inflight::new(), per_peer };
        let mut service = Service::new("front".to_owned(), app);
        service.set_connection_filter(Arc::new(gate));
        let mut options = TcpSocketOptions::default();
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(15),
            count: 4,
            #[cfg(target_os = "linux")]
            user_timeout: Duration::from_secs(0),
        });
        let named = sockets.into_iter().map(|(address, socket)| (address.to_string(), socket));
        let sockets: HashMap<String, TcpListener> = named.collect();
        for address in sockets.keys() {
            // Unbuffered: hyper and rustls buffer by themselves, and 64 KiB for each idle connection is a lot.
            let listener = ListenerConfig::tcp(address.as_str())
                .tcp_socket_options(options.clone())
                .l4_buffer(L4BufferSettings::unbuffered());
            service.add_listener(listener);
        }
        Self { service, drain, sockets }
    }
}

#[async_trait]
impl<H: Handler> pingora_core::services::Service for Doors<H> {
    async fn start_service(&mut self, fds: Option<ListenFds>, _: ShutdownWatch, listeners_per_fd: usize) {
        if let Some(fds) = &fds {
            let mut fds = fds.lock();
            for (address, socket) in self.sockets.drain() {
                fds.add(address, socket.into_raw_fd());
            }
        }
        self.service.start_service(fds, self.drain.closing(), listeners_per_fd).await;
    }

    fn name(&self) -> &'static str {
        "front"
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        Some(self.sockets.keys().cloned().collect())
    }
}

/// Holds the accept loop back while too many connections are open; clients wait in the listen queue meanwhile.
struct Gate {
    drain: Arc<Drain>,
    most: usize,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("most", &self.most).finish_non_exhaustive()
    }
}

#[async_trait]
impl ConnectionFilter for Gate {
    async fn should_accept(&self, _: Option<&SocketAddr>) -> bool {
        self.drain.room(self.most).await;
        true
    }
}

struct App<H> {
    shared: Shared<H>,
    peers: Inflight,
    per_peer: isize,
}

#[async_trait]
impl<H: Handler> ServerApp for App<H> {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, closing: &ShutdownWatch) -> Option<Stream> {
        let _counted = self.shared.drain.connection();
        let Some(peer) = peer_of(&stream) else {
            warn!("a connection without a peer address was closed");
            return None;
        };
        let (_share, open) = self.peers.incr(peer.ip(), 1);
        if open > self.per_peer {
            self.shared.handler.note(&Event::ConnectionRefused { peer });
            let _ = stream.write_all(&answer::to_crowd_raw()).await;
            let _ = stream.shutdown().await;
            return None;
        }
        self.serve(stream, peer, closing.clone()).await;
        None
    }
}

impl<H: Handler> App<H> {
    async fn serve(&self, stream: Stream, peer: SocketAddr, mut closing: watch::Receiver<bool>) {
        let connection = Connection { mode: Mode::Reverse, peer, proxy_authorization: None, tls: false };
        if let Some(tunnel) = serve(&self.shared, stream, &connection, &mut closing).await {
            Box::pin(connect::run(&self.shared, tunnel, &mut closing)).await;
        }
    }
}

fn peer_of(stream: &Stream) -> Option<SocketAddr> {
    stream.get_socket_digest()?.peer_addr()?.as_inet().copied()
}
