//! How a trail is kept, and how it stands.

use std::path::PathBuf;
use std::sync::Arc;

use types::entry::Torn;
use types::{Name, UnixMs};

/// The time, in milliseconds since 1970: an argument, so that tests choose it.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// How a trail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailOptions {
    /// The folder of this gateway's trail, `<data>/<gateway-id>`. Made where it is missing.
    pub dir: PathBuf,
    /// The gateway, as every line names it.
    pub gateway: Name,
    /// A segment is closed before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// A segment is closed when its first entry is this old and another entry comes.
    pub segment_age_ms: u64,
    /// So many entries may wait to be written; further ones are refused. Reserved ones are not counted against it.
    pub queue_entries: usize,
}

impl TrailOptions {
    /// The usual: segments of 128 MiB or a day, 65,536 entries in the queue.
    #[must_use]
    pub const fn new(dir: PathBuf, gateway: Name) -> Self {
        Self { dir, gateway, segment_bytes: 128 << 20, segment_age_ms: 86_400_000, queue_entries: 65_536 }
    }
}

/// What was found when a trail was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The last entry found; 0 in a new trail.
    pub last_seq: u64,
    /// When that entry happened.
    pub last_at_ms: Option<UnixMs>,
    /// What was cut off after it, as the entry that was then appended tells.
    pub torn: Option<Torn>,
}

/// How a trail stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailStatus {
    /// Entries are written. `false`: nothing is taken but what was reserved, until the disk takes writes again.
    pub healthy: bool,
    /// The last entry that was queued.
    pub last_seq: u64,
    /// The last entry that is durable.
    pub durable_seq: u64,
    /// The file name of the segment that is written to, or was last.
    pub segment: String,
    /// How many bytes of it are entries.
    pub segment_bytes_used: u64,
    /// Why the trail cannot be written now.
    pub error: Option<String>,
    /// The last entry that a checkpoint covers.
    pub last_checkpoint_seq: u64,
}
