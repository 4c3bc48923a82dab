//! `bursar serve`: opens the house, listens, and on the way out settles, writes and closes in that order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::config::{Environment, House, RealEnvironment, Watched};
use clap::Args;
use control::Listening;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;

use super::output::{CONFIG, CliError};
use crate::clock::now_ms;
use crate::front::strict::HeadLimits;
use crate::front::{Front, FrontOptions, Pace, Signal, Signals, Stop};
use crate::house::{DataDirectory, Gateway, Keeper};
use crate::record::{self, Lines};

/// Run the gateway.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bursar serve\n  bursar serve --config /etc/bursar/bursar.yaml\n\nSIGHUP reads the configuration again; SIGTERM lets requests finish and stops."
)]
pub(super) struct Serve {
    /// Stop by itself so many seconds after its last `bursar run`.
    #[arg(long, hide = true)]
    until_idle_seconds: Option<u64>,
    /// Threads that serve requests; one for each core without it.
    #[arg(long)]
    threads: Option<usize>,
}

/// Latencies in seconds: from what a cache answers to what a long stream takes.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];
/// Signals that wait to be heeded; more would say nothing new.
const SIGNALS_WAITING_MAX: usize = 4;
/// After SIGTERM connections stay usable so long, told to close (design §4: less loses requests in flight).
const LAME_DUCK: Duration = Duration::from_secs(2);

impl Serve {
    /// Does the command; returns when the gateway has stopped.
    ///
    /// # Errors
    /// Why it did not start.
    pub(super) fn run(&self, config: &Path) -> Result<(), CliError> {
        log()?;
        let metrics = install_metrics()?;
        let watched = Watched::open(config, Arc::new(RealEnvironment), Arc::new(now_ms));
        let watched = Arc::new(watched.map_err(|error| CliError::new(CONFIG, error))?);
        let house = watched.load();
        for warning in &house.warnings {
            tracing::warn!("{warning}");
        }
        let lines = Lines::start(std::io::stdout())?;
        let gateway = Gateway::open(Arc::clone(&watched), lines, metrics).map_err(CliError::failed)?;
        let served = self.serve(&gateway, &watched, &house);
        gateway.close();
        served
    }

    /// Binds everything first, then serves: what cannot be had is told before anything runs.
    fn serve(&self, gateway: &Arc<Gateway>, watched: &Arc<Watched>, house: &House) -> Result<(), CliError> {
        // First of all: whoever sees us ready may stop us at once, and then we are to leave in good order.
        let signals = heed_signals()?;
        let front = Front::bind(self.options(house), Arc::clone(gateway), Arc::clone(&gateway.drain));
        let front = front.map_err(CliError::failed)?;
        let socket = DataDirectory::operator_socket(&house.data);
        let listening = Listening::bind(&socket, house.listeners.operator).map_err(CliError::failed)?;
        let page = listening.page();
        let proxies: Vec<SocketAddr> = front.addresses().collect();
        if let Some(proxy) = proxies.first() {
            gateway.listens_at(*proxy);
        }
        let keeper = Keeper::start(gateway).map_err(CliError::failed)?;
        // Dropped at the end of this function, which ends the watching.
        let _watch = watched.watch().map_err(CliError::failed)?;
        let plane = Plane::start(gateway, listening)?;
        if let Some(seconds) = self.until_idle_seconds {
            stop_when_idle(gateway, Duration::from_secs(seconds))?;
        }
        let page = page.map(|page| format!("http://{page}/"));
        tracing::info!(?proxies, page, policy = %house.version, "bursar is ready");
        front.run(signals);
        drop(keeper);
        drop(plane);
        Ok(())
    }

    fn options(&self, house: &House) -> FrontOptions {
        let defaults = FrontOptions::default();
        let finish = Duration::from_millis(house.caps.drain_ms);
        FrontOptions {
            listeners: house.listeners.proxy.clone(),
            threads: self.threads.unwrap_or(defaults.threads),
            connections: house.caps.connections,
            head: HeadLimits { bytes: house.caps.head_bytes, ..HeadLimits::default() },
            stop: Stop { terminate: Pace { lame_duck: LAME_DUCK, finish }, ..defaults.stop },
            ..defaults
        }
    }
}

/// Our own words go to standard error; standard output has the canonical lines alone.
fn log() -> Result<(), CliError> {
    let wanted = RealEnvironment.variable("BURSAR_LOG").unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::builder().parse(&wanted).map_err(|error| {
        CliError::new(
            CONFIG,
            format!("BURSAR_LOG={wanted} is no filter ({error}); write `debug`, or `info,gateway=debug`"),
        )
    })?;
    // A second call in one process changes nothing.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).try_init();
    Ok(())
}

fn install_metrics() -> Result<PrometheusHandle, CliError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .map_err(CliError::failed)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(CliError::failed)?;
    record::describe();
    Ok(handle)
}

/// The operator's plane, on a thread and a runtime of its own: it answers even when the data plane is full. Dropping it
/// lets its answers end, and ends it.
struct Plane {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Plane {
    fn start(gateway: &Arc<Gateway>, listening: Listening) -> Result<Self, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let gateway = Arc::clone(gateway);
        let thread = std::thread::Builder::new().name("bursar-plane".into()).spawn(move || {
            runtime.block_on(async move {
                let served = listening.serve(gateway.clone(), stopped.clone());
                let (served, ()) = tokio::join!(served, hangups(&gateway, stopped));
                if let Err(error) = served {
                    tracing::error!("{error}");
                }
            });
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // The plane is gone with its receiver if this fails; it is to end anyway.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A plane that panicked has told so.
            let _ = thread.join();
        }
    }
}

/// SIGHUP: read the configuration again.
async fn hangups(gateway: &Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                let gateway = Arc::clone(gateway);
                // Told by the reload itself.
                let _ = tokio::task::spawn_blocking(move || gateway.reload().is_ok()).await;
            }
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Sends ourselves a SIGTERM when nobody has been attached for a while.
fn stop_when_idle(gateway: &Arc<Gateway>, patience: Duration) -> Result<(), CliError> {
    let gateway = Arc::downgrade(gateway);
    std::thread::Builder::new().name("bursar-idle".into()).spawn(move || {
        let mut since = Instant::now();
        while let Some(gateway) = gateway.upgrade() {
            if gateway.clients() > 0 || gateway.requests_in_flight() > 0 {
                since = Instant::now();
            }
            if since.elapsed() >= patience {
                // Our own process is there as long as this runs.
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
                return;
            }
            drop(gateway);
            std::thread::sleep(Duration::from_millis(250));
        }
    })?;
    Ok(())
}

/// Heeds the signals that stop us from now on, on a thread of its own; the front takes them up when it runs.
fn heed_signals() -> Result<Signals, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    // Once heard by anybody it does not end the process any more; who reads it again starts to listen later.
    drop(signal(SignalKind::hangup())?);
    drop(entered);
    let (told, signals) = mpsc::channel(SIGNALS_WAITING_MAX);
    let heed = async move {
        loop {
            let heard = tokio::select! {
                _ = terminate.recv() => Signal::Terminate,
                _ = interrupt.recv() => Signal::Interrupt,
                _ = quit.recv() => Signal::Quit,
            };
            // Nobody listens any more: we are on our way out already.
            if told.send(heard).await.is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("bursar-signals".into()).spawn(move || runtime.block_on(heed))?;
    Ok(Signals::Channel(signals))
}
