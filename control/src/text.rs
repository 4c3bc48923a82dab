//! Words of strangers, made fit to be shown: agents and vendors choose models, paths and ids, and a terminal or a page
//! must not obey what stands in them.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with control characters, line breaks and invisible direction marks written out as `\u{202e}`.
///
/// Control characters drive terminals (ECMA-48); bidirectional and zero-width marks make a text look like another one
/// (Unicode TR36, CVE-2021-42574).
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            // Writing into text cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("gpt-4o-mini"), "gpt-4o-mini");
        assert_eq!(visible("Modèle 日本"), "Modèle 日本");
        assert_eq!(visible("\u{1b}]0;pwn\u{7}"), "\\u{1b}]0;pwn\\u{7}");
        assert_eq!(visible("\u{202e}COD"), "\\u{202e}COD");
        assert_eq!(visible("gpt-4o\u{200b}-mini\n"), "gpt-4o\\u{200b}-mini\\u{a}");
    }
}
