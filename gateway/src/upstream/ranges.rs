//! Addresses that are never dialled, and the exceptions that the operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::AddressRange;

/// A range that no vendor has, with its name for the person who reads the refusal.
struct Denied {
    network: IpAddr,
    prefix_bits: u8,
    name: &'static str,
}

impl Denied {
    fn contains(&self, address: IpAddr) -> bool {
        // A row that were no range would hold everything: a mistake in the table must not open it.
        !AddressRange::new(self.network, self.prefix_bits).is_ok_and(|range| !range.contains(address))
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_bits: u8, name: &'static str) -> Denied {
    Denied { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits, name }
}

const fn v6(groups: [u16; 4], prefix_bits: u8, name: &'static str) -> Denied {
    let [a, b, c, d] = groups;
    v6_long([a, b, c, d, 0, 0, 0, 0], prefix_bits, name)
}

const fn v6_long(groups: [u16; 8], prefix_bits: u8, name: &'static str) -> Denied {
    let [a, b, c, d, e, f, g, h] = groups;
    let network = IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h));
    Denied { network, prefix_bits, name }
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
    let denied = DENIED.iter().find(|denied| denied.contains(address))?;
    if allowed.iter().any(|range| range.contains(address)) { None } else { Some(denied.name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_denied_range_is_well_formed_and_denied_at_both_ends() {
        for Denied { network, prefix_bits, name } in &DENIED {
            assert!(AddressRange::new(*network, *prefix_bits).is_ok(), "{name}");
            let last = match network {
                IpAddr::V4(first) => IpAddr::V4(Ipv4Addr::from_bits(
                    first.to_bits() | u32::MAX.checked_shr((*prefix_bits).into()).unwrap_or(0),
                )),
                IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(
                    first.to_bits() | u128::MAX.checked_shr((*prefix_bits).into()).unwrap_or(0),
                )),
            };
            assert!(denied_because(*network, &[]).is_some() && denied_because(last, &[]).is_some(), "{name}");
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
