//! Where a client is: whom it is that connects, or whom a proxy that is trusted speaks for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use http::{HeaderMap, HeaderName};
use tracing::warn;

use crate::config::TrustedProxies;
use crate::graphql::execute::ClientAddress;

/// What proxies tell of whom they speak for: each adds, at the end, who connected to it.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client whose request came from `peer` with these headers.
///
/// What is at the end of the header is as true as whoever wrote it: it is read from there, past the proxies that are
/// trusted, to the first address that is not one of theirs. Whatever is before that, anybody can have written.
pub(super) fn client_address(proxies: &TrustedProxies, peer: SocketAddr, headers: &HeaderMap) -> ClientAddress {
    let mut client = peer.ip().to_canonical();
    if !proxies.include(client) && headers.contains_key(X_FORWARDED_FOR) {
        warn_of_stranger(client);
    }
    let hops =
        headers.get_all(X_FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|&byte| byte == b','));
    for hop in hops {
        if !proxies.include(client) {
            break;
        }
        // The last one that is known to be right counts.
        let Some(before) = address(hop) else { break };
        client = before;
    }
    ClientAddress(client)
}

/// Whoever forgets to name their proxy has all of its clients share one set of limits: that is told, once.
fn warn_of_stranger(peer: IpAddr) {
    static TOLD: Once = Once::new();
    let is_near = match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private() || peer.is_link_local(),
        IpAddr::V6(peer) => peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local(),
    };
    if is_near {
        TOLD.call_once(|| {
            warn!(
                %peer,
                "X-Forwarded-For is not believed: if that is your proxy, name it in --trusted-proxies \
                 (SLOTWISE_TRUSTED_PROXIES); until then, its clients share the limits of one"
            );
        });
    }
}

/// One hop: an address, as some proxies write it with a port.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Whom a server that trusts two networks takes for the client.
    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let proxies = TrustedProxies::read("10.0.0.0/8, 2001:db8::/32").unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded_for {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        client_address(&proxies, SocketAddr::new(peer.parse().unwrap(), 5000), &headers).0.to_string()
    }

    #[test]
    fn a_proxy_that_is_trusted_tells_whom_it_speaks_for() {
        for (peer, forwarded_for, expected) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("2001:db8::1", &["2001:db9::7"], "2001:db9::7"),
            // What the client itself has written is not believed.
            ("10.0.0.1", &["203.0.113.9, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
            // Proxies before proxies.
            ("10.0.0.1", &["203.0.113.9,192.0.2.7 , 10.2.3.4"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7", "10.2.3.4, 10.2.3.5"], "192.0.2.7"),
            // With ports.
            ("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7"),
            ("10.0.0.1", &["[2001:db9::7]:4711"], "2001:db9::7"),
            ("10.0.0.1", &["[2001:db9::7]"], "2001:db9::7"),
        ] {
            assert_eq!(client(peer, forwarded_for), expected, "{peer} {forwarded_for:?}");
        }
    }

    #[test]
    fn whoever_is_not_trusted_speaks_for_themself() {
        assert_eq!(client("192.0.2.1", &["192.0.2.7"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &["10.0.0.1"]), "192.0.2.1");
        let nobody = TrustedProxies::default();
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.7"));
        let peer = SocketAddr::from(([127, 0, 0, 1], 5000));
        assert_eq!(client_address(&nobody, peer, &headers).0, peer.ip());
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        for (forwarded_for, expected) in [
            (&["192.0.2.7, unknown"][..], "10.0.0.1"),
            (&["192.0.2.7, , 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7, _hidden, 10.0.0.2"], "10.0.0.2"),
            (&[""], "10.0.0.1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["192.0.2.300"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", forwarded_for), expected, "{forwarded_for:?}");
        }
    }
}
