//! Answers that can be read in two ways are not taken (RFC 9112 §6.3), nor are those that nobody asked for.

use std::fmt;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode, Version};

/// What is wrong with the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ambiguous {
    /// `101 Switching Protocols`, which we never ask for.
    Switching,
    /// Both `Content-Length` and `Transfer-Encoding`.
    TwoLengths,
    /// More than one `Content-Length`, or one that is not a plain number.
    ContentLength,
    /// A `Transfer-Encoding` that is not exactly `chunked`.
    TransferEncoding,
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Switching => "the vendor switches protocols unasked",
            Self::TwoLengths => "the answer has both Content-Length and Transfer-Encoding",
            Self::ContentLength => "the answer's Content-Length is not one plain number",
            Self::TransferEncoding => "the answer's Transfer-Encoding is not exactly \"chunked\"",
        })
    }
}

impl std::error::Error for Ambiguous {}

/// Looks at what hyper lets pass: it takes the last of several framings where we take none. The rest (line ends,
/// bare CR, NUL, chunk syntax, frames of h2) it refuses itself.
pub(super) fn check<B>(response: &Response<B>) -> Result<(), Ambiguous> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Ambiguous::Switching);
    }
    if response.version() == Version::HTTP_2 {
        return Ok(());
    }
    let headers = response.headers();
    let length = only(headers, CONTENT_LENGTH).map_err(|_| Ambiguous::ContentLength)?;
    let coding = only(headers, TRANSFER_ENCODING).map_err(|_| Ambiguous::TransferEncoding)?;
    match (length, coding) {
        (Some(_), Some(_)) => Err(Ambiguous::TwoLengths),
        (Some(length), None) if length.is_empty() || !length.iter().all(u8::is_ascii_digit) => {
            Err(Ambiguous::ContentLength)
        }
        (None, Some(coding)) if !coding.eq_ignore_ascii_case(b"chunked") => Err(Ambiguous::TransferEncoding),
        _ => Ok(()),
    }
}

/// The value of a header that may be there once.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&[u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(http::HeaderValue::as_bytes)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&str, &str)]) -> Result<(), Ambiguous> {
        let response = Response::builder().status(status);
        let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        check(&response.body(()).unwrap())
    }

    #[test]
    fn an_answer_with_one_framing_is_taken() {
        for headers in [
            &[][..],
            &[("content-length", "0")],
            &[("content-length", "12")],
            &[("transfer-encoding", "chunked")],
            &[("transfer-encoding", "Chunked")],
        ] {
            assert_eq!(judged(200, headers), Ok(()), "{headers:?}");
        }
    }

    #[test]
    fn an_answer_with_two_framings_is_not() {
        for (headers, why) in [
            (&[("content-length", "1"), ("transfer-encoding", "chunked")][..], Ambiguous::TwoLengths),
            (&[("content-length", "1"), ("content-length", "1")], Ambiguous::ContentLength),
            (&[("content-length", "1, 1")], Ambiguous::ContentLength),
            (&[("content-length", "+1")], Ambiguous::ContentLength),
            (&[("content-length", "")], Ambiguous::ContentLength),
            (&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], Ambiguous::TransferEncoding),
            (&[("transfer-encoding", "gzip, chunked")], Ambiguous::TransferEncoding),
            (&[("transfer-encoding", "identity")], Ambiguous::TransferEncoding),
        ] {
            assert_eq!(judged(200, headers), Err(why), "{headers:?}");
        }
        assert_eq!(judged(101, &[("upgrade", "x")]), Err(Ambiguous::Switching));
    }
}
