//! Reads answers, streamed or whole, as their bytes come.

use bytes::Bytes;
use types::{Amounts, Refusal, Usage};

use super::hosts::Host;
use super::refusal;
use super::response::Told;
use crate::json::Document;
use crate::meter::Measured;
use crate::meters::failure;
use crate::meters::passage::{Ending, Pass, Reader, identifier};
use crate::meters::picks::{Picks, Want};
use crate::meters::tariff::{self, Reading, Tariff, Told as HowMuch};
use crate::prices::Rates;
use crate::sse::Event;
use types::Certainty;

/// The most bytes of a usage object that are read; the longest recorded one has 700.
const USAGE_BYTES_MAX: usize = 16 << 10;
const NAME_BYTES_MAX: usize = 256;

/// What the reader must know of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Usage was asked for by us, not by the client, who must not see it.
    pub(super) hide_usage: bool,
    /// How many outputs will be streamed.
    pub(super) outputs: u64,
    /// One web search is billed.
    pub(super) searches: bool,
}

/// Reads the answer to one request.
pub(super) struct Answer {
    host: Host,
    asked: Asked,
    tariff: Tariff,
    watch: Rates,
    told: Option<Told>,
    /// The usage that was told is that of the whole call, whatever comes after it.
    last_word: bool,
    /// The latest event told usage.
    latest: bool,
    done: bool,
    failed: bool,
    model: Option<String>,
    tier: Option<String>,
    id: Option<String>,
    pieces: u64,
}

impl Answer {
    /// A reader for the answer to a request.
    pub(super) fn new(host: Host, asked: Asked, tariff: Tariff) -> Self {
        let watch = tariff.quoted_rates();
        Self {
            host,
            asked,
            tariff,
            watch,
            told: None,
            last_word: false,
            latest: false,
            done: false,
            failed: false,
            model: None,
            tier: None,
            id: None,
            pieces: 0,
        }
    }

    /// Reads what events and whole bodies have in common, and tells whether there was usage.
    fn read(&mut self, fields: &Picks) -> bool {
        for (slot, name) in [(&mut self.model, "model"), (&mut self.tier, "service_tier"), (&mut self.id, "id")] {
            // Azure's first chunk has empty names.
            if let Some(text) = fields.text(name).filter(|text| !text.is_empty()) {
                *slot = Some(text.to_owned());
            }
        }
        self.failed |= fields.has("error");
        let told = fields.get("usage").and_then(|usage| Told::read(usage, &self.host)).or_else(|| {
            // Groq tells the usage of a stream inside an object of its own.
            let document = Document::scan_answer(fields.get("x_groq")?.as_bytes()).ok()?;
            Told::read(document.at(&["usage"])?.raw(), &self.host)
        });
        // Later beats earlier: hosts that tell usage in every chunk count up.
        self.told = told.or(self.told);
        told.is_some()
    }

    /// The usage with the search that a model that searches bills.
    fn usage(&self) -> Usage {
        let usage = self.told.map(|told| told.usage).unwrap_or_default();
        Usage { web_searches: u64::from(self.asked.searches && self.told.is_some()), ..usage }
    }

    fn how_much(&self, ending: &Ending) -> HowMuch {
        let Some(told) = self.told else { return HowMuch::Nothing };
        let whole = if ending.streamed {
            self.last_word || ((self.done || ending.complete) && (self.latest || !self.failed))
        } else {
            ending.complete
        };
        if whole && !told.partial { HowMuch::All } else { HowMuch::Part }
    }
}

impl Reader for Answer {
    const WANTS: &'static [Want] = &[
        Want { key: "id", bytes_max: NAME_BYTES_MAX },
        Want { key: "model", bytes_max: NAME_BYTES_MAX },
        Want { key: "service_tier", bytes_max: NAME_BYTES_MAX },
        Want { key: "usage", bytes_max: USAGE_BYTES_MAX },
        Want { key: "x_groq", bytes_max: USAGE_BYTES_MAX },
        // Of these only whether they are there, and empty, matters.
        Want { key: "choices", bytes_max: 8 },
        Want { key: "error", bytes_max: 8 },
    ];

    fn event(&mut self, event: &Event<'_>, fields: &Picks) -> Pass {
        if event.data == b"[DONE]" {
            self.done = true;
            return Pass::AsItIs;
        }
        if !fields.is_whole() {
            return Pass::AsItIs;
        }
        self.latest = self.read(fields);
        let alone = fields.get("choices") == Some("[]");
        self.last_word |= self.latest && alone;
        self.pieces = self.pieces.saturating_add(u64::from(!alone && fields.has("choices")));
        if !self.asked.hide_usage {
            return Pass::AsItIs;
        }
        match fields.get("usage") {
            Some("null") if self.host.null_usage => fields.span("usage").map_or(Pass::AsItIs, Pass::Without),
            Some(usage) if usage != "null" && alone => Pass::Hidden,
            _ => Pass::AsItIs,
        }
    }

    fn body(&mut self, fields: &Picks) {
        self.read(fields);
    }

    fn running(&self) -> Amounts {
        if self.told.is_some() {
            return tariff::running(&self.watch, &self.usage());
        }
        // Each piece holds a token at least, but for the first of an output, which names the role, and its last.
        let output = self.pieces.saturating_sub(self.asked.outputs.saturating_mul(2));
        tariff::running(&self.watch, &Usage { output, ..Usage::default() })
    }

    fn cut(&self, refusal: &Refusal) -> Bytes {
        refusal::event(refusal)
    }

    fn measure(&self, ending: &Ending) -> Measured {
        let vendor_request = match &self.id {
            // A router's own id is what its bill is asked by.
            Some(id) if self.tariff.is_router() => identifier(id).or_else(|| ending.request_id.clone()),
            id => ending.request_id.clone().or_else(|| identifier(id.as_deref()?)),
        };
        let model = self.model.clone();
        let usage = self.usage();
        if self.told.is_none() {
            let free = ending.complete
                && ending.readable
                && failure::certainty(&self.tariff.provider, ending.status.as_u16()) == Certainty::Exact;
            let told = if free { HowMuch::All } else { HowMuch::Nothing };
            return Reading { told, usage, cost: Some(types::Cost::ZERO), model, vendor_request }.measured();
        }
        let priced = || self.tariff.rates(model.as_deref(), self.tier.as_deref(), usage.input_total())?.cost(&usage);
        let cost = self.told.and_then(|told| told.stated).or_else(priced);
        Reading { told: self.how_much(ending), usage, cost, model, vendor_request }.measured()
    }
}
