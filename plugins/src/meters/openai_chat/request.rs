//! What a request asks for, as far as money hangs on it.

use std::borrow::Cow;

use types::{OutputBound, Reason};

use super::hosts::{Host, Searches};
use crate::json::{Document, Expected, Kind, Value};
use crate::meters::fields::{self, OUTPUT_TOKENS_MAX, unbounded, wrong};

/// The fields that are read; a key that looks like one of them but is spelt otherwise is refused.
const KNOWN: [&str; 21] = [
    "best_of",
    "candidate_count",
    "enable_search",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "modalities",
    "model",
    "models",
    "n",
    "plugins",
    "prediction",
    "preset",
    "prompt",
    "samples",
    "search_parameters",
    "service_tier",
    "stream",
    "stream_options",
    "tools",
    "web_search_options",
];

/// The fields that multiply the output; `n` is OpenAI's, the others those of hosts that follow it.
const MULTIPLIERS: [&str; 4] = ["n", "best_of", "candidate_count", "samples"];
/// The most choices OpenAI takes is 128; the cap leaves room for prompts times choices of other hosts.
const CHOICES_MAX: u64 = 1_024;

/// What `max_tokens` is where a request to OpenAI's `/v1/completions` names none (OpenAI OpenAPI specification,
/// CreateCompletionRequest).
const COMPLETIONS_DEFAULT: u64 = 16;

/// Fields by which a host brings in what does not stand in the body: state that it keeps, documents, searches of an
/// index of one's own (Azure's `data_sources`), caches made before.
const ELSEWHERE: [&str; 7] = [
    "cached_content",
    "conversation",
    "data_sources",
    "documents",
    "extra_body",
    "previous_response_id",
    "vector_store_ids",
];

/// Which of the two endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/chat/completions`.
    Chat,
    /// `/completions`, the older one: prompts instead of messages.
    Completions,
}

/// What stands in the messages beside text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// Images whose tokens follow from their size by published rules.
    pub(super) images: u64,
    /// Bytes of those that stand in the body itself.
    pub(super) image_bytes: u64,
    /// Sound, in the body.
    pub(super) audio: bool,
    /// Something whose size the body does not tell: files, URLs, stored sound, parts of unknown type.
    pub(super) elsewhere: bool,
    /// Something that is to be cached for an hour (routers pass that on to Anthropic).
    pub(super) cache_1h: bool,
}

/// A request, as far as money hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Request<'d> {
    /// The model; on Azure the deployment of the path.
    pub(super) model: Cow<'d, str>,
    /// Models that a router may turn to instead.
    pub(super) others: Vec<Cow<'d, str>>,
    /// The bound on the output of one choice.
    pub(super) output: Output,
    /// Choices for each prompt.
    pub(super) choices: u64,
    /// Outputs: choices times prompts.
    pub(super) outputs: u64,
    /// Whether it asks for a stream.
    pub(super) streaming: bool,
    /// The service tier.
    pub(super) tier: Option<Cow<'d, str>>,
    /// What stands in the messages beside text.
    pub(super) media: Media,
    /// It asks for sound.
    pub(super) audio_out: bool,
    /// It brings a predicted output, whose rejected tokens are billed as output.
    pub(super) prediction: bool,
    /// It lets the model search the web.
    pub(super) searches: bool,
}

/// How the output of one choice is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// By a field that the host reads.
    Named(u64),
    /// By nothing that the host reads; the client wants at most this.
    Open(Option<u64>),
}

impl Output {
    /// The bound for a quote, given the most that the model can produce and that the route allows.
    pub(super) fn bound(self, most: u64, cap: Option<u64>) -> OutputBound {
        match self {
            Self::Named(tokens) => OutputBound::Named(tokens),
            Self::Open(wanted) => OutputBound::Open { max: [cap, wanted].into_iter().flatten().fold(most, u64::min) },
        }
    }
}

impl<'d> Request<'d> {
    /// Reads a request strictly.
    ///
    /// # Errors
    /// [`Reason::AmbiguousBody`] with the place of a field that is wrong, [`Reason::Unbounded`] for what nothing bounds.
    pub(super) fn read(
        document: &'d Document<'d>,
        endpoint: Endpoint,
        path: &'d str,
        host: &Host,
    ) -> Result<Self, Reason> {
        let body = document.root();
        fields::unambiguous(&body, &KNOWN)?;
        let model = model(&body, path)?;
        let media = match endpoint {
            Endpoint::Chat => media(&body, host)?,
            Endpoint::Completions => Media::default(),
        };
        let others = others(&body)?;
        for model in others.iter().chain([&model]) {
            refuse_unbounded_model(model, host)?;
        }
        refuse_unbounded(&body, host)?;
        Ok(Self {
            others,
            output: output(&body, endpoint, host)?,
            choices: choices(&body)?,
            outputs: outputs(&body, endpoint)?,
            streaming: body.boolean_at(&["stream"])?.unwrap_or(false),
            tier: body.text_at(&["service_tier"])?,
            media,
            audio_out: asks_audio(&body)?,
            prediction: present(&body, "prediction"),
            searches: searches(&body, &model),
            model,
        })
    }
}

/// The model that is called.
pub(super) fn model<'d>(body: &Value<'d>, path: &'d str) -> Result<Cow<'d, str>, Reason> {
    match deployment(path) {
        Some(deployment) => fields::plain_model(Cow::Borrowed(deployment)),
        None => fields::model(body, "model"),
    }
}

/// Whether the model searches the web: because it is told to, or because it is one that always does.
pub(super) fn searches(body: &Value<'_>, model: &str) -> bool {
    present(body, "web_search_options") || model.contains("-search-preview") || model.contains("-search-api")
}

/// How many outputs come: choices times prompts.
pub(super) fn outputs(body: &Value<'_>, endpoint: Endpoint) -> Result<u64, Reason> {
    let prompts = if endpoint == Endpoint::Completions { prompts(body)? } else { 1 };
    Ok(choices(body)?.saturating_mul(prompts))
}

/// The deployment that an Azure path names instead of a model: `/openai/deployments/{name}/chat/completions`.
fn deployment(path: &str) -> Option<&str> {
    path.strip_prefix("/openai/deployments/")?.split('/').next()
}

/// Whether a field asks for something: null, false and an empty list do not.
fn present(body: &Value<'_>, name: &str) -> bool {
    body.field(name).is_some_and(|value| match value.kind() {
        Kind::Null => false,
        Kind::Boolean => value.boolean() == Some(true),
        Kind::Array => value.items().next().is_some(),
        _ => true,
    })
}

fn others<'d>(body: &Value<'d>) -> Result<Vec<Cow<'d, str>>, Reason> {
    let Some(models) = fields::list(body, "models")? else { return Ok(Vec::new()) };
    let read = |model: Value<'d>| {
        let text = model.text().ok_or_else(|| fields::mistyped(&model, "models", Expected::Text))?;
        fields::plain_model(text)
    };
    models.items().map(read).collect()
}

fn output(body: &Value<'_>, endpoint: Endpoint, host: &Host) -> Result<Output, Reason> {
    let (mut read, mut unread): (Option<u64>, Option<u64>) = (None, None);
    for name in ["max_completion_tokens", "max_tokens"] {
        let named = fields::whole(body, name, 1, OUTPUT_TOKENS_MAX)?;
        // Of two bounds that the host reads, nobody knows which one counts: the larger is reserved.
        let slot = if host.bound_fields().contains(&name) { &mut read } else { &mut unread };
        *slot = (*slot).max(named);
    }
    Ok(match read {
        Some(tokens) => Output::Named(tokens),
        None if endpoint == Endpoint::Completions && host.openai_terms => Output::Named(COMPLETIONS_DEFAULT),
        None => Output::Open(unread),
    })
}

fn choices(body: &Value<'_>) -> Result<u64, Reason> {
    MULTIPLIERS.iter().try_fold(1, |most, name| Ok(fields::whole(body, name, 1, CHOICES_MAX)?.unwrap_or(1).max(most)))
}

/// A list of texts or of token lists is many prompts; a text or one list of tokens is one.
fn prompts(body: &Value<'_>) -> Result<u64, Reason> {
    let Some(prompt) = body.field("prompt") else { return Ok(1) };
    match prompt.kind() {
        Kind::Text | Kind::Null => Ok(1),
        Kind::Array => {
            let many = prompt.items().filter(|item| item.kind() != Kind::Number).count();
            Ok(u64::try_from(many).unwrap_or(u64::MAX).max(1))
        }
        _ => Err(wrong(prompt.span().start, "the field \"prompt\" must be a text or a list")),
    }
}

fn asks_audio(body: &Value<'_>) -> Result<bool, Reason> {
    let modalities = fields::list(body, "modalities")?;
    Ok(modalities.is_some_and(|list| list.items().any(|item| item.text().as_deref() == Some("audio"))))
}

fn media(body: &Value<'_>, host: &Host) -> Result<Media, Reason> {
    let mut media = Media { cache_1h: cached_for_an_hour(body), ..Media::default() };
    media.cache_1h |= fields::list(body, "tools")?.iter().flat_map(Value::items).any(|tool| cached_for_an_hour(&tool));
    media.elsewhere = ELSEWHERE.iter().any(|name| present(body, name));
    let Some(messages) = fields::list(body, "messages")? else { return Ok(media) };
    for message in messages.items() {
        // Sound that the model spoke earlier lies at the vendor.
        media.elsewhere |= present(&message, "audio");
        media.cache_1h |= cached_for_an_hour(&message);
        let Some(content) = message.field("content") else { continue };
        media.elsewhere |= content.kind() == Kind::Object;
        for part in content.items() {
            media.add(&part, host);
        }
    }
    Ok(media)
}

/// Whether an object carries `cache_control` with a lifetime of an hour.
fn cached_for_an_hour(object: &Value<'_>) -> bool {
    object.at(&["cache_control", "ttl"]).and_then(|ttl| ttl.text()).as_deref() == Some("1h")
}

impl Media {
    fn add(&mut self, part: &Value<'_>, host: &Host) {
        self.cache_1h |= cached_for_an_hour(part);
        let kind = part.field("type").and_then(|kind| kind.text()).unwrap_or_default();
        match &*kind {
            "text" | "input_text" | "output_text" | "refusal" | "thinking" | "reasoning" => {}
            "" if part.kind() == Kind::Text => {}
            "input_audio" => self.audio = true,
            "image_url" => self.add_image(part, host),
            _ => self.elsewhere = true,
        }
    }

    fn add_image(&mut self, part: &Value<'_>, host: &Host) {
        let image = part.field("image_url");
        let url = image.and_then(|image| image.field("url").or(Some(image)));
        let detail = image.and_then(|image| image.field("detail")).and_then(|detail| detail.text());
        if !host.image_rules || !matches!(detail.as_deref(), None | Some("auto" | "low" | "high")) {
            self.elsewhere = true;
            return;
        }
        self.images = self.images.saturating_add(1);
        let inline = url.filter(|url| url.raw().starts_with("\"data:"));
        let bytes = inline.map_or(0, |url| u64::try_from(url.span().len()).unwrap_or_default());
        self.image_bytes = self.image_bytes.saturating_add(bytes);
    }
}

/// Refuses models that search and cite on their own.
fn refuse_unbounded_model(model: &str, host: &Host) -> Result<(), Reason> {
    if model.ends_with(":online") {
        return Err(unbounded("models with the suffix \":online\" bill web results beside the tokens; leave it out"));
    }
    if host.unbounded_models.iter().any(|prefix| model.starts_with(prefix)) {
        return Err(unbounded(format!("{model} bills searches and citations, and no field bounds how many")));
    }
    Ok(())
}

/// Refuses what is billed beside tokens, or in tokens that nothing in the request bounds.
fn refuse_unbounded(body: &Value<'_>, host: &Host) -> Result<(), Reason> {
    const FEATURES: [&str; 4] = ["plugins", "search_parameters", "enable_search", "preset"];
    for name in FEATURES {
        if present(body, name) {
            return Err(unbounded(format!(
                "{name:?} is billed beside the tokens, and nothing bounds how much; leave it out"
            )));
        }
    }
    if present(body, "web_search_options") && host.searches == Searches::Unknown {
        return Err(unbounded("\"web_search_options\" is billed by what it finds; leave it out"));
    }
    for tool in fields::list(body, "tools")?.iter().flat_map(Value::items) {
        let kind = tool.field("type").and_then(|kind| kind.text());
        match kind.as_deref() {
            Some("function" | "custom") => {}
            None if tool.field("function").is_some() => {}
            other => {
                let other = other.unwrap_or("without a type");
                return Err(unbounded(format!(
                    "a tool {other:?} runs at the vendor, and nothing bounds its cost; leave it out"
                )));
            }
        }
    }
    Ok(())
}
