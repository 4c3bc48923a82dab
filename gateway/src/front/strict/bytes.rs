//! Which bytes may stand where: one table, looked up once for each byte.

/// RFC 9110 §5.6.2 `tchar`, without the underscore: CGI-like vendors read `_` as `-`, so one name would be two.
const TOKEN: u8 = 1;
/// What may stand in a request target: RFC 3986 characters, and those that browsers leave bare in a query
/// (`\ ^ { | } backtick`). Never a space, a control, `"`, `<`, `>`, `#` or a byte above 0x7E.
const TARGET: u8 = 1 << 1;
/// Upper-case letters and `-`: the methods that exist. Lower-case ones are different methods to some and equal to others.
const METHOD: u8 = 1 << 2;
/// What host names are made of, once percent-encoding and userinfo are refused.
const NAME: u8 = 1 << 3;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut byte: u8 = 0;
    loop {
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || is_one_of(byte, b"!#$%&'*+-.^`|~") {
            class |= TOKEN;
        }
        if byte.is_ascii_graphic() && !is_one_of(byte, b"\"<>#") {
            class |= TARGET;
        }
        if byte.is_ascii_uppercase() || byte == b'-' {
            class |= METHOD;
        }
        if byte.is_ascii_alphanumeric() || is_one_of(byte, b"-._") {
            class |= NAME;
        }
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time; a byte indexes 256 entries")]
        {
            table[byte as usize] = class;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

const fn is_one_of(byte: u8, set: &[u8]) -> bool {
    let mut rest = set;
    while let [first, tail @ ..] = rest {
        if *first == byte {
            return true;
        }
        rest = tail;
    }
    false
}

fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|found| found & class != 0)
}

fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|byte| is(*byte, class))
}

/// Whether the bytes are a field name that everybody reads alike.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// The bytes up to the first that no field name has, and the rest.
pub(super) fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !is(*byte, TOKEN)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// Whether the bytes may be a field value: RFC 9110 §5.5 `field-vchar`, space and tab. Bytes above 0x7F are opaque and
/// pass. Without an early way out, so that the compiler makes vector code of it: values are most of a head.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |bad, byte| bad | ((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7F))
}

/// Whether the bytes may be a request target, whatever its form.
pub(super) fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TARGET)
}

/// Whether the bytes may be a method.
pub(super) fn is_method(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, METHOD)
}

/// Whether the bytes may be a host name.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, NAME)
}

/// The bytes without spaces and tabs at both ends (RFC 9110 §5.6.3 `OWS`).
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
