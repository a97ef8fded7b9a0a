//! The use cases: authorize, read, decide, write, commit, publish.
//!
//! A service knows the store, the registry of holds and the domain; it knows neither GraphQL nor HTTP.

pub mod administration;
mod announcing;
pub mod availability;
pub mod blocks;
mod booker;
pub mod booking;
pub mod booking_events;
pub mod booking_lists;
pub mod booking_stats;
pub mod calendar;
pub mod catalogue;
mod claiming;
pub mod credentials;
mod expiry;
mod facts;
mod guest_mails;
mod housekeeping;
mod idempotency;
pub mod input;
mod known_offers;
pub mod live;
mod making;
pub mod moving;
mod offer_reading;
pub mod own_time;
pub mod page;
pub mod people;
pub mod presence;
mod provisional;
pub mod selections;
pub mod series;
pub mod source;
pub mod transition;
pub mod updating;
mod wanted;
pub mod webhook_deliveries;
mod webhook_samples;
mod webhook_tests;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::domain::person::NamedAdmins;
use crate::error::{Error, Internal};
use crate::feed::ChangeFeed;
use crate::metrics::Metrics;
use crate::notify::Wakes;
use crate::presence::Presence;
use crate::public_url::PublicUrl;
use crate::server_key::ServerKey;
use crate::service::known_offers::KnownOffers;
use crate::service::selections::Selections;
use crate::store::Store;
use crate::throttle::Throttle;

/// How often something is decided anew because what it is decided by changed meanwhile: often enough for whoever changes
/// the same things again and again.
const MAX_ATTEMPTS: usize = 16;

/// What the services want to know of the configuration.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Whether `createBooking` works without signing in.
    pub guest_bookings: bool,
    /// How often clients should send heartbeats.
    pub heartbeat_seconds: u32,
    /// How long a hold lives without one.
    pub hold_seconds: u32,
    /// How long a session can hold the same resource in all.
    pub hold_limit_minutes: u32,
    /// Where the server is reached from outside; `None`: nobody has said.
    pub public_url: Option<PublicUrl>,
    /// Whether the roles that tokens name count.
    pub trust_token_roles: bool,
    /// Who is an admin whatever role they are given.
    pub admins: NamedAdmins,
    /// How long deliveries are kept that have come to their end.
    pub keep_deliveries: Duration,
    /// Whether webhooks may go to any address, and over plain http.
    pub insecure_webhooks: bool,
}

/// Everything that can be asked of the server. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    parts: Parts,
    known_offers: KnownOffers,
}

/// What the services are made of.
pub struct Parts {
    /// Where bookings and the catalogue are kept.
    pub store: Store,
    /// Who holds what.
    pub presence: Arc<Presence>,
    /// Who watches what.
    pub feed: ChangeFeed,
    /// What time it is.
    pub clock: SharedClock,
    /// Derives management tokens, and what webhooks are signed with.
    pub key: ServerKey,
    /// The configuration.
    pub settings: ServiceSettings,
    /// Counts the mails that guests cause; `None`: nobody is sent any.
    pub guest_mails: Option<Arc<Throttle>>,
    /// Cancelled when the server shuts down: live streams end.
    pub shutdown: CancellationToken,
    /// Told when a booking was written that may lapse before all others.
    pub lapses: Notify,
    /// Told when there is something for others to be told of.
    pub wakes: Arc<Wakes>,
    /// Counts what happens.
    pub metrics: Arc<Metrics>,
    /// Reads and renders the selections of webhooks.
    pub selections: Arc<dyn Selections>,
    /// The writes that are under way. Shutdown waits for them.
    pub writes: TaskTracker,
}

impl Services {
    /// Services made of `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, known_offers: KnownOffers::default() }))
    }

    /// What clients may know of the configuration.
    #[must_use]
    pub fn settings(&self) -> &ServiceSettings {
        &self.parts().settings
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> SharedClock {
        Arc::clone(&self.parts().clock)
    }

    fn now(&self) -> DateTime<Utc> {
        self.parts().clock.now()
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }

    fn known_offers(&self) -> &KnownOffers {
        &self.0.known_offers
    }

    /// Runs a write to its end in a task of its own, whoever stops waiting for it: what follows a commit is never
    /// lost to a closed connection or a timeout.
    fn to_its_end<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static {
        // Not `async`, so that whoever waits carries a handle and not the whole write.
        let task = self.parts().writes.spawn(write);
        async { task.await.map_err(|stopped| Internal::new(format!("a write did not come to its end: {stopped}")))? }
    }
}

/// The id of an answer: equal exactly when `kind` and `arguments` are, and telling nothing about them.
fn answer_id(kind: &str, arguments: &impl Serialize) -> String {
    // The arguments are plain structs of text and numbers, which always serialize.
    let content = serde_json::to_vec(&(kind, arguments)).unwrap_or_default();
    let digest = Sha256::digest(content);
    format!("{kind}:{}", URL_SAFE_NO_PAD.encode(&digest[..16]))
}

/// The revision of an answer that was read in one snapshot: `catalogue` counts the organization's changes, `occupancy`
/// is the sum of what the occupancy rows count.
///
/// The catalogue's count weighs more than any sum of rows. So the revision grows even when a change of the catalogue
/// (another zone, say) makes the answer depend on other rows, whose sum may be smaller. Both counts only ever grow, and
/// the result stays below 2^53 for eight million changes of a catalogue.
fn revision(catalogue: u64, occupancy: u64) -> u64 {
    const OCCUPANCY_BITS: u32 = 30;
    (catalogue << OCCUPANCY_BITS) + occupancy.min((1 << OCCUPANCY_BITS) - 1)
}
