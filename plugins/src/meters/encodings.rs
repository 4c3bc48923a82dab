//! Which codings an answer may come in: those that the gauge can read.

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderValue};

/// No coding at all: what a stream is asked for, so that its events can be read, hidden and ended as they pass.
pub(super) const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// The codings that [`crate::decode`] takes off.
const READABLE: [&str; 5] = ["br", "deflate", "gzip", "identity", "zstd"];

/// Of what the client accepts, what we can read; weights stay as they are (RFC 9110 §12.5.3).
pub(super) fn readable(headers: &HeaderMap) -> HeaderValue {
    let known = |coding: &&str| {
        let name = coding.split(';').next().unwrap_or_default().trim();
        READABLE.iter().any(|readable| name.eq_ignore_ascii_case(readable))
    };
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let kept: Vec<&str> = accepted.flat_map(|value| value.split(',')).map(str::trim).filter(known).collect();
    if kept.is_empty() {
        return IDENTITY;
    }
    HeaderValue::from_str(&kept.join(", ")).unwrap_or(IDENTITY)
}
