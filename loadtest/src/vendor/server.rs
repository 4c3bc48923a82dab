//! Listeners and connections of the mock vendor: plain and TLS, HTTP/1.1 and HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::answer::{Connection, Shared, answer};

/// Connections served at once; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 8_192;

/// Bytes that belong to no answer.
const EXTRA: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nextra";

/// Accepts connections until the runtime ends.
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Small writes must leave at once: a vendor's stream does not wait for a full segment.
        let _ = stream.set_nodelay(true);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            connection(stream, tls, shared).await;
            drop(permit);
        });
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match tls {
        None => serve(stream, false, shared).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, true, shared).await;
            }
        }
    }
}

async fn serve<S>(stream: S, tls: bool, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let extra = Arc::new(AtomicBool::new(false));
    let known = Connection { tls, extra: Arc::clone(&extra) };
    let stream = Extra { inner: stream, armed: extra, written: None };
    let service = service_fn(move |request| answer(Arc::clone(&shared), known.clone(), request));
    // A connection that ends badly is what half of the faults are for.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A stream that, once armed, writes bytes that belong to no answer behind the next flush.
struct Extra<S> {
    inner: S,
    armed: Arc<AtomicBool>,
    written: Option<usize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Extra<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Extra<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        if self.armed.swap(false, Ordering::Relaxed) {
            self.written = Some(0);
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        if self.armed.swap(false, Ordering::Relaxed) {
            self.written = Some(0);
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        while let Some(written) = self.written {
            let rest = EXTRA.get(written..).unwrap_or_default();
            if rest.is_empty() {
                self.written = None;
                return Pin::new(&mut self.inner).poll_flush(context);
            }
            let count = std::task::ready!(Pin::new(&mut self.inner).poll_write(context, rest))?;
            self.written = Some(written.saturating_add(count));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
