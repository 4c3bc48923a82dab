//! Listening: the owner's socket for processes of the same user, and the read-only address.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::getuid;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::UCred;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::desk::Desk;
use crate::error::ControlError;
use crate::rest::{Plane, router};

/// Turns true when the plane shall end; a sender that is gone ends it too.
pub type Stop = watch::Receiver<bool>;

/// Connections at once, on each listener; further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 256;
/// A head takes no longer than this to arrive; a connection that says nothing is closed after it.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// After the stop, answers under way have so long to end.
const GRACE: Duration = Duration::from_secs(2);
/// After an error of the system (no file handle is left), it is asked again so much later.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Both listeners of the plane, bound: whoever has this can serve. Dropping it gives all of them back.
#[derive(Debug)]
pub struct Listening {
    socket: StdUnixListener,
    file: SocketFile,
    page: Option<(StdTcpListener, SocketAddr)>,
}

impl Listening {
    /// Binds the owner's socket (mode 0600) and, where wanted, the read-only address: both, or none.
    ///
    /// A socket left over by an owner that died is replaced: the caller holds the data directory's lock.
    ///
    /// # Errors
    /// [`ControlError::Listen`] where the socket cannot be made or the address cannot be had.
    pub fn bind(socket: &Path, page: Option<SocketAddr>) -> Result<Self, ControlError> {
        // The address first: a failure then leaves nothing behind.
        let page = page.map(listen_at).transpose()?;
        let failed = |source| ControlError::Listen { at: socket.display().to_string(), source };
        let listener = listen_on(socket).map_err(failed)?;
        Ok(Self { socket: listener, file: SocketFile(socket.to_owned()), page })
    }

    /// The address of the read-only plane, which matters for port 0.
    #[must_use]
    pub fn page(&self) -> Option<SocketAddr> {
        self.page.as_ref().map(|(_, address)| *address)
    }

    /// Serves both until told to stop; answers under way then have two seconds to end. Call it in a runtime.
    ///
    /// # Errors
    /// [`ControlError::Listen`] where the runtime does not take the listeners.
    pub async fn serve(self, desk: Arc<dyn Desk>, stop: Stop) -> Result<(), ControlError> {
        let Self { socket, file, page } = self;
        let failed = |source| ControlError::Listen { at: file.0.display().to_string(), source };
        let socket = SameUser(UnixListener::from_std(socket).map_err(failed)?);
        let owner = run(socket, router(Arc::clone(&desk), Plane::Owner(stop.clone())), stop.clone());
        match page {
            Some((listener, address)) => {
                let failed = |source| ControlError::Listen { at: address.to_string(), source };
                let page = TcpListener::from_std(listener).map_err(failed)?;
                let ((), ()) = tokio::join!(owner, run(page, router(desk, Plane::ReadOnly), stop));
            }
            None => owner.await,
        }
        drop(file);
        Ok(())
    }
}

/// The socket's place in the file system; goes with its listener.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Gone already where somebody tidied up; nothing else is to be done about it.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn listen_at(address: SocketAddr) -> Result<(StdTcpListener, SocketAddr), ControlError> {
    let failed = |source| ControlError::Listen { at: address.to_string(), source };
    let listener = StdTcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn listen_on(path: &Path) -> std::io::Result<StdUnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = StdUnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Where connections come from.
trait Door {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection that may come in; `None` for one that may not.
    fn next(&self) -> impl Future<Output = std::io::Result<Option<Self::Stream>>> + Send;
}

impl Door for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> std::io::Result<Option<Self::Stream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

/// Accepts processes of our own user (and root) only, whatever the socket's mode became.
struct SameUser(UnixListener);

impl SameUser {
    fn is_ours(peer: &std::io::Result<UCred>) -> bool {
        peer.as_ref().is_ok_and(|peer| peer.uid() == getuid().as_raw() || peer.uid() == 0)
    }
}

impl Door for SameUser {
    type Stream = UnixStream;

    async fn next(&self) -> std::io::Result<Option<UnixStream>> {
        let (stream, _) = self.0.accept().await?;
        Ok(Self::is_ours(&stream.peer_cred()).then_some(stream))
    }
}

/// Serves connections until told to stop, then waits for those under way, but not for ever.
async fn run<D: Door>(door: D, routes: Router, until: Stop) {
    let mut stop = until.clone();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, door.next().await)
        };
        tokio::select! {
            (place, next) = next => match (place, next) {
                (Ok(place), Ok(Some(stream))) => {
                    let (routes, stop) = (routes.clone(), until.clone());
                    open.spawn(async move {
                        converse(stream, routes, stop).await;
                        drop(place);
                    });
                }
                (_, Ok(None)) => {}
                _ => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
            Some(_) = open.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(door);
    // What has not ended by then is cut when the set is dropped.
    let _ = tokio::time::timeout(GRACE, async { while open.join_next().await.is_some() {} }).await;
}

/// One connection, from its first request to its last.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: Router, mut stop: Stop) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let mut routes = routes.clone();
        async move { Ok::<_, Infallible>(answered(routes.call(request.map(Body::new)).await)) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    let mut connection = std::pin::pin!(connection.serve_connection(TokioIo::new(stream), answer));
    tokio::select! {
        // A peer that broke off has nothing to be told.
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Returns when the plane shall end.
pub(crate) async fn stopped(stop: &mut Stop) {
    // A sender that is gone ends it too.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn answered<T>(answer: Result<T, Infallible>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
