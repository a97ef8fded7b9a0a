//! What addresses mean: whom limits count as one client, and which are this machine's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whom one budget is for: an IPv4 address, or the network of 64 bits that an IPv6 client has to itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressGroup {
    /// One IPv4 address; also where it was written as an IPv6 one.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6Network([u16; 4]),
}

impl AddressGroup {
    /// The group that `address` belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let network = |address: Ipv6Addr| {
            let [a, b, c, d, ..] = address.segments();
            Self::V6Network([a, b, c, d])
        };
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => network(address),
        }
    }

    /// What tells it from every other group.
    #[must_use]
    pub fn octets(self) -> Vec<u8> {
        match self {
            Self::V4(address) => address.octets().to_vec(),
            Self::V6Network(segments) => segments.into_iter().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

/// The host of an address as it is looked up: an IPv6 address without the brackets that it has there.
#[must_use]
pub fn without_brackets(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

/// Whether `host`, a name or an address as it stands in a URL, is this machine itself.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let address = without_brackets(host).parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for local in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "[::1]"] {
            assert!(is_this_machine(local), "{local}");
        }
        for remote in ["example.com", "localhost.example.com", "10.0.0.1", "[2001:db8::1]"] {
            assert!(!is_this_machine(remote), "{remote}");
        }
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_address_is_the_ipv4_one() {
        let group = |text: &str| AddressGroup::of(text.parse().unwrap());
        assert_eq!(group("2001:db8:1:2::1"), group("2001:db8:1:2:ffff::9"));
        assert_ne!(group("2001:db8:1:2::1"), group("2001:db8:1:3::1"));
        assert_eq!(group("::ffff:192.0.2.7"), group("192.0.2.7"));
        assert_ne!(group("192.0.2.7"), group("192.0.2.8"));
    }

    #[test]
    fn the_octets_of_two_groups_differ() {
        let octets = |text: &str| AddressGroup::of(text.parse().unwrap()).octets();
        assert_eq!(octets("192.0.2.7"), [192, 0, 2, 7]);
        assert_eq!(octets("2001:db8:1:2::1"), [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2]);
    }
}
