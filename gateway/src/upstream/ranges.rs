//! Addresses that are never dialled, and the exceptions that the operator allows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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

impl fmt::Display for MalformedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "a range starts with an IP address, as in 10.0.0.0/8",
            Self::NotAPrefix => "the number after the slash is 0 to 32 for IPv4 and 0 to 128 for IPv6",
            Self::BitsBeyondPrefix => "the address has bits beyond the prefix; write its network, as in 10.0.0.0/8",
        })
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

/// A range that no vendor has, with its name for the person who reads the refusal.
struct Denied {
    range: AddressRange,
    name: &'static str,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_bits: u8, name: &'static str) -> Denied {
    Denied { range: AddressRange { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits }, name }
}

const fn v6(groups: [u16; 4], prefix_bits: u8, name: &'static str) -> Denied {
    let [a, b, c, d] = groups;
    v6_long([a, b, c, d, 0, 0, 0, 0], prefix_bits, name)
}

const fn v6_long(groups: [u16; 8], prefix_bits: u8, name: &'static str) -> Denied {
    let [a, b, c, d, e, f, g, h] = groups;
    let network = IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h));
    Denied { range: AddressRange { network, prefix_bits }, name }
}

/// The IANA special-purpose registries for IPv4 and IPv6 (RFC 6890) without what is reachable by all, multicast, and
/// what clouds put elsewhere. IPv6 forms that carry an IPv4 address are denied whole: what they carry is not judged,
/// and no vendor needs them.
const DENIED: [Denied; 37] = [
    v4(0, 0, 0, 0, 8, "this network (RFC 791)"),
    v4(10, 0, 0, 0, 8, "private (RFC 1918)"),
    v4(100, 64, 0, 0, 10, "carrier-grade NAT (RFC 6598)"),
    v4(127, 0, 0, 0, 8, "loopback (RFC 1122)"),
    // Holds 169.254.169.254 and 169.254.170.2, the metadata services of most clouds.
    v4(169, 254, 0, 0, 16, "link-local (RFC 3927)"),
    v4(172, 16, 0, 0, 12, "private (RFC 1918)"),
    // Holds 192.0.0.192, a metadata service.
    v4(192, 0, 0, 0, 24, "protocol assignments (RFC 6890)"),
    v4(192, 0, 2, 0, 24, "documentation (RFC 5737)"),
    v4(192, 31, 196, 0, 24, "AS112 sink (RFC 7535)"),
    v4(192, 52, 193, 0, 24, "multicast tunnelling (RFC 7450)"),
    v4(192, 88, 99, 0, 24, "6to4 relays (RFC 7526)"),
    v4(192, 168, 0, 0, 16, "private (RFC 1918)"),
    v4(192, 175, 48, 0, 24, "AS112 sink (RFC 7534)"),
    v4(198, 18, 0, 0, 15, "benchmarking (RFC 2544)"),
    v4(198, 51, 100, 0, 24, "documentation (RFC 5737)"),
    v4(203, 0, 113, 0, 24, "documentation (RFC 5737)"),
    v4(224, 0, 0, 0, 4, "multicast (RFC 5771)"),
    v4(240, 0, 0, 0, 4, "reserved and broadcast (RFC 1112, RFC 919)"),
    // A public address that every Azure machine reaches its host's services under ("What is IP address
    // 168.63.129.16?", Azure documentation).
    v4(168, 63, 129, 16, 32, "Azure host services"),
    // `::`, `::1` and the IPv4-compatible addresses.
    v6([0, 0, 0, 0], 96, "unspecified, loopback and IPv4-compatible (RFC 4291)"),
    v6_long([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped (RFC 4291)"),
    v6_long([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated (RFC 2765)"),
    v6([0x64, 0xff9b, 0, 0], 96, "NAT64 (RFC 6052)"),
    v6([0x64, 0xff9b, 1, 0], 48, "local NAT64 (RFC 8215)"),
    v6([0x100, 0, 0, 0], 64, "discard (RFC 6666)"),
    v6([0x100, 0, 0, 1], 64, "dummy prefix (RFC 9780)"),
    // Teredo (RFC 4380), benchmarking (RFC 5180), ORCHID (RFC 4843, RFC 7343) and later assignments.
    v6([0x2001, 0, 0, 0], 23, "protocol assignments (RFC 2928)"),
    v6([0x2001, 0xdb8, 0, 0], 32, "documentation (RFC 3849)"),
    v6([0x2002, 0, 0, 0], 16, "6to4 (RFC 3056)"),
    v6([0x2620, 0x4f, 0x8000, 0], 48, "AS112 sink (RFC 7534)"),
    v6([0x3fff, 0, 0, 0], 20, "documentation (RFC 9637)"),
    v6([0x5f00, 0, 0, 0], 16, "segment routing (RFC 9602)"),
    // Holds fd00:ec2::254 and fd20:ce::254, metadata services.
    v6([0xfc00, 0, 0, 0], 7, "unique local (RFC 4193)"),
    v6([0xfe80, 0, 0, 0], 10, "link-local (RFC 4291)"),
    v6([0xfec0, 0, 0, 0], 10, "site-local (RFC 3879)"),
    v6([0xff00, 0, 0, 0], 8, "multicast (RFC 4291)"),
    v6([0x3ffe, 0, 0, 0], 16, "6bone, returned (RFC 3701)"),
];

/// The name of the range for which an address is never dialled, unless `allowed` ranges hold the address.
///
/// An IPv4 address in IPv4-mapped form is judged as the IPv4 address.
#[must_use]
pub fn denied_because(address: IpAddr, allowed: &[AddressRange]) -> Option<&'static str> {
    let address = address.to_canonical();
    let denied = DENIED.iter().find(|denied| denied.range.contains(address))?;
    if allowed.iter().any(|range| range.contains(address)) { None } else { Some(denied.name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_denied_range_is_well_formed_and_ends_where_it_says() {
        for Denied { range, name } in &DENIED {
            assert_eq!(AddressRange::new(range.network, range.prefix_bits), Ok(*range), "{name}");
            assert_eq!(range.to_string().parse(), Ok(*range), "{name}");
            let last = bits(range.network) | !range.mask();
            let last = match range.network {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(last >> 96).unwrap())),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(last)),
            };
            assert!(range.contains(range.network) && range.contains(last), "{name}");
        }
    }

    #[test]
    fn neighbours_of_denied_ranges_are_dialled() {
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.15",
            "168.63.129.17",
            "2001:200::1",
            "2003::1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(denied_because(public.parse().unwrap(), &[]), None, "{public}");
        }
    }

    #[test]
    fn an_exception_opens_its_range_only() {
        let allowed: Vec<AddressRange> = vec!["127.0.0.1/32".parse().unwrap(), "fd00:1::/64".parse().unwrap()];
        for open in ["127.0.0.1", "::ffff:127.0.0.1", "fd00:1::5"] {
            assert_eq!(denied_because(open.parse().unwrap(), &allowed), None, "{open}");
        }
        for shut in ["127.0.0.2", "fd00:2::5", "::1", "169.254.169.254"] {
            assert!(denied_because(shut.parse().unwrap(), &allowed).is_some(), "{shut}");
        }
    }

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

    proptest! {
        #[test]
        fn a_mapped_address_is_judged_as_what_it_maps(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(
                denied_because(address.into(), &[]),
                denied_because(address.to_ipv6_mapped().into(), &[])
            );
        }
    }
}
