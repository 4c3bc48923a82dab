//! Endpoints beside the priced ones that cost nothing: lists of models, and the counting of tokens.
//!
//! They are listed one by one. An endpoint that nobody listed is refused, not free.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use types::{Amounts, Charge, Cost, Money, OutputBound, Quote, Reason, Refusal, UnixMs, Usage};

use crate::draft::Draft;
use crate::meter::{End, Gauge, HeadEdit, Measured, Meter, MeterOptions, QuoteContext, RefusalBody};
use crate::meters::words;
use crate::prices::PriceBook;

/// The meter of endpoints that cost nothing.
#[derive(Clone, Copy, Debug)]
pub struct Free;

/// The name in routes, metrics and the trail.
const NAME: &str = "free";

/// The model of calls that have none.
const NO_MODEL: &str = "-";

/// One call, and nothing else.
const ONE_CALL: Amounts = Amounts { requests: 1, tokens: 0, usd: Money::ZERO };

impl Meter for Free {
    fn name(&self) -> &'static str {
        NAME
    }

    /// `GET .../models` and `GET .../models/{id}` (OpenAI, Anthropic and those who follow them; an id may hold a slash),
    /// and `POST .../messages/count_tokens` (Claude API, "Token counting": free).
    fn claims(&self, method: &Method, path: &str) -> bool {
        let models = || path.ends_with("/models") || path.contains("/models/");
        (method == Method::GET && models()) || (method == Method::POST && path.ends_with("/messages/count_tokens"))
    }

    fn shape(&self, _draft: &mut Draft, _context: &QuoteContext<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn quote(&self, _draft: &Draft, context: &QuoteContext<'_>) -> Result<Quote, Reason> {
        Ok(Quote {
            vendor: context.options.provider.clone(),
            model: NO_MODEL.into(),
            bound: ONE_CALL,
            floor: ONE_CALL,
            output: OutputBound::None,
            streaming: false,
        })
    }

    fn lower(
        &self,
        _draft: &mut Draft,
        _quote: &Quote,
        _granted: &Amounts,
        _context: &QuoteContext<'_>,
    ) -> Result<Option<u64>, Reason> {
        Ok(None)
    }

    fn gauge(
        &self,
        _draft: &Draft,
        _quote: &Quote,
        _prices: Arc<PriceBook>,
        _now_ms: UnixMs,
        _options: &MeterOptions,
    ) -> Box<dyn Gauge> {
        Box::new(Nothing)
    }

    /// In a shape that OpenAI's and Anthropic's libraries both read.
    fn refuse(&self, refusal: &Refusal, _streaming: bool) -> RefusalBody {
        let mut error = words::details(refusal);
        error.insert("type".into(), json!(refusal.reason.code()));
        error.insert("message".into(), json!(refusal.message));
        error.insert("param".into(), Value::Null);
        error.insert("code".into(), json!(refusal.reason.code()));
        let body = json!({ "type": "error", "error": error, "request_id": refusal.decision.to_string() });
        RefusalBody { content_type: "application/json", body: Bytes::from(body.to_string()) }
    }
}

/// A gauge that passes everything and reads nothing: whatever came of the call, it cost nothing.
struct Nothing;

impl Gauge for Nothing {
    fn head(&mut self, _status: StatusCode, _headers: &HeaderMap) -> HeadEdit {
        HeadEdit::default()
    }

    fn chunk(&mut self, bytes: &Bytes) -> Bytes {
        bytes.clone()
    }

    fn running(&self) -> Amounts {
        ONE_CALL
    }

    fn cut(&mut self, _refusal: &Refusal) -> Bytes {
        Bytes::new()
    }

    fn finish(self: Box<Self>, _end: End) -> Measured {
        Measured {
            tail: Bytes::new(),
            charge: Charge::exact(ONE_CALL),
            cost: Some(Cost::ZERO),
            usage: Usage::default(),
            model: None,
            vendor_request: None,
        }
    }
}

#[cfg(test)]
mod tests;
