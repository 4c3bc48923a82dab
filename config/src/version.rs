//! The version of a house.

use sha2::{Digest, Sha256};
use types::Name;

use crate::keys::hex;
use crate::source::Source;

/// How many hex digits of the hash make a version.
const VERSION_DIGITS: usize = 12;

/// The start of a SHA-256 over everything that decides: this program's version (its presets and defaults decide too),
/// every file by its name without folder, the price book, and what `${...}` stood for. Every part is preceded by its
/// length, so that no text can pass for two.
pub(crate) fn version_of(sources: &[&Source], prices: &Name, resolved: &[String]) -> Name {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for source in sources {
        add(source.file.file_name().unwrap_or_default().as_encoded_bytes());
        add(source.text.as_bytes());
    }
    add(prices.as_bytes());
    for value in resolved {
        add(value.as_bytes());
    }
    let digits = hex(&hash.finalize());
    Name::from(digits.get(..VERSION_DIGITS).unwrap_or(&digits))
}
