//! The canonical lines on standard output: queued without waiting, written by one thread a few times a second.

use std::io::Write;
use std::mem;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::counter;
use parking_lot::{Condvar, Mutex};
use types::Record;

/// Lines beyond this wait for nobody: they are lost and counted.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// The writer wakes by itself this often, so that a request need not wake it; sooner where much is waiting.
const PERIOD: Duration = Duration::from_millis(100);
const WAKE_BYTES: usize = 256 * 1024;

/// A bounded queue of lines in front of one writing thread. A full queue loses lines, counted; it never delays money.
pub struct Lines {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    much: Condvar,
}

#[derive(Default)]
struct Queue {
    text: Vec<u8>,
    is_closed: bool,
}

impl Lines {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// Where the operating system starts no thread.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Arc::clone(&shared);
        let writer = std::thread::Builder::new().name("bursar-lines".into()).spawn(move || write(out, &queue))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// Queues the line of a record.
    pub fn push(&self, record: &Record) {
        let Ok(mut line) = serde_json::to_vec(record) else { return };
        line.push(b'\n');
        let mut queue = self.shared.queue.lock();
        if queue.text.len() + line.len() > QUEUE_BYTES {
            counter!("bursar_log_lines_lost_total").increment(1);
            return;
        }
        queue.text.extend_from_slice(&line);
        if queue.text.len() > WAKE_BYTES {
            self.shared.much.notify_one();
        }
    }

    /// Writes what is queued and ends the thread.
    pub fn close(&self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.much.notify_one();
        if let Some(writer) = self.writer.lock().take() {
            // A writer that panicked has nothing left to flush.
            let _ = writer.join();
        }
    }
}

fn write(mut out: impl Write, shared: &Shared) {
    let mut batch = Vec::new();
    loop {
        let mut queue = shared.queue.lock();
        if !queue.is_closed {
            shared.much.wait_for(&mut queue, PERIOD);
        }
        let is_last = queue.is_closed;
        mem::swap(&mut batch, &mut queue.text);
        drop(queue);
        // Nobody reads standard output any more: the lines are lost, the trail is not.
        if !batch.is_empty() && out.write_all(&batch).and_then(|()| out.flush()).is_err() {
            counter!("bursar_log_lines_lost_total").increment(1);
        }
        batch.clear();
        batch.shrink_to(WAKE_BYTES);
        if is_last {
            return;
        }
    }
}
