//! Chat completions and the older completions, of OpenAI and of every host that speaks their protocol.
//! What it reads, bounds and edits stands in this folder's `README.md`.

mod hosts;
mod refusal;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;
use http::header::ACCEPT_ENCODING;
use types::{Amounts, OutputBound, Quote, Reason, Refusal, UnixMs};

use crate::draft::Draft;
use crate::json::{Document, Edit, Value};
use crate::meter::{Gauge, Meter, MeterOptions, QuoteContext, RefusalBody};
use crate::meters::bound::{Bound, Call, InputKinds, Join, Run, is_final};
use crate::meters::encodings;
use crate::meters::fields::{unbounded, wrong};
use crate::meters::passage::Passage;
use crate::meters::tariff::Tariff;
use crate::prices::{Model, PriceBook, Rates, Terms};
use hosts::{Host, Searches};
use request::{Endpoint, Request};
use stream::{Answer, Asked};

/// The meter of OpenAI's chat protocol.
#[derive(Clone, Copy, Debug)]
pub struct OpenaiChat;

/// The name in routes, metrics and the trail.
const NAME: &str = "openai_chat";

/// Tokens that a host may add to what the body says: templates, tool preambles, hidden prompts. No recorded call of
/// 2,062 exceeded it.
const OVERHEAD_TOKENS: u64 = 1_024;
/// The most tokens of an image by the published rules of tiles and patches, and of the one family that counts far more
/// (2,833 and 5,667 for each of at most eight tiles).
const IMAGE_TOKENS: u64 = 8_000;
const IMAGE_TOKENS_4O_MINI: u64 = 2_833 + 8 * 5_667;
/// The bound to insert for a model whose own maximum the price book does not know: nearly all take so much.
const UNLISTED_OUTPUT_TOKENS: u64 = 4_096;

impl Meter for OpenaiChat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn claims(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && endpoint(path).is_some()
    }

    fn shape(&self, draft: &mut Draft, context: &QuoteContext<'_>) -> Result<(), Reason> {
        let host = Host::of(&context.options.provider);
        let document = draft.json()?;
        let streaming = document.boolean(&["stream"])?.unwrap_or(false);
        let edit = if streaming && host.asks_usage { ask_for_usage(&document.root())? } else { None };
        if let Some(edit) = edit {
            draft.splice(vec![edit])?;
        }
        let readable = if streaming { encodings::IDENTITY } else { encodings::readable(&draft.headers) };
        draft.headers.insert(ACCEPT_ENCODING, readable);
        Ok(())
    }

    fn quote(&self, draft: &Draft, context: &QuoteContext<'_>) -> Result<Quote, Reason> {
        let host = Host::of(&context.options.provider);
        let document = draft.json()?;
        let request = read(&document, draft, &host)?;
        let Metered { bound, model, output, .. } = metered(&request, draft, context, &host)?;
        let vendor = context.options.provider.clone();
        bound.quote(Call { vendor, model: model.id.clone(), output, streaming: request.streaming }, context.options)
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
        let host = Host::of(&context.options.provider);
        let document = draft.json()?;
        let request = read(&document, draft, &host)?;
        let metered = metered(&request, draft, context, &host)?;
        let Some(tokens) = metered.bound.lowered(quote, granted, context.options)? else { return Ok(None) };
        let Some(tokens) = metered.fitting(tokens, context.options) else { return Ok(None) };
        let edits = bound_edits(&document.root(), &request, &host, tokens);
        draft.splice(edits)?;
        Ok(Some(tokens))
    }

    fn gauge(
        &self,
        draft: &Draft,
        quote: &Quote,
        prices: Arc<PriceBook>,
        now_ms: UnixMs,
        options: &MeterOptions,
    ) -> Box<dyn Gauge> {
        let host = Host::of(&options.provider);
        let tariff = Tariff {
            prices,
            provider: quote.vendor.clone(),
            quoted: quote.model.clone(),
            now_ms,
            uplift: uplift(&draft.host),
        };
        let asked = asked(draft, quote, &host).unwrap_or(Asked { hide_usage: false, outputs: 1, searches: false });
        Box::new(Passage::new(Answer::new(host, asked, tariff), quote.streaming))
    }

    fn refuse(&self, refusal: &Refusal, streaming: bool) -> RefusalBody {
        if streaming {
            return RefusalBody { content_type: "text/event-stream", body: refusal::event(refusal) };
        }
        RefusalBody { content_type: "application/json", body: refusal::body(refusal) }
    }
}

/// The endpoint that a path is: by its end, since hosts differ in what stands before (`/v1`, `/openai/v1`, `/api/v1`,
/// `/inference/v1`, `/openai/deployments/{name}`).
fn endpoint(path: &str) -> Option<Endpoint> {
    if path.ends_with("/chat/completions") {
        return Some(Endpoint::Chat);
    }
    path.ends_with("/completions").then_some(Endpoint::Completions)
}

fn read<'d>(document: &'d Document<'d>, draft: &'d Draft, host: &Host) -> Result<Request<'d>, Reason> {
    let endpoint = endpoint(&draft.path).unwrap_or(Endpoint::Chat);
    Request::read(document, endpoint, &draft.path, host)
}

/// The price of data that stay in a region, by the host that was called (`us.api.openai.com`, `eu.api.openai.com`).
fn uplift(host: &str) -> Option<&'static str> {
    match host {
        "us.api.openai.com" => Some("us"),
        "eu.api.openai.com" => Some("eu"),
        _ => None,
    }
}

/// What the gauge must know of a request that was quoted; `None` where it need not be looked at again.
fn asked(draft: &Draft, quote: &Quote, host: &Host) -> Option<Asked> {
    let one_fee = host.searches == Searches::OneFee;
    if !quote.streaming && !one_fee {
        return None;
    }
    let document = draft.json().ok()?;
    let body = document.root();
    let model = request::model(&body, &draft.path).ok()?;
    Some(Asked {
        hide_usage: asked_by_us(&document),
        outputs: request::outputs(&body, endpoint(&draft.path)?).ok()?,
        searches: one_fee && request::searches(&body, &model),
    })
}

/// A request with its bound.
struct Metered<'b> {
    bound: Bound,
    model: &'b Model,
    output: OutputBound,
    input: u64,
}

impl Metered<'_> {
    /// The bound to write into the request, where it fits the context window beside the input. The model's own maximum
    /// need not be written; some hosts refuse a bound that does not fit.
    fn fitting(&self, tokens: u64, options: &MeterOptions) -> Option<u64> {
        let context = match self.model.max_output {
            Some(_) => self.model.context,
            None => self.model.context.or(self.model.max_input),
        };
        let (Some(context), OutputBound::Open { max }) = (context, self.output) else { return Some(tokens) };
        let room = context.saturating_sub(self.input);
        if tokens <= room {
            return Some(tokens);
        }
        if tokens == max && max >= self.model.max_output.unwrap_or(context) {
            return None;
        }
        Some(if room >= options.default_output_floor { room } else { tokens })
    }
}

fn metered<'b>(
    request: &Request<'_>,
    draft: &Draft,
    context: &QuoteContext<'b>,
    host: &Host,
) -> Result<Metered<'b>, Reason> {
    let options = context.options;
    let find = |name: &str| {
        let model = context.prices.model(&options.provider, name, context.now_ms);
        model.ok_or_else(|| Reason::ModelUnknown { model: name.into() })
    };
    let model = find(&request.model)?;
    let mut input = input_tokens(request, draft, model, &request.model)?;
    let mut runs = runs(request, draft, context, host, model, input)?;
    let mut most = most_output(model);
    for name in &request.others {
        let other = find(name)?;
        let tokens = input_tokens(request, draft, other, name)?;
        runs.extend(self::runs(request, draft, context, host, other, tokens)?);
        input = input.max(tokens);
        // What is inserted must be taken by whichever of them answers.
        most = most.min(most_output(other));
    }
    let output = request.output.bound(most, options.output_cap);
    Ok(Metered { bound: Bound::new(runs, Join::Any), model, output, input })
}

/// The most output of a model: its own maximum, or all of its context.
fn most_output(model: &Model) -> u64 {
    model.max_output.or(model.context).or(model.max_input).unwrap_or(UNLISTED_OUTPUT_TOKENS)
}

/// The most input of a call: a token is a byte at least. Where bytes say nothing, all that the model takes.
fn input_tokens(request: &Request<'_>, draft: &Draft, model: &Model, name: &str) -> Result<u64, Reason> {
    let window = model.max_input.max(model.context);
    let media = &request.media;
    if media.elsewhere || request.searches {
        return window.ok_or_else(|| {
            unbounded(format!(
                "files, URLs and searches fill the context window of {name}, which the price book does not know"
            ))
        });
    }
    let image = if name.contains("gpt-4o-mini") { IMAGE_TOKENS_4O_MINI } else { IMAGE_TOKENS };
    let bytes = u64::try_from(draft.body.len()).unwrap_or(u64::MAX).saturating_sub(media.image_bytes);
    let tokens = bytes.saturating_add(OVERHEAD_TOKENS).saturating_add(media.images.saturating_mul(image));
    Ok(tokens.min(window.unwrap_or(u64::MAX)))
}

/// One run of a model for each service tier that may serve the call; one of them will.
fn runs(
    request: &Request<'_>,
    draft: &Draft,
    context: &QuoteContext<'_>,
    host: &Host,
    model: &Model,
    input: u64,
) -> Result<Vec<Run>, Reason> {
    let kinds = InputKinds { cache_write: true, cache_write_1h: request.media.cache_1h, audio: request.media.audio };
    let prompts = if host.openai_terms { 1 } else { request.choices };
    let input = input.saturating_mul(prompts);
    let predicted = if request.prediction { input.saturating_mul(request.outputs) } else { 0 };
    let fees = u64::from(request.searches && host.searches == Searches::OneFee);
    let rates = rates(request, draft, context, model, input)?;
    let run = |rates| {
        Run::new(rates, input, kinds)
            .with_output(request.outputs, predicted)
            .with_audio_out(request.audio_out)
            .with_searches(fees)
    };
    Ok(rates.into_iter().map(run).collect())
}

/// The rates of every service tier that may serve the call. `auto`, which is also the default, means what the
/// project is set to: priority, where the model has it. `flex` may be served at list price.
fn rates(
    request: &Request<'_>,
    draft: &Draft,
    context: &QuoteContext<'_>,
    model: &Model,
    input: u64,
) -> Result<Vec<Rates>, Reason> {
    let at = |tier| {
        let terms = Terms { now_ms: context.now_ms, tier, uplift: uplift(&draft.host) };
        model.bound_rates(&terms, input)
    };
    let asked = request.tier.as_deref();
    let tiers: Vec<Rates> = match asked {
        None | Some("auto") => [at(None), at(Some("priority"))].into_iter().flatten().collect(),
        asked => at(asked).into_iter().collect(),
    };
    if tiers.is_empty() {
        let tier = asked.unwrap_or("auto");
        return Err(unbounded(format!("the price book has no price of {} for the service tier {tier:?}", model.id)));
    }
    Ok(tiers)
}

/// How we write `true` where we ask for usage: readers of JSON skip the two blanks, and by them the gauge knows that
/// it was us and not the client who asked.
const TRUE_BY_US: &str = "true  ";

/// The edit that asks for usage; `None` where the client asks for it.
fn ask_for_usage(body: &Value<'_>) -> Result<Option<Edit>, Reason> {
    let ask = format!("{{\"include_usage\":{TRUE_BY_US}}}");
    let options = body.field("stream_options").filter(|options| !options.is_null());
    let Some(options) = options else { return Ok(body.set_field("stream_options", &ask)) };
    if options.boolean_at(&["include_usage"])? == Some(true) {
        return Ok(None);
    }
    let edit = options.set_field("include_usage", TRUE_BY_US);
    edit.map(Some).ok_or_else(|| wrong(options.span().start, "\"stream_options\" must be an object"))
}

fn asked_by_us(document: &Document<'_>) -> bool {
    document.at(&["stream_options", "include_usage"]).is_some_and(|asked| {
        let rest = document.root().raw().get(asked.span().end - document.root().span().start..);
        asked.boolean() == Some(true) && rest.is_some_and(|rest| rest.starts_with("  "))
    })
}

/// Writes the bound into every field that the host reads as one, or into the one it reads first.
fn bound_edits(body: &Value<'_>, request: &Request<'_>, host: &Host, tokens: u64) -> Vec<Edit> {
    let number = tokens.to_string();
    let fields = host.bound_fields().iter().filter_map(|name| body.field(name));
    let named: Vec<Edit> =
        fields.filter(|field| !field.is_null()).map(|field| field.replace(number.as_str())).collect();
    if named.is_empty() {
        return body.set_field(host.bound_field(&request.model), &number).into_iter().collect();
    }
    named
}
