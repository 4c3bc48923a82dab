//! `host[:port]`, in the one spelling that everybody reads alike.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::is_name;

const NAME_MAX_BYTES: usize = 253;

/// What kind of host an authority names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// A DNS name.
    Name,
    /// An IPv4 address in four decimal numbers.
    V4,
    /// An IPv6 address; the brackets are not part of [`Authority::host`].
    V6,
}

/// An authority without userinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host as written, without brackets.
    pub host: &'a str,
    /// What it is.
    pub kind: HostKind,
    /// The port, where one is given.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host[:port]`.
    ///
    /// `None` for userinfo, percent-encoding, an empty host or port, port 0, a bracket that is no IPv6 address, and
    /// for numbers that only some resolvers take for an address (`127.1`, `0x7f.1`, `2130706433`; WHATWG URL §3.5
    /// "ends in a number" against RFC 3986 §3.2.2).
    #[must_use]
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            let port = if rest.is_empty() { None } else { Some(port(rest.strip_prefix(':')?)?) };
            return Some(Self { host, kind: HostKind::V6, port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, digits)) => (host, Some(port(digits)?)),
            None => (text, None),
        };
        let kind = kind_of(host)?;
        Some(Self { host, kind, port })
    }

    /// The host in its one spelling: lower case, without the trailing dot of an absolute DNS name, IPv6 as RFC 5952.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => self.host.strip_suffix('.').unwrap_or(self.host).to_ascii_lowercase(),
        }
    }

    /// Whether this names the same place as a canonical host and a port, where a missing port means `default`.
    #[must_use]
    pub fn names(&self, host: &str, port: u16, default: u16) -> bool {
        let own = self.host.strip_suffix('.').unwrap_or(self.host);
        let same = own.eq_ignore_ascii_case(host) || (self.kind == HostKind::V6 && self.canonical() == host);
        same && self.port.unwrap_or(default) == port
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn kind_of(host: &str) -> Option<HostKind> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > NAME_MAX_BYTES || !is_name(name.as_bytes()) || name.split('.').any(str::is_empty) {
        return None;
    }
    let last = name.rsplit('.').next()?;
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")).is_some_and(is_hexadecimal);
    if !numeric {
        return Some(HostKind::Name);
    }
    // The strict parser of the standard library: four decimal numbers without leading zeros. No trailing dot either.
    host.parse::<Ipv4Addr>().ok().map(|_| HostKind::V4)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
