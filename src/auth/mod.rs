//! Access tokens: who a bearer is, as far as a signature vouches for it.

mod bearer;
mod tokens;
mod webhook;

pub use bearer::{Bearer, from_header, from_init_payload};
pub use tokens::{InvalidToken, Profile, Tokens, Verified};
pub use webhook::{InvalidSignature, WebhookKey};
