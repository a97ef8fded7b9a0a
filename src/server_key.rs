//! The server's own key, and the secrets that are derived from it.
//!
//! One key is configured; every use derives its own from it, so that what is made for one purpose says nothing
//! about another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::id::{BookingId, CalendarFeedId, SeriesId, WebhookId};
use crate::domain::webhook::SecretVersion;

/// A key for one purpose.
pub type DerivedKey = [u8; 32];

/// The server's key. Whoever has it can make management tokens.
#[derive(Clone)]
pub struct ServerKey {
    management: DerivedKey,
    session: DerivedKey,
    fingerprint: DerivedKey,
    caller: DerivedKey,
    webhook: DerivedKey,
    calendar: DerivedKey,
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

impl ServerKey {
    /// Derives all keys from the configured `secret`.
    #[must_use]
    pub fn new(secret: &SecretString) -> Self {
        let root = secret.expose_secret().as_bytes();
        Self {
            management: mac(root, &[b"slotwise management token"]),
            session: mac(root, &[b"slotwise session"]),
            fingerprint: mac(root, &[b"slotwise fingerprint"]),
            caller: mac(root, &[b"slotwise caller"]),
            webhook: mac(root, &[b"slotwise webhook secret"]),
            calendar: mac(root, &[b"slotwise calendar entry"]),
        }
    }

    /// The key under which session secrets become pseudonyms.
    #[must_use]
    pub fn session_key(&self) -> SecretSlice<u8> {
        SecretSlice::from(self.session.to_vec())
    }

    /// The bearer secret of a booking: derived, so that nothing has to store it and later mails can carry it.
    #[must_use]
    pub fn management_token(&self, booking: &BookingId) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.management, &[booking.as_str().as_bytes()]))
    }

    /// Whether `token` is the booking's, compared in constant time.
    #[must_use]
    pub fn is_management_token(&self, booking: &BookingId, token: &str) -> bool {
        self.management_token(booking).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The bearer secret of a series, good for all of its bookings.
    #[must_use]
    pub fn series_token(&self, series: &SeriesId) -> String {
        // Two parts, so that it is no booking's, whatever ids look like.
        URL_SAFE_NO_PAD.encode(mac(&self.management, &[b"series", series.as_str().as_bytes()]))
    }

    /// Whether `token` is the series', compared in constant time.
    #[must_use]
    pub fn is_series_token(&self, series: &SeriesId, token: &str) -> bool {
        self.series_token(series).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The key with which what is sent to a webhook is signed: derived, so that nothing has to store it.
    #[must_use]
    pub fn webhook_secret(&self, webhook: &WebhookId, version: SecretVersion) -> DerivedKey {
        mac(&self.webhook, &[webhook.as_str().as_bytes(), &version.to_be_bytes()])
    }

    /// What names the booking or block of the id `entry` in a calendar that says nothing of it: different in each feed, and
    /// telling nothing about the id.
    #[must_use]
    pub fn calendar_name(&self, feed: &CalendarFeedId, entry: &str) -> String {
        let name = mac(&self.calendar, &[feed.as_str().as_bytes(), entry.as_bytes()]);
        Uuid::from_bytes(std::array::from_fn(|place| name[place])).simple().to_string()
    }

    /// A keyed hash of `parts`: equal exactly when the parts are, and telling nothing about them.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> DerivedKey {
        mac(&self.fingerprint, parts)
    }

    /// By what a caller is known in the store where nobody may read who they are.
    #[must_use]
    pub fn caller(&self, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.caller, parts))
    }
}

/// HMAC-SHA256 over the parts, each preceded by its length so that no two lists of parts look alike.
fn mac(key: &[u8], parts: &[&[u8]]) -> DerivedKey {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC-SHA256 takes keys of any length")
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ServerKey {
        ServerKey::new(&SecretString::from(text))
    }

    #[test]
    fn a_token_opens_its_own_booking_only() {
        let key = key("0123456789abcdef0123456789abcdef");
        let (one, two) = (BookingId::from("bkg_1"), BookingId::from("bkg_2"));
        let token = key.management_token(&one);
        assert!(key.is_management_token(&one, &token));
        assert!(!key.is_management_token(&two, &token));
        assert!(!key.is_management_token(&one, ""));
    }

    #[test]
    fn a_series_token_opens_its_own_series_and_is_no_bookings() {
        let key = key("0123456789abcdef0123456789abcdef");
        let (one, two) = (SeriesId::from("same"), SeriesId::from("other"));
        let token = key.series_token(&one);
        assert!(key.is_series_token(&one, &token));
        assert!(!key.is_series_token(&two, &token));
        assert!(!key.is_management_token(&BookingId::from("same"), &token));
    }

    #[test]
    fn another_key_makes_other_tokens() {
        let booking = BookingId::from("bkg_1");
        assert_ne!(key("a").management_token(&booking), key("b").management_token(&booking));
    }

    #[test]
    fn parts_are_kept_apart_in_a_fingerprint() {
        let key = key("k");
        assert_ne!(key.fingerprint(&[b"ab", b"c"]), key.fingerprint(&[b"a", b"bc"]));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", key("hush")), "ServerKey(…)");
    }
}
