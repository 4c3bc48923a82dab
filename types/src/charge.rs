//! What an exchange did cost, and how sure we are.

use serde::{Deserialize, Serialize};

use crate::amounts::{Amounts, as_text};

/// How sure a charge is. Only `Exact` gives money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The vendor told the whole usage, or proved there was none.
    Exact,
    /// The vendor told a part; the truth may be more.
    AtLeast,
    /// Nothing is known: the bound is presumed.
    Unknown,
}

impl Certainty {
    /// The word used in records, entries and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::AtLeast => "at_least",
            Self::Unknown => "unknown",
        }
    }
}

/// What to post for an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// How much.
    pub amounts: Amounts,
    /// How sure.
    pub certainty: Certainty,
}

impl Charge {
    /// An exact charge.
    #[must_use]
    pub const fn exact(amounts: Amounts) -> Self {
        Self { amounts, certainty: Certainty::Exact }
    }
}

/// Billable tokens in disjoint buckets: each token stands in one bucket only and is priced once.
///
/// OpenAI counts cached tokens inside the prompt, Anthropic beside it; meters convert before they fill this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Usage {
    /// Audio input, uncached.
    #[serde(with = "as_text")]
    pub audio_in: u64,
    /// Audio output.
    #[serde(with = "as_text")]
    pub audio_out: u64,
    /// Input read from a cache.
    #[serde(with = "as_text")]
    pub cache_read: u64,
    /// Input written to a cache with the default lifetime (five minutes at Anthropic).
    #[serde(with = "as_text")]
    pub cache_write: u64,
    /// Input written to a cache for one hour.
    #[serde(with = "as_text")]
    pub cache_write_1h: u64,
    /// Text input, uncached.
    #[serde(with = "as_text")]
    pub input: u64,
    /// Output, reasoning included.
    #[serde(with = "as_text")]
    pub output: u64,
    /// Server-side web searches, priced per call.
    #[serde(with = "as_text")]
    pub web_searches: u64,
}

impl Usage {
    /// Input of every kind, cached or not: what long-context tiers look at.
    #[must_use]
    pub fn input_total(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.cache_write_1h, self.audio_in]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// All tokens, input and output.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_total().saturating_add(self.output).saturating_add(self.audio_out)
    }
}
