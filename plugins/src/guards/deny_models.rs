//! # deny_models
//!
//! Refuses calls to models that nobody shall use, by exact name or by prefix:
//!
//! ```yaml
//! guards:
//!   - deny_models: [gpt-5-pro, "o1*", "openai/o3-pro*"]
//! ```
//!
//! A pattern is compared, without regard to ASCII case, with every model that the body names (`model`, and the entries
//! of a fallback list `models`) and with the price book's own name of the model, so an alias does not slip through.
//! A `*` stands at the end only. The answer is 403 `model_not_allowed`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use types::{Balance, Reason, Verdict};

use crate::draft::Draft;
use crate::guard::{Guard, GuardError, GuardFacts};

/// The patterns: exact names, or a prefix followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Options(pub Vec<String>);

/// The guard.
#[derive(Clone, Debug)]
pub struct DenyModels {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

impl DenyModels {
    /// The name in the file.
    pub const NAME: &'static str = "deny_models";

    /// Checks the options.
    ///
    /// # Errors
    /// An empty list; a pattern that is empty or has a `*` elsewhere than at its end.
    pub fn new(options: &Options) -> Result<Self, GuardError> {
        if options.0.is_empty() {
            return Err(GuardError::Empty { guard: Self::NAME });
        }
        let patterns = options.0.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    fn denies(&self, model: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.fits(model))
    }

    fn refuse_denied(&self, model: &str) -> Result<(), Reason> {
        if self.denies(model) { Err(Reason::ModelNotAllowed { model: model.into() }) } else { Ok(()) }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, GuardError> {
        let (name, prefix) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        if name.contains('*') || text.is_empty() {
            return Err(GuardError::Pattern { guard: DenyModels::NAME, pattern: text.into() });
        }
        Ok(if prefix { Self::Prefix(name.into()) } else { Self::Exact(name.into()) })
    }

    fn fits(&self, model: &str) -> bool {
        match self {
            Self::Exact(name) => name.eq_ignore_ascii_case(model),
            Self::Prefix(name) => {
                model.as_bytes().get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
            }
        }
    }
}

impl Guard for DenyModels {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn shape(&self, draft: &mut Draft) -> Result<(), Reason> {
        // A body that is no JSON names no model here; whether such a body may pass is the meter's business.
        let Ok(document) = draft.json() else { return Ok(()) };
        if let Some(model) = document.at(&["model"]).and_then(|value| value.text()) {
            self.refuse_denied(&model)?;
        }
        let fallbacks = document.at(&["models"]);
        for model in fallbacks.iter().flat_map(|list| list.items()).filter_map(|item| item.text()) {
            self.refuse_denied(&model)?;
        }
        Ok(())
    }

    fn judge(&self, facts: &GuardFacts<'_>, _balances: &[Balance]) -> Verdict {
        match facts.quote {
            Some(quote) if self.denies(&quote.model) => {
                Verdict::Deny(Reason::ModelNotAllowed { model: quote.model.clone() })
            }
            _ => Verdict::Allow,
        }
    }
}
