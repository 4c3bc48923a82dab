//! Agent keys: `bk_<8 characters of id>_<43 characters of secret>`. Only their SHA-256 is kept.

use std::fmt;

use sha2::{Digest, Sha256};
use types::Secret;

/// How every key begins.
pub const KEY_PREFIX: &str = "bk_";
const ID_LETTERS: usize = 8;
const SECRET_LETTERS: usize = 43;
/// How many random bytes a key takes: five for its id, thirty-two for its secret.
pub const KEY_RANDOM_BYTES: usize = 37;

/// A key as its bearer shows it, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) id: &'a str,
    whole: &'a str,
}

impl<'a> Presented<'a> {
    /// Takes a key apart; `None` where it is not of our form. The secret may hold underscores, so places count.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(KEY_PREFIX)?;
        let (id, rest) = rest.split_at_checked(ID_LETTERS)?;
        let secret = rest.strip_prefix('_')?;
        let is_secret = secret.len() == SECRET_LETTERS
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (is_key_id(id) && is_secret).then_some(Self { id, whole: text })
    }

    /// Whether this is the key of which `sha256` is kept. The comparison takes the same time whatever differs.
    pub(crate) fn is_key_of(&self, sha256: &[u8; 32]) -> bool {
        let ours = digest(self.whole);
        let difference = ours.iter().zip(sha256).fold(0_u8, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
        difference == 0
    }
}

/// Whether a text is the id of a key: eight of `0-9` and `a-z`.
#[must_use]
pub(crate) fn is_key_id(text: &str) -> bool {
    text.len() == ID_LETTERS && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// A new key: shown to its owner once, kept as a hash.
#[derive(Clone, Debug)]
pub struct MintedKey {
    /// What the agent shows.
    pub key: Secret,
    /// What is kept.
    pub kept: KeptKey,
}

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// Its id, which is no secret.
    pub id: String,
    /// The SHA-256 of the whole key.
    pub sha256: [u8; 32],
    /// No longer taken.
    pub revoked: bool,
}

/// Makes a key of random bytes, which must come from the operating system.
#[must_use]
pub fn mint_key(random: [u8; KEY_RANDOM_BYTES]) -> MintedKey {
    let (for_id, for_secret) = random.split_at(5);
    let id = letters(for_id, 5, b"0123456789abcdefghjkmnpqrstvwxyz");
    let secret = letters(for_secret, 6, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    let key = format!("{KEY_PREFIX}{id}_{secret}");
    let sha256 = digest(&key);
    MintedKey { key: Secret::new(key), kept: KeptKey { id, sha256, revoked: false } }
}

/// Writes bytes as letters of `bits` bits each, the last one padded with zeros (RFC 4648 §5 and §6 without padding).
fn letters(bytes: &[u8], bits: u32, alphabet: &[u8]) -> String {
    let mut text = String::new();
    let (mut buffer, mut filled) = (0_u32, 0);
    let mut push = |value: u32| {
        let letter = usize::try_from(value & ((1 << bits) - 1)).ok().and_then(|index| alphabet.get(index));
        text.extend(letter.map(|letter| char::from(*letter)));
    };
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        filled += 8;
        while filled >= bits {
            filled -= bits;
            push(buffer >> filled);
            buffer &= (1 << filled) - 1;
        }
    }
    if filled > 0 {
        push(buffer << (bits - filled));
    }
    text
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Bytes as lower-case hex.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A SHA-256 from 64 hex digits.
#[must_use]
pub(crate) fn sha256_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (slot, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_has_the_published_form_and_opens_its_own_door_only() {
        let minted = mint_key([7; KEY_RANDOM_BYTES]);
        let text = minted.key.expose();
        assert_eq!(text, "bk_0w3ge1r7_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(text.len(), 3 + 8 + 1 + 43);
        let presented = Presented::parse(text).unwrap();
        assert_eq!(presented.id, minted.kept.id);
        assert!(presented.is_key_of(&minted.kept.sha256));
        assert!(!presented.is_key_of(&mint_key([8; KEY_RANDOM_BYTES]).kept.sha256));
    }

    #[test]
    fn what_is_not_of_the_form_is_no_key() {
        let good = mint_key([255; KEY_RANDOM_BYTES]).key.expose().to_owned();
        assert!(Presented::parse(&good).is_some());
        for bad in [
            "",
            "bk_",
            "sk-proj-abc",
            &good[..good.len() - 1],
            &format!("{good}x"),
            &good.replace("bk_", "BK_"),
            &good.replace("zzzzzzzz", "zzzzzzz\u{e9}"),
        ] {
            assert!(Presented::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hex_survives_print_and_parse() {
        let sha256 = mint_key([3; KEY_RANDOM_BYTES]).kept.sha256;
        assert_eq!(sha256_of_hex(&hex(&sha256)), Some(sha256));
        assert_eq!(sha256_of_hex(&hex(&sha256).to_uppercase()), Some(sha256));
        for bad in ["", "0", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(sha256_of_hex(bad), None);
        }
    }
}
