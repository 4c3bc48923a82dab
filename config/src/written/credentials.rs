//! `credentials:` is a word or a map; serde's untagged form would lose the places of what stands in it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::file::Injected;

/// On whose key a route's requests go, as written.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// On the agent's own.
    Passthrough,
    /// On none.
    None,
    /// A word that is none of these; not kept, for it may be a key.
    Unknown,
    /// On ours.
    Injected(Box<Injected>),
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CredentialsVisitor)
    }
}

struct CredentialsVisitor;

impl<'de> Visitor<'de> for CredentialsVisitor {
    type Value = Credentials;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{value: ${env:NAME}}, passthrough, or none")
    }

    fn visit_str<E>(self, word: &str) -> Result<Credentials, E> {
        Ok(match word {
            "passthrough" => Credentials::Passthrough,
            "none" => Credentials::None,
            _ => Credentials::Unknown,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Credentials, A::Error> {
        Injected::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(Credentials::Injected)
    }
}

impl JsonSchema for Credentials {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Credentials")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let injected = generator.subschema_for::<Injected>();
        json_schema!({
            "description": "On whose key requests go: a key of yours, the agent's own (`passthrough`), or none.",
            "anyOf": [{ "enum": ["passthrough", "none"] }, injected]
        })
    }
}
