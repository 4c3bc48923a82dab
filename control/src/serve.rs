//! Listening: the owner's socket for processes of the same user, and the read-only address.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use rustix::process::getuid;
use tokio::net::unix::UCred;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;

use crate::desk::Desk;
use crate::error::ControlError;
use crate::rest::{Plane, router};

/// Turns true when the plane shall end.
pub type Stop = watch::Receiver<bool>;

/// Serves the read-only plane until it is stopped. Tells the address it has, which matters for port 0.
///
/// # Errors
/// [`ControlError::Listen`] where the address cannot be had.
pub async fn serve_tcp(
    desk: Arc<dyn Desk>,
    address: SocketAddr,
    stop: Stop,
    bound: impl FnOnce(SocketAddr),
) -> Result<(), ControlError> {
    let failed = |source| ControlError::Listen { at: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    bound(listener.local_addr().map_err(failed)?);
    run(listener, router(desk, Plane::ReadOnly), stop).await.map_err(failed)
}

/// Serves the owner's plane on a socket of mode 0600 until it is stopped.
///
/// A socket left over by an owner that died is replaced: the caller holds the data directory's lock.
///
/// # Errors
/// [`ControlError::Listen`] where the socket cannot be made.
pub async fn serve_socket(
    desk: Arc<dyn Desk>,
    path: PathBuf,
    stop: Stop,
    bound: impl FnOnce(),
) -> Result<(), ControlError> {
    let failed = |source| ControlError::Listen { at: path.display().to_string(), source };
    let listener = listen(&path).map_err(failed)?;
    bound();
    let served = run(SameUser(listener), router(desk, Plane::Owner), stop).await.map_err(failed);
    // Gone already where somebody tidied up; nothing else is to be done about it.
    let _ = std::fs::remove_file(&path);
    served
}

fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn run<L>(listener: L, routes: Router, mut stop: Stop) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            // A sender that is gone stops the plane too.
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

/// Accepts processes of our own user (and root) only, whatever the socket's mode became.
struct SameUser(UnixListener);

impl SameUser {
    fn is_ours(peer: &std::io::Result<UCred>) -> bool {
        peer.as_ref().is_ok_and(|peer| peer.uid() == getuid().as_raw() || peer.uid() == 0)
    }
}

impl Listener for SameUser {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            let (stream, _) = Listener::accept(&mut self.0).await;
            if Self::is_ours(&stream.peer_cred()) {
                return (stream, ());
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}
