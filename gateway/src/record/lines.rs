//! The canonical lines on standard output: queued without waiting, written by one thread.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use metrics::counter;
use parking_lot::Mutex;

use types::Record;

const QUEUE_LINES: usize = 8_192;

/// A bounded queue of lines in front of one writing thread. A full queue loses lines, counted; it never delays money.
pub struct Lines {
    queue: Mutex<Option<SyncSender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Lines {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// Where the operating system starts no thread.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE_LINES);
        let writer = std::thread::Builder::new().name("bursar-lines".into()).spawn(move || write(out, &lines))?;
        Ok(Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)) })
    }

    /// Queues the line of a record.
    pub fn push(&self, record: &Record) {
        let Ok(line) = serde_json::to_string(record) else { return };
        if let Some(queue) = &*self.queue.lock()
            && let Err(TrySendError::Full(_)) = queue.try_send(line)
        {
            counter!("bursar_log_lines_lost_total").increment(1);
        }
    }

    /// Writes what is queued and ends the thread.
    pub fn close(&self) {
        self.queue.lock().take();
        if let Some(writer) = self.writer.lock().take() {
            // A writer that panicked has nothing left to flush.
            let _ = writer.join();
        }
    }
}

fn write(out: impl Write, lines: &Receiver<String>) {
    let mut out = std::io::BufWriter::new(out);
    while let Ok(line) = lines.recv() {
        let mut failed = writeln!(out, "{line}").is_err();
        while let Ok(line) = lines.try_recv() {
            failed |= writeln!(out, "{line}").is_err();
        }
        // Nobody reads standard output any more: the lines are lost, the trail is not.
        if out.flush().is_err() || failed {
            counter!("bursar_log_lines_lost_total").increment(1);
        }
    }
}
