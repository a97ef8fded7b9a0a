//! Links to bookings, below an address of the operator's: the page on which people see and change what they booked.

use std::fmt;

use url::Url;

use crate::domain::id::BookingId;
use crate::public_url::page_address;
use crate::server_key::ServerKey;

/// The address below which bookings have their pages: `https://studio.example.com/bookings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingPage(Url);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBookingPage;

impl BookingPage {
    /// The page at `text`: see [`page_address`].
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str) -> Result<Self, NoBookingPage> {
        page_address(text).map(Self).ok_or(NoBookingPage)
    }

    /// Where whoever is allowed to anyway finds a booking: staff, who sign in.
    #[must_use]
    pub fn of(&self, booking: &BookingId) -> String {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(booking.as_str());
        }
        url.into()
    }

    /// Where the booker finds a booking, with the booking's own token. It is in the fragment, which browsers keep to
    /// themselves: it gets into no server's log and no `Referer`.
    #[must_use]
    pub fn with_token(&self, booking: &BookingId, key: &ServerKey) -> String {
        format!("{}#token={}", self.of(booking), key.management_token(booking))
    }
}

impl fmt::Display for BookingPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_link_lies_below_the_page_and_carries_the_token_where_no_server_sees_it() {
        let key = ServerKey::new(&SecretString::from("0123456789abcdef0123456789abcdef"));
        let id = BookingId::from("bkg_1");
        for page in ["https://studio.example.com/b", "https://studio.example.com/b/"] {
            let page = BookingPage::read(page).unwrap();
            assert_eq!(page.of(&id), "https://studio.example.com/b/bkg_1");
            let link = page.with_token(&id, &key);
            assert_eq!(link, format!("https://studio.example.com/b/bkg_1#token={}", key.management_token(&id)));
        }
        let odd = BookingPage::read("https://studio.example.com").unwrap().of(&BookingId::from("a/../b?c#d"));
        assert_eq!(odd, "https://studio.example.com/a%2F..%2Fb%3Fc%23d");
    }

    #[test]
    fn a_page_is_an_https_address_and_nothing_more() {
        for fit in ["https://example.com", "https://example.com:8443/a/b", "http://localhost:3000/bookings"] {
            assert!(BookingPage::read(fit).is_ok(), "{fit}");
        }
        for unfit in [
            "",
            "example.com",
            "http://example.com/",
            "https://u:p@example.com/",
            "https://example.com/?a=b",
            "https://example.com/#a",
            "javascript:alert(1)",
            "file:///tmp",
        ] {
            assert_eq!(BookingPage::read(unfit), Err(NoBookingPage), "{unfit}");
        }
    }
}
