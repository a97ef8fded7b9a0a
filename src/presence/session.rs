//! Who holds: secrets that sessions make up, and the two names that are derived from them.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

use crate::domain::id::ResourceId;

/// Fewest characters of a session secret.
const MIN_SECRET_LENGTH: usize = 16;
/// Most characters of a session secret.
const MAX_SECRET_LENGTH: usize = 128;

/// What a session proves itself by: a text of the client's own making, to be treated like a password.
///
/// It is wiped from memory when dropped, has no `Display`, and its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SessionSecret(SecretString);

impl SessionSecret {
    /// From what the client sent; `None` unless it has 16 to 128 characters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let secret = SecretString::from(text.into());
        let length = secret.expose_secret().chars().take(MAX_SECRET_LENGTH + 1).count();
        (MIN_SECRET_LENGTH..=MAX_SECRET_LENGTH).contains(&length).then_some(Self(secret))
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

/// A session's public name on one resource: the same for all its holds there, another one elsewhere.
///
/// It is a keyed hash, so nobody can go from it to the secret, or from one resource's name to another's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the registry knows a session by, over all resources. Never leaves it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SessionKey([u8; 16]);

/// Derives both names from secrets, by the server's key.
pub(super) struct Pseudonyms(Hmac<Sha256>);

impl Pseudonyms {
    pub(super) fn new(key: &SecretSlice<u8>) -> Self {
        Self(Hmac::new_from_slice(key.expose_secret()).expect("HMAC takes a key of any length"))
    }

    pub(super) fn session(&self, secret: &SessionSecret) -> SessionKey {
        SessionKey(self.hash(&[b"session", secret.0.expose_secret().as_bytes()]))
    }

    pub(super) fn holder(&self, resource: &ResourceId, secret: &SessionSecret) -> Holder {
        let hash = self.hash(&[b"holder", resource.as_str().as_bytes(), secret.0.expose_secret().as_bytes()]);
        Holder(URL_SAFE_NO_PAD.encode(hash).into())
    }

    /// The first 128 bits of the keyed hash of `parts`, a zero byte between them.
    fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.0.clone();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                mac.update(&[0]);
            }
            mac.update(part);
        }
        let full = mac.finalize().into_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        half
    }
}
