//! The first line: `METHOD SP target SP HTTP/1.x` (RFC 9112 §3), and nothing that only looks like it.

use super::authority::Authority;
use super::bytes::{is_method, is_target};
use super::violation::Violation;

const METHOD_MAX_BYTES: usize = 20;

/// The version of a request; only these two are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunked bodies, `Host` may be missing.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// What a request line says about the message that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The version.
    pub version: Version,
    /// Whether the method is CONNECT: what follows may be a tunnel.
    pub connect: bool,
    /// Whether the method has a body that vendors read.
    pub body_allowed: bool,
}

/// Judges a request line without its CRLF.
///
/// # Errors
/// What is wrong with it.
pub(super) fn judge(line: &[u8], target_max_bytes: usize) -> Result<RequestLine, Violation> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Violation::RequestLine);
    };
    judge_method(method)?;
    let version = judge_version(version)?;
    if target.len() > target_max_bytes {
        return Err(Violation::TargetTooLong);
    }
    judge_target(method, target)?;
    let connect = method == b"CONNECT";
    let body_allowed = !connect && !matches!(method, b"GET" | b"HEAD" | b"TRACE");
    Ok(RequestLine { version, connect, body_allowed })
}

/// Judges a method, also one whose line is not complete yet.
///
/// # Errors
/// [`Violation::Method`].
pub(super) fn judge_method(method: &[u8]) -> Result<(), Violation> {
    if is_method(method) && method.len() <= METHOD_MAX_BYTES { Ok(()) } else { Err(Violation::Method) }
}

fn judge_version(version: &[u8]) -> Result<Version, Violation> {
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(Violation::Version)
        }
        _ => Err(Violation::RequestLine),
    }
}

fn judge_target(method: &[u8], target: &[u8]) -> Result<(), Violation> {
    if !is_target(target) {
        return Err(Violation::Target);
    }
    if method == b"CONNECT" {
        // RFC 9112 §3.2.3: host and port, both.
        return Authority::read(target).and_then(|authority| authority.port).map(|_| ()).ok_or(Violation::Target);
    }
    match target {
        [b'/', ..] => judge_path_and_query(target),
        b"*" if method == b"OPTIONS" => Ok(()),
        _ => judge_absolute(target),
    }
}

/// RFC 9112 §3.2.2: `http://authority/path`. Userinfo is refused with the authority.
fn judge_absolute(target: &[u8]) -> Result<(), Violation> {
    let rest = strip_scheme(target).ok_or(Violation::Target)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Authority::read(authority).ok_or(Violation::Target)?;
    judge_path_and_query(path)
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].into_iter().find_map(|scheme| {
        let (head, rest) = target.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

fn judge_path_and_query(target: &[u8]) -> Result<(), Violation> {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    // WHATWG URL reads `\` in a path as `/`; RFC 3986 does not know it.
    if path.contains(&b'\\') || !escapes_are_whole(query) || !escapes_are_whole(path) {
        return Err(Violation::Target);
    }
    if path.windows(3).any(|window| window == b"%00") {
        return Err(Violation::Target);
    }
    if path.split(|byte| *byte == b'/').any(is_dot_segment) {
        return Err(Violation::DotSegments);
    }
    Ok(())
}

/// Whether each `%` is followed by two hexadecimal digits (RFC 3986 §2.1).
fn escapes_are_whole(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (_, escape) = rest.split_at(at);
        let [_, high, low, tail @ ..] = escape else { return false };
        if !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
            return false;
        }
        rest = tail;
    }
    true
}

/// `.`, `..` and their escaped spellings (RFC 3986 §5.2.4), also before a path parameter (`..;`).
fn is_dot_segment(segment: &[u8]) -> bool {
    let mut rest = segment.split(|byte| *byte == b';').next().unwrap_or(segment);
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', tail @ ..] | [b'%', b'2', b'e' | b'E', tail @ ..] => tail,
            _ => return false,
        };
        dots += 1;
    }
    matches!(dots, 1 | 2)
}
