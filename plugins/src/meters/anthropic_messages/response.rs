//! Usage as the Messages API tells it: in parts that later events overwrite, and by iterations.

use types::Usage;

use crate::json::{Document, Value};

/// One run of one model within the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Iteration {
    /// Its model; `None` where it is that of the answer.
    pub(super) model: Option<String>,
    /// Its billable tokens.
    pub(super) usage: Usage,
}

/// What was told of the usage so far. Every key that is told again replaces what was told before: the input grows
/// when server tools bring something in, and the first event's output is a placeholder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    tokens: Tokens,
    /// Web searches, billed per search.
    web_searches: Option<u64>,
    /// Server tools were used, of any kind.
    server_tools: bool,
    /// The service tier that served it.
    tier: Option<String>,
    /// Whether the faster, dearer service served it.
    fast: bool,
    /// Whether it was served in the United States only, which is dearer.
    us: bool,
    iterations: Vec<Iteration>,
}

/// The token counts of an object of usage. `input_tokens` excludes what was read from or written to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    for_five_minutes: Option<u64>,
    for_an_hour: Option<u64>,
}

impl Told {
    /// Takes in a further `usage` object. `false` where it cannot be read.
    pub(super) fn merge(&mut self, text: &str) -> bool {
        let Ok(document) = Document::scan_answer(text.as_bytes()) else { return false };
        let usage = document.root();
        self.tokens.merge(&usage);
        let uses = usage.field("server_tool_use");
        self.server_tools |= uses.iter().flat_map(Value::fields).any(|use_of| use_of.value.integer() > Some(0));
        self.web_searches = integer(&usage, &["server_tool_use", "web_search_requests"]).or(self.web_searches);
        if let Some(tier) = word(&usage, "service_tier") {
            self.tier = Some(tier);
        }
        if let Some(speed) = word(&usage, "speed") {
            self.fast = speed == "fast";
        }
        if let Some(place) = word(&usage, "inference_geo") {
            self.us = place == "us";
        }
        let iterations = usage.field("iterations").map(|list| list.items().map(|item| iteration(&item)).collect());
        if let Some(iterations) = iterations.filter(|iterations: &Vec<Iteration>| !iterations.is_empty()) {
            self.iterations = iterations;
        }
        true
    }

    /// Whether any tokens were told.
    pub(super) const fn is_told(&self) -> bool {
        self.tokens.input.is_some() || !self.iterations.is_empty()
    }

    /// The runs that are billed. Where iterations are told they are all of them: the totals beside them leave out
    /// compaction and advice. Otherwise the totals are the one run.
    pub(super) fn runs(&self) -> Vec<Iteration> {
        if self.iterations.is_empty() {
            return vec![Iteration { model: None, usage: self.tokens.usage() }];
        }
        self.iterations.clone()
    }

    /// The service tier by its name in the price book. Priority is capacity that was paid before, and counts at list
    /// price.
    pub(super) fn tier(&self) -> Option<&str> {
        if self.fast { Some("speed_fast") } else { self.tier.as_deref().filter(|tier| *tier != "priority") }
    }

    /// The uplift by its name in the price book.
    pub(super) fn uplift(&self) -> Option<&'static str> {
        self.us.then_some("us")
    }

    /// Web searches.
    pub(super) fn searches(&self) -> u64 {
        self.web_searches.unwrap_or_default()
    }

    /// The totals may be a sum over several rounds of server tools, of which nobody knows how long each was.
    pub(super) fn rounds_unknown(&self) -> bool {
        self.iterations.is_empty() && self.server_tools
    }
}

impl Tokens {
    fn merge(&mut self, usage: &Value<'_>) {
        let slots: [(&mut Option<u64>, &[&str]); 6] = [
            (&mut self.input, &["input_tokens"]),
            (&mut self.output, &["output_tokens"]),
            (&mut self.cache_read, &["cache_read_input_tokens"]),
            (&mut self.cache_write, &["cache_creation_input_tokens"]),
            (&mut self.for_five_minutes, &["cache_creation", "ephemeral_5m_input_tokens"]),
            (&mut self.for_an_hour, &["cache_creation", "ephemeral_1h_input_tokens"]),
        ];
        for (slot, path) in slots {
            *slot = integer(usage, path).or(*slot);
        }
    }

    /// The disjoint buckets. Where the total of cache writes exceeds its two parts, the rest is of the kind that was
    /// told of: for an hour only where nothing was written for five minutes.
    fn usage(&self) -> Usage {
        let (minutes, hour) = (self.for_five_minutes.unwrap_or_default(), self.for_an_hour.unwrap_or_default());
        let parts = minutes.saturating_add(hour);
        let rest = self.cache_write.unwrap_or_default().saturating_sub(parts);
        let (cache_write, cache_write_1h) = if hour > 0 && minutes == 0 {
            (0, hour.saturating_add(rest))
        } else {
            (minutes.saturating_add(rest), hour)
        };
        Usage {
            input: self.input.unwrap_or_default(),
            output: self.output.unwrap_or_default(),
            cache_read: self.cache_read.unwrap_or_default(),
            cache_write,
            cache_write_1h,
            ..Usage::default()
        }
    }
}

fn iteration(item: &Value<'_>) -> Iteration {
    let mut tokens = Tokens::default();
    tokens.merge(item);
    Iteration { model: word(item, "model"), usage: tokens.usage() }
}

fn integer(object: &Value<'_>, path: &[&str]) -> Option<u64> {
    object.at(path)?.integer()
}

fn word(object: &Value<'_>, name: &str) -> Option<String> {
    object.field(name)?.text().map(|text| text.into_owned())
}
