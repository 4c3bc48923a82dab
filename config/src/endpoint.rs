//! Endpoints that cost nothing, as routes list them: `GET /v1/models/*`.

use std::fmt;
use std::str::FromStr;

use http::Method;

/// A method and a path. In the path `*` stands for exactly one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    method: Method,
    path: Box<str>,
}

/// The text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedEndpoint;

impl fmt::Display for MalformedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a method and a path, such as GET /v1/models/* (a star is one whole segment)")
    }
}

impl std::error::Error for MalformedEndpoint {}

impl FromStr for Endpoint {
    type Err = MalformedEndpoint;

    fn from_str(text: &str) -> Result<Self, MalformedEndpoint> {
        let (method, path) = text.split_once(' ').ok_or(MalformedEndpoint)?;
        let is_method = matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS");
        let is_path = path.starts_with('/')
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\\".contains(&byte))
            && path.split('/').all(|segment| segment == "*" || !segment.contains('*'));
        if !is_method || !is_path {
            return Err(MalformedEndpoint);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| MalformedEndpoint)?;
        Ok(Self { method, path: Box::from(path) })
    }
}

impl Endpoint {
    /// Whether a request is to this endpoint. A star takes no empty segment, none of dots, and none with a percent
    /// sign or backslash: what the vendor might read as another path is not this one.
    #[must_use]
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        if self.method != *method {
            return false;
        }
        let mut segments = path.split('/');
        self.path.split('/').all(|wanted| {
            segments.next().is_some_and(|segment| if wanted == "*" { is_harmless(segment) } else { wanted == segment })
        }) && segments.next().is_none()
    }
}

fn is_harmless(segment: &str) -> bool {
    !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(['%', '\\', ';'])
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_harmless_segment() {
        let models: Endpoint = "GET /v1/models/*".parse().unwrap();
        for (method, path, expected) in [
            (Method::GET, "/v1/models/gpt-5", true),
            (Method::POST, "/v1/models/gpt-5", false),
            (Method::GET, "/v1/models", false),
            (Method::GET, "/v1/models/", false),
            (Method::GET, "/v1/models/a/b", false),
            (Method::GET, "/v1/models/..", false),
            (Method::GET, "/v1/models/%2e%2e", false),
            (Method::GET, "/v1/models/a%2fb", false),
            (Method::GET, "/V1/models/a", false),
        ] {
            assert_eq!(models.matches(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in
            ["", "/v1/models", "GET v1", "FETCH /v1", "GET /v1/mod*", "get /v1", "GET /a b", "GET /a?b", "CONNECT /"]
        {
            assert_eq!(text.parse::<Endpoint>(), Err(MalformedEndpoint), "{text}");
        }
    }
}
