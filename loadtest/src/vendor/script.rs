//! The answer as a list of frames, each made when it is due.

use bytes::Bytes;

/// What an answer tells: everything the wire formats need, worked out before the first byte.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The serial number of the request, part of every id in the answer.
    pub(super) serial: u64,
    /// The model, as a JSON string with its quotes.
    pub(super) model: String,
    /// All input tokens, cached ones included.
    pub(super) input: u64,
    /// Of these, read from a cache.
    pub(super) cached: u64,
    /// Output tokens of each choice.
    pub(super) output: u64,
    /// Choices.
    pub(super) choices: u64,
    /// Whether the output stopped at the request's bound.
    pub(super) cut_by_bound: bool,
    /// Whether the usage is told.
    pub(super) usage: bool,
}

impl Told {
    /// Output tokens of all choices: what is billed.
    #[must_use]
    pub(super) const fn output_total(&self) -> u64 {
        self.output.saturating_mul(self.choices)
    }
}

/// The frames of one answer. Each becomes one write on the wire.
pub(super) trait Script: Send + Sync {
    /// The frame at `index`, or `None` behind the last one.
    fn frame(&self, index: u64) -> Option<Bytes>;

    /// How many frames there are.
    fn frames(&self) -> u64;

    /// The length of the whole answer in bytes where it is known beforehand: it then goes into `Content-Length`.
    fn length(&self) -> Option<u64> {
        None
    }

    /// What the provider sends when a stream that has begun cannot go on.
    fn failure(&self) -> Bytes {
        Bytes::new()
    }
}

/// An answer that is there as a whole, sent in one piece or in two halves.
pub(super) struct Whole {
    parts: Vec<Bytes>,
}

impl Whole {
    /// One piece.
    #[must_use]
    pub(super) fn new(body: Bytes) -> Self {
        Self { parts: vec![body] }
    }

    /// Two halves, so that something can go wrong between them.
    #[must_use]
    pub(super) fn halves(mut body: Bytes) -> Self {
        let first = body.split_to(body.len() / 2);
        Self { parts: vec![first, body] }
    }
}

impl Script for Whole {
    fn frame(&self, index: u64) -> Option<Bytes> {
        self.parts.get(usize::try_from(index).ok()?).cloned()
    }

    fn frames(&self) -> u64 {
        self.parts.len() as u64
    }

    fn length(&self) -> Option<u64> {
        Some(self.parts.iter().map(|part| part.len() as u64).sum())
    }
}

const WORDS: [&str; 8] = ["the", " call", " was", " paid", " for", " and", " is", " on"];

/// Text of as many words as there are output tokens, capped so that a large bound makes no large answer.
#[must_use]
pub(super) fn words(count: u64) -> String {
    WORDS.iter().copied().cycle().take(usize::try_from(count.min(4096)).unwrap_or(4096)).collect()
}
