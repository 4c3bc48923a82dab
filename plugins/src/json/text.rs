//! String escapes.

/// Reads one escape at the head of `text`. Tells the character (`None`: half a surrogate pair) and the length in bytes.
/// `None` at all: no JSON escape.
pub(super) fn escape(text: &str) -> Option<(Option<char>, usize)> {
    let bytes = text.as_bytes();
    let simple = |character| Some((Some(character), 2));
    match bytes.get(1)? {
        b'"' => simple('"'),
        b'\\' => simple('\\'),
        b'/' => simple('/'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'u' => {
            let unit = code_unit(bytes)?;
            if let Some(character) = char::from_u32(unit) {
                return Some((Some(character), 6));
            }
            let low = bytes.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(code_unit);
            match (unit, low) {
                (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    let scalar = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    Some((char::from_u32(scalar), 12))
                }
                _ => Some((None, 6)),
            }
        }
        _ => None,
    }
}

/// The four hex digits of `\uXXXX`.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    bytes.get(2..6)?.iter().try_fold(0, |unit, byte| Some((unit << 4) | char::from(*byte).to_digit(16)?))
}

/// The text of a scanned string, without its quotes. Half a surrogate pair reads as U+FFFD.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (plain, escaped) = rest.split_at(at);
        text.push_str(plain);
        let Some((character, length)) = escape(escaped) else { break };
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = escaped.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}
