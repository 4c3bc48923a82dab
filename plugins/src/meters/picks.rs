//! A few fields picked out of a JSON object as its bytes come, in any chunking and in little memory.
//!
//! An answer may be many megabytes of text around two hundred bytes of usage. Only the wanted fields of the outermost
//! object are kept, each up to its cap; everything else is walked over. What is kept is scanned strictly by its reader.

use std::ops::Range;

/// A field to pick, and the most bytes to keep of its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    /// The key, as it stands on the wire between its quotes.
    pub(super) key: &'static str,
    /// The most bytes of its value.
    pub(super) bytes_max: usize,
}

/// A picked field.
#[derive(Clone, Debug, Default)]
struct Pick {
    value: Vec<u8>,
    /// From the comma before it (or its key, where it is the first field) to the end of its value.
    span: Range<usize>,
    /// The value was longer than its cap.
    cut: bool,
    /// How often the key stood in the object.
    times: u32,
}

/// Where in the outermost object the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BeforeObject,
    BeforeKey,
    InKey,
    AfterKey,
    BeforeValue,
    InValue,
    AfterValue,
    AfterObject,
    /// Not one JSON object: nothing more is read.
    Broken,
}

/// Picks fields out of one JSON object.
#[derive(Clone, Debug)]
pub(super) struct Picks {
    wants: &'static [Want],
    found: Vec<Pick>,
    place: Place,
    at: usize,
    /// The key so far; longer keys than any wanted one are cut and match nothing.
    key: Vec<u8>,
    field_start: usize,
    comma: Option<usize>,
    /// Which wanted field the value belongs to.
    wanted: Option<usize>,
    /// Open brackets inside the value.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The value is a number or a word, ended by what follows it.
    bare: bool,
}

const KEY_BYTES_MAX: usize = 64;

impl Picks {
    /// Picks these fields from a new object.
    pub(super) fn new(wants: &'static [Want]) -> Self {
        Self {
            wants,
            found: vec![Pick::default(); wants.len()],
            place: Place::BeforeObject,
            at: 0,
            key: Vec::new(),
            field_start: 0,
            comma: None,
            wanted: None,
            depth: 0,
            in_string: false,
            escaped: false,
            bare: false,
        }
    }

    /// Forgets the object, and keeps the room for the next one.
    pub(super) fn reset(&mut self) {
        for pick in &mut self.found {
            pick.value.clear();
            *pick = Pick { value: std::mem::take(&mut pick.value), ..Pick::default() };
        }
        self.place = Place::BeforeObject;
        (self.at, self.field_start, self.comma, self.wanted) = (0, 0, None, None);
        (self.in_string, self.escaped) = (false, false);
    }

    /// Picks from a whole object.
    #[cfg(test)]
    fn of(wants: &'static [Want], object: &[u8]) -> Self {
        let mut picks = Self::new(wants);
        picks.push(object);
        picks
    }

    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(byte) = rest.first() {
            let run = if self.in_string && !self.escaped { plain_run(rest) } else { 0 };
            if run > 0 {
                let (plain, behind) = rest.split_at(run);
                self.keep(plain);
                self.at = self.at.saturating_add(run);
                rest = behind;
                continue;
            }
            self.step(*byte);
            self.at = self.at.saturating_add(1);
            rest = rest.get(1..).unwrap_or_default();
        }
    }

    /// Whether exactly one JSON object came, to its closing brace.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::AfterObject
    }

    /// The text of a field: `None` where it is absent, longer than its cap, not UTF-8, or there twice.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let pick = self.pick(key).filter(|pick| pick.times == 1 && !pick.cut && pick.span.end > 0)?;
        std::str::from_utf8(&pick.value).ok()
    }

    /// Whether the field stands in the object with a value other than null, readable or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.pick(key).is_some_and(|pick| pick.times > 0 && pick.value != b"null")
    }

    /// Where the field stands with the comma before it, where it can be taken out.
    pub(super) fn span(&self, key: &str) -> Option<Range<usize>> {
        self.pick(key).filter(|pick| pick.times == 1 && pick.span.end > 0).map(|pick| pick.span.clone())
    }

    /// The text of a field that is a plain string without escapes.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let text = self.get(key)?.strip_prefix('"')?.strip_suffix('"')?;
        (!text.contains('\\')).then_some(text)
    }

    fn pick(&self, key: &str) -> Option<&Pick> {
        let index = self.wants.iter().position(|want| want.key == key)?;
        self.found.get(index)
    }

    fn step(&mut self, byte: u8) {
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        match self.place {
            Place::InKey => self.key_byte(byte),
            Place::InValue => self.value_byte(byte, space),
            _ if space => {}
            Place::BeforeObject => self.expect(byte, b'{', Place::BeforeKey),
            Place::BeforeKey => self.begin_key(byte),
            Place::AfterKey => self.expect(byte, b':', Place::BeforeValue),
            Place::BeforeValue => self.begin_value(byte),
            Place::AfterValue => self.after_value(byte),
            Place::AfterObject | Place::Broken => self.place = Place::Broken,
        }
    }

    fn expect(&mut self, byte: u8, wanted: u8, next: Place) {
        self.place = if byte == wanted { next } else { Place::Broken };
    }

    fn begin_key(&mut self, byte: u8) {
        self.place = match byte {
            b'"' => Place::InKey,
            b'}' if self.comma.is_none() => Place::AfterObject,
            _ => Place::Broken,
        };
        self.key.clear();
        self.field_start = self.comma.unwrap_or(self.at);
        self.in_string = self.place == Place::InKey;
    }

    fn key_byte(&mut self, byte: u8) {
        if !self.escaped && byte == b'"' {
            self.in_string = false;
            self.place = Place::AfterKey;
            return;
        }
        self.escaped = !self.escaped && byte == b'\\';
        self.keep(&[byte]);
    }

    fn begin_value(&mut self, byte: u8) {
        self.wanted = self.wants.iter().position(|want| want.key.as_bytes() == self.key.as_slice());
        if let Some(pick) = self.wanted.and_then(|index| self.found.get_mut(index)) {
            pick.value.clear();
            pick.span = self.field_start..0;
            pick.times = pick.times.saturating_add(1);
            pick.cut = false;
        }
        self.place = Place::InValue;
        self.depth = 0;
        self.bare = !matches!(byte, b'"' | b'{' | b'[');
        if matches!(byte, b',' | b':' | b'}' | b']') {
            self.place = Place::Broken;
            return;
        }
        self.value_byte(byte, false);
    }

    fn value_byte(&mut self, byte: u8, space: bool) {
        if self.in_string {
            self.keep(&[byte]);
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
                self.end_value_at(self.at.saturating_add(1));
            }
            return;
        }
        if self.bare && self.depth == 0 && (space || matches!(byte, b',' | b'}')) {
            self.end_value(self.at);
            self.after_value_or_space(byte, space);
            return;
        }
        self.keep(&[byte]);
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.end_value_at(self.at.saturating_add(1));
            }
            _ => {}
        }
    }

    fn after_value_or_space(&mut self, byte: u8, space: bool) {
        if !space {
            self.after_value(byte);
        }
    }

    /// Ends the value where nothing of it is open any more.
    fn end_value_at(&mut self, end: usize) {
        if self.depth == 0 {
            self.end_value(end);
        }
    }

    fn end_value(&mut self, end: usize) {
        if let Some(pick) = self.wanted.take().and_then(|index| self.found.get_mut(index)) {
            pick.span.end = end;
        }
        self.place = Place::AfterValue;
    }

    fn after_value(&mut self, byte: u8) {
        match byte {
            b',' => {
                self.comma = Some(self.at);
                self.place = Place::BeforeKey;
            }
            b'}' => self.place = Place::AfterObject,
            _ => self.place = Place::Broken,
        }
    }

    /// Keeps bytes of the key, or of a wanted value, up to their caps.
    fn keep(&mut self, bytes: &[u8]) {
        if self.place == Place::InKey {
            let room = KEY_BYTES_MAX.saturating_sub(self.key.len()).min(bytes.len());
            self.key.extend_from_slice(bytes.get(..room).unwrap_or_default());
            return;
        }
        let Some(index) = self.wanted else { return };
        let (Some(want), Some(pick)) = (self.wants.get(index), self.found.get_mut(index)) else { return };
        let room = want.bytes_max.saturating_sub(pick.value.len()).min(bytes.len());
        pick.value.extend_from_slice(bytes.get(..room).unwrap_or_default());
        pick.cut |= room < bytes.len();
    }
}

/// How many bytes of a string lie before its next quote or backslash.
fn plain_run(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const WANTS: &[Want] = &[
        Want { key: "model", bytes_max: 32 },
        Want { key: "usage", bytes_max: 256 },
        Want { key: "choices", bytes_max: 4 },
    ];

    #[test]
    fn fields_of_the_outermost_object_are_picked_and_no_others() {
        let object = br#"{"x":{"usage":{"in":9}},"model":"a\"b","choices":[1,2,3],"usage":{"in":1,"deep":[{"usage":2}]} , "n":-1.5e3}"#;
        let picks = Picks::of(WANTS, object);
        assert!(picks.is_whole());
        assert_eq!(picks.get("usage"), Some(r#"{"in":1,"deep":[{"usage":2}]}"#));
        assert_eq!(picks.get("model"), Some(r#""a\"b""#));
        assert_eq!(picks.text("model"), None, "a model with an escape is not read as plain text");
        assert_eq!(picks.get("choices"), None, "longer than its cap");
        assert!(picks.has("choices"));
    }

    #[test]
    fn numbers_and_words_end_where_they_end() {
        let picks = Picks::of(WANTS, b" {\n\"usage\" : null ,\"model\":12}\n");
        assert!(picks.is_whole());
        assert_eq!((picks.get("usage"), picks.get("model")), (Some("null"), Some("12")));
        assert!(!picks.has("usage"));
    }

    #[test]
    fn a_field_can_be_taken_out_with_its_comma() {
        let object = br#"{"id":"1","usage":null,"model":"m"}"#;
        let span = Picks::of(WANTS, object).span("usage").unwrap();
        assert_eq!(&object[span], br#","usage":null"#);
    }

    #[test]
    fn a_field_that_stands_twice_is_not_believed() {
        assert_eq!(Picks::of(WANTS, br#"{"usage":{"in":1},"usage":{"in":2}}"#).get("usage"), None);
    }

    #[test]
    fn what_is_no_single_object_is_not_whole() {
        for text in [
            "",
            "  ",
            "[1]",
            "{",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            r#"{"a":1} x"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            "{,}",
            r#"{"a":1,}"#,
        ] {
            assert!(!Picks::of(WANTS, text.as_bytes()).is_whole(), "{text:?}");
        }
        assert!(Picks::of(WANTS, b"{}").is_whole());
    }

    proptest! {
        #[test]
        fn any_chunking_picks_the_same(cuts in proptest::collection::vec(0_usize..200, 0..8)) {
            let object = br#"{"a":"x\\\"}{","model":"gpt","usage":{"s":"\u00e9]}","n":[1,{"k":"v"}]},"choices":[],"z":tru}"#;
            let whole = Picks::of(WANTS, object);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(object.len())).collect();
            cuts.push(object.len());
            cuts.sort_unstable();
            let (mut picks, mut from) = (Picks::new(WANTS), 0);
            for cut in cuts {
                picks.push(&object[from..cut]);
                from = cut;
            }
            for want in WANTS {
                prop_assert_eq!(picks.get(want.key), whole.get(want.key));
                prop_assert_eq!(picks.span(want.key), whole.span(want.key));
            }
            prop_assert_eq!(picks.is_whole(), whole.is_whole());
        }
    }
}
