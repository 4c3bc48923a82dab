//! What can go wrong in here.

use std::path::PathBuf;

/// Why a mock vendor, a load run or a measurement could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadtestError {
    /// A port could not be listened on.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// No thread or runtime was to be had.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// The server's thread ended before it was ready.
    #[error("the server's thread ended before it was ready")]
    Died,
    /// An address was asked for that was never opened.
    #[error("this listener was not asked for at the start")]
    NoListener,
    /// A TLS listener without a certificate.
    #[error("a TLS listener needs a certificate and a key")]
    NoCertificate,
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS does not accept a certificate or key.
    #[error("TLS does not accept this certificate or key: {0}")]
    Tls(#[from] rustls::Error),
    /// A PEM file could not be read.
    #[error("cannot read {path} as PEM: {source}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An URL that is not `http://host:port/path` or `https://…`.
    #[error("{0} is not http://host:port/path or https://host:port/path")]
    Url(String),
    /// A header that is not `name: value`.
    #[error("{0} is not a header of the form name: value")]
    Header(String),
    /// An upstream that is not `host:port`.
    #[error("{0} is not host:port")]
    Upstream(String),
}
