//! Where hosts that speak OpenAI's protocol differ: one row each, with its source.

/// The field that bounds the output, as the host reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BoundField {
    /// `max_completion_tokens`, reasoning included; the older `max_tokens` is read too.
    MaxCompletionTokens,
    /// `max_tokens` alone; the newer field is not read, so a bound in it bounds nothing.
    MaxTokens,
    /// `max_tokens` is the field to insert, and the newer one is read too.
    Both,
    /// `max_completion_tokens`, but `max_tokens` for model families from before reasoning (Azure).
    ByFamily,
}

/// A cost that the host states itself, beside or instead of tokens; it wins over the price book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// It states none.
    Nothing,
    /// `usage.cost` in dollars; with `is_byok` the provider's own bill, `cost_details.upstream_inference_cost`, comes on top.
    CostAndByok,
    /// `usage.cost_in_usd_ticks` in units of 1e-10 dollars.
    Ticks,
    /// `usage.cost.total_cost` in dollars.
    TotalCost,
}

/// What searching the web on request (`web_search_options`) costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Searches {
    /// Nobody knows: such a request is refused.
    Unknown,
    /// One search a call, at the fee of the price book.
    OneFee,
    /// Nothing beside the fee of the request itself.
    InRequestFee,
}

/// What a meter must know of a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// Its id in the price book.
    provider: &'static str,
    /// How it reads an output bound.
    pub(super) bound: BoundField,
    /// A stream tells its usage only when `stream_options.include_usage` asks for it.
    pub(super) asks_usage: bool,
    /// Asking puts `"usage":null` into all other chunks.
    pub(super) null_usage: bool,
    /// Which cost it states.
    pub(super) stated: Stated,
    /// What its searches cost.
    pub(super) searches: Searches,
    /// `completion_tokens` excludes `reasoning_tokens`.
    pub(super) reasoning_apart: bool,
    /// The rules by which it turns images into tokens are published.
    pub(super) image_rules: bool,
    /// OpenAI's own terms: the prompt of a call with many choices is billed once, and a completion without a bound ends
    /// after 16 tokens.
    pub(super) openai_terms: bool,
    /// Models whose searches and citations are billed, and bounded by nothing; by the start of their id.
    pub(super) unbounded_models: &'static [&'static str],
}

/// A host that does what the protocol's text says, and nothing that is only OpenAI's.
const PLAIN: Host = Host {
    provider: "",
    bound: BoundField::MaxTokens,
    asks_usage: true,
    null_usage: false,
    stated: Stated::Nothing,
    searches: Searches::Unknown,
    reasoning_apart: false,
    image_rules: false,
    openai_terms: false,
    unbounded_models: &[],
};

const HOSTS: &[Host] = &[
    // OpenAI OpenAPI specification: ChatCompletionStreamOptions ("all other chunks will also include a usage field,
    // but with a null value"), `max_tokens` deprecated in favour of `max_completion_tokens`. Without asking, 84 of 84
    // recorded streams told no usage.
    Host {
        provider: "openai",
        bound: BoundField::MaxCompletionTokens,
        null_usage: true,
        searches: Searches::OneFee,
        image_rules: true,
        openai_terms: true,
        ..PLAIN
    },
    // Reasoning models refuse `max_tokens`; api-versions before 2024-09 know nothing else (Azure OpenAI reference).
    Host {
        provider: "azure",
        bound: BoundField::ByFamily,
        null_usage: true,
        searches: Searches::OneFee,
        image_rules: true,
        openai_terms: true,
        ..PLAIN
    },
    Host { provider: "bedrock_mantle", bound: BoundField::MaxCompletionTokens, ..PLAIN },
    // docs.x.ai, cost tracking: ticks are "the actual amount billed"; on recorded answers total = prompt + completion +
    // reasoning.
    Host {
        provider: "xai",
        bound: BoundField::MaxCompletionTokens,
        stated: Stated::Ticks,
        reasoning_apart: true,
        ..PLAIN
    },
    // openrouter.ai, usage accounting: `cost` is what the account is charged. Its reference has `max_tokens`; recorded
    // calls with `max_completion_tokens` were held to it as well.
    Host { provider: "openrouter", bound: BoundField::Both, stated: Stated::CostAndByok, ..PLAIN },
    // Mistral answers 422 `extra_forbidden` to `stream_options`, and tells usage in every stream (7 of 7 recorded).
    Host { provider: "mistral", asks_usage: false, ..PLAIN },
    // DeepSeek tells usage in the last chunk of every stream.
    Host { provider: "deepseek", asks_usage: false, ..PLAIN },
    // Groq tells usage in `x_groq` of the last chunk without being asked.
    Host { provider: "groq", bound: BoundField::MaxCompletionTokens, asks_usage: false, ..PLAIN },
    Host { provider: "cerebras", bound: BoundField::MaxCompletionTokens, ..PLAIN },
    // Perplexity tells usage in every chunk. Deep research bills searches and citations that no field bounds.
    Host {
        provider: "perplexity",
        asks_usage: false,
        stated: Stated::TotalCost,
        searches: Searches::InRequestFee,
        unbounded_models: &["sonar-deep-research"],
        ..PLAIN
    },
    Host { provider: "cohere", asks_usage: false, ..PLAIN },
];

impl Host {
    /// The row of a provider, or that of a plain host.
    pub(super) fn of(provider: &str) -> Self {
        HOSTS.iter().find(|host| host.provider == provider).copied().unwrap_or(PLAIN)
    }

    /// The field to insert a bound by, for a model.
    pub(super) fn bound_field(&self, model: &str) -> &'static str {
        const BEFORE_REASONING: [&str; 3] = ["gpt-3", "gpt-35", "gpt-4"];
        match self.bound {
            BoundField::MaxCompletionTokens => "max_completion_tokens",
            BoundField::MaxTokens | BoundField::Both => "max_tokens",
            BoundField::ByFamily if BEFORE_REASONING.iter().any(|family| model.starts_with(family)) => "max_tokens",
            BoundField::ByFamily => "max_completion_tokens",
        }
    }

    /// The fields that the host reads as a bound.
    pub(super) const fn bound_fields(&self) -> &'static [&'static str] {
        match self.bound {
            BoundField::MaxTokens => &["max_tokens"],
            _ => &["max_completion_tokens", "max_tokens"],
        }
    }
}
