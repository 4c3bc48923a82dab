//! A scalar as written: its text and its place, read as what it stands for only when `${...}` is filled in.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use crate::cause::Cause;

/// Where something stands in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
    /// In characters.
    pub(crate) width: u32,
}

impl From<Location> for At {
    fn from(location: Location) -> Self {
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: narrow(location.line()), column: narrow(location.column()), width: narrow(location.span().len()) }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) at: At,
    pub(crate) value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { at: spanned.referenced.into(), value: spanned.value })
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What a scalar can stand for.
pub(crate) trait FromScalar: Sized {
    /// Reads the text, after `${...}` was filled in.
    fn from_scalar(text: &str) -> Result<Self, Cause>;

    /// The form of the text, as a JSON Schema.
    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The text of a scalar, to be read as a `T`.
pub(crate) struct Scalar<T> {
    pub(crate) at: At,
    pub(crate) text: String,
    kind: PhantomData<fn() -> T>,
}

impl<T> Scalar<T> {
    /// A scalar that stands for itself at a place where it is not written.
    pub(crate) const fn new(at: At, text: String) -> Self {
        Self { at, text, kind: PhantomData }
    }
}

/// Never its text: it may be a provider key.
impl<T> std::fmt::Debug for Scalar<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scalar").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<'de, T> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Placed { at, value } = Placed::<String>::deserialize(deserializer)?;
        Ok(Self::new(at, value))
    }
}

impl<T: FromScalar> JsonSchema for Scalar<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Scalar")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let plain = T::schema();
        if plain == json_schema!({ "type": "string" }) {
            return plain;
        }
        json_schema!({ "anyOf": [plain, { "type": "string", "pattern": "\\$\\{(env|file):" }] })
    }
}
