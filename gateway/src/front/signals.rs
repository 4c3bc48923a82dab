//! When to stop, and how fast: SIGTERM politely, SIGINT quickly, a second one at once, SIGQUIT not at all.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal as UnixSignal, SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tracing::{info, warn};

use super::drain::{Drain, Pace};

/// A wish to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: drain with a lame duck.
    Terminate,
    /// SIGINT: drain without one.
    Interrupt,
    /// SIGQUIT: hand the sockets to a successor. Without one it would be an outage, so it is refused.
    Quit,
}

/// Where the wishes come from.
#[derive(Debug)]
pub enum Signals {
    /// The signals of this process.
    Process,
    /// A channel; its end means nothing.
    Channel(mpsc::Receiver<Signal>),
}

/// Both ways to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// After SIGTERM.
    pub terminate: Pace,
    /// After SIGINT.
    pub interrupt: Pace,
}

/// Told to pingora instead of its own watch, which would sleep out a whole grace period however idle the server is.
pub(super) struct StopWatch {
    drain: Arc<Drain>,
    stop: Stop,
    signals: Mutex<Signals>,
}

impl StopWatch {
    pub(super) fn new(drain: Arc<Drain>, stop: Stop, signals: Signals) -> Self {
        Self { drain, stop, signals: Mutex::new(signals) }
    }

    async fn wait_and_drain(&self, mut source: Source<'_>) {
        let pace = loop {
            match source.next().await {
                Signal::Terminate => break self.stop.terminate,
                Signal::Interrupt => break self.stop.interrupt,
                Signal::Quit => warn!("SIGQUIT refused: no successor is there to take the sockets"),
            }
        };
        info!(connections = self.drain.connections(), requests = self.drain.requests(), "draining");
        let again = async { while source.next().await == Signal::Quit {} };
        tokio::select! {
            ended = self.drain.run(pace) => {
                info!(ended, cut = self.drain.requests(), "drained");
            }
            () = again => {
                self.drain.begin();
                warn!(cut = self.drain.requests(), "stopped at once by a second signal");
            }
        }
    }
}

#[async_trait]
impl ShutdownSignalWatch for StopWatch {
    async fn recv(&self) -> ShutdownSignal {
        let mut signals = self.signals.lock().await;
        match &mut *signals {
            Signals::Channel(channel) => self.wait_and_drain(Source::Channel(channel)).await,
            Signals::Process => match Source::process() {
                Ok(source) => self.wait_and_drain(source).await,
                Err(error) => {
                    // The process then stops by the signals' default, as after a crash, which every restart can mend.
                    warn!(%error, "signals cannot be watched; this process will stop without draining");
                    std::future::pending::<()>().await;
                }
            },
        }
        // Not FastShutdown: that returns before the last tasks are dropped, and their drops post to ledger and trail.
        ShutdownSignal::GracefulTerminate
    }
}

enum Source<'a> {
    Channel(&'a mut mpsc::Receiver<Signal>),
    Process { terminate: UnixSignal, interrupt: UnixSignal, quit: UnixSignal },
}

impl Source<'_> {
    fn process() -> io::Result<Self> {
        Ok(Self::Process {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> Signal {
        match self {
            Self::Channel(channel) => match channel.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            },
            Self::Process { terminate, interrupt, quit } => tokio::select! {
                _ = terminate.recv() => Signal::Terminate,
                _ = interrupt.recv() => Signal::Interrupt,
                _ = quit.recv() => Signal::Quit,
            },
        }
    }
}
