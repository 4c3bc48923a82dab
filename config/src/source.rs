//! A file of the configuration: its name, its text, and faults at places in it.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_saphyr::Error as YamlError;

use crate::cause::Cause;
use crate::error::{Fault, Place, presentable};
use crate::written::At;

/// The largest file: far above any that people write, far below what would hurt.
const FILE_MAX_BYTES: usize = 16 << 20;

/// A file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn new(file: &Path, text: String) -> Self {
        Self { file: file.to_path_buf(), text }
    }

    /// Where something stands.
    pub(crate) fn place(&self, at: At) -> Place {
        Place { file: self.file.clone(), line: at.line, column: at.column }
    }

    /// A fault at a place.
    pub(crate) fn fault(&self, at: At, cause: Cause) -> Fault {
        let index = usize::try_from(at.line).unwrap_or(0).checked_sub(1);
        let line = index.and_then(|index| self.text.lines().nth(index)).unwrap_or_default();
        Fault { place: self.place(at), line_text: presentable(line), width: at.width, cause }
    }

    /// A fault of the whole file.
    pub(crate) fn fault_of_all(&self, cause: Cause) -> Fault {
        self.fault(At::default(), cause)
    }

    /// Reads the YAML into its written form: unknown keys, keys that stand there twice and values of another kind are
    /// faults; so are documents that would unfold without end.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Box<Fault>> {
        if self.text.len() > FILE_MAX_BYTES {
            let message = format!("this file is larger than {FILE_MAX_BYTES} bytes");
            return Err(Box::new(self.fault_of_all(Cause::Yaml { message })));
        }
        let options = serde_saphyr::options! {
            with_snippet: false,
            emit_comments: false,
            budget: serde_saphyr::budget! {
                max_depth: 32,
                max_aliases: 1_000,
                max_anchors: 1_000,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: 100_000,
                max_replay_stack_depth: 8,
            },
        };
        serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| {
            let at = error.location().map_or(At { line: 1, column: 1, width: 1 }, At::from);
            Box::new(self.fault(at, cause_of(error.without_snippet())))
        })
    }
}

fn cause_of(error: &YamlError) -> Cause {
    match error {
        YamlError::AliasError { error, .. } => cause_of(error),
        YamlError::SerdeUnknownField { field, expected, .. } => Cause::UnknownKey {
            key: field.clone(),
            nearest: policy::nearest(field, expected.iter().copied()).map(str::to_owned),
            known: expected.clone(),
        },
        YamlError::SerdeMissingField { field, .. } => Cause::MissingKey { key: field },
        YamlError::DuplicateMappingKey { key: Some(key), .. } => Cause::DuplicateKey { key: key.clone() },
        YamlError::SerdeUnknownVariant { variant, expected, .. } => Cause::NotOneOf {
            what: "name that is known here",
            text: variant.clone(),
            nearest: policy::nearest(variant, expected.iter().copied()).map(str::to_owned),
            known: expected.iter().map(|word| (*word).to_owned()).collect(),
        },
        YamlError::Unexpected { expected, .. } => Cause::Yaml { message: kind_wanted(expected) },
        YamlError::NullIntoString { .. } => Cause::Yaml { message: "a value is missing here".to_owned() },
        YamlError::SerdeInvalidType { unexpected, expected, .. } => {
            Cause::Yaml { message: format!("this is {unexpected}, but {expected} belongs here") }
        }
        other => Cause::Yaml { message: message_of(other) },
    }
}

/// What belongs there, in words for people who write files and no parsers.
fn kind_wanted(expected: &str) -> String {
    match expected {
        "sequence start" => "a list belongs here: [a, b], or lines that begin with a dash".to_owned(),
        "mapping start" => "keys with values belong here: {key: value}, or lines of them".to_owned(),
        "string scalar" | "scalar" | "value" => "one value belongs here, neither a list nor keys".to_owned(),
        other => format!("{other} belongs here"),
    }
}

/// The parser's words without the place, which stands before them already.
fn message_of(error: &YamlError) -> String {
    let text = error.to_string();
    let cut = text.rfind(" at line ").unwrap_or(text.len());
    let line = text.get(..cut).unwrap_or(&text);
    line.lines().next().unwrap_or_default().to_owned()
}
