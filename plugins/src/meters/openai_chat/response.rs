//! Usage as OpenAI's protocol tells it, and what its followers add.

use types::{Cost, Usage};

use super::hosts::{Host, Stated};
use crate::json::{Document, Value, decimal_half_up};

/// What an answer told about its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The billable tokens in disjoint buckets.
    pub(super) usage: Usage,
    /// The cost that the host states itself.
    pub(super) stated: Option<Cost>,
    /// Something that is billed was not told.
    pub(super) partial: bool,
}

/// Decimals of a pico-dollar.
const PICO_PLACES: u32 = 12;
/// Pico-dollars in a tick of 1e-10 dollars.
const PICOS_PER_TICK: u64 = 100;

impl Told {
    /// Reads a `usage` object. `None` where it tells no tokens that can be read.
    pub(super) fn read(text: &str, host: &Host) -> Option<Self> {
        let document = Document::scan_answer(text.as_bytes()).ok()?;
        let usage = document.root();
        let prompt = usage.field("prompt_tokens")?.integer()?;
        let (output, partial) = output(&usage, prompt, host)?;
        let cache_read = cached(&usage);
        let cache_write = count(&usage, &["prompt_tokens_details", "cache_write_tokens"]);
        let audio_in = count(&usage, &["prompt_tokens_details", "audio_tokens"]);
        let audio_out = count(&usage, &["completion_tokens_details", "audio_tokens"]).min(output);
        // `prompt_tokens` includes all of these; what is left is plain input.
        let input = [cache_read, cache_write, audio_in].into_iter().fold(prompt, u64::saturating_sub);
        let (stated, short) = stated(&usage, host.stated);
        // Sound by the second and sources by the piece have no price in the book.
        let unpriced = ["prompt_audio_seconds", "num_sources_used"].iter().any(|name| count(&usage, &[name]) > 0);
        let partial = partial || short || (unpriced && stated.is_none());
        let usage = Usage {
            audio_in,
            audio_out,
            cache_read,
            cache_write,
            input,
            output: output - audio_out,
            ..Usage::default()
        };
        Some(Self { usage, stated, partial })
    }
}

/// The output, reasoning included, and whether it is known to be all of it.
fn output(usage: &Value<'_>, prompt: u64, host: &Host) -> Option<(u64, bool)> {
    let total = integer(usage, &["total_tokens"]);
    let Some(completion) = integer(usage, &["completion_tokens"]) else {
        // Without `completion_tokens`, the total tells what came beside the prompt.
        return match total {
            Some(total) => Some((total.saturating_sub(prompt), false)),
            None => Some((0, true)),
        };
    };
    let reasoning = count(usage, &["completion_tokens_details", "reasoning_tokens"]);
    let included = total == prompt.checked_add(completion);
    if host.reasoning_apart && !included {
        Some((completion.checked_add(reasoning)?, false))
    } else {
        Some((completion, false))
    }
}

/// Input read from a cache, under the names that it has.
fn cached(usage: &Value<'_>) -> u64 {
    const NAMES: [&[&str]; 4] = [
        // OpenAI, Groq, xAI, OpenRouter, DeepSeek.
        &["prompt_tokens_details", "cached_tokens"],
        // DeepSeek's own name.
        &["prompt_cache_hit_tokens"],
        // Mistral.
        &["num_cached_tokens"],
        // Moonshot.
        &["cached_tokens"],
    ];
    NAMES.iter().map(|path| count(usage, path)).max().unwrap_or_default()
}

/// The cost that the host states, and whether a part of it is missing.
fn stated(usage: &Value<'_>, stated: Stated) -> (Option<Cost>, bool) {
    match stated {
        Stated::Nothing => (None, false),
        Stated::Ticks => {
            (integer(usage, &["cost_in_usd_ticks"]).and_then(|ticks| picos(PICOS_PER_TICK).checked_mul(ticks)), false)
        }
        Stated::TotalCost => (dollars(usage, &["cost", "total_cost"]), false),
        Stated::CostAndByok => {
            let Some(own) = dollars(usage, &["cost"]) else { return (None, false) };
            if usage.field("is_byok").and_then(|byok| byok.boolean()) != Some(true) {
                return (Some(own), false);
            }
            let upstream = dollars(usage, &["cost_details", "upstream_inference_cost"]);
            match upstream.and_then(|upstream| own.checked_add(upstream)) {
                Some(both) => (Some(both), false),
                None => (Some(own), true),
            }
        }
    }
}

fn picos(picos: u64) -> Cost {
    Cost::from_picos(i128::from(picos))
}

/// Dollars as the text of a number, halves of a pico-dollar rounded up; never through a float.
fn dollars(usage: &Value<'_>, path: &[&str]) -> Option<Cost> {
    decimal_half_up(usage.at(path)?.number()?, PICO_PLACES).map(Cost::from_picos)
}

fn integer(usage: &Value<'_>, path: &[&str]) -> Option<u64> {
    usage.at(path)?.integer()
}

fn count(usage: &Value<'_>, path: &[&str]) -> u64 {
    integer(usage, path).unwrap_or_default()
}
