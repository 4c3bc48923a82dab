//! Heads are always written anew: what is connection-bound, ours, or a way round us does not pass.

use http::HeaderMap;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::identify::{KEY_HEADER, SESSION_HEADER, USER_HEADER};

/// Bound to one connection (RFC 9110 §7.6.1), or written by us.
const OURS: [HeaderName; 13] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    KEY_HEADER,
    SESSION_HEADER,
    USER_HEADER,
    HeaderName::from_static("http2-settings"),
];

/// Removes from a request what must not reach the vendor. What the client's `Connection` nominates goes too, but it
/// cannot nominate what we put in: that is added afterwards.
pub(crate) fn outgoing_headers(headers: &mut HeaderMap) {
    for nominated in nominated(headers) {
        headers.remove(nominated);
    }
    for name in OURS.iter().chain(&[HOST, CONTENT_LENGTH, CONTENT_ENCODING, EXPECT]) {
        headers.remove(name);
    }
}

/// Removes from a response what is bound to the vendor's connection, speaks in our name, or invites the agent to
/// leave us (`Alt-Svc` announces HTTP/3 beside the proxy).
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    for nominated in nominated(headers) {
        headers.remove(nominated);
    }
    for name in OURS.iter().chain(&[ALT_SVC]) {
        headers.remove(name);
    }
    let impersonating: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("bursar-")).cloned().collect();
    for name in impersonating {
        headers.remove(name);
    }
}

fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    if !headers.contains_key(CONNECTION) {
        return Vec::new();
    }
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn nothing_of_the_connection_or_of_us_reaches_the_vendor() {
        let mut sent = headers(&[
            ("connection", "keep-alive, x-mine"),
            ("x-mine", "1"),
            ("proxy-authorization", "Basic x"),
            ("bursar-key", "bk_x"),
            ("bursar-session", "s"),
            ("expect", "100-continue"),
            ("accept", "application/json"),
        ]);
        outgoing_headers(&mut sent);
        assert_eq!(sent, headers(&[("accept", "application/json")]));
    }

    #[test]
    fn a_vendor_cannot_speak_in_our_name() {
        let mut answer = headers(&[("bursar-cost-usd", "0.00"), ("alt-svc", "h3=\":443\""), ("content-type", "a/b")]);
        strip_response(&mut answer);
        assert_eq!(answer, headers(&[("content-type", "a/b")]));
    }
}
