//! Yes, ask, or no.

use crate::reason::Reason;

/// A voice on one exchange, loosest to strictest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it pass.
    Allow,
    /// A person must say yes first.
    Ask(Reason),
    /// Refuse it.
    Deny(Reason),
}

impl Verdict {
    const fn rank(&self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Ask(_) => 1,
            Self::Deny(_) => 2,
        }
    }
}

/// The strictest of many voices; the first among equals. No voice at all is [`Verdict::Allow`]:
/// default deny is the route table's, not the guards'.
#[must_use]
pub fn strictest(voices: impl IntoIterator<Item = Verdict>) -> Verdict {
    voices
        .into_iter()
        .fold(Verdict::Allow, |strictest, voice| if voice.rank() > strictest.rank() { voice } else { strictest })
}
