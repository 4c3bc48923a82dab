//! # max_output
//!
//! Caps the output, in tokens, that one call may ask for:
//!
//! ```yaml
//! guards:
//!   - max_output: { tokens: 4096 }              # a call that asks for more is refused
//!   - max_output: { tokens: 4096, over: lower } # ... or lowered to the cap
//! ```
//!
//! It looks at every field by which clients bound their output (`max_tokens`, `max_completion_tokens`,
//! `max_output_tokens`), which counts for each choice of the answer. Where a call names none, the cap is the most that
//! Bursar inserts. A refusal is 403 `output_over_cap`. The default is to refuse: a lowered bound cuts an answer short
//! without asking, and a vendor may refuse it (Anthropic wants `max_tokens` above the thinking budget).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use types::{Balance, OutputBound, Reason, Verdict};

use crate::draft::Draft;
use crate::guard::{Guard, GuardError, GuardFacts};

/// The fields by which clients of the OpenAI and Anthropic protocols bound their output.
const BOUND_FIELDS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// The cap, and what happens above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The most output of one call, in tokens.
    pub tokens: u64,
    /// What happens to a call that asks for more.
    #[serde(default)]
    pub over: Over,
}

/// What happens to a call that asks for more than the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// It is refused.
    #[default]
    Refuse,
    /// Its bound is lowered to the cap.
    Lower,
}

/// The guard.
#[derive(Clone, Copy, Debug)]
pub struct MaxOutput {
    options: Options,
}

impl MaxOutput {
    /// The name in the file.
    pub const NAME: &'static str = "max_output";

    /// Checks the options.
    ///
    /// # Errors
    /// A cap of zero.
    pub const fn new(options: &Options) -> Result<Self, GuardError> {
        if options.tokens == 0 {
            return Err(GuardError::Zero { guard: Self::NAME });
        }
        Ok(Self { options: *options })
    }
}

impl Guard for MaxOutput {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn shape(&self, draft: &mut Draft) -> Result<(), Reason> {
        let cap = self.options.tokens;
        let mut edits = Vec::new();
        // A body that is no JSON bounds nothing here; `judge` looks at the quote all the same.
        let Ok(document) = draft.json() else { return Ok(()) };
        for name in BOUND_FIELDS {
            let Some(asked) = document.integer(&[name])?.filter(|asked| *asked > cap) else { continue };
            match self.options.over {
                Over::Refuse => return Err(Reason::OutputOverCap { asked, cap }),
                Over::Lower => edits.extend(document.at(&[name]).map(|value| value.replace(cap.to_string()))),
            }
        }
        if edits.is_empty() { Ok(()) } else { draft.splice(edits) }
    }

    fn judge(&self, facts: &GuardFacts<'_>, _balances: &[Balance]) -> Verdict {
        let cap = self.options.tokens;
        match facts.quote.map(|quote| quote.output) {
            Some(OutputBound::Named(asked)) if asked > cap => Verdict::Deny(Reason::OutputOverCap { asked, cap }),
            _ => Verdict::Allow,
        }
    }
}
