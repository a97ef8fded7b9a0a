//! The address below which the server is reached from outside.

use std::fmt;
use std::net::SocketAddr;

use url::Url;

/// The address below which the server is reached from outside: `https://slots.example.com`. A proxy may have it at a
/// path of its own, which it takes away again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPublicUrl;

impl PublicUrl {
    /// The address at `text`: see [`page_address`].
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, NoPublicUrl> {
        page_address(text).map(Self).ok_or(NoPublicUrl)
    }

    /// The address of a server that listens at `address` and is not told how it is reached: whoever is on the same
    /// machine reaches it there. `None`: it listens for others, and nobody knows by what name they call it.
    #[must_use]
    pub fn on_this_machine(address: SocketAddr) -> Option<Self> {
        if !address.ip().is_loopback() {
            return None;
        }
        Url::parse(&format!("http://{address}")).ok().map(Self)
    }

    /// Where calendar programs find the calendar of which the key is `key`.
    #[must_use]
    pub fn of_calendar(&self, key: &str) -> String {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("calendars").push(&format!("{key}.ics"));
        }
        url.into()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address at `text`, below which there are pages: an https address without a user, a query or a fragment; http only
/// on this machine. `None`: it is none.
#[must_use]
pub fn page_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_fit = (url.scheme() == "https" || url.scheme() == "http" && is_local)
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_fit.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_lies_below_the_address() {
        for (address, calendar) in [
            ("https://slots.example.com", "https://slots.example.com/calendars/a-_9.ics"),
            ("https://example.com:8443/slots", "https://example.com:8443/slots/calendars/a-_9.ics"),
            ("https://example.com/slots/", "https://example.com/slots/calendars/a-_9.ics"),
            ("http://localhost:8080/", "http://localhost:8080/calendars/a-_9.ics"),
        ] {
            assert_eq!(PublicUrl::read(address).unwrap().of_calendar("a-_9"), calendar);
        }
        for wrong in ["slots.example.com", "http://slots.example.com", "https://a.example/?b", "https://a.example/#b"] {
            assert_eq!(PublicUrl::read(wrong), Err(NoPublicUrl), "{wrong}");
        }
    }

    #[test]
    fn only_a_server_for_its_own_machine_knows_its_address_by_itself() {
        let address = |text: &str| PublicUrl::on_this_machine(text.parse().unwrap()).map(|url| url.to_string());
        assert_eq!(address("127.0.0.1:8080").as_deref(), Some("http://127.0.0.1:8080/"));
        assert_eq!(address("[::1]:80").as_deref(), Some("http://[::1]/"));
        for open in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
            assert_eq!(address(open), None);
        }
    }
}
