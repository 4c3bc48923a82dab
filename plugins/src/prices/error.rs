//! Why a price file cannot be used.

use std::fmt;

use types::{MoneyError, Name};

use crate::json::JsonError;

/// What is wrong with which price file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceError {
    /// The file, as it was named; empty where there is none.
    pub file: String,
    /// What is wrong.
    pub fault: PriceFault,
}

/// What is wrong with a price file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceFault {
    /// A match clause that is empty, unanchored, or no regular expression.
    Clause {
        /// The model.
        model: Box<str>,
        /// The clause as written.
        clause: String,
    },
    /// A day that is not of the form `2027-01-01`.
    Date {
        /// The model.
        model: Box<str>,
        /// The day as written.
        date: String,
    },
    /// A host that stands in two files: which provider is it?
    HostTwice {
        /// The host.
        host: Box<str>,
    },
    /// It is no strict JSON.
    Json(JsonError),
    /// A kind of token that price files do not know.
    Kind {
        /// The model.
        model: Box<str>,
        /// The kind as written.
        kind: String,
    },
    /// A wire id that stands twice in one file.
    NameTwice {
        /// The id.
        name: Name,
    },
    /// No file was given at all.
    NoFile,
    /// A price that is no exact decimal.
    Price {
        /// The model.
        model: Box<str>,
        /// The kind of token or unit.
        kind: String,
        /// What is wrong with it.
        error: MoneyError,
    },
    /// A provider that stands in two files.
    ProviderTwice {
        /// The provider.
        provider: Name,
    },
    /// It is JSON of another shape than a price file has.
    Shape {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What the reader says of it.
        what: String,
    },
    /// An uplift that is no factor of at least one.
    Uplift {
        /// The model.
        model: Box<str>,
        /// Its name.
        uplift: String,
    },
    /// A window of the day that is not of the form `["01:00","04:00"]`, with `days` absent or `mon-fri`.
    Window {
        /// The model.
        model: Box<str>,
    },
}

impl fmt::Display for PriceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clause { model, clause } => write!(
                f,
                "model {model:?}: the match clause {clause} must be eq, sw, ew or all with a text, or re with ^ and $ around it"
            ),
            Self::Date { model, date } => write!(f, "model {model:?}: {date:?} is no day such as 2027-01-01"),
            Self::HostTwice { host } => write!(f, "the host {host:?} belongs to two providers"),
            Self::Json(error) => error.fmt(f),
            Self::NameTwice { name } => write!(f, "the wire id {name:?} stands twice"),
            Self::NoFile => f.write_str("there is no price file"),
            Self::Kind { model, kind } => {
                write!(f, "model {model:?}: {kind:?} is none of in, out, cr, cw, cw1h, rsn, a_in and a_out")
            }
            Self::Price { model, kind, error } => {
                let what = match error {
                    MoneyError::TooFine => "finer than six decimals per million tokens, or twelve per unit",
                    MoneyError::TooLarge => "too large",
                    _ => "no plain decimal such as 2.5",
                };
                write!(f, "model {model:?}: the price {kind:?} is {what}")
            }
            Self::Uplift { model, uplift } => {
                write!(
                    f,
                    "model {model:?}: the uplift {uplift:?} is no factor of at least 1 with at most three decimals"
                )
            }
            Self::ProviderTwice { provider } => write!(f, "the provider {provider:?} stands in two files"),
            Self::Shape { line, column, what } => write!(f, "line {line}, column {column}: {what}"),
            Self::Window { model } => write!(
                f,
                "model {model:?}: a time of day is written {{\"utc\":[\"01:00\",\"04:00\"]}}, with \"days\":\"mon-fri\" or without"
            ),
        }
    }
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "price file {:?}: {}", self.file, self.fault)
    }
}

impl std::error::Error for PriceError {}
