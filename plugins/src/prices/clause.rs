//! Match clauses: which wire ids mean a model, beside its exact ones.

use regex::bytes::{Regex, RegexBuilder};

/// One clause, looked at with the lower-cased wire id. Every form is anchored: a clause that finds its text anywhere
/// (`ct` in the source of our data) prices ids that nobody has priced, and is not read.
#[derive(Debug)]
pub(super) enum Clause {
    /// All of them fit.
    All(Box<[Clause]>),
    /// It ends with this.
    Ends(Box<str>),
    /// It is this.
    Equals(Box<str>),
    /// It fits this expression from its first to its last byte.
    Fits(Box<Regex>),
    /// It starts with this.
    Starts(Box<str>),
}

impl Clause {
    /// An expression, which must be anchored at both ends. `None`: it is not, or it is no expression.
    pub(super) fn fitting(expression: &str) -> Option<Self> {
        const COMPILED_BYTES_MAX: usize = 256 << 10;
        if !(expression.starts_with('^') && expression.ends_with('$') && expression.len() > 2) {
            return None;
        }
        // Around an alternation the anchors would bind to its ends only.
        let expression = format!("^(?:{expression})$");
        let built = RegexBuilder::new(&expression).unicode(false).size_limit(COMPILED_BYTES_MAX).build().ok()?;
        Some(Self::Fits(Box::new(built)))
    }

    pub(super) fn fits(&self, id: &str) -> bool {
        match self {
            Self::All(clauses) => clauses.iter().all(|clause| clause.fits(id)),
            Self::Ends(end) => id.ends_with(&**end),
            Self::Equals(whole) => id == &**whole,
            Self::Fits(expression) => expression.is_match(id.as_bytes()),
            Self::Starts(start) => id.starts_with(&**start),
        }
    }
}
