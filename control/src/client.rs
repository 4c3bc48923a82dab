//! The client of the owner's socket: what the commands use when a gateway is running.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::error::ControlError;

/// An answer larger than this is not one of ours.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Speaks to the owner of a data directory.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the owner that listens on this socket.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Asks for a view.
    ///
    /// # Errors
    /// [`ControlError::NoOwner`], [`ControlError::Refused`], [`ControlError::Answer`].
    pub async fn view<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Asks for an action.
    ///
    /// # Errors
    /// [`ControlError::NoOwner`], [`ControlError::Refused`], [`ControlError::Answer`].
    pub async fn send<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ControlError> {
        let body = serde_json::to_vec(body).map_err(|error| answer(path, &error))?;
        self.ask(Method::POST, path, Bytes::from(body)).await
    }

    /// Attaches to the owner: it stays until the returned body is dropped.
    ///
    /// # Errors
    /// [`ControlError::NoOwner`], [`ControlError::Refused`].
    pub async fn attach(&self) -> Result<Incoming, ControlError> {
        let path = "/v1/attach";
        let response = self.request(Method::GET, path, Bytes::new()).await?;
        if response.status() == StatusCode::OK {
            return Ok(response.into_body());
        }
        Err(ControlError::Refused { message: format!("the owner answered {} to {path}", response.status()) })
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ControlError> {
        let response = self.request(method, path, body).await?;
        let status = response.status();
        let collected = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
        let bytes = collected.map_err(|error| answer(path, &error))?.to_bytes();
        if status != StatusCode::OK {
            return Err(ControlError::Refused { message: String::from_utf8_lossy(&bytes).trim().to_owned() });
        }
        serde_json::from_slice(&bytes).map_err(|error| answer(path, &error))
    }

    async fn request(&self, method: Method, path: &str, body: Bytes) -> Result<http::Response<Incoming>, ControlError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ControlError::NoOwner { path: self.socket.clone(), source })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| answer(path, &error))?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| answer(path, &error))?;
        sender.send_request(request).await.map_err(|error| answer(path, &error))
    }
}

fn answer(path: &str, detail: &dyn std::fmt::Display) -> ControlError {
    ControlError::Answer { path: path.to_owned(), detail: detail.to_string() }
}
