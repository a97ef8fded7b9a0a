//! Which IP addresses belong to the public internet: those to which a server may connect for somebody who only named
//! the address. All others may be a machine that its owner thought nobody could reach.
//!
//! The source are IANA's registries of special-purpose addresses (RFC 6890), for
//! [IPv4](https://www.iana.org/assignments/iana-ipv4-special-registry) and for
//! [IPv6](https://www.iana.org/assignments/iana-ipv6-special-registry), with the blocks for multicast beside them.
//! Whatever is in there is refused, also the few blocks that can be reached from everywhere: they are for name servers
//! and relays, and nobody listens there who wants to be told something.

// The addresses of `std::net`, without all that connects.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// The blocks of IPv4 that are not public.
const SPECIAL_V4: [Ipv4Net; 18] = [
    // "This network": whatever listens on this machine.
    v4([0, 0, 0, 0], 8),
    // Private.
    v4([10, 0, 0, 0], 8),
    // Shared between a provider and its customers.
    v4([100, 64, 0, 0], 10),
    // Loopback.
    v4([127, 0, 0, 0], 8),
    // Link-local; clouds tell their machines secrets there.
    v4([169, 254, 0, 0], 16),
    // Private.
    v4([172, 16, 0, 0], 12),
    // For protocols.
    v4([192, 0, 0, 0], 24),
    // Documentation.
    v4([192, 0, 2, 0], 24),
    // Sinks for the names of private addresses (AS112).
    v4([192, 31, 196, 0], 24),
    // Relays of multicast (AMT).
    v4([192, 52, 193, 0], 24),
    // Relays of 6to4.
    v4([192, 88, 99, 0], 24),
    // Private.
    v4([192, 168, 0, 0], 16),
    // Sinks again (AS112).
    v4([192, 175, 48, 0], 24),
    // Benchmarks.
    v4([198, 18, 0, 0], 15),
    // Documentation.
    v4([198, 51, 100, 0], 24),
    // Documentation.
    v4([203, 0, 113, 0], 24),
    // Multicast.
    v4([224, 0, 0, 0], 4),
    // Reserved; the last one is broadcast.
    v4([240, 0, 0, 0], 4),
];

/// The only part of IPv6 that is given out for the public internet. Outside of it are the unspecified address and
/// loopback (`::/128`, `::1/128`), IPv4 in disguise (`::/96`, `::ffff:0:0/96`, `64:ff9b::/96`, `64:ff9b:1::/48`),
/// what is discarded (`100::/64`, `100:0:0:1::/64`), segments' ids (`5f00::/16`), what is unique or local to a link or
/// site (`fc00::/7`, `fe80::/10`, `fec0::/10`), and multicast (`ff00::/8`).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0], 3);

/// The blocks in [`GLOBAL_UNICAST`] that are not public.
const SPECIAL_V6: [Ipv6Net; 5] = [
    // For protocols: Teredo, benchmarks, both generations of ORCHID, and more.
    v6([0x2001, 0, 0], 23),
    // Documentation.
    v6([0x2001, 0xdb8, 0], 32),
    // IPv4 in disguise (6to4).
    v6([0x2002, 0, 0], 16),
    // Sinks for the names of private addresses (AS112).
    v6([0x2620, 0x4f, 0x8000], 48),
    // Documentation.
    v6([0x3fff, 0, 0], 20),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c]: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Whether `address` is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|block| block.contains(&address)),
        // Also where it stands for one of IPv4 that is public: nobody needs to write it like that.
        IpAddr::V6(address) => {
            GLOBAL_UNICAST.contains(&address) && !SPECIAL_V6.iter().any(|block| block.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    /// All of IANA's blocks and multicast, as the registries write them, and not as the code above does.
    const SPECIAL: [&str; 55] = [
        "0.0.0.0/8",
        "0.0.0.0/32",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.0.0/29",
        "192.0.0.8/32",
        "192.0.0.9/32",
        "192.0.0.10/32",
        "192.0.0.170/32",
        "192.0.0.171/32",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "255.255.255.255/32",
        "::1/128",
        "::/128",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001::/32",
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:1::3/128",
        "2001:2::/48",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:30::/28",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn special() -> impl Iterator<Item = IpNet> {
        SPECIAL.iter().map(|block| block.parse().unwrap())
    }

    #[test]
    fn both_edges_of_every_special_block_are_refused() {
        for block in special() {
            assert_eq!(block.trunc(), block, "the block is written with bits that do not count");
            assert!(!is_public(block.network()), "{}", block.network());
            assert!(!is_public(block.broadcast()), "{}", block.broadcast());
        }
    }

    #[test]
    fn what_is_next_to_a_block_is_public_unless_another_begins_there() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.1.255",
            "192.0.3.0",
            "192.31.195.255",
            "192.31.197.0",
            "192.52.192.255",
            "192.52.194.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "192.175.47.255",
            "192.175.49.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::",
            "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:200::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2003::",
            "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
            "2620:4f:8001::",
            "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "3fff:1000::",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
        for text in ["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "8000::", "fbff::"] {
            assert!(!is_public(address(text)), "{text}, outside of what is given out");
        }
    }

    #[test]
    fn servers_that_everybody_can_reach_are_public() {
        for text in ["1.1.1.1", "8.8.8.8", "9.9.9.9", "140.82.121.3", "2606:4700:4700::1111", "2a00:1450:4001::200e"] {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn an_address_of_ipv4_in_disguise_is_refused_whatever_it_stands_for() {
        for text in ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_public(address(text)), "{text}");
        }
        // 6to4, of 127.0.0.1 and of 8.8.8.8; Teredo.
        for text in ["2002:7f00:1::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"] {
            assert!(!is_public(address(text)), "{text}");
        }
    }

    /// An address of a block, by whatever bits the block leaves open.
    fn within(block: IpNet, bits: u128) -> IpAddr {
        match block {
            IpNet::V4(block) => {
                let open = u32::from_be_bytes(bits.to_be_bytes()[12..].try_into().unwrap());
                (u32::from(block.network()) | (open & u32::from(block.hostmask()))).to_be_bytes().into()
            }
            IpNet::V6(block) => {
                (u128::from(block.network()) | (bits & u128::from(block.hostmask()))).to_be_bytes().into()
            }
        }
    }

    proptest! {
        #[test]
        fn no_address_of_any_special_block_is_public(block in 0..SPECIAL.len(), bits: u128) {
            let block: IpNet = SPECIAL[block].parse().unwrap();
            let address = within(block, bits);
            prop_assert!(block.contains(&address));
            prop_assert!(!is_public(address), "{address}");
        }

        #[test]
        fn every_other_address_of_ipv4_is_public(bits: u32) {
            let address = IpAddr::from(bits.to_be_bytes());
            prop_assert_eq!(is_public(address), !special().any(|block| block.contains(&address)));
        }

        #[test]
        fn every_other_global_address_of_ipv6_is_public(bits: u128) {
            let address = IpAddr::from(((bits >> 3) | (1 << 125)).to_be_bytes());
            prop_assert_eq!(is_public(address), !special().any(|block| block.contains(&address)));
        }
    }
}
