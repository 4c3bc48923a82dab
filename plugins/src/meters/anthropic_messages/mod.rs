//! The Messages API of Anthropic and of the hosts that speak it.
//! What it reads, bounds and edits stands in this folder's `README.md`.

mod refusal;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use http::Method;
use http::header::ACCEPT_ENCODING;
use types::{Amounts, OutputBound, Quote, Reason, Refusal, UnixMs};

use crate::draft::Draft;
use crate::meter::{Gauge, Meter, MeterOptions, QuoteContext, RefusalBody};
use crate::meters::bound::{Bound, Call, InputKinds, Join, Run, is_final};
use crate::meters::encodings;
use crate::meters::fields::unbounded;
use crate::meters::passage::Passage;
use crate::meters::tariff::Tariff;
use crate::prices::{Model, PriceBook, Rates, Terms};
use request::Request;
use stream::Answer;

/// The meter of Anthropic's Messages API.
#[derive(Clone, Copy, Debug)]
pub struct AnthropicMessages;

/// The name in routes, metrics and the trail.
const NAME: &str = "anthropic_messages";

/// Tokens that the vendor may add to what the body says: 304 at most on recorded calls with tools.
const OVERHEAD_TOKENS: u64 = 1_024;
/// The most tokens of an image: about a 750th of its pixels, at most 4,800 on the newest models (Claude API, "Vision").
const IMAGE_TOKENS: u64 = 8_000;

impl Meter for AnthropicMessages {
    fn name(&self) -> &'static str {
        NAME
    }

    fn claims(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path.ends_with("/v1/messages")
    }

    fn shape(&self, draft: &mut Draft, _context: &QuoteContext<'_>) -> Result<(), Reason> {
        let streaming = draft.json()?.boolean(&["stream"])?.unwrap_or(false);
        let readable = if streaming { encodings::IDENTITY } else { encodings::readable(&draft.headers) };
        draft.headers.insert(ACCEPT_ENCODING, readable);
        Ok(())
    }

    fn quote(&self, draft: &Draft, context: &QuoteContext<'_>) -> Result<Quote, Reason> {
        let document = draft.json()?;
        let request = Request::read(&document)?;
        let model = find(&request.model, context)?;
        let call = Call {
            vendor: context.options.provider.clone(),
            model: model.id.clone(),
            output: OutputBound::Named(request.max_tokens),
            streaming: request.streaming,
        };
        bound(&request, draft, context)?.quote(call, &floored(&request, context.options))
    }

    fn lower(
        &self,
        draft: &mut Draft,
        quote: &Quote,
        granted: &Amounts,
        context: &QuoteContext<'_>,
    ) -> Result<Option<u64>, Reason> {
        if is_final(quote, context.options) {
            return Ok(None);
        }
        let document = draft.json()?;
        let request = Request::read(&document)?;
        let options = floored(&request, context.options);
        let Some(tokens) = bound(&request, draft, context)?.lowered(quote, granted, &options)? else { return Ok(None) };
        let edit = document.root().set_field("max_tokens", &tokens.to_string());
        draft.splice(edit.into_iter().collect())?;
        Ok(Some(tokens))
    }

    fn gauge(
        &self,
        _draft: &Draft,
        quote: &Quote,
        prices: Arc<PriceBook>,
        now_ms: UnixMs,
        _options: &MeterOptions,
    ) -> Box<dyn Gauge> {
        let tariff =
            Tariff { prices, provider: quote.vendor.clone(), quoted: quote.model.clone(), now_ms, uplift: None };
        Box::new(Passage::new(Answer::new(tariff), quote.streaming))
    }

    fn refuse(&self, refusal: &Refusal, streaming: bool) -> RefusalBody {
        if streaming {
            return RefusalBody { content_type: "text/event-stream", body: refusal::event(refusal) };
        }
        RefusalBody { content_type: "application/json", body: refusal::body(refusal) }
    }
}

fn find<'b>(name: &str, context: &QuoteContext<'b>) -> Result<&'b Model, Reason> {
    let model = context.prices.model(&context.options.provider, name, context.now_ms);
    model.ok_or_else(|| Reason::ModelUnknown { model: name.into() })
}

/// The options with a floor that leaves room for the thinking that was asked for: the vendor refuses a bound that is
/// not above the budget for thinking.
fn floored(request: &Request<'_>, options: &MeterOptions) -> MeterOptions {
    let least = if request.thinking > 0 { request.thinking.saturating_add(1) } else { 0 };
    MeterOptions { default_output_floor: options.default_output_floor.max(least), ..options.clone() }
}

/// The bound of a call: every model that may run, in every round that it may run.
fn bound(request: &Request<'_>, draft: &Draft, context: &QuoteContext<'_>) -> Result<Bound, Reason> {
    let rounds = request.tools.rounds.saturating_add(1);
    let outputs = rounds.saturating_mul(request.max_tokens);
    let mut runs = Vec::new();
    for name in request.fallbacks.iter().chain([&request.model]) {
        let model = find(name, context)?;
        let input = round_input(request, draft, model, outputs)?;
        let rates = rates(request, model, input, context)?;
        let run = Run::new(rates, input.saturating_mul(rounds), kinds(request))
            .with_output(rounds, request.thinking_beside)
            .with_searches(request.tools.searches);
        runs.push(run);
        if request.compacts {
            let summary = known(model.max_output, "maximum output", model)?;
            runs.push(Run::new(rates, input, kinds(request)).with_output(0, summary));
        }
    }
    for advisor in &request.tools.advisors {
        let model = find(&advisor.model, context)?;
        let input = round_input(request, draft, model, outputs)?;
        let output = match advisor.output {
            Some(output) => output,
            None => known(model.max_output, "maximum output", model)?,
        };
        let rates = rates(request, model, input, context)?;
        let run = Run::new(rates, input.saturating_mul(advisor.uses), kinds(request));
        runs.push(run.with_output(0, output.saturating_mul(advisor.uses)));
    }
    Ok(Bound::new(runs, Join::All))
}

fn kinds(request: &Request<'_>) -> InputKinds {
    let advised = !request.tools.advisors.is_empty();
    InputKinds { cache_write: request.content.cache || advised, cache_write_1h: request.content.cache_1h, audio: false }
}

fn rates(request: &Request<'_>, model: &Model, input: u64, context: &QuoteContext<'_>) -> Result<Rates, Reason> {
    let terms = Terms {
        now_ms: context.now_ms,
        tier: request.fast.then_some("speed_fast"),
        uplift: request.us.then_some("us"),
    };
    let rates = model.bound_rates(&terms, input);
    rates.ok_or_else(|| unbounded(format!("the price book has no price of {} at the asked speed", model.id)))
}

/// The most input of one round: a token is a byte at least, and what the model said in earlier rounds comes again.
/// Where bytes say nothing, all that the model takes.
fn round_input(request: &Request<'_>, draft: &Draft, model: &Model, outputs: u64) -> Result<u64, Reason> {
    let window = model.max_input.max(model.context);
    if request.content.elsewhere || request.tools.outside {
        return known(window, "context window", model);
    }
    let bytes = u64::try_from(draft.body.len()).unwrap_or(u64::MAX).saturating_sub(request.content.image_bytes);
    let images = request.content.images.saturating_mul(IMAGE_TOKENS);
    let earlier = if request.tools.rounds > 0 { outputs } else { 0 };
    let tokens =
        [OVERHEAD_TOKENS, request.tools.hidden_tokens, images, earlier].into_iter().fold(bytes, u64::saturating_add);
    Ok(tokens.min(window.unwrap_or(u64::MAX)))
}

fn known(limit: Option<u64>, what: &str, model: &Model) -> Result<u64, Reason> {
    limit.ok_or_else(|| unbounded(format!("the price book does not know the {what} of {}", model.id)))
}
