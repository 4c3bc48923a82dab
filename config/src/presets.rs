//! Vendors that are known already: what a route to them needs, so that nobody has to write it.

/// What a preset says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    /// The vendor in the price book; also the name and, with a slash, the prefix of its route.
    pub(crate) provider: &'static str,
    pub(crate) hosts: &'static [&'static str],
    pub(crate) meters: &'static [&'static str],
    pub(crate) free: &'static [&'static str],
    /// The header of its key, and the word before it.
    pub(crate) header: (&'static str, &'static str),
    /// The variable that its client libraries read their key from.
    pub(crate) variable: &'static str,
}

/// An OpenAI-compatible vendor.
const fn compatible(
    name: &'static str,
    hosts: &'static [&'static str],
    free: &'static [&'static str],
    variable: &'static str,
) -> Preset {
    let header = ("authorization", "Bearer");
    Preset { name, provider: name, hosts, meters: &["openai_chat"], free, header, variable }
}

const MODELS: &[&str] = &["GET /v1/models", "GET /v1/models/*"];

/// All presets, by name.
pub(crate) const PRESETS: [Preset; 14] = [
    Preset {
        name: "anthropic",
        provider: "anthropic",
        hosts: &["api.anthropic.com"],
        meters: &["anthropic_messages"],
        free: &["GET /v1/models", "GET /v1/models/*", "POST /v1/messages/count_tokens"],
        header: ("x-api-key", ""),
        variable: "ANTHROPIC_API_KEY",
    },
    compatible("cerebras", &["api.cerebras.ai"], MODELS, "CEREBRAS_API_KEY"),
    compatible("deepinfra", &["api.deepinfra.com"], &["GET /v1/openai/models"], "DEEPINFRA_API_KEY"),
    compatible("deepseek", &["api.deepseek.com"], &["GET /models", "GET /v1/models"], "DEEPSEEK_API_KEY"),
    compatible("fireworks", &["api.fireworks.ai"], &["GET /inference/v1/models"], "FIREWORKS_API_KEY"),
    compatible("groq", &["api.groq.com"], &["GET /openai/v1/models", "GET /openai/v1/models/*"], "GROQ_API_KEY"),
    compatible("mistral", &["api.mistral.ai"], MODELS, "MISTRAL_API_KEY"),
    compatible("moonshot", &["api.moonshot.ai", "api.moonshot.cn"], MODELS, "MOONSHOT_API_KEY"),
    compatible("openai", &["api.openai.com", "us.api.openai.com", "eu.api.openai.com"], MODELS, "OPENAI_API_KEY"),
    compatible("openrouter", &["openrouter.ai"], &["GET /api/v1/models"], "OPENROUTER_API_KEY"),
    compatible("perplexity", &["api.perplexity.ai"], &[], "PERPLEXITY_API_KEY"),
    compatible("together", &["api.together.xyz", "api.together.ai"], &["GET /v1/models"], "TOGETHER_API_KEY"),
    compatible("xai", &["api.x.ai"], MODELS, "XAI_API_KEY"),
    compatible("zai", &["api.z.ai"], &[], "ZAI_API_KEY"),
];

/// The preset of this name.
pub(crate) fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
