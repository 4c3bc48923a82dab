//! Strict reading of the few request fields that money hangs on.

use std::borrow::Cow;

use types::Reason;

use crate::json::{Expected, JsonError, Value};

/// More output than any model produces, by far: a larger bound is a mistake or an attempt to overflow somebody.
pub(super) const OUTPUT_TOKENS_MAX: u64 = 100_000_000;

/// Fields that name a destination or a credential to some proxy or library behind the vendor's door (LiteLLM:
/// CVE-2024-6587 and its successors). Destination and identity never come from the body.
const DESTINATIONS: [&str; 6] = ["api_base", "api_key", "base_url", "custom_llm_provider", "model_list", "user_config"];

/// A whole number within bounds; `None` where the field is absent or null.
pub(super) fn whole(object: &Value<'_>, name: &str, least: u64, most: u64) -> Result<Option<u64>, Reason> {
    let Some(number) = object.integer_at(&[name])? else { return Ok(None) };
    if (least..=most).contains(&number) {
        return Ok(Some(number));
    }
    let at = object.field(name).map_or(0, |value| value.span().start);
    Err(wrong(at, &format!("the field {name:?} must lie between {least} and {most}")))
}

/// The model that a request names, exactly as written: printable ASCII, so that nothing hides in it.
pub(super) fn model<'d>(object: &Value<'d>, name: &str) -> Result<Cow<'d, str>, Reason> {
    let Some(model) = object.text_at(&[name])? else {
        return Err(wrong(object.span().start, &format!("the field {name:?} must name the model")));
    };
    plain_model(model)
}

/// A model id that is not printable ASCII is nobody's.
pub(super) fn plain_model(model: Cow<'_, str>) -> Result<Cow<'_, str>, Reason> {
    if !model.is_empty() && model.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(model);
    }
    Err(Reason::ModelUnknown { model: model.into() })
}

/// The fields of a list of objects, or none where the field is absent or null.
pub(super) fn list<'d>(object: &Value<'d>, name: &str) -> Result<Option<Value<'d>>, Reason> {
    use crate::json::Kind;
    match object.field(name) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) if value.kind() == Kind::Array => Ok(Some(value)),
        Some(value) => Err(wrong(value.span().start, &format!("the field {name:?} must be a list"))),
    }
}

/// The body must be an object, without a key that some readers take for one of `known` and others do not (Go's
/// encoding/json matches keys without regard to case), and without a key that names a destination.
pub(super) fn unambiguous(object: &Value<'_>, known: &[&str]) -> Result<(), Reason> {
    use crate::json::Kind;
    if object.kind() != Kind::Object {
        return Err(wrong(object.span().start, "the body must be a JSON object"));
    }
    for field in object.fields() {
        let name = field.name();
        let at = field.key.span().start;
        if let Some(meant) = known.iter().find(|known| name.eq_ignore_ascii_case(known) && name != **known) {
            return Err(wrong(at, &format!("the key {name:?} looks like {meant:?}; write it so, or leave it out")));
        }
        if DESTINATIONS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return Err(wrong(at, &format!("the key {name:?} names a destination or a credential; the body may not")));
        }
    }
    Ok(())
}

/// A refusal of the body, with the byte where it is wrong.
pub(super) fn wrong(at: usize, what: &str) -> Reason {
    Reason::AmbiguousBody { what: format!("JSON, byte {at}: {what}") }
}

/// A refusal for a field of the wrong type.
pub(super) fn mistyped(value: &Value<'_>, name: &str, expected: Expected) -> Reason {
    let error: JsonError = value.mistyped(&[name], expected);
    error.into()
}

/// A refusal for what nothing bounds.
pub(super) fn unbounded(what: impl Into<String>) -> Reason {
    Reason::Unbounded { what: what.into() }
}
