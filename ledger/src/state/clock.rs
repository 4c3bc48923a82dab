//! The latest time seen: time never goes back to a fresh window.

use types::UnixMs;

/// A clock may stand this far behind the latest time and is taken to stand at it: NTP slews, several threads.
const STEP_BACK_MS: u64 = 2_000;

/// The latest time that any verb or entry told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HighWater(UnixMs);

impl HighWater {
    pub(crate) const fn at(now_ms: UnixMs) -> Self {
        Self(now_ms)
    }

    pub(crate) const fn now_ms(self) -> UnixMs {
        self.0
    }

    /// The time to go by, or `None` where the clock stands too far behind.
    pub(crate) fn observe(&mut self, now_ms: UnixMs) -> Option<UnixMs> {
        if self.0.saturating_sub(now_ms) > STEP_BACK_MS {
            return None;
        }
        Some(self.raise(now_ms))
    }

    /// The time to go by for what must never be refused: at least the latest.
    pub(crate) fn raise(&mut self, now_ms: UnixMs) -> UnixMs {
        self.0 = self.0.max(now_ms);
        self.0
    }
}
