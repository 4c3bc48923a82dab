//! One connection of the load generator: straight, or through CONNECT; plain or TLS.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::LoadtestError;

/// Longest answer to CONNECT that is read.
const CONNECT_HEAD_MAX: usize = 8_192;

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Target {
    tls: bool,
    authority: Authority,
    port: u16,
    path: String,
}

impl Target {
    /// Reads `http://host:port/path` or `https://host:port/path`; the port may be left out.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(url: &str) -> Result<Self, LoadtestError> {
        let wrong = || LoadtestError::Url(url.to_owned());
        let parts = url.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        let tls = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTPS => true,
            Some(scheme) if scheme == Scheme::HTTP => false,
            _ => return Err(wrong()),
        };
        let authority = parts.authority.ok_or_else(wrong)?;
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = parts.path_and_query.map_or_else(|| "/".to_owned(), |path| path.to_string());
        Ok(Self { tls, authority, port, path })
    }

    /// The path with its query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of the `Host` header.
    #[must_use]
    pub fn host_header(&self) -> String {
        format!("{}:{}", self.authority.host(), self.port)
    }
}

/// How to reach a [`Target`].
#[derive(Clone)]
pub struct Client {
    target: Target,
    proxy: Option<String>,
    proxy_authorization: Option<String>,
    tls: Option<TlsConnector>,
}

impl Client {
    /// A client that dials the target itself, or asks `proxy` (`host:port`) for a tunnel to it. `tls` is needed for an
    /// `https` target only.
    #[must_use]
    pub fn new(target: Target, proxy: Option<String>, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let tls = tls.filter(|_| target.tls).map(TlsConnector::from);
        Self { target, proxy, proxy_authorization: None, tls }
    }

    /// The same client, naming itself to the proxy with these `user:password` credentials (RFC 7617).
    #[must_use]
    pub fn naming_itself(mut self, credentials: Option<&str>) -> Self {
        use base64::Engine as _;
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        self.proxy_authorization = credentials.map(|text| format!("Proxy-Authorization: Basic {}\r\n", encode(text)));
        self
    }

    /// Opens a connection that is ready for requests.
    ///
    /// # Errors
    /// The step that failed, in a word or two: errors are counted by this text.
    pub async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let address = self.proxy.clone().unwrap_or_else(|| self.target.host_header());
        let mut stream = TcpStream::connect(address).await.map_err(|error| format!("tcp: {error}"))?;
        let _ = stream.set_nodelay(true);
        if self.proxy.is_some() {
            self.tunnel(&mut stream).await?;
        }
        let Some(tls) = &self.tls else { return handshake(stream).await };
        let host = self.target.authority.host().trim_matches(['[', ']']).to_owned();
        let name = rustls_pki_types::ServerName::try_from(host).map_err(|error| format!("server name: {error}"))?;
        let stream = tls.connect(name, stream).await.map_err(|error| format!("tls: {error}"))?;
        handshake(stream).await
    }

    async fn tunnel(&self, stream: &mut TcpStream) -> Result<(), String> {
        let host = self.target.host_header();
        let identity = self.proxy_authorization.as_deref().unwrap_or_default();
        let request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{identity}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| format!("connect write: {error}"))?;
        let mut head = Vec::with_capacity(256);
        // Byte by byte: what follows the head is not ours to read.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= CONNECT_HEAD_MAX {
                return Err("connect: answer too long".to_owned());
            }
            head.push(stream.read_u8().await.map_err(|error| format!("connect read: {error}"))?);
        }
        if head.starts_with(b"HTTP/1.1 200") || head.starts_with(b"HTTP/1.0 200") {
            return Ok(());
        }
        let line: Vec<u8> = head.into_iter().take_while(|byte| *byte != b'\r').collect();
        Err(format!("connect: {}", String::from_utf8_lossy(&line)))
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("http: {error}"))?;
    tokio::task::spawn_local(async move {
        // How a connection ended is told by the request on it.
        let _ = connection.await;
    });
    Ok(sender)
}

/// Reads `name: value` headers.
///
/// # Errors
/// One that has no colon or an unfit name or value.
pub fn headers(lines: &[String]) -> Result<HeaderMap, LoadtestError> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let wrong = || LoadtestError::Header(line.clone());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = name.trim().parse::<HeaderName>().map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_with_and_without_a_port() {
        let plain = Target::parse("http://127.0.0.1:8080/v1/chat/completions?x=1").unwrap();
        assert_eq!((plain.host_header().as_str(), plain.path()), ("127.0.0.1:8080", "/v1/chat/completions?x=1"));
        let tls = Target::parse("https://api.example/v1").unwrap();
        assert_eq!(tls.host_header(), "api.example:443");
        for wrong in ["127.0.0.1:80/x", "ftp://a/b", "http://", ""] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_header_line_needs_a_colon() {
        assert_eq!(headers(&["a: b".to_owned()]).unwrap().get("a").unwrap(), "b");
        assert!(headers(&["a b".to_owned()]).is_err());
    }
}
