//! The host as it is judged: after IDNA, in lower case, addresses in every spelling recognised as addresses.
//!
//! What clients write into URLs is read as browsers and resolvers read it (WHATWG URL Standard §3.5, "host parsing"),
//! so that no spelling of an address passes as a name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use types::Name;

/// A host in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name: ASCII (IDNA A-labels), lower case, no trailing dot.
    Name(Name),
    /// An IP address, whatever its spelling was.
    Address(IpAddr),
}

/// Why a text is no host, or no host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedHost {
    /// Nothing was given.
    Empty,
    /// Square brackets are for IPv6 addresses only, and zones (`%eth0`) name nothing outside this machine.
    NotAnAddress,
    /// The last label is a number, so it must be an IPv4 address, and it is none.
    NotAnIpv4Address,
    /// Not a DNS name, not even after IDNA mapping.
    NotAName,
    /// The port is not a plain number from 1 to 65535.
    NotAPort,
}

impl fmt::Display for MalformedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a host is missing",
            Self::NotAnAddress => "square brackets must hold an IPv6 address without a zone",
            Self::NotAnIpv4Address => "a host whose last label is a number must be an IPv4 address",
            Self::NotAName => "the host is not a DNS name",
            Self::NotAPort => "a port is a number from 1 to 65535 without leading zeros",
        })
    }
}

impl std::error::Error for MalformedHost {}

impl Host {
    /// Reads a host, IPv6 addresses with or without brackets. Percent signs, user names, ports and paths are no part
    /// of a host and are refused, not cut off.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, MalformedHost> {
        if text.is_empty() {
            return Err(MalformedHost::Empty);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let address = rest.strip_suffix(']').ok_or(MalformedHost::NotAnAddress)?;
            return address.parse().map(Self::from_v6).map_err(|_| MalformedHost::NotAnAddress);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::from_v6(address));
        }
        if is_plain_name(text) {
            return Ok(Self::Name(Name::from(text)));
        }
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::VerifyAllowRootDot)
            .map_err(|_| MalformedHost::NotAName)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if ends_in_number(name) {
            return ipv4(name).map(|address| Self::Address(address.into())).ok_or(MalformedHost::NotAnIpv4Address);
        }
        Ok(Self::Name(Name::from(name)))
    }

    /// An IPv4 address that is written as IPv6 is that IPv4 address (RFC 4291 §2.5.5.2).
    fn from_v6(address: Ipv6Addr) -> Self {
        Self::Address(IpAddr::V6(address).to_canonical())
    }

    /// The host as it stands in a URI: IPv6 in brackets.
    #[must_use]
    pub fn to_uri_text(&self) -> String {
        match self {
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Takes `host:port` apart, as in the target of CONNECT (RFC 9112 §3.2.3). Without a port, `default_port` holds.
///
/// # Errors
/// What is wrong with the host or the port. User names, paths and schemes are refused.
pub fn split_authority(text: &str, default_port: Option<u16>) -> Result<(Host, u16), MalformedHost> {
    // In brackets the port begins after them; elsewhere at the only colon.
    let colon = match text.rfind(']') {
        Some(bracket) => text.get(bracket..).and_then(|rest| rest.find(':')).map(|offset| bracket + offset),
        None => text.find(':'),
    };
    let (host, port) = match colon.and_then(|colon| text.split_at_checked(colon)) {
        Some((host, port)) => (host, Some(port.get(1..).unwrap_or_default())),
        None => (text, None),
    };
    let port = match port {
        Some(digits) => parse_port(digits)?,
        None => default_port.ok_or(MalformedHost::NotAPort)?,
    };
    Ok((Host::parse(host)?, port))
}

fn parse_port(digits: &str) -> Result<u16, MalformedHost> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain => Ok(port),
        _ => Err(MalformedHost::NotAPort),
    }
}

/// The common case, decided without tables: lower-case letters, digits and inner hyphens, with a last label that no
/// one takes for a number and no label that needs a look at its punycode.
fn is_plain_name(text: &str) -> bool {
    let is_plain_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.starts_with("xn--")
    };
    text.len() <= 253 && text.split('.').all(is_plain_label) && !ends_in_number(text)
}

/// WHATWG URL Standard §3.5, "ends in a number checker".
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || ipv4_number(last).is_some()
}

/// WHATWG URL Standard §3.5, "IPv4 parser": one to four numbers, decimal, octal (`0177`) or hexadecimal (`0x7f`), the
/// last of which fills all bytes that are left.
fn ipv4(name: &str) -> Option<Ipv4Addr> {
    let mut numbers = [0_u64; 4];
    let mut count = 0;
    for label in name.split('.') {
        *numbers.get_mut(count)? = ipv4_number(label)?;
        count += 1;
    }
    let (last, leading) = numbers.get(..count)?.split_last()?;
    let bytes_left = 4_u32.checked_sub(u32::try_from(leading.len()).ok()?)?;
    if *last >= 256_u64.checked_pow(bytes_left)? || leading.iter().any(|number| *number > 255) {
        return None;
    }
    let shifted = leading.iter().zip([24_u32, 16, 8]).map(|(number, shift)| number << shift);
    let bits = shifted.fold(*last, |bits, number| bits | number);
    u32::try_from(bits).ok().map(Ipv4Addr::from_bits)
}

fn ipv4_number(label: &str) -> Option<u64> {
    let (digits, radix) = match label.as_bytes() {
        [] => return None,
        [b'0', b'x' | b'X', ..] => (label.get(2..)?, 16),
        [b'0', _, ..] => (label.get(1..)?, 8),
        _ => (label, 10),
    };
    if digits.is_empty() {
        return Some(0);
    }
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Result<Host, MalformedHost> {
        Ok(Host::Address(text.parse().unwrap()))
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(text in ".{0,40}") {
            if let Ok(host) = Host::parse(&text) {
                prop_assert_eq!(Host::parse(&host.to_string()), Ok(host.clone()));
                prop_assert_eq!(Host::parse(&host.to_uri_text()), Ok(host));
            }
        }

        #[test]
        fn what_looks_like_an_address_is_one_or_nothing(text in "[0-9a-fA-FxX.:%\\[\\]]{1,24}") {
            if let Ok(Host::Name(name)) = Host::parse(&text) {
                let last = name.rsplit('.').next().unwrap();
                prop_assert!(!last.bytes().all(|byte| byte.is_ascii_digit()) && !last.starts_with("0x"), "{}", name);
            }
        }

        #[test]
        fn no_text_breaks_the_reader_of_authorities(text in ".{0,40}") {
            if let Ok((host, port)) = split_authority(&text, None) {
                prop_assert_ne!(port, 0);
                prop_assert_eq!(split_authority(&format!("{}:{port}", host.to_uri_text()), None), Ok((host, port)));
            }
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        for spelling in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "0x7f.0x0.0x0.0x1",
            "127.0.0.1.",
            "①②⑦.0.0.1",
            "127。0。0。1",
            "¹27.0.0.1",
            "１２７.0.0.1",
            "[::ffff:127.0.0.1]",
            "::ffff:7f00:1",
            "[0:0:0:0:0:ffff:127.0.0.1]",
        ] {
            assert_eq!(Host::parse(spelling), address("127.0.0.1"), "{spelling}");
        }
        assert_eq!(Host::parse("0"), address("0.0.0.0"));
        assert_eq!(Host::parse("0x"), address("0.0.0.0"));
        assert_eq!(Host::parse("[::1]"), address("::1"));
        assert_eq!(Host::parse("255.255.255.255"), address("255.255.255.255"));
    }

    #[test]
    fn every_spelling_of_a_name_is_that_name() {
        for spelling in [
            "api.openai.com",
            "API.OpenAI.com",
            "api.openai.com.",
            "api.openai．com",
            "ⓐpi.openai.ⓒⓞⓜ",
            "api.open\u{ad}ai.com",
        ] {
            assert_eq!(Host::parse(spelling), Ok(Host::Name(Name::from("api.openai.com"))), "{spelling}");
        }
        assert_eq!(Host::parse("bücher.example"), Ok(Host::Name(Name::from("xn--bcher-kva.example"))));
        assert_ne!(Host::parse("аpi.openai.com"), Host::parse("api.openai.com"), "a Cyrillic letter is another one");
        assert_eq!(Host::parse("my_bucket.example"), Ok(Host::Name(Name::from("my_bucket.example"))));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (text, why) in [
            ("", MalformedHost::Empty),
            (".", MalformedHost::NotAName),
            ("a..b", MalformedHost::NotAName),
            ("[127.0.0.1]", MalformedHost::NotAnAddress),
            ("[::1%25lo]", MalformedHost::NotAnAddress),
            ("[::1", MalformedHost::NotAnAddress),
            ("[[::1]]", MalformedHost::NotAnAddress),
            ("1.2.3.4.5", MalformedHost::NotAnIpv4Address),
            ("256.1.1.1", MalformedHost::NotAnIpv4Address),
            ("4294967296", MalformedHost::NotAnIpv4Address),
            ("0o177.0.0.1", MalformedHost::NotAnIpv4Address),
            ("09.0.0.1", MalformedHost::NotAnIpv4Address),
            ("api.openai.com%2eevil.example", MalformedHost::NotAName),
            ("a@b", MalformedHost::NotAName),
            ("a b", MalformedHost::NotAName),
            ("a\tb", MalformedHost::NotAName),
            ("a\\b", MalformedHost::NotAName),
            ("xn--pi-openai-com-.example", MalformedHost::NotAName),
        ] {
            assert_eq!(Host::parse(text), Err(why), "{text:?}");
        }
        let label = "a".repeat(64);
        assert_eq!(Host::parse(&format!("{label}.example")), Err(MalformedHost::NotAName));
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".");
        assert_eq!(Host::parse(&long), Err(MalformedHost::NotAName));
    }

    #[test]
    fn an_authority_is_a_host_and_a_port_and_nothing_else() {
        let openai = Host::Name(Name::from("api.openai.com"));
        assert_eq!(split_authority("api.openai.com:443", None), Ok((openai.clone(), 443)));
        assert_eq!(split_authority("api.openai.com", Some(80)), Ok((openai, 80)));
        assert_eq!(split_authority("[::1]:8080", None), Ok((Host::Address("::1".parse().unwrap()), 8080)));
        for text in [
            "api.openai.com",
            "api.openai.com:",
            "api.openai.com:0",
            "api.openai.com:65536",
            "api.openai.com:0443",
            "api.openai.com:https",
            "api.openai.com:-1",
            "api.openai.com:+1",
            "api.openai.com:443:80",
            ":443",
            "[::1]443",
            "[::1]",
            "a@b:443",
            "http://a:80",
        ] {
            assert!(split_authority(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_in_a_uri_wears_brackets_where_it_must() {
        for (text, written) in [("::1", "[::1]"), ("127.1", "127.0.0.1"), ("A.example", "a.example")] {
            assert_eq!(Host::parse(text).unwrap().to_uri_text(), written);
        }
    }
}
