//! What scalars stand for, and how each is read.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::HeaderName;
use plugins::Clamp;
use policy::{Pattern, Zone, nearest};
use schemars::{Schema, json_schema};
use types::{Money, Name, Scope, Secret, Window};

use super::scalar::FromScalar;
use crate::address::{AddressRange, MalformedRange};
use crate::cause::{Cause, NAME_FORM};
use crate::endpoint::Endpoint;
use crate::host::Host;
use crate::house::{Mode, Unlisted};
use crate::keys::{is_key_id, sha256_of_hex};
use crate::routes::Upstream;

/// One of a few words.
fn one_of<T: Copy>(what: &'static str, text: &str, words: &[(&'static str, T)]) -> Result<T, Cause> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let known: Vec<String> = words.iter().map(|(word, _)| (*word).to_owned()).collect();
    let nearest = nearest(text, known.iter().map(String::as_str)).map(str::to_owned);
    Err(Cause::NotOneOf { what, text: text.to_owned(), nearest, known })
}

fn words_schema<T>(words: &[(&'static str, T)]) -> Schema {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json_schema!({ "type": "string", "enum": words })
}

fn malformed(what: &'static str, text: &str, form: &'static str) -> Cause {
    Cause::Malformed { what, text: text.to_owned(), form }
}

/// Scalars that stand for one of a few words.
macro_rules! words {
    ($type:ty, $what:literal, $words:expr) => {
        impl FromScalar for $type {
            fn from_scalar(text: &str) -> Result<Self, Cause> {
                one_of($what, text, &$words)
            }

            fn schema() -> Schema {
                words_schema(&$words)
            }
        }
    };
}

words!(Mode, "mode", [("enforce", Self::Enforce), ("observe", Self::Observe)]);
words!(Unlisted, "way with unlisted hosts", [("deny", Self::Deny), ("tunnel", Self::Tunnel)]);
words!(Clamp, "clamp", [("never", Self::Never), ("always", Self::Always)]);
words!(
    Scope,
    "scope",
    [
        ("org", Self::Org),
        ("team", Self::Team),
        ("agent", Self::Agent),
        ("user", Self::User),
        ("session", Self::Session),
        ("vendor", Self::Vendor),
        ("model", Self::Model)
    ]
);
words!(
    Window,
    "window",
    [
        ("transaction", Self::Transaction),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("total", Self::Total)
    ]
);

impl FromScalar for bool {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        one_of("yes or no", text, &[("true", true), ("false", false)])
    }

    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// The version of the file's form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormVersion;

impl FromScalar for FormVersion {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        one_of("version of this file's form", text, &[("1", Self)])
    }

    fn schema() -> Schema {
        json_schema!({ "const": 1 })
    }
}

/// A whole number from `LEAST` to `MOST`, digits only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count<const LEAST: u64, const MOST: u64>(pub(crate) u64);

impl<const LEAST: u64, const MOST: u64> FromScalar for Count<LEAST, MOST> {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|number| (LEAST..=MOST).contains(number)).map(Self).ok_or_else(|| Cause::NotCount {
            text: text.to_owned(),
            least: LEAST,
            most: MOST,
        })
    }

    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

impl FromScalar for Money {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        let money = text.parse::<Self>().map_err(|error| Cause::NotMoney { text: text.to_owned(), error })?;
        if money < Self::ZERO {
            return Err(Cause::Negative { text: text.to_owned() });
        }
        Ok(money)
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,9})?$" }] })
    }
}

/// A price in dollars, kept as the text it is: the book reads it exactly.
#[derive(Clone, Debug)]
pub(crate) struct Price(pub(crate) String);

impl FromScalar for Price {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        types::money::decimal_scaled(text, 6)
            .map(|_| Self(text.to_owned()))
            .map_err(|_| malformed("price", text, "write dollars with at most six decimals, such as 1.25"))
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,6})?$" }] })
    }
}

/// A name of ours: of an agent, a team, a route, a gateway.
#[derive(Clone, Debug)]
pub(crate) struct OwnName(pub(crate) Name);

/// Whether a text can be a name of ours. The dash alone stands for "none", `each` for everybody.
pub(crate) fn is_own_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && text != "each"
}

impl FromScalar for OwnName {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        if is_own_name(text) { Ok(Self(Name::from(text))) } else { Err(malformed("name", text, NAME_FORM)) }
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })
    }
}

impl FromScalar for String {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        Ok(text.to_owned())
    }
}

impl FromScalar for Secret {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        Ok(Self::new(text.to_owned()))
    }
}

impl FromScalar for PathBuf {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        if text.is_empty() { Err(malformed("path", text, "name a file or folder")) } else { Ok(Self::from(text)) }
    }
}

impl FromScalar for Zone {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        Self::named(text).map_err(Cause::Policy)
    }
}

impl FromScalar for Pattern {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        Self::new(text).map_err(Cause::Policy)
    }
}

impl FromScalar for SocketAddr {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        text.parse().map_err(|_| malformed("address to listen on", text, "write 127.0.0.1:4000 or [::1]:4000"))
    }
}

impl FromScalar for AddressRange {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        text.parse().map_err(|error: MalformedRange| malformed("range of addresses", text, error.advice()))
    }
}

impl FromScalar for Host {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str =
            "write one name such as api.example.com or api.example.com:8443, without scheme, path or star";
        Self::parse(text).ok_or_else(|| malformed("host", text, FORM))
    }
}

impl FromScalar for Endpoint {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str = "write a method and a path, such as GET /v1/models/* (a star is one whole segment)";
        text.parse().map_err(|_| malformed("endpoint", text, FORM))
    }
}

impl FromScalar for HeaderName {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        // What frames the message, or names us, is never a provider's key.
        const OURS: [&str; 8] = [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "proxy-authorization",
            "te",
            "upgrade",
            "cookie",
        ];
        Self::from_bytes(text.as_bytes())
            .ok()
            .filter(|name| !OURS.contains(&name.as_str()) && !name.as_str().starts_with("bursar-"))
            .ok_or_else(|| malformed("header for a key", text, "write one such as authorization or x-api-key"))
    }
}

impl FromScalar for Upstream {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str = "write https://host or http://host:port; the path comes from the request";
        let error = || malformed("upstream", text, FORM);
        let (tls, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(error()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let host = Host::parse(rest).ok_or_else(error)?;
        let has_port =
            rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok() && !rest.ends_with(']'));
        let port = if has_port || tls { host.port } else { 80 };
        Ok(Self { tls, host: host.name, port })
    }
}

/// The prefix of a base URL.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(pub(crate) String);

impl FromScalar for Prefix {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str = "write /name; /_k and /v1 are the gateway's own";
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
                && !segment.bytes().all(|byte| byte == b'.')
        };
        let mut segments = text.strip_prefix('/').unwrap_or_default().split('/');
        let is_ours = matches!(segments.clone().next(), Some("_k" | "v1"));
        if text.len() <= 128 && !is_ours && segments.all(is_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("prefix", text, FORM))
        }
    }
}

/// The id of a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyId(pub(crate) String);

impl FromScalar for KeyId {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str = "it is the eight characters after bk_; `bursar agents add` writes it";
        if is_key_id(text) { Ok(Self(text.to_owned())) } else { Err(malformed("key id", text, FORM)) }
    }
}

/// A SHA-256 in hex.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sha256Hex(pub(crate) [u8; 32]);

impl FromScalar for Sha256Hex {
    fn from_scalar(text: &str) -> Result<Self, Cause> {
        const FORM: &str = "it takes 64 hex digits; `bursar agents add` writes it";
        sha256_of_hex(text).map(Self).ok_or_else(|| malformed("SHA-256", text, FORM))
    }
}
