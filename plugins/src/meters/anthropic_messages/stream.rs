//! Reads answers, streamed or whole, as their bytes come.

use bytes::Bytes;
use types::{Amounts, Certainty, Cost, Refusal, Usage};

use super::refusal;
use super::response::{Iteration, Told};
use crate::json::Document;
use crate::meter::Measured;
use crate::meters::failure;
use crate::meters::passage::{Ending, Pass, Reader, identifier};
use crate::meters::picks::{Picks, Want};
use crate::meters::tariff::{self, Reading, Tariff, Told as HowMuch};
use crate::prices::{Rates, Terms};
use crate::sse::Event;

/// The most bytes of a usage object that are read; iterations make it long.
const USAGE_BYTES_MAX: usize = 256 << 10;
const NAME_BYTES_MAX: usize = 256;

/// Reads the answer to one request.
pub(super) struct Answer {
    tariff: Tariff,
    watch: Rates,
    told: Told,
    /// Something of the usage could not be read.
    garbled: bool,
    /// The last event of the stream came.
    stopped: bool,
    failed: bool,
    model: Option<String>,
    id: Option<String>,
    pieces: u64,
}

impl Answer {
    /// A reader for the answer to a request.
    pub(super) fn new(tariff: Tariff) -> Self {
        let watch = tariff.quoted_rates();
        Self {
            tariff,
            watch,
            told: Told::default(),
            garbled: false,
            stopped: false,
            failed: false,
            model: None,
            id: None,
            pieces: 0,
        }
    }

    fn merge(&mut self, usage: &str) {
        self.garbled |= !self.told.merge(usage);
    }

    fn read(&mut self, fields: &Picks) {
        for (slot, name) in [(&mut self.model, "model"), (&mut self.id, "id")] {
            if let Some(text) = fields.text(name) {
                *slot = Some(text.to_owned());
            }
        }
        match fields.get("usage") {
            Some(usage) => self.merge(usage),
            None => self.garbled |= fields.has("usage"),
        }
    }

    /// The message that a stream starts with carries what a whole body carries.
    fn start(&mut self, message: &str) {
        let Ok(document) = Document::scan_answer(message.as_bytes()) else {
            self.garbled = true;
            return;
        };
        let text = |name| document.text(&[name]).ok().flatten().map(|text| text.into_owned());
        (self.model, self.id) = (text("model"), text("id"));
        if let Some(usage) = document.at(&["usage"]) {
            self.merge(usage.raw());
        }
    }

    /// The cost of all runs and searches, and whether it is certain.
    fn cost(&self, runs: &[Iteration]) -> Option<(Cost, bool)> {
        let searches = Usage { web_searches: self.told.searches(), ..Usage::default() };
        let fee = self.rates(None, 0)?.cost(&searches)?;
        runs.iter().try_fold((fee, true), |(sum, certain), run| {
            let (cost, sure) = self.run_cost(run)?;
            Some((sum.checked_add(cost)?, certain && sure))
        })
    }

    /// The cost of one run at the price of its own model and for its own length. A sum over rounds says nothing about
    /// the length of any of them: then only the price of short input is certain.
    fn run_cost(&self, run: &Iteration) -> Option<(Cost, bool)> {
        let model = run.model.as_deref();
        let cost = self.rates(model, run.usage.input_total())?.cost(&run.usage)?;
        if !self.told.rounds_unknown() {
            return Some((cost, true));
        }
        let short = self.rates(model, 0)?.cost(&run.usage)?;
        Some((cost.min(short), cost == short))
    }

    /// The rates of a run. A run that names another model than the answer is priced as that model or not at all.
    fn rates(&self, named: Option<&str>, total_input: u64) -> Option<Rates> {
        let model = match named.filter(|named| self.model.as_deref() != Some(*named)) {
            Some(named) => self.tariff.prices.model(&self.tariff.provider, named, self.tariff.now_ms)?,
            None => self.tariff.model(self.model.as_deref())?,
        };
        let terms = Terms { uplift: self.told.uplift(), ..self.tariff.terms(self.told.tier()) };
        model.rates(&terms, total_input)
    }
}

impl Reader for Answer {
    const WANTS: &'static [Want] = &[
        Want { key: "type", bytes_max: NAME_BYTES_MAX },
        Want { key: "id", bytes_max: NAME_BYTES_MAX },
        Want { key: "model", bytes_max: NAME_BYTES_MAX },
        Want { key: "usage", bytes_max: USAGE_BYTES_MAX },
        Want { key: "message", bytes_max: USAGE_BYTES_MAX },
    ];

    fn event(&mut self, _event: &Event<'_>, fields: &Picks) -> Pass {
        if !fields.is_whole() {
            return Pass::AsItIs;
        }
        match fields.text("type") {
            Some("message_start") => match fields.get("message") {
                Some(message) => self.start(message),
                None => self.garbled = true,
            },
            Some("message_delta") => {
                if let Some(usage) = fields.get("usage") {
                    self.merge(usage);
                }
            }
            Some("message_stop") => self.stopped = true,
            Some("error") => self.failed = true,
            Some("content_block_delta") => self.pieces = self.pieces.saturating_add(1),
            _ => {}
        }
        Pass::AsItIs
    }

    fn body(&mut self, fields: &Picks) {
        self.failed |= fields.text("type") == Some("error");
        self.read(fields);
    }

    fn running(&self) -> Amounts {
        let runs = self.told.runs();
        let told: Usage = runs.iter().fold(Usage::default(), |sum, run| added(sum, run.usage));
        // Most pieces hold a token at least; what was told of the output lags behind.
        let output = told.output.max(self.pieces / 2);
        tariff::running(&self.watch, &Usage { output, ..told })
    }

    fn cut(&self, refusal: &Refusal) -> Bytes {
        refusal::event(refusal)
    }

    fn measure(&self, ending: &Ending) -> Measured {
        let vendor_request = ending.request_id.clone().or_else(|| identifier(self.id.as_deref()?));
        let model = self.model.clone();
        if !self.told.is_told() {
            let status = ending.status.as_u16();
            let free = failure::certainty(&self.tariff.provider, status) == Certainty::Exact && !self.garbled;
            let told = if free && ending.complete && ending.readable { HowMuch::All } else { HowMuch::Nothing };
            return Reading { told, usage: Usage::default(), cost: Some(Cost::ZERO), model, vendor_request }.measured();
        }
        let runs = self.told.runs();
        let (cost, sure) = self.cost(&runs).unzip();
        let sure = sure.unwrap_or(false);
        let ended = if ending.streamed { self.stopped } else { ending.complete };
        let told = if ended && sure && !self.failed && !self.garbled { HowMuch::All } else { HowMuch::Part };
        let usage = runs.iter().fold(Usage::default(), |sum, run| added(sum, run.usage));
        let usage = Usage { web_searches: self.told.searches(), ..usage };
        Reading { told, usage, cost, model, vendor_request }.measured()
    }
}

fn added(sum: Usage, more: Usage) -> Usage {
    Usage {
        audio_in: sum.audio_in.saturating_add(more.audio_in),
        audio_out: sum.audio_out.saturating_add(more.audio_out),
        cache_read: sum.cache_read.saturating_add(more.cache_read),
        cache_write: sum.cache_write.saturating_add(more.cache_write),
        cache_write_1h: sum.cache_write_1h.saturating_add(more.cache_write_1h),
        input: sum.input.saturating_add(more.input),
        output: sum.output.saturating_add(more.output),
        web_searches: sum.web_searches.saturating_add(more.web_searches),
    }
}
