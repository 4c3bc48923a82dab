//! What the stream under hyper and the service above it tell each other, on one connection.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::violation::Violation;

/// Shared by a [`super::StrictStream`] and the service that hyper calls. Both run in one task: the atomics only make
/// it shareable, no order between threads is meant.
#[derive(Debug, Default)]
pub struct Exchange {
    answered: AtomicBool,
    violation: OnceLock<Violation>,
}

impl Exchange {
    /// The service has given its whole answer to hyper. Once hyper has flushed it, the next request may be shown.
    pub fn answer_ended(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Why the connection is being refused, once it is.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        self.violation.get().copied()
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.answered.store(false, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, violation: Violation) {
        let _ = self.violation.set(violation);
    }
}
