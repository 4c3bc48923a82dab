//! A mock vendor: OpenAI and Anthropic on the wire, with latency and faults, that remembers what it saw.
//!
//! It runs inside a test ([`Vendor::start`]) or as the program `mockvendor`.

mod answer;
mod anthropic;
mod behaviour;
mod body;
mod openai;
mod record;
mod request;
mod script;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

pub use behaviour::{Behaviour, Fault, UnknownSetting};
pub use record::{Keep, Seen, Served};

use crate::error::LoadtestError;
use crate::pki::Leaf;
use answer::Shared;
use record::Recorder;

/// What a mock vendor listens on and expects.
#[derive(Clone, Debug)]
pub struct VendorOptions {
    /// Port of the plain listener on 127.0.0.1; 0 takes a free one, `None` opens none.
    pub plain_port: Option<u16>,
    /// Port of the TLS listener on 127.0.0.1; 0 takes a free one, `None` opens none.
    pub tls_port: Option<u16>,
    /// Certificate chain and key of the TLS listener.
    pub leaf: Option<Leaf>,
    /// Whether the TLS listener offers HTTP/2. The plain one always understands it.
    pub http2: bool,
    /// The provider key that requests must carry; any where `None`.
    pub key: Option<String>,
    /// Worker threads.
    pub threads: usize,
    /// The behaviour at the start.
    pub behaviour: Behaviour,
    /// How much is remembered.
    pub keep: Keep,
}

impl Default for VendorOptions {
    fn default() -> Self {
        Self {
            plain_port: Some(0),
            tls_port: None,
            leaf: None,
            http2: true,
            key: None,
            threads: 1,
            behaviour: Behaviour::default(),
            keep: Keep::default(),
        }
    }
}

/// A running mock vendor. Dropping it stops it.
#[derive(Debug)]
pub struct Vendor {
    shared: Arc<Shared>,
    plain: Option<SocketAddr>,
    tls: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Vendor {
    /// Starts on a thread of its own; both listeners accept when this returns.
    ///
    /// # Errors
    /// A port in use, a certificate that does not fit its key, or no thread to be had.
    pub fn start(options: VendorOptions) -> Result<Self, LoadtestError> {
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(options.behaviour.clone()),
            recorder: Arc::new(Recorder::new(options.keep)),
            key: options.key.clone(),
        });
        let (ready, addresses) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("mockvendor".to_owned())
            .spawn(move || run(&options, theirs, &ready, stopped))
            .map_err(LoadtestError::Thread)?;
        let (plain, tls) = addresses.recv().map_err(|_| LoadtestError::Died)??;
        Ok(Self { shared, plain, tls, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of the plain listener.
    ///
    /// # Errors
    /// It was started without one.
    pub fn plain(&self) -> Result<SocketAddr, LoadtestError> {
        self.plain.ok_or(LoadtestError::NoListener)
    }

    /// The address of the TLS listener.
    ///
    /// # Errors
    /// It was started without one.
    pub fn tls(&self) -> Result<SocketAddr, LoadtestError> {
        self.tls.ok_or(LoadtestError::NoListener)
    }

    /// What it served so far.
    #[must_use]
    pub fn served(&self) -> Served {
        self.shared.recorder.served()
    }

    /// Forgets what it served.
    pub fn forget(&self) {
        self.shared.recorder.reset();
    }

    /// Behaves so from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour() = behaviour;
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

fn run(
    options: &VendorOptions,
    shared: Arc<Shared>,
    ready: &mpsc::SyncSender<Result<Addresses, LoadtestError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match runtime(options.threads) {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(LoadtestError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        let opened = open(options, shared).await;
        let open = opened.is_ok();
        let _ = ready.send(opened);
        if open {
            // The sender only ever goes away: that is the signal.
            let _ = stopped.await;
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// A runtime of the asked size; one thread makes no hand-overs between threads.
///
/// # Errors
/// The operating system gives no thread or no poll descriptor.
pub(crate) fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if threads > 1 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.worker_threads(threads.max(1)).enable_all().build()
}

async fn open(options: &VendorOptions, shared: Arc<Shared>) -> Result<Addresses, LoadtestError> {
    let mut addresses = (None, None);
    if let Some(port) = options.plain_port {
        let (listener, address) = listen(port).await?;
        addresses.0 = Some(address);
        tokio::spawn(server::accept(listener, None, Arc::clone(&shared)));
    }
    if let Some(port) = options.tls_port {
        let leaf = options.leaf.as_ref().ok_or(LoadtestError::NoCertificate)?;
        let acceptor = TlsAcceptor::from(Arc::new(leaf.server_config(options.http2)?));
        let (listener, address) = listen(port).await?;
        addresses.1 = Some(address);
        tokio::spawn(server::accept(listener, Some(acceptor), shared));
    }
    Ok(addresses)
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), LoadtestError> {
    let wrong = |source| LoadtestError::Listen { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    Ok((listener, address))
}
