//! Why a vendor's answer did not come, and whether the vendor may have seen the request.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use super::host::MalformedHost;

/// Which kind of failure it was: what the agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpstreamKind {
    /// The host is none, or all its addresses lie in ranges that are never dialled.
    AddressNotAllowed,
    /// The host has no address, or nobody answers there.
    Unreachable,
    /// The certificate does not prove the host.
    Certificate,
    /// A step took longer than its bound.
    Timeout,
    /// The vendor broke TLS or HTTP, or closed the connection without an answer.
    Protocol,
    /// As many requests to this vendor as may be are under way.
    Overloaded,
}

/// A request without an answer.
#[derive(Debug)]
pub struct UpstreamError {
    /// What the agent is told.
    pub kind: UpstreamKind,
    /// Whether a byte of the request may have left. `false` only where it is certain that none did: the money can be
    /// released. `true` is no proof that the vendor read it, nor that it answered.
    pub sent: bool,
    /// What happened, for the log.
    pub cause: Box<dyn Error + Send + Sync>,
}

impl UpstreamError {
    /// A failure before anything of the request could leave.
    pub(super) fn unsent(kind: UpstreamKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, sent: false, cause: cause.into() }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = if self.sent { "may have been sent" } else { "was not sent" };
        write!(f, "the request {fate}: {}", self.cause)?;
        let mut cause = self.cause.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

impl Error for UpstreamError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// What can take too long on the way to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Asking the resolver.
    Lookup,
    /// Connecting.
    Connect,
    /// Shaking hands.
    Handshake,
}

/// Why no connection to a vendor came about; nothing of a request was sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host is none.
    MalformedHost(MalformedHost),
    /// The only addresses lie in ranges that are never dialled.
    AddressNotAllowed {
        /// One of them.
        address: IpAddr,
        /// The name of its range.
        range: &'static str,
    },
    /// The destination is this gateway.
    Ourselves {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
    },
    /// The other end is not the address that was judged.
    OtherPeer {
        /// The judged address.
        judged: IpAddr,
    },
    /// The resolver knows no address.
    Unresolved(io::Error),
    /// No address accepts a connection; this is what the last one said.
    Unconnected(io::Error),
    /// A step took longer than its bound.
    Timeout(Step),
    /// The certificate does not prove the host.
    Certificate(rustls::Error),
    /// The handshake failed otherwise.
    Handshake(io::Error),
    /// The TLS library does not take the host's name.
    ServerName,
}

impl ConnectError {
    /// What the agent is told.
    #[must_use]
    pub const fn kind(&self) -> UpstreamKind {
        match self {
            Self::MalformedHost(_) | Self::AddressNotAllowed { .. } | Self::Ourselves { .. } | Self::ServerName => {
                UpstreamKind::AddressNotAllowed
            }
            Self::Unresolved(_) | Self::Unconnected(_) | Self::OtherPeer { .. } => UpstreamKind::Unreachable,
            Self::Timeout(_) => UpstreamKind::Timeout,
            Self::Certificate(_) => UpstreamKind::Certificate,
            Self::Handshake(_) => UpstreamKind::Protocol,
        }
    }

    /// Tells a certificate that proves nothing from all other ways to fail a handshake.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(
                inner @ (rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::UnsupportedNameType
                | rustls::Error::InvalidCertRevocationList(_)),
            ) => Self::Certificate(inner.clone()),
            _ => Self::Handshake(error),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedHost(why) => why.fmt(f),
            Self::AddressNotAllowed { address, range } => {
                write!(f, "{address} is never dialled: {range}; list it under upstream.allow_addresses if it is meant")
            }
            Self::Ourselves { address, port } => write!(f, "{address} port {port} is this gateway"),
            Self::OtherPeer { judged } => write!(f, "the connection does not end at {judged}"),
            Self::Unresolved(source) => write!(f, "the host has no address: {source}"),
            Self::Unconnected(source) => write!(f, "no address of the host accepts a connection: {source}"),
            Self::Timeout(Step::Lookup) => f.write_str("the resolver took too long"),
            Self::Timeout(Step::Connect) => f.write_str("connecting took too long"),
            Self::Timeout(Step::Handshake) => f.write_str("the TLS handshake took too long"),
            Self::Certificate(source) => write!(f, "the certificate does not prove the host: {source}"),
            Self::Handshake(source) => write!(f, "the TLS handshake failed: {source}"),
            Self::ServerName => f.write_str("the host cannot be named in TLS"),
        }
    }
}

impl Error for ConnectError {}

impl From<ConnectError> for UpstreamError {
    fn from(error: ConnectError) -> Self {
        Self::unsent(error.kind(), error)
    }
}

/// Why the way out cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpstreamSetupError {
    /// A file of authorities cannot be read.
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system, or the reader of PEM, said.
        source: rustls_pki_types::pem::Error,
    },
    /// A file of authorities holds no certificate, or one that cannot be an authority.
    CaFileUseless {
        /// The file.
        path: PathBuf,
    },
    /// A file of authorities holds our own, whose leaves we sign for agents: it must never speak for a vendor.
    CaFileHoldsOurs {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library refuses the configuration.
    Tls(rustls::Error),
}

impl fmt::Display for UpstreamSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaFile { path, source } => write!(f, "cannot read certificates from {}: {source}", path.display()),
            Self::CaFileUseless { path } => {
                write!(f, "{} holds no usable CA certificate; it must hold PEM certificates", path.display())
            }
            Self::CaFileHoldsOurs { path } => write!(
                f,
                "{} holds this gateway's own CA, which must never vouch for a vendor; take it out of upstream.ca_files",
                path.display()
            ),
            Self::Tls(source) => write!(f, "cannot set up TLS: {source}"),
        }
    }
}

impl Error for UpstreamSetupError {}
