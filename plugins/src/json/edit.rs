//! Edits: byte ranges of a scanned body replaced, and the result scanned again.

use std::ops::Range;

use bytes::Bytes;

use super::error::{Fault, JsonError};
use super::value::{Document, Field, Kind, Value};

/// One range of a body and what shall stand there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go; an empty range inserts.
    pub span: Range<usize>,
    /// What comes, as JSON text.
    pub with: String,
}

/// A text as a JSON string, quoted and escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Value<'_> {
    /// Another value in the place of this one.
    #[must_use]
    pub fn replace(&self, json: impl Into<String>) -> Edit {
        Edit { span: self.span(), with: json.into() }
    }

    /// A further field at the end of this object; `None` where it is no object. That the object does not have the
    /// field yet is checked when the result is scanned.
    #[must_use]
    pub fn insert_field(&self, name: &str, json: &str) -> Option<Edit> {
        let end = self.span().end.checked_sub(1).filter(|_| self.kind() == Kind::Object)?;
        let comma = if self.fields().next().is_some() { "," } else { "" };
        Some(Edit { span: end..end, with: format!("{comma}{}:{json}", quoted(name)) })
    }

    /// The field with this value: replaced where the object has it, inserted where not. `None` for what is no object.
    #[must_use]
    pub fn set_field(&self, name: &str, json: &str) -> Option<Edit> {
        match self.field(name) {
            Some(value) => Some(value.replace(json)),
            None => self.insert_field(name, json),
        }
    }

    /// The object without a field; `None` where it has none of this name. The comma before it goes too, or the one
    /// after it where it is the first: two neighbours must be removed one splice after the other.
    #[must_use]
    pub fn remove_field(&self, name: &str) -> Option<Edit> {
        let mut before: Option<Field<'_>> = None;
        let mut fields = self.fields();
        while let Some(field) = fields.next() {
            if field.name() != name {
                before = Some(field);
                continue;
            }
            let span = match (before, fields.next()) {
                (Some(before), _) => before.value.span().end..field.value.span().end,
                (None, Some(after)) => field.key.span().start..after.key.span().start,
                (None, None) => field.key.span().start..field.value.span().end,
            };
            return Some(Edit { span, with: String::new() });
        }
        None
    }
}

/// Applies edits to a body that was scanned, and scans the result. Edits at the same place apply in their order.
///
/// # Errors
/// [`Fault::Edit`] where edits overlap or lie outside; what the scanner says of the result.
pub fn splice(body: &Bytes, mut edits: Vec<Edit>) -> Result<Bytes, JsonError> {
    edits.sort_by_key(|edit| edit.span.start);
    let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut edited = Vec::with_capacity(body.len().saturating_add(added));
    let mut kept_to = 0;
    for edit in &edits {
        let kept = body.get(kept_to..edit.span.start).filter(|_| edit.span.start <= edit.span.end);
        let Some(kept) = kept else {
            return Err(JsonError::new(body, edit.span.start, Fault::Edit));
        };
        edited.extend_from_slice(kept);
        edited.extend_from_slice(edit.with.as_bytes());
        kept_to = edit.span.end;
    }
    let Some(rest) = body.get(kept_to..) else {
        return Err(JsonError::new(body, kept_to, Fault::Edit));
    };
    edited.extend_from_slice(rest);
    Document::scan(&edited)?;
    Ok(Bytes::from(edited))
}
