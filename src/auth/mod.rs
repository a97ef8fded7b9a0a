//! Access tokens: who a bearer is, as far as a signature vouches for it.
//!
//! `bearer` knows where requests carry tokens, `tokens` verifies and signs them, `claims` reads what they say.
//! `public_key` is a key that a token may be verified with, `key_set` those that an identity provider publishes, and
//! `fetch` how they are got from there. What may be accepted is said by the settings, never by a token.

mod bearer;
mod claims;
mod fetch;
mod key_set;
mod public_key;
mod tokens;
mod webhook;

pub use bearer::{Bearer, InvalidToken, from_header, from_init_payload};
pub use claims::ClaimNames;
pub use fetch::KeySetAddress;
pub use public_key::{PublicKey, SignatureAlgorithm};
pub use tokens::{Profile, Tokens, Unverified, Verified};
pub use webhook::{InvalidSignature, WebhookKey};
