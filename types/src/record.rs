//! The canonical record of one request: the log line, the operator's page and the agent's own question share it.

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

use crate::{Amounts, Caller, Certainty, Cost, DecisionId, Quote, UnixMs, Usage};

/// How a request ended, as the canonical line, the metrics and the operator's page tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The agent; empty where nobody was identified.
    pub agent: String,
    /// When the request was accepted.
    pub at_ms: UnixMs,
    /// `exact`, `at_least`, `unknown`, or empty where nothing was sent.
    pub certainty: String,
    /// What it did cost in dollars, exact to the nano.
    pub cost_usd: String,
    /// What it did cost before rounding, in dollars, exact to the pico; empty where the vendor told no usage.
    pub cost_exact_usd: String,
    /// `complete`, `truncated`, `agent_left`, `cut`, or empty.
    pub end: String,
    /// The vendor's host.
    pub host: String,
    /// The decision id.
    pub id: String,
    /// From acceptance to the end.
    pub latency_ms: u64,
    /// The method.
    pub method: String,
    /// The model.
    pub model: String,
    /// The path without its query.
    pub path: String,
    /// The reason code of a refusal, empty otherwise.
    pub reason: String,
    /// What was reserved.
    pub reserved_usd: String,
    /// The route.
    pub route: String,
    /// The rule, list or guard that decided.
    pub rule: String,
    /// The session.
    pub session: String,
    /// The status of the answer.
    pub status: u16,
    /// The team.
    pub team: String,
    /// Tokens of input, cached or not.
    pub tokens_in: u64,
    /// Tokens of output.
    pub tokens_out: u64,
    /// `allow`, `refuse` or `observe`.
    pub verdict: String,
    /// The vendor of the price book.
    pub vendor: String,
}

impl Record {
    /// A record of a request that has just been accepted.
    #[must_use]
    pub fn new(id: DecisionId, at_ms: UnixMs) -> Self {
        Self { id: id.to_string(), at_ms, verdict: "refuse".to_string(), ..Self::default() }
    }

    /// Adds who called.
    pub fn name_caller(&mut self, caller: &Caller) {
        self.agent = caller.agent.to_string();
        self.team = caller.team.to_string();
        self.session = caller.session.to_string();
    }

    /// Adds what was quoted.
    pub fn name_quote(&mut self, quote: &Quote) {
        self.vendor = quote.vendor.to_string();
        self.model = quote.model.to_string();
    }

    /// Adds what it did cost.
    pub fn name_cost(&mut self, amounts: &Amounts, certainty: Certainty, exact: Option<Cost>, usage: &Usage) {
        self.cost_usd = amounts.usd.to_string();
        self.cost_exact_usd = exact.map(|cost| cost.to_string()).unwrap_or_default();
        self.certainty = certainty.word().to_string();
        self.tokens_in = usage.input_total();
        self.tokens_out = usage.output.saturating_add(usage.audio_out);
    }
}
