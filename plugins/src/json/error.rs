//! What is wrong with a document, and where.

use std::fmt;

use types::Reason;

/// Why a document was refused, or a field of it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The offset of the fault in bytes, from zero.
    pub offset: usize,
    /// The line of the fault, from one.
    pub line: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It starts with a byte order mark (RFC 8259 §8.1 forbids sending one).
    ByteOrderMark,
    /// A control character stands unescaped in a string.
    ControlCharacter,
    /// A key stands twice in one object; readers differ on which one wins.
    DuplicateKey {
        /// The key, shortened.
        key: String,
    },
    /// An edit overlaps another, or lies outside the document.
    Edit,
    /// A backslash in a string is followed by what is no escape.
    Escape,
    /// Half a surrogate pair: no character, and readers differ on what to make of it.
    LoneSurrogate,
    /// A field is of another type than the meter must read.
    Mistyped {
        /// The field, its path joined by dots.
        path: String,
        /// What it must be.
        expected: Expected,
    },
    /// U+0000 in a string, escaped or not; it ends the text for some readers.
    Nul,
    /// A number that JSON does not know: a leading zero, a bare point, a plus sign.
    Number,
    /// Deeper nesting than the cap.
    TooDeep {
        /// The cap in levels.
        cap: usize,
    },
    /// More bytes than the cap.
    TooLarge {
        /// The cap in bytes.
        cap_bytes: usize,
    },
    /// Something stands after the end of the value.
    Trailing,
    /// Another byte than the grammar has there.
    Unexpected {
        /// What would be right.
        wanted: &'static str,
    },
    /// The document ends too early.
    UnexpectedEnd,
    /// The bytes are not UTF-8.
    Utf8,
}

/// What a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// True or false.
    Boolean,
    /// A decimal number.
    Number,
    /// A string.
    Text,
    /// Digits only, without sign, point or exponent, at most 2^64 - 1.
    WholeNumber,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::WholeNumber => "a whole number in plain digits such as 1024",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str("a byte order mark; send plain UTF-8"),
            Self::ControlCharacter => f.write_str("a control character inside a string; escape it"),
            Self::DuplicateKey { key } => write!(f, "the key {key:?} stands twice in one object; send it once"),
            Self::Edit => f.write_str("an edit that overlaps another or lies outside the body"),
            Self::Escape => f.write_str("a backslash that starts no JSON escape"),
            Self::LoneSurrogate => f.write_str("half a surrogate pair (\\ud800 to \\udfff must come in pairs)"),
            Self::Mistyped { path, expected } => write!(f, "the field {path:?} must be {expected}"),
            Self::Nul => f.write_str("the character U+0000 in a string"),
            Self::Number => f.write_str(
                "a number that JSON does not know (no leading zeros, no plus, digits on both sides of the point)",
            ),
            Self::TooDeep { cap } => write!(f, "more than {cap} levels of nesting"),
            Self::TooLarge { cap_bytes } => write!(f, "more than {cap_bytes} bytes"),
            Self::Trailing => f.write_str("something after the end of the JSON value"),
            Self::Unexpected { wanted } => write!(f, "{wanted} must stand here"),
            Self::UnexpectedEnd => f.write_str("the JSON value ends too early"),
            Self::Utf8 => f.write_str("bytes that are not UTF-8"),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JSON, line {}, byte {}: {}", self.line, self.offset, self.fault)
    }
}

impl std::error::Error for JsonError {}

impl From<JsonError> for Reason {
    fn from(error: JsonError) -> Self {
        Self::AmbiguousBody { what: error.to_string() }
    }
}

impl JsonError {
    /// A fault at a place in a text.
    pub(super) fn new(bytes: &[u8], offset: usize, fault: Fault) -> Self {
        let before = bytes.get(..offset).unwrap_or(bytes);
        let line = before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
        Self { offset, line, fault }
    }
}
