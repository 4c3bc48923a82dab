//! # strip_headers
//!
//! Removes request headers before the request leaves, so that no vendor learns what they say:
//!
//! ```yaml
//! guards:
//!   - strip_headers: [x-internal-user, baggage, "x-stainless-*"]
//! ```
//!
//! An entry is a header name, or a prefix followed by `*`; case does not matter. Framing, routing and identity are the
//! gateway's: an entry that could touch `host`, `content-length`, `transfer-encoding`, `authorization` and their kind
//! is refused when the file is read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use types::{Balance, Reason, Verdict};

use crate::draft::Draft;
use crate::guard::{Guard, GuardError, GuardFacts};

/// Headers that frame the message, name its target or prove who calls, and those that give the body its meaning.
const UNTOUCHED: [&str; 19] = [
    "authorization",
    "bursar-key",
    "bursar-session",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-goog-api-key",
];

/// The headers: names, or a prefix followed by `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Options(pub Vec<String>);

/// The guard.
#[derive(Clone, Debug)]
pub struct StripHeaders {
    /// Lower-case names; with `true`, prefixes.
    entries: Vec<(String, bool)>,
}

impl StripHeaders {
    /// The name in the file.
    pub const NAME: &'static str = "strip_headers";

    /// Checks the options.
    ///
    /// # Errors
    /// An empty list; an entry that is no header name, or that fits one which only the gateway may touch.
    pub fn new(options: &Options) -> Result<Self, GuardError> {
        if options.0.is_empty() {
            return Err(GuardError::Empty { guard: Self::NAME });
        }
        let entries = options.0.iter().map(|text| Self::entry(text)).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    fn entry(text: &str) -> Result<(String, bool), GuardError> {
        let lower = text.to_ascii_lowercase();
        let (name, prefix) = lower.strip_suffix('*').map_or((lower.as_str(), false), |name| (name, true));
        let entry = (String::from(name), prefix);
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() || UNTOUCHED.iter().any(|kept| fits(&entry, kept)) {
            return Err(GuardError::Header { guard: Self::NAME, header: text.into() });
        }
        Ok(entry)
    }
}

fn fits((name, prefix): &(String, bool), header: &str) -> bool {
    if *prefix { header.starts_with(name.as_str()) } else { header == name }
}

impl Guard for StripHeaders {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn shape(&self, draft: &mut Draft) -> Result<(), Reason> {
        let goes = |name: &&http::HeaderName| self.entries.iter().any(|entry| fits(entry, name.as_str()));
        let going: Vec<_> = draft.headers.keys().filter(goes).cloned().collect();
        for name in going {
            draft.headers.remove(name);
        }
        Ok(())
    }

    fn judge(&self, _facts: &GuardFacts<'_>, _balances: &[Balance]) -> Verdict {
        Verdict::Allow
    }
}
