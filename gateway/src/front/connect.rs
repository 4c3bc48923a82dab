//! Inside a CONNECT tunnel: TLS that we terminate, cleartext where that was allowed, or bytes that pass unread.

use std::io;
use std::net::SocketAddr;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::handler::{Connect, Connection, Event, Handler, Mode, Passage, TunnelIo};
use super::prefixed::{Metered, Prefixed};
use super::serve::{Shared, Tunnel, serve};

/// The first byte of every TLS record that begins a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
/// A fatal `unrecognized_name` alert in a record of its own (RFC 8446 §6, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Serves a tunnel to its end.
pub(super) async fn run<S, H>(shared: &Shared<H>, tunnel: Tunnel<S>, closing: &mut watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let _counted = shared.drain.tunnel();
    let Tunnel { io, ahead, connect, passage } = tunnel;
    let io = Prefixed::new(ahead, io);
    match passage {
        Passage::Blind(far) => pass(shared, io, far, &connect).await,
        Passage::Intercept => intercept(shared, io, connect, false, closing).await,
        Passage::InterceptCleartextToo => intercept(shared, io, connect, true, closing).await,
    }
}

async fn intercept<S, H>(
    shared: &Shared<H>,
    mut io: Prefixed<S>,
    connect: Connect,
    cleartext: bool,
    closing: &mut watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let patience = shared.options.handshake;
    let Ok(Ok(first)) = timeout(patience, io.first_byte()).await else { return };
    let tls = first == TLS_HANDSHAKE;
    let (host, peer) = (connect.host.clone(), connect.peer);
    let connection = Connection {
        mode: Mode::Intercepted { host: connect.host, port: connect.port },
        peer,
        proxy_authorization: connect.proxy_authorization,
        tls,
    };
    if !tls {
        // Nothing else that may follow a CONNECT begins with a capital letter but an HTTP method; `SSH-` is refused
        // by the scanner, and without leave nothing but TLS is served.
        if cleartext && first.is_ascii_uppercase() {
            Box::pin(serve(shared, io, &connection, closing)).await;
        }
        return;
    }
    match timeout(patience, accept(shared, io, &host)).await {
        Ok(Ok(stream)) => {
            Box::pin(serve(shared, stream, &connection, closing)).await;
        }
        Ok(Err(error)) => note_handshake(shared, peer, &host, &error.to_string()),
        Err(_) => note_handshake(shared, peer, &host, "the client did not finish the handshake in time"),
    }
}

async fn accept<S, H>(shared: &Shared<H>, io: Prefixed<S>, host: &str) -> io::Result<TlsStream<Prefixed<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let acceptor = LazyConfigAcceptor::new(Acceptor::default(), io);
    tokio::pin!(acceptor);
    let start = match acceptor.as_mut().await {
        Ok(start) => start,
        Err(error) => return Err(error),
    };
    // RFC 6066 §3: a client that names a host in TLS must name the one it asked the tunnel for.
    let named = start.client_hello().server_name().map(str::to_ascii_lowercase);
    if named.is_some_and(|named| named.strip_suffix('.').unwrap_or(&named) != host) {
        let mut io = start.io;
        let _ = io.write_all(&UNRECOGNIZED_NAME).await;
        let _ = io.shutdown().await;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client names another host than its CONNECT"));
    }
    let config = shared.handler.server_config(host);
    let config = config.ok_or_else(|| io::Error::other("no certificate can be made for this host"))?;
    start.into_stream(config).await
}

fn note_handshake<H: Handler>(shared: &Shared<H>, peer: SocketAddr, host: &str, why: &str) {
    shared.handler.note(&Event::HandshakeFailed { peer, host, why });
}

async fn pass<S, H>(shared: &Shared<H>, near: Prefixed<S>, mut far: Box<dyn TunnelIo>, connect: &Connect)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let mut near = Metered::new(near);
    // An error ends the tunnel like an end does; what has passed until then is counted.
    let _ = copy_bidirectional(&mut near, &mut far).await;
    let (sent, received) = (near.read, near.written);
    shared.handler.note(&Event::TunnelEnded { peer: connect.peer, host: &connect.host, sent, received });
}
