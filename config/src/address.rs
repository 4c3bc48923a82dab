//! Ranges of addresses, as `upstream.allow_addresses` names them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses in CIDR notation: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    network: IpAddr,
    prefix_bits: u8,
}

/// The text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedRange {
    /// The part before the slash is no IP address.
    NotAnAddress,
    /// The part after the slash is no number from 0 to 32 (IPv4) or 128 (IPv6).
    NotAPrefix,
    /// The address has bits beyond the prefix: it is not clear which range is meant.
    BitsBeyondPrefix,
}

impl MalformedRange {
    /// How to mend it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NotAnAddress => "a range starts with an IP address, as in 10.0.0.0/8",
            Self::NotAPrefix => "the number after the slash is 0 to 32 for IPv4 and 0 to 128 for IPv6",
            Self::BitsBeyondPrefix => "the address has bits beyond the prefix; write its network, as in 10.0.0.0/8",
        }
    }
}

impl fmt::Display for MalformedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}

impl std::error::Error for MalformedRange {}

impl AddressRange {
    /// The range of all addresses whose first `prefix_bits` bits are those of `network`.
    ///
    /// # Errors
    /// A prefix longer than the address, or bits beyond it.
    pub fn new(network: IpAddr, prefix_bits: u8) -> Result<Self, MalformedRange> {
        let width = if network.is_ipv4() { 32 } else { 128 };
        if prefix_bits > width {
            return Err(MalformedRange::NotAPrefix);
        }
        let range = Self { network, prefix_bits };
        if range.mask() & bits(network) != bits(network) {
            return Err(MalformedRange::BitsBeyondPrefix);
        }
        Ok(range)
    }

    /// Whether the address lies in the range. IPv4 ranges hold no IPv6 addresses and the other way round.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.is_ipv4() == address.is_ipv4() && self.mask() & bits(address) == bits(self.network)
    }

    /// Ones for the prefix; IPv4 lies in the upper 32 bits.
    const fn mask(&self) -> u128 {
        match u128::MAX.checked_shl(128 - self.prefix_bits as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for AddressRange {
    type Err = MalformedRange;

    fn from_str(text: &str) -> Result<Self, MalformedRange> {
        let (network, prefix) = match text.split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| MalformedRange::NotAnAddress)?;
        let prefix_bits = match prefix {
            None if network.is_ipv4() => 32,
            None => 128,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| MalformedRange::NotAPrefix)?
            }
            Some(_) => return Err(MalformedRange::NotAPrefix),
        };
        Self::new(network, prefix_bits)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_ranges_say_what_is_wrong() {
        for (text, why) in [
            ("", MalformedRange::NotAnAddress),
            ("localhost", MalformedRange::NotAnAddress),
            ("127.1/8", MalformedRange::NotAnAddress),
            ("10.0.0.0/33", MalformedRange::NotAPrefix),
            ("10.0.0.0/", MalformedRange::NotAPrefix),
            ("10.0.0.0/+8", MalformedRange::NotAPrefix),
            ("::/129", MalformedRange::NotAPrefix),
            ("10.0.0.1/8", MalformedRange::BitsBeyondPrefix),
            ("fd00::1/64", MalformedRange::BitsBeyondPrefix),
        ] {
            assert_eq!(text.parse::<AddressRange>(), Err(why), "{text}");
        }
        assert!("0.0.0.0/0".parse::<AddressRange>().unwrap().contains("9.9.9.9".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<AddressRange>().unwrap().contains("::1".parse().unwrap()));
        assert!("::/0".parse::<AddressRange>().unwrap().contains("::1".parse().unwrap()));
    }
}
