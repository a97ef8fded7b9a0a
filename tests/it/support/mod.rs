//! What the tests speak: a server of their own, actors who use it, and a catalogue to use.

pub mod actor;
pub mod audit;
pub mod bookings;
pub mod calendars;
pub mod catalogue;
pub mod clear;
pub mod database;
pub mod forgery;
pub mod identity_provider;
pub mod keys;
pub mod life;
pub mod mail;
pub mod moving;
pub mod people;
pub mod process;
pub mod race;
pub mod raw;
pub mod receiver;
pub mod running;
pub mod schedules;
pub mod server;
pub mod smtp;
pub mod socket;
pub mod studios;
pub mod telling;
pub mod webhooks;

pub use actor::Actor;
pub use catalogue::{EventTypeSpec, ResourceSpec};
pub use clear::assert_clear;
pub use identity_provider::IdentityProvider;
pub use keys::SigningKey;
pub use process::ServerProcess;
pub use race::{Choices, at_once};
pub use raw::RawRequest;
pub use server::{METRICS_TOKEN, ServerOptions, TestServer};
pub use socket::{Socket, Subprotocol, Watch};

use std::time::Duration;

/// How long a test waits for what must come before it fails. Nothing is ever slept through. It is long because a busy
/// machine's disk may take seconds for one commit, and a dozen writers queue for it.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// HTTP clients want a provider for TLS although nothing here speaks it. The first one of a process stays.
pub fn provide_tls() {
    let _installed = rustls::crypto::ring::default_provider().install_default();
}

/// `future`, or a failure when it takes too long.
pub async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Lets others work until `holds`, without ever sleeping.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    within_patience(what, waiting).await;
}
