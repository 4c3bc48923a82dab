//! The program of a run: started with its variables, sent our signals, waited for.

use std::io::{ErrorKind, IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

use crate::cli::output::CliError;

/// The shell's codes where a program is not there, and where it cannot be executed (POSIX, shell command language 2.8.2).
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: i32 = 128;

/// Signals that would end us.
pub(super) struct Signals {
    interrupt: Listener,
    quit: Listener,
    terminate: Listener,
    hangup: Listener,
}

impl Signals {
    /// From now on signals come here. Programs that are started get the usual ones back.
    ///
    /// # Errors
    /// Where the operating system does not allow it.
    pub(super) fn listen() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal that the program has to be sent. What a terminal sends, it sends to the program itself as well:
    /// twice would look like impatience.
    async fn next(&mut self) -> Signal {
        let by_terminal = std::io::stdin().is_terminal();
        loop {
            let signal = tokio::select! {
                _ = self.interrupt.recv() => Signal::INT,
                _ = self.quit.recv() => Signal::QUIT,
                _ = self.terminate.recv() => return Signal::TERM,
                _ = self.hangup.recv() => Signal::HUP,
            };
            if !by_terminal {
                return signal;
            }
        }
    }
}

/// A program and the variables that are added to its environment.
pub(super) struct Program<'a> {
    pub words: &'a [String],
    pub variables: Vec<(String, String)>,
}

impl Program<'_> {
    /// Runs it to its end; gives its exit code. `gone` returns when the gateway has gone, which the program is not told.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(super) async fn run(self, signals: &mut Signals, gone: impl Future<Output = ()>) -> Result<u8, CliError> {
        let mut child = self.start()?;
        let mut gone = std::pin::pin!(gone);
        let mut is_gone = false;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(code(status?)),
                signal = signals.next() => send(&child, signal),
                () = gone.as_mut(), if !is_gone => {
                    is_gone = true;
                    // Nobody may read standard error; the program's calls fail and tell.
                    let _ = writeln!(std::io::stderr().lock(), "bursar: the gateway has gone; calls fail from now on");
                }
            }
        }
    }

    fn start(&self) -> Result<Child, CliError> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(CliError::failed("no program was named"));
        };
        let started = Command::new(program).args(arguments).envs(self.variables.iter().cloned()).spawn();
        started.map_err(|error| match error.kind() {
            ErrorKind::NotFound => CliError::new(NOT_FOUND, format!("there is no program {program}")),
            ErrorKind::PermissionDenied => {
                CliError::new(NOT_EXECUTABLE, format!("{program} cannot be executed: {error}"))
            }
            _ => CliError::new(NOT_EXECUTABLE, format!("{program} cannot be started: {error}")),
        })
    }
}

fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // One that has just ended needs no signal.
        let _ = kill_process(pid, signal);
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| SIGNALLED + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
