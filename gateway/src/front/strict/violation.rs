//! What the strict front refuses, and how it says so.

use std::error::Error;
use std::fmt;

/// Why a message is not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// A line ends with LF alone.
    BareLineFeed,
    /// A CR that is not followed by LF.
    BareCarriageReturn,
    /// More empty lines before the request line than a forgiving server skips.
    LeadingLines,
    /// The client stopped sending in the middle of a head.
    TruncatedHead,
    /// The request line is not `METHOD SP target SP HTTP/1.1`.
    RequestLine,
    /// The method is not made of upper-case letters.
    Method,
    /// HTTP/1.1 and HTTP/1.0 are spoken here, and no other version.
    Version,
    /// The request target has a form or a byte that readers disagree on.
    Target,
    /// The request target is longer than the cap.
    TargetTooLong,
    /// The path climbs (`..`), which vendors resolve and routes would not.
    DotSegments,
    /// A line starts with a space or tab: obsolete folding, or a header before the first.
    Folding,
    /// A header line has no colon.
    NoColon,
    /// A header name is empty, or has a byte that no name has (a space before the colon, for one).
    FieldName,
    /// A header value has a control byte.
    FieldValue,
    /// A header that decides framing, identity or meaning stands there twice.
    Duplicate,
    /// No `Host`.
    HostMissing,
    /// `Host` is not one plain `host[:port]`.
    Host,
    /// `Content-Length` is not one plain decimal number.
    ContentLength,
    /// `Transfer-Encoding` is not exactly `chunked`, or was sent with HTTP/1.0.
    TransferEncoding,
    /// `Content-Length` and `Transfer-Encoding` together.
    TwoLengths,
    /// A body on a method whose body vendors ignore, and would read as the next request.
    BodyOnMethod,
    /// `Connection` names a header that must arrive, or too many.
    Connection,
    /// `Expect` is something else than `100-continue`.
    Expectation,
    /// The head is larger than the cap.
    HeadTooLarge,
    /// One line of the head is longer than the cap.
    LineTooLong,
    /// More header lines than the cap.
    TooManyFields,
    /// A chunk size that is not plain hexadecimal followed by CRLF.
    ChunkSize,
    /// Chunk data that does not end where its size says.
    ChunkEnd,
    /// A trailer that is malformed, too large, or a header that must not come late.
    Trailer,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body trickles.
    BodyTimeout,
}

/// How a violation is answered.
struct Row {
    status: u16,
    word: &'static str,
    detail: &'static str,
}

const fn bad(word: &'static str, detail: &'static str) -> Row {
    Row { status: 400, word, detail }
}

const fn large(word: &'static str, detail: &'static str) -> Row {
    Row { status: 431, word, detail }
}

impl Violation {
    /// Every violation, for tables and tests.
    pub const ALL: [Self; 31] = [
        Self::BareLineFeed,
        Self::BareCarriageReturn,
        Self::LeadingLines,
        Self::TruncatedHead,
        Self::RequestLine,
        Self::Method,
        Self::Version,
        Self::Target,
        Self::TargetTooLong,
        Self::DotSegments,
        Self::Folding,
        Self::NoColon,
        Self::FieldName,
        Self::FieldValue,
        Self::Duplicate,
        Self::HostMissing,
        Self::Host,
        Self::ContentLength,
        Self::TransferEncoding,
        Self::TwoLengths,
        Self::BodyOnMethod,
        Self::Connection,
        Self::Expectation,
        Self::HeadTooLarge,
        Self::LineTooLong,
        Self::TooManyFields,
        Self::ChunkSize,
        Self::ChunkEnd,
        Self::Trailer,
        Self::HeadTimeout,
        Self::BodyTimeout,
    ];

    /// The HTTP status of the answer (RFC 9110 §15.5, RFC 6585 §5 for 431).
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// One word for logs and counters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.row().word
    }

    /// One sentence for the person who wrote the client.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        self.row().detail
    }

    /// The reason code of the answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::HeadTooLarge | Self::LineTooLong | Self::TooManyFields | Self::TargetTooLong => "head_too_large",
            Self::ChunkSize | Self::ChunkEnd | Self::Trailer => "ambiguous_body",
            Self::HeadTimeout | Self::BodyTimeout => "request_timeout",
            _ => "ambiguous_head",
        }
    }

    const fn row(self) -> Row {
        match self {
            Self::BareLineFeed => bad("bare_lf", "A line ends with LF alone; lines end with CRLF."),
            Self::BareCarriageReturn => bad("bare_cr", "A CR stands alone; lines end with CRLF."),
            Self::LeadingLines => bad("leading_lines", "Empty lines before the request line."),
            Self::TruncatedHead => bad("truncated_head", "The connection ended in the middle of a request head."),
            Self::RequestLine => {
                bad("request_line", "The request line is `METHOD target HTTP/1.1`, one space between.")
            }
            Self::Method => bad("method", "Methods are upper-case letters."),
            Self::Version => Row { status: 505, word: "version", detail: "HTTP/1.1 and HTTP/1.0 are spoken here." },
            Self::Target => bad("target", "The request target has a form or a byte that readers disagree on."),
            Self::TargetTooLong => Row { status: 414, word: "target_long", detail: "The request target is too long." },
            Self::DotSegments => bad("dot_segments", "Resolve `.` and `..` in the path before sending it."),
            Self::Folding => bad("folding", "A header line starts with a space; folded headers are obsolete."),
            Self::NoColon => bad("no_colon", "A header line has no colon."),
            Self::FieldName => bad("field_name", "A header name is made of letters, digits and `-`, up to the colon."),
            Self::FieldValue => bad("field_value", "A header value has a control byte."),
            Self::Duplicate => bad("duplicate", "A header that decides framing, identity or meaning was sent twice."),
            Self::HostMissing => bad("host_missing", "HTTP/1.1 needs one `Host` header."),
            Self::Host => bad("host", "`Host` is one plain `host[:port]`."),
            Self::ContentLength => bad("content_length", "`Content-Length` is one plain decimal number."),
            Self::TransferEncoding => {
                bad("transfer_encoding", "`Transfer-Encoding` is exactly `chunked`, on HTTP/1.1.")
            }
            Self::TwoLengths => bad("two_lengths", "`Content-Length` and `Transfer-Encoding` exclude each other."),
            Self::BodyOnMethod => bad("body_on_method", "GET, HEAD, TRACE and CONNECT carry no body here."),
            Self::Connection => bad("connection", "`Connection` names a header that must arrive, or too many."),
            Self::Expectation => Row { status: 417, word: "expect", detail: "`Expect` is `100-continue` or absent." },
            Self::HeadTooLarge => large("head_large", "The request head is too large."),
            Self::LineTooLong => large("line_long", "A line of the request head is too long."),
            Self::TooManyFields => large("many_fields", "The request has too many headers."),
            Self::ChunkSize => bad("chunk_size", "A chunk size is plain hexadecimal and CRLF, without extensions."),
            Self::ChunkEnd => bad("chunk_end", "Chunk data does not end where its size says."),
            Self::Trailer => bad("trailer", "A trailer is malformed, too large, or a header that must not come late."),
            Self::HeadTimeout => Row { status: 408, word: "head_timeout", detail: "The head did not arrive in time." },
            Self::BodyTimeout => Row { status: 408, word: "body_timeout", detail: "The body did not arrive in time." },
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl Error for Violation {}
