//! Header lines: what every line must be, and what the few mean that decide framing, destination or identity.
//!
//! A new rule is one arm in [`Facts::note`] or one check in [`Facts::framing`], and a variant of [`Violation`].

use super::authority::Authority;
use super::bytes::{is_token, is_value, split_token, trim};
use super::request_line::{RequestLine, Version};
use super::violation::Violation;

const NAME_MAX_BYTES: usize = 256;
const CONNECTION_OPTIONS_MAX: u8 = 8;
/// Digits of a `Content-Length`: any number below 10^18 fits an `i64` and an `u64` of every reader.
const LENGTH_MAX_DIGITS: usize = 18;
/// Longest name that [`lower`] looks at; no name with a meaning here is longer.
const KNOWN_MAX_BYTES: usize = 20;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; zero where the head names no length.
    Length(u64),
    /// RFC 9112 §7.1.
    Chunked,
}

/// What the lines seen so far say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    seen: u32,
    length: u64,
    connection_options: u8,
}

/// The names that may stand once at most, each with its bit in [`Facts::seen`].
///
/// Two of them make two truths: one reader takes the first, another the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Single {
    Host = 1,
    ContentLength = 1 << 1,
    TransferEncoding = 1 << 2,
    Expect = 1 << 3,
    Authorization = 1 << 4,
    ProxyAuthorization = 1 << 5,
    ContentType = 1 << 6,
    ContentEncoding = 1 << 7,
    ApiKey = 1 << 8,
    BursarKey = 1 << 9,
    BursarSession = 1 << 10,
    BursarUser = 1 << 11,
    Payment = 1 << 12,
    IdempotencyKey = 1 << 13,
}

impl Single {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"host" => Self::Host,
            b"content-length" => Self::ContentLength,
            b"transfer-encoding" => Self::TransferEncoding,
            b"expect" => Self::Expect,
            b"authorization" => Self::Authorization,
            b"proxy-authorization" => Self::ProxyAuthorization,
            b"content-type" => Self::ContentType,
            b"content-encoding" => Self::ContentEncoding,
            b"x-api-key" | b"api-key" => Self::ApiKey,
            b"bursar-key" => Self::BursarKey,
            b"bursar-session" => Self::BursarSession,
            b"bursar-user" => Self::BursarUser,
            b"x-payment" | b"payment-signature" => Self::Payment,
            b"idempotency-key" => Self::IdempotencyKey,
            _ => return None,
        })
    }

    const fn bit(self) -> u32 {
        self as u32
    }
}

impl Facts {
    /// Judges one header line without its CRLF and keeps what it says.
    ///
    /// # Errors
    /// What is wrong with the line, or with it beside the lines before.
    pub(super) fn note(&mut self, line: &[u8]) -> Result<(), Violation> {
        let (name, value) = split(line)?;
        let mut space = [0_u8; KNOWN_MAX_BYTES];
        let Some(name) = lower(name, &mut space) else { return Ok(()) };
        if name == b"connection" {
            return self.note_connection(value);
        }
        let Some(single) = Single::of(name) else { return Ok(()) };
        if self.has(single) {
            return Err(Violation::Duplicate);
        }
        self.seen |= single.bit();
        match single {
            Single::Host => Authority::read(value).map(|_| ()).ok_or(Violation::Host),
            Single::ContentLength => {
                self.length = length(value)?;
                Ok(())
            }
            Single::TransferEncoding if !value.eq_ignore_ascii_case(b"chunked") => Err(Violation::TransferEncoding),
            Single::Expect if !value.eq_ignore_ascii_case(b"100-continue") => Err(Violation::Expectation),
            _ => Ok(()),
        }
    }

    /// The framing of the body, once all lines are in.
    ///
    /// # Errors
    /// A framing that two readers could take differently, or no `Host`.
    pub(super) fn framing(&self, request: &RequestLine) -> Result<Framing, Violation> {
        let chunked = self.has(Single::TransferEncoding);
        if request.version == Version::Http11 && !self.has(Single::Host) {
            return Err(Violation::HostMissing);
        }
        if chunked && self.has(Single::ContentLength) {
            return Err(Violation::TwoLengths);
        }
        if chunked && request.version == Version::Http10 {
            return Err(Violation::TransferEncoding);
        }
        if !request.body_allowed && (chunked || self.length > 0) {
            return Err(Violation::BodyOnMethod);
        }
        Ok(if chunked { Framing::Chunked } else { Framing::Length(self.length) })
    }

    const fn has(&self, single: Single) -> bool {
        self.seen & single.bit() != 0
    }

    /// RFC 9110 §7.6.1: what `Connection` names is removed on the way. Nobody may have framing, identity or payment
    /// removed between our judgement and the vendor.
    fn note_connection(&mut self, value: &[u8]) -> Result<(), Violation> {
        for option in value.split(|byte| *byte == b',').map(trim) {
            self.connection_options = self.connection_options.saturating_add(1);
            let mut space = [0_u8; KNOWN_MAX_BYTES];
            let protected = lower(option, &mut space).is_some_and(|name| Single::of(name).is_some());
            if !is_token(option) || protected || self.connection_options > CONNECTION_OPTIONS_MAX {
                return Err(Violation::Connection);
            }
        }
        Ok(())
    }
}

/// Judges a trailer line without its CRLF (RFC 9110 §6.5.1: nothing that frames, routes or identifies may come late).
///
/// # Errors
/// [`Violation::Trailer`].
pub(super) fn judge_trailer(line: &[u8]) -> Result<(), Violation> {
    let (name, _) = split(line).map_err(|_| Violation::Trailer)?;
    let mut space = [0_u8; KNOWN_MAX_BYTES];
    let forbidden = lower(name, &mut space).is_some_and(|name| {
        Single::of(name).is_some() || matches!(name, b"connection" | b"te" | b"trailer" | b"upgrade" | b"cookie")
    });
    if forbidden { Err(Violation::Trailer) } else { Ok(()) }
}

fn split(line: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    let (name, rest) = split_token(line);
    let [b':', value @ ..] = rest else {
        return Err(match line {
            [b' ' | b'\t', ..] => Violation::Folding,
            _ if !rest.contains(&b':') => Violation::NoColon,
            _ => Violation::FieldName,
        });
    };
    let value = trim(value);
    if name.is_empty() || name.len() > NAME_MAX_BYTES {
        return Err(Violation::FieldName);
    }
    if !is_value(value) {
        return Err(Violation::FieldValue);
    }
    Ok((name, value))
}

/// The name in lower case, or `None` where it is too long to have a meaning here.
fn lower<'a>(name: &[u8], space: &'a mut [u8; KNOWN_MAX_BYTES]) -> Option<&'a [u8]> {
    let slot = space.get_mut(..name.len())?;
    slot.copy_from_slice(name);
    slot.make_ascii_lowercase();
    Some(slot)
}

fn length(value: &[u8]) -> Result<u64, Violation> {
    let canonical = matches!(value, [b'0'] | [b'1'..=b'9', ..]) && value.len() <= LENGTH_MAX_DIGITS;
    if !canonical || !value.iter().all(u8::is_ascii_digit) {
        return Err(Violation::ContentLength);
    }
    Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}
