//! Typed reading of a scanned document: borrowed, by path, without a tree.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{Expected, Fault, JsonError};
use super::scan::{LONG_BYTES, Rules, Scanned, Span, plain_run, scan, wide};
use super::text::unescape;

/// A document that passed the scanner. Borrows the bytes; holds no tree, only the ends of long values.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    text: &'a str,
    root: Span,
    long: Vec<Span>,
}

impl<'a> Document<'a> {
    /// Scans what an agent sent, by [`Rules::REQUEST`].
    ///
    /// # Errors
    /// What is wrong, and at which line and byte.
    pub fn scan(bytes: &'a [u8]) -> Result<Self, JsonError> {
        Self::scan_by(bytes, &Rules::REQUEST)
    }

    /// Scans what a vendor answered, by [`Rules::ANSWER`].
    ///
    /// # Errors
    /// What is wrong, and at which line and byte.
    pub fn scan_answer(bytes: &'a [u8]) -> Result<Self, JsonError> {
        Self::scan_by(bytes, &Rules::ANSWER)
    }

    /// Scans by any rules.
    ///
    /// # Errors
    /// What is wrong, and at which line and byte.
    pub fn scan_by(bytes: &'a [u8], rules: &Rules) -> Result<Self, JsonError> {
        let Scanned { text, root, long } = scan(bytes, rules)?;
        Ok(Self { text, root, long })
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value { document: self, start: wide(self.root.0), end: wide(self.root.1) }
    }

    /// The value at a path of keys from the root, null included; `None` where a key is absent.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<Value<'_>> {
        self.root().at(path)
    }

    /// As [`Value::text_at`], from the root.
    ///
    /// # Errors
    /// [`Fault::Mistyped`].
    pub fn text(&self, path: &[&str]) -> Result<Option<Cow<'_, str>>, JsonError> {
        self.root().text_at(path)
    }

    /// As [`Value::integer_at`], from the root.
    ///
    /// # Errors
    /// [`Fault::Mistyped`].
    pub fn integer(&self, path: &[&str]) -> Result<Option<u64>, JsonError> {
        self.root().integer_at(path)
    }

    /// As [`Value::boolean_at`], from the root.
    ///
    /// # Errors
    /// [`Fault::Mistyped`].
    pub fn boolean(&self, path: &[&str]) -> Result<Option<bool>, JsonError> {
        self.root().boolean_at(path)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn after_space(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            at += 1;
        }
        at
    }

    /// The end of the string whose opening quote stands at `start`.
    fn string_end(&self, start: usize) -> usize {
        let mut at = start + 1;
        loop {
            at += plain_run(self.text.as_bytes().get(at..).unwrap_or_default());
            match self.byte(at) {
                Some(b'\\') => at += 2,
                Some(b'"') => return at + 1,
                _ => return at,
            }
        }
    }

    /// The end of the value that starts at `start`: looked up where it is long, walked where it is short.
    fn value_end(&self, start: usize) -> usize {
        let index = self.long.partition_point(|span| wide(span.0) < start);
        if let Some(span) = self.long.get(index)
            && wide(span.0) == start
        {
            return wide(span.1);
        }
        match self.byte(start) {
            Some(b'"') => self.string_end(start),
            Some(b'{' | b'[') => self.container_end(start),
            _ => {
                let rest = self.text.get(start..).unwrap_or_default();
                let length = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
                start + length
            }
        }
    }

    /// The end of a short container, found by counting brackets outside strings.
    fn container_end(&self, start: usize) -> usize {
        let (mut at, mut depth) = (start, 0_usize);
        while at < start + LONG_BYTES {
            match self.byte(at) {
                Some(b'"') => {
                    at = self.string_end(at);
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => break,
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
        at
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A list.
    Array,
    /// True or false.
    Boolean,
    /// Null.
    Null,
    /// A number of any form.
    Number,
    /// Keys and values.
    Object,
    /// A string.
    Text,
}

/// A value of a scanned document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    start: usize,
    end: usize,
}

impl<'d> Value<'d> {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.document.byte(self.start) {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Where it stands, in bytes of the document, quotes and brackets included.
    #[must_use]
    pub const fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Its very text, quotes and brackets included.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        self.document.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// Its text, unescaped, where it is a string.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'d, str>> {
        let raw = self.raw().strip_prefix('"')?.strip_suffix('"')?;
        Some(if raw.contains('\\') { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) })
    }

    /// Its value, where it is true or false.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.raw() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Its value, where it is a whole number in plain digits. `1.0`, `1e3`, `-0`, `"1"` and what exceeds 64 bits are
    /// not: readers differ on them.
    #[must_use]
    pub fn integer(&self) -> Option<u64> {
        let raw = self.raw();
        if raw.bytes().all(|byte| byte.is_ascii_digit()) { raw.parse().ok() } else { None }
    }

    /// Its text, where it is a number of any form.
    #[must_use]
    pub fn number(&self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The value of a field, where it is an object that has it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value<'d>> {
        self.fields().find(|field| field.name() == name).map(|field| field.value)
    }

    /// The value at a path of keys, null included; `None` where a key is absent or what holds it is no object.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<Value<'d>> {
        path.iter().try_fold(*self, |value, name| value.field(name))
    }

    /// The string at a path; `None` where it is absent or null.
    ///
    /// # Errors
    /// [`Fault::Mistyped`] for anything else.
    pub fn text_at(&self, path: &[&str]) -> Result<Option<Cow<'d, str>>, JsonError> {
        self.typed_at(path, Expected::Text, |value| value.text())
    }

    /// The whole number in plain digits at a path; `None` where it is absent or null.
    ///
    /// # Errors
    /// [`Fault::Mistyped`] for anything else, other spellings of whole numbers included.
    pub fn integer_at(&self, path: &[&str]) -> Result<Option<u64>, JsonError> {
        self.typed_at(path, Expected::WholeNumber, Self::integer)
    }

    /// The truth value at a path; `None` where it is absent or null.
    ///
    /// # Errors
    /// [`Fault::Mistyped`] for anything else.
    pub fn boolean_at(&self, path: &[&str]) -> Result<Option<bool>, JsonError> {
        self.typed_at(path, Expected::Boolean, Self::boolean)
    }

    /// The text of the number at a path; `None` where it is absent or null.
    ///
    /// # Errors
    /// [`Fault::Mistyped`] for anything else.
    pub fn number_at(&self, path: &[&str]) -> Result<Option<&'d str>, JsonError> {
        self.typed_at(path, Expected::Number, Self::number)
    }

    /// An error that names this value by a path, for a meter that expected something else of it.
    #[must_use]
    pub fn mistyped(&self, path: &[&str], expected: Expected) -> JsonError {
        let fault = Fault::Mistyped { path: path.join("."), expected };
        JsonError::new(self.document.text.as_bytes(), self.start, fault)
    }

    /// Its fields in order; none where it is no object.
    #[must_use]
    pub fn fields(&self) -> Fields<'d> {
        let entries = if self.kind() == Kind::Object { self.end.saturating_sub(1) } else { self.start };
        Fields { document: self.document, at: self.start + 1, end: entries }
    }

    /// Its items in order; none where it is no array.
    #[must_use]
    pub fn items(&self) -> Items<'d> {
        let entries = if self.kind() == Kind::Array { self.end.saturating_sub(1) } else { self.start };
        Items { document: self.document, at: self.start + 1, end: entries }
    }

    fn typed_at<T>(
        &self,
        path: &[&str],
        expected: Expected,
        read: impl Fn(&Value<'d>) -> Option<T>,
    ) -> Result<Option<T>, JsonError> {
        match self.at(path) {
            None => Ok(None),
            Some(value) if value.is_null() => Ok(None),
            Some(value) => read(&value).map(Some).ok_or_else(|| value.mistyped(path, expected)),
        }
    }
}

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub struct Field<'d> {
    /// The key as a value: a string, with its span.
    pub key: Value<'d>,
    /// The value.
    pub value: Value<'d>,
}

impl<'d> Field<'d> {
    /// The key, unescaped.
    #[must_use]
    pub fn name(&self) -> Cow<'d, str> {
        self.key.text().unwrap_or_default()
    }
}

/// The fields of an object in order.
#[derive(Clone, Debug)]
pub struct Fields<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

impl<'d> Iterator for Fields<'d> {
    type Item = Field<'d>;

    fn next(&mut self) -> Option<Field<'d>> {
        let (document, key_start) = (self.document, self.document.after_space(self.at));
        if key_start >= self.end {
            return None;
        }
        let key = Value { document, start: key_start, end: document.string_end(key_start) };
        // One step over the colon, one over the comma: the scanner has seen that they stand there.
        let start = document.after_space(document.after_space(key.end) + 1);
        let value = Value { document, start, end: document.value_end(start) };
        self.at = document.after_space(value.end) + 1;
        Some(Field { key, value })
    }
}

/// The items of an array in order.
#[derive(Clone, Debug)]
pub struct Items<'d> {
    document: &'d Document<'d>,
    at: usize,
    end: usize,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let (document, start) = (self.document, self.document.after_space(self.at));
        if start >= self.end {
            return None;
        }
        let value = Value { document, start, end: document.value_end(start) };
        self.at = document.after_space(value.end) + 1;
        Some(value)
    }
}
