//! The one ordered list of meters and guards. A new one is a folder or file beside the others and a line here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guard::{Guard, GuardError};
use crate::guards::{deny_models, max_output, strip_headers};
use crate::meter::Meter;
use crate::meters::anthropic_messages::AnthropicMessages;
use crate::meters::free::Free;
use crate::meters::openai_chat::OpenaiChat;

/// All meters. Where two claim an endpoint, the first does.
#[must_use]
pub fn meters() -> &'static [&'static dyn Meter] {
    &[&AnthropicMessages, &OpenaiChat, &Free]
}

/// The meter of this name.
#[must_use]
pub fn meter(name: &str) -> Option<&'static dyn Meter> {
    meters().iter().copied().find(|meter| meter.name() == name)
}

/// A guard as the file writes it: `- max_output: {tokens: 4096}`. The guards of a route run in the order in which they
/// stand here, whatever the order in the file: what may not pass is refused before anything is edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardOptions {
    /// See [`deny_models`].
    DenyModels(deny_models::Options),
    /// See [`max_output`].
    MaxOutput(max_output::Options),
    /// See [`strip_headers`].
    StripHeaders(strip_headers::Options),
}

impl GuardOptions {
    /// The names of all guards in the order in which they run.
    pub const ORDER: [&'static str; 3] =
        [deny_models::DenyModels::NAME, max_output::MaxOutput::NAME, strip_headers::StripHeaders::NAME];

    /// Its name in the file.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DenyModels(_) => deny_models::DenyModels::NAME,
            Self::MaxOutput(_) => max_output::MaxOutput::NAME,
            Self::StripHeaders(_) => strip_headers::StripHeaders::NAME,
        }
    }

    /// Its place in [`GuardOptions::ORDER`].
    #[must_use]
    pub fn place(&self) -> usize {
        Self::ORDER.iter().position(|name| *name == self.name()).unwrap_or(Self::ORDER.len())
    }
}

/// Makes one guard of its options.
///
/// # Errors
/// Which guard cannot work with which option, and how to mend it.
pub fn guard(options: &GuardOptions) -> Result<Box<dyn Guard>, GuardError> {
    Ok(match options {
        GuardOptions::DenyModels(options) => Box::new(deny_models::DenyModels::new(options)?),
        GuardOptions::MaxOutput(options) => Box::new(max_output::MaxOutput::new(options)?),
        GuardOptions::StripHeaders(options) => Box::new(strip_headers::StripHeaders::new(options)?),
    })
}

/// Makes the guards of a route, in the order in which they run.
///
/// # Errors
/// As [`guard`].
pub fn guards(options: &[GuardOptions]) -> Result<Vec<Box<dyn Guard>>, GuardError> {
    let mut ordered: Vec<&GuardOptions> = options.iter().collect();
    ordered.sort_by_key(|options| options.place());
    ordered.into_iter().map(guard).collect()
}

/// The cap that the guards of a route put on an inserted output bound: the smallest of their `max_output`.
#[must_use]
pub fn output_cap(options: &[GuardOptions]) -> Option<u64> {
    let cap = |options: &GuardOptions| match options {
        GuardOptions::MaxOutput(options) => Some(options.tokens),
        _ => None,
    };
    options.iter().filter_map(cap).min()
}

#[cfg(test)]
mod tests;
