//! The host that a leaf is for.

use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::DnsName;

use crate::error::CertError;

/// A host as it stands in a certificate: an address, or a DNS name in lower case without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// An IP address, without brackets.
    Address(IpAddr),
    /// A DNS name, ASCII.
    Name(DnsName<'static>),
}

impl Host {
    /// Reads a host as a URL or a CONNECT head writes it, IPv6 with or without brackets.
    ///
    /// # Errors
    /// [`CertError::MalformedHost`] for what is neither an address nor a DNS name.
    pub(crate) fn parse(text: &str) -> Result<Self, CertError> {
        let unbracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = unbracketed.parse() {
            return Ok(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        match DnsName::try_from(name) {
            Ok(name) => Ok(Self::Name(name)),
            Err(_) => Err(CertError::MalformedHost { host: text.to_owned() }),
        }
    }

    /// Whether a client that asks for `server_name` (SNI, RFC 6066 §3: never an address) means this host.
    pub(crate) fn is_meant_by(&self, server_name: &str) -> bool {
        match self {
            Self::Name(name) => {
                name.as_ref().eq_ignore_ascii_case(server_name.strip_suffix('.').unwrap_or(server_name))
            }
            Self::Address(_) => false,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_host_are_one_host() {
        for (one, other) in
            [("API.openai.com", "api.openai.com."), ("[::1]", "0:0:0:0:0:0:0:1"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(Host::parse(one).unwrap(), Host::parse(other).unwrap(), "{one} and {other}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["", ".", "a b", "a..b", "*.example.com", "exämple.com", "a/b", "a\0b", "[::1", "a:443"] {
            assert!(matches!(Host::parse(text), Err(CertError::MalformedHost { .. })), "{text:?}");
        }
    }
}
