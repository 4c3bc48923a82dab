//! Who calls.

use serde::{Deserialize, Serialize};

use crate::Name;

/// The identity of a request, from its credentials; never from its body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caller {
    /// The agent whose key was shown.
    pub agent: Name,
    /// The organisation.
    pub org: Name,
    /// The session, `-` where none was named. Self-declared: it can only tighten.
    pub session: Name,
    /// The agent's team, `-` where it has none.
    pub team: Name,
    /// The person the agent works for, `-` where not told by a trusted side.
    pub user: Name,
}

/// The name that stands for "none".
pub const NOBODY: &str = "-";
