//! The trail: append-only, hash-chained, signed, verifiable by anyone.

mod examine;
mod export;
mod fault;
mod files;
mod frontier;
mod hex;
mod history;
mod read;
mod scan;
mod segment;
mod signer;
mod trail;
mod verify;

pub mod checkpoint;
pub mod error;
pub mod line;
pub mod merkle;

pub use checkpoint::{Checkpoint, CheckpointError, PublicKey, parse_key};
pub use error::{AppendError, AuditError};
pub use export::{PROOFS_MAX, consistency, export, inclusion, read_export};
pub use fault::{Fault, Place};
pub use history::{Checkpoints, checkpoints, newest_checkpoint};
pub use line::{Line, LineError};
pub use read::{Lines, lines};
pub use segment::{Segment, closed_segments, last_closed_seq, segments};
pub use signer::{FileSigner, Signer};
pub use trail::{Clock, Durable, Opened, Prepared, Trail, TrailOptions, TrailStatus};
pub use verify::{Report, published_key, verify};
