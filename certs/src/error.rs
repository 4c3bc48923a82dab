//! What can go wrong with certificates, and how to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use types::UnixMs;

/// Why a certificate, a key or a bundle cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum CertError {
    /// A file cannot be read or written.
    File {
        /// What was tried: a verb, as in "cannot read".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner can reach the private key.
    LooseKey {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Of certificate and key only one is there: a start was cut off, or a file was lost.
    HalfPair {
        /// The file that is there.
        present: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// The file holds no certificate, or one that cannot be parsed.
    MalformedCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key that can sign.
    MalformedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the one that the certificate names.
    WrongPair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// The certificate may not sign others (RFC 5280 §4.2.1.3, §4.2.1.9).
    NotAnAuthority {
        /// The certificate file.
        path: PathBuf,
    },
    /// The authority's time is over, or has not come: nothing that it signs would be believed.
    OutOfTime {
        /// The certificate file.
        path: PathBuf,
        /// Its first moment.
        not_before_ms: UnixMs,
        /// Its last moment.
        not_after_ms: UnixMs,
        /// The moment of the attempt.
        now_ms: UnixMs,
    },
    /// The text is neither a DNS name nor an IP address.
    MalformedHost {
        /// What was given.
        host: String,
    },
    /// The certificate cannot be built or signed.
    Sign(rcgen::Error),
    /// The TLS library refuses key, certificate or configuration.
    Tls(rustls::Error),
    /// The system has no root certificates, so a bundle would trust nobody but us.
    NoSystemRoots {
        /// How many places were tried in vain.
        failures: usize,
    },
}

impl fmt::Display for CertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Self::LooseKey { path, mode } => write!(
                f,
                "the CA key {path} has mode {mode:04o}, so others can read it and imitate any vendor; run: chmod 600 {path}",
                path = path.display()
            ),
            Self::HalfPair { present, missing } => write!(
                f,
                "{} is there but {} is missing; restore it from a backup, or remove the former and start again for a \
                 new CA (agents must then trust the new one)",
                present.display(),
                missing.display()
            ),
            Self::MalformedCertificate { path } => write!(
                f,
                "{} holds no readable PEM certificate; restore it from a backup, or remove it and the key for a new CA",
                path.display()
            ),
            Self::MalformedKey { path } => write!(
                f,
                "{} holds no readable PKCS #8 PEM key; restore it from a backup, or remove it and the certificate for \
                 a new CA",
                path.display()
            ),
            Self::WrongPair { certificate, key } => write!(
                f,
                "{} is not the key of {}; restore the pair from one backup, or remove both for a new CA",
                key.display(),
                certificate.display()
            ),
            Self::NotAnAuthority { path } => write!(
                f,
                "{} is no CA certificate (basicConstraints CA:TRUE and keyUsage keyCertSign are needed)",
                path.display()
            ),
            Self::OutOfTime { path, not_before_ms, not_after_ms, now_ms } => write!(
                f,
                "{} is valid from {not_before_ms} to {not_after_ms} (Unix ms), and now is {now_ms}; check the clock, or \
                 remove certificate and key for a new CA (agents must then trust the new one)",
                path.display()
            ),
            Self::MalformedHost { host } => write!(f, "{host:?} is neither a DNS name nor an IP address"),
            Self::Sign(source) => write!(f, "cannot sign a certificate: {source}"),
            Self::Tls(source) => write!(f, "cannot set up TLS: {source}"),
            Self::NoSystemRoots { failures } => write!(
                f,
                "the system has no root certificates ({failures} places failed); install ca-certificates or set \
                 SSL_CERT_FILE"
            ),
        }
    }
}

impl std::error::Error for CertError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Sign(source) => Some(source),
            Self::Tls(source) => Some(source),
            _ => None,
        }
    }
}

impl From<rcgen::Error> for CertError {
    fn from(error: rcgen::Error) -> Self {
        Self::Sign(error)
    }
}

impl From<rustls::Error> for CertError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}
