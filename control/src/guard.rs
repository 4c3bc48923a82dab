//! Who may ask what on the network: nothing is changed here, and a browser that was lured here by another name gets
//! nothing (DNS rebinding, CVE-2025-23217 class).

use axum::extract::Request;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers only GET and HEAD, and only requests that name this machine or an address, never a foreign name; hardens
/// every answer, refusals and what is not found included.
pub(crate) async fn watch(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut response = if !names_us(host) {
        (StatusCode::MISDIRECTED_REQUEST, "this listener answers to its address or to localhost only\n").into_response()
    } else if matches!(*request.method(), Method::GET | Method::HEAD) {
        next.run(request).await
    } else {
        let refused = (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "this listener changes nothing\n");
        refused.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn names_us(host: &str) -> bool {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_name_us() {
        for host in ["127.0.0.1:9100", "localhost:9100", "[::1]:9100", "10.0.0.7:9100", "::1"] {
            assert!(names_us(host), "{host}");
        }
        for host in ["", "evil.example:9100", "127.0.0.1.evil.example", "localhost.evil.example:80"] {
            assert!(!names_us(host), "{host}");
        }
    }
}
