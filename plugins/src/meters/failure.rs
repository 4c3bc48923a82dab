//! What a failed answer costs that tells no usage.
//!
//! A vendor that refuses before it generates bills nothing: 400, 401, 403, 404, 429 and 5xx without usage, by the
//! table that Novita publishes, by OpenRouter's "zero completion insurance", and by the practice of all others. Such an
//! answer, come whole, is an exact zero. The statuses below are answered while a model may be at work, and what may
//! have been billed is never free: the bound is presumed.

use types::Certainty;

/// A status that may have been billed although the answer tells no usage.
struct Exception {
    /// The provider in the price book; `None` for all.
    provider: Option<&'static str>,
    /// The status.
    status: u16,
}

const EXCEPTIONS: &[Exception] = &[
    // "499 ... Charged: Yes" (Novita, API error codes).
    Exception { provider: Some("novita"), status: 499 },
    Exception { provider: Some("huggingface_novita"), status: 499 },
    // Other edges answer 499 too when the caller is gone while the model goes on (nginx: NGX_HTTP_CLIENT_CLOSED_REQUEST).
    Exception { provider: None, status: 499 },
    // A gateway gave up waiting for the server behind it, which had the request (RFC 9110 §15.6.5).
    Exception { provider: None, status: 504 },
    // Cloudflare: the origin got the request and then answered nonsense (520), or not in time (524). 521 to 523, 525
    // and 526 mean that it never got it (Cloudflare, "Cloudflare 5xx errors").
    Exception { provider: None, status: 520 },
    Exception { provider: None, status: 524 },
];

/// How sure it is that a complete answer of this status without usage cost nothing.
pub(super) fn certainty(provider: &str, status: u16) -> Certainty {
    let may_be_billed = EXCEPTIONS
        .iter()
        .any(|exception| exception.status == status && exception.provider.is_none_or(|name| name == provider));
    if status < 400 || may_be_billed { Certainty::Unknown } else { Certainty::Exact }
}
