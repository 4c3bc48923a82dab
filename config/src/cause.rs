//! Every cause of a fault, in words that say how to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use plugins::{GuardError, PriceError};
use policy::PolicyError;
use types::MoneyError;

use crate::error::Place;

/// How names of agents, teams, routes and gateways look.
pub(crate) const NAME_FORM: &str =
    "take 1 to 64 letters, digits, dots, underscores and dashes, beginning with a letter or digit";

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Not YAML, or not of the kind that belongs there.
    Yaml {
        /// The parser's words.
        message: String,
    },
    /// A key that nobody reads.
    UnknownKey {
        /// The key.
        key: String,
        /// The key that was meant.
        nearest: Option<String>,
        /// The keys that are read there.
        known: Vec<&'static str>,
    },
    /// A key that must be there.
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A key that stands there twice.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A word that is none of the known ones.
    NotOneOf {
        /// What it is about.
        what: &'static str,
        /// The word.
        text: String,
        /// The word that was meant.
        nearest: Option<String>,
        /// The known words.
        known: Vec<String>,
    },
    /// No amount of money.
    NotMoney {
        /// The text.
        text: String,
        /// Why.
        error: MoneyError,
    },
    /// Below zero.
    Negative {
        /// The text.
        text: String,
    },
    /// No whole number, or one out of range.
    NotCount {
        /// The text.
        text: String,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Not of the form that belongs there.
    Malformed {
        /// What it is about.
        what: &'static str,
        /// The text.
        text: String,
        /// How it looks.
        form: &'static str,
    },
    /// Something that must be unique is there twice.
    Twice {
        /// What it is about.
        what: &'static str,
        /// Its name.
        name: String,
        /// Where it stands first.
        first: Place,
    },
    /// A name that nothing has.
    NoSuch {
        /// What it is about.
        what: &'static str,
        /// The name.
        name: String,
        /// The name that was meant.
        nearest: Option<String>,
        /// How to mend it where the name is right.
        mend: &'static str,
    },
    /// `${...}` that cannot be read.
    ReferenceMalformed {
        /// The text.
        text: String,
    },
    /// A variable that is not set.
    VariableMissing {
        /// Its name.
        name: String,
    },
    /// A file that cannot be read.
    FileUnreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// A file that others may read or change.
    LooseMode {
        /// Its permission bits.
        mode: u32,
    },
    /// A folder into which others may put files.
    LooseFolder {
        /// Its permission bits.
        mode: u32,
    },
    /// A limit that limits nothing.
    NoMeasure,
    /// A limit on sessions of an agent without a limit that sessions cannot escape.
    SessionLimitAlone {
        /// The agent.
        agent: String,
    },
    /// A route without hosts and without a prefix.
    Unreachable {
        /// The route.
        route: String,
    },
    /// A key that a route without a preset must have.
    RouteIncomplete {
        /// The route.
        route: String,
        /// The key.
        key: &'static str,
    },
    /// A provider key that can stand in no header.
    CredentialMalformed,
    /// Credentials that are neither a key nor one of the words.
    CredentialsUnknown,
    /// A limit or list that the policy refuses.
    Policy(PolicyError),
    /// Options that a guard refuses.
    Guard(GuardError),
    /// A price file that cannot be used.
    Prices(PriceError),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yaml { message } => f.write_str(message),
            Self::UnknownKey { key, nearest, known } => {
                write!(f, "there is no key `{key}` here")?;
                advise(f, nearest.as_deref(), &format!("the keys are {}", known.join(", ")))
            }
            Self::MissingKey { key } => write!(f, "the key `{key}` is missing"),
            Self::DuplicateKey { key } => write!(f, "the key `{key}` stands here twice; keep one"),
            Self::NotOneOf { what, text, nearest, known } => {
                write!(f, "{text:?} is no {what}")?;
                advise(f, nearest.as_deref(), &format!("write {}", alternatives(known)))
            }
            Self::NotMoney { text, error } => write!(f, "{text:?} is {error}; write dollars such as 5.00"),
            Self::Negative { text } => write!(f, "{text} is below zero; 0 refuses all"),
            Self::NotCount { text, least, most } => {
                write!(f, "{text:?} is no whole number from {least} to {most}")
            }
            Self::Malformed { what, text, form } => write!(f, "{text:?} is no {what}; {form}"),
            Self::Twice { what, name, first } => {
                write!(f, "the {what} {name:?} stands here a second time; it stands first at {first}; keep one")
            }
            Self::NoSuch { what, name, nearest, mend } => {
                write!(f, "there is no {what} {name:?}")?;
                advise(f, nearest.as_deref(), mend)
            }
            Self::NoMeasure => f.write_str("this limit limits nothing; give it usd, requests or tokens"),
            _ => self.fmt_outside(f),
        }
    }
}

impl Cause {
    /// The same cause with what stands in the file instead of the text: what `${...}` stands for may be no one's
    /// business.
    pub(crate) fn about(self, written: &str) -> Self {
        let text = written.to_owned();
        match self {
            Self::NotOneOf { what, known, .. } => Self::NotOneOf { what, text, nearest: None, known },
            Self::NotMoney { error, .. } => Self::NotMoney { text, error },
            Self::Negative { .. } => Self::Negative { text },
            Self::NotCount { least, most, .. } => Self::NotCount { text, least, most },
            Self::Malformed { what, form, .. } => Self::Malformed { what, text, form },
            Self::Policy(PolicyError::ZoneUnknown { .. }) => {
                Self::Policy(PolicyError::ZoneUnknown { name: text, nearest: None })
            }
            other => other,
        }
    }

    /// The causes that lie outside the words of the file.
    fn fmt_outside(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReferenceMalformed { text } => write!(
                f,
                "{text:?} cannot be read; write ${{env:NAME}}, ${{env:NAME:-default}} or ${{file:/path}}, and $${{ for the plain characters"
            ),
            Self::VariableMissing { name } => {
                write!(f, "the variable {name} is not set; set it, or write ${{env:{name}:-default}}")
            }
            Self::FileUnreadable { file, kind } => write!(f, "{}: {kind}", file.display()),
            Self::LooseMode { mode } => write!(
                f,
                "others may read or change this file (mode {mode:04o}), and it says who may spend; run `chmod 600` on it"
            ),
            Self::LooseFolder { mode } => write!(
                f,
                "others may put files into this folder (mode {mode:04o}), and they say who may spend; run `chmod 700` on it"
            ),
            Self::SessionLimitAlone { agent } => write!(
                f,
                "agent {agent:?} may begin any number of sessions, so a limit on sessions alone holds nothing; \
                 give the agent a limit by day, week, month or total too"
            ),
            Self::Unreachable { route } => {
                write!(f, "nothing leads to the route {route:?}; give it hosts, a prefix, or both")
            }
            Self::RouteIncomplete { route, key } => {
                write!(f, "the route {route:?} has no `{key}`; give it one, or a preset that has")
            }
            Self::CredentialMalformed => {
                f.write_str("this provider key cannot stand in a header; it takes visible ASCII characters only")
            }
            Self::CredentialsUnknown => f.write_str(
                "these are no credentials; write {value: ${env:NAME}}, passthrough (the agent's own key), or none",
            ),
            Self::Policy(error) => write!(f, "{error}"),
            Self::Guard(error) => write!(f, "{error}"),
            Self::Prices(error) => write!(f, "{error}"),
            _ => Ok(()),
        }
    }
}

/// The word that was meant, where there is one, and how to mend it where it was not.
fn advise(f: &mut fmt::Formatter<'_>, nearest: Option<&str>, mend: &str) -> fmt::Result {
    let Some(nearest) = nearest else { return write!(f, "; {mend}") };
    let mut letters = mend.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase()).unwrap_or_default();
    write!(f, "; did you mean `{nearest}`? {first}{}", letters.as_str())
}

/// `a, b or c`.
fn alternatives(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
