//! The one place that reads the clock and draws randomness; everything else gets them as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use types::{DecisionId, UnixMs};

/// Milliseconds since the Unix epoch; 0 where the clock stands before it.
#[must_use]
pub fn now_ms() -> UnixMs {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Fills an array with randomness from the operating system.
///
/// # Errors
/// Where the operating system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A fresh decision id. Without randomness an id could repeat, so that is an error, not a weaker id.
///
/// # Errors
/// Where the operating system has no randomness to give.
pub fn new_id(now_ms: UnixMs) -> Result<DecisionId, getrandom::Error> {
    Ok(DecisionId::new(now_ms, random()?))
}
