//! The last decisions, for the operator's page and for agents that ask what a call did cost.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use types::Record;

/// How many decisions are remembered; the trail has all of them.
const RECENT_MAX: usize = 4_096;

/// The last decisions, newest last.
#[derive(Default)]
pub struct RecentDecisions(Mutex<VecDeque<Arc<Record>>>);

/// A shared record.
pub(super) type Recent = Arc<Record>;

impl RecentDecisions {
    /// Adds a finished request, forgetting the oldest.
    pub fn push(&self, record: Recent) {
        let mut records = self.0.lock();
        if records.len() == RECENT_MAX {
            records.pop_front();
        }
        records.push_back(record);
    }

    /// The last `count` decisions, newest first.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<Recent> {
        self.0.lock().iter().rev().take(count).cloned().collect()
    }

    /// The decision with this id, where it is still remembered.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Recent> {
        self.0.lock().iter().rev().find(|record| record.id == id).cloned()
    }
}
