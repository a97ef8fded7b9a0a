//! How often a client may ask, and how much it may keep open at once. Knows neither GraphQL nor HTTP, and asks no
//! database.
//!
//! A client is an address, or for IPv6 a network: see [`AddressGroup`]. What is remembered of clients is bounded,
//! however many of them there are.

mod cells;
mod meter;
mod places;

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use crate::address::AddressGroup;
use crate::clock::SharedClock;

use cells::Beyond;
use meter::Meter;
pub use meter::{Rate, RetryAfter};
use places::Places;
pub use places::{Full, Place, TRY_AGAIN};

/// How often clients are forgotten whose budgets are full again.
const HOUSEKEEPING: Duration = Duration::from_mins(1);

/// How often things may be asked for. `None`: as often as anybody likes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Queries, and starts of subscriptions and sockets, by address.
    pub queries: Option<Rate>,
    /// Heartbeats and leaves, by address.
    pub heartbeats: Option<Rate>,
    /// Heartbeats and leaves, by session.
    pub session_heartbeats: Option<Rate>,
    /// Bookings and all other changes, by address.
    pub changes: Option<Rate>,
    /// Access tokens that are not valid, and keys of calendars that open none, by address.
    pub failed_sign_ins: Option<Rate>,
    /// Mails that guests cause, by whom they are to.
    pub guest_mails_per_recipient: Option<Rate>,
    /// Mails that guests cause, by the guest's address.
    pub guest_mails_per_address: Option<Rate>,
}

impl Default for RateLimits {
    /// An office of a hundred behind one address, each with a few slots held, is far from these; a loop is not.
    fn default() -> Self {
        Self {
            queries: Rate::new(6_000, 1_000),
            heartbeats: Rate::new(12_000, 2_000),
            session_heartbeats: Rate::new(240, 120),
            changes: Rate::new(600, 200),
            failed_sign_ins: Rate::new(60, 30),
            guest_mails_per_recipient: Rate::hourly(10, 10),
            guest_mails_per_address: Rate::hourly(60, 60),
        }
    }
}

impl RateLimits {
    /// No limits at all.
    pub const OFF: Self = Self {
        queries: None,
        heartbeats: None,
        session_heartbeats: None,
        changes: None,
        failed_sign_ins: None,
        guest_mails_per_recipient: None,
        guest_mails_per_address: None,
    };
}

/// How much may be open at once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections altogether. Whoever comes when there are that many waits.
    pub total: usize,
    /// Connections from one address; trusted proxies may have as many as they need.
    pub per_address: usize,
    /// WebSockets from one address.
    pub sockets: usize,
    /// Subscriptions from one address.
    pub subscriptions: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: 10_000, per_address: 1_000, sockets: 500, subscriptions: 2_000 }
    }
}

/// What one operation takes from the budgets.
#[derive(Debug, Default)]
pub struct Demand {
    /// From that of queries.
    pub queries: u32,
    /// From that of heartbeats: one for each session secret that was given with one, `None` where there was none.
    pub heartbeats: Vec<Option<SecretString>>,
    /// From that of changes.
    pub changes: u32,
}

impl Demand {
    /// What one query takes.
    pub const QUERY: Self = Self { queries: 1, heartbeats: Vec::new(), changes: 0 };
}

/// Counts what clients ask for, and what they have open.
pub struct Throttle {
    queries: Meter<AddressGroup>,
    heartbeats: Meter<AddressGroup>,
    session_heartbeats: Meter<u64>,
    changes: Meter<AddressGroup>,
    failed_sign_ins: Meter<AddressGroup>,
    mails_to: Meter<u64>,
    mails_from: Meter<AddressGroup>,
    /// Makes of a session secret, or of somebody's mail address, what it is remembered by: keyed, so that neither can be
    /// found from it.
    names: RandomState,
    total: usize,
    connections: Arc<Places>,
    sockets: Arc<Places>,
    subscriptions: Arc<Places>,
    clock: SharedClock,
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

impl Throttle {
    /// One that has seen nobody yet.
    #[must_use]
    pub fn new(rates: RateLimits, connections: ConnectionLimits, clock: SharedClock) -> Arc<Self> {
        let RateLimits {
            queries,
            heartbeats,
            session_heartbeats,
            changes,
            failed_sign_ins,
            guest_mails_per_recipient,
            guest_mails_per_address,
        } = rates;
        let ConnectionLimits { total, per_address, sockets, subscriptions } = connections;
        Arc::new(Self {
            queries: Meter::new(queries, Beyond::Share, &clock),
            heartbeats: Meter::new(heartbeats, Beyond::Share, &clock),
            // Anybody can make sessions up: the room for them must be nobody's means against others.
            session_heartbeats: Meter::new(session_heartbeats, Beyond::Pass, &clock),
            changes: Meter::new(changes, Beyond::Share, &clock),
            failed_sign_ins: Meter::new(failed_sign_ins, Beyond::Share, &clock),
            // Recipients can be made up, too; how many, their own address bounds.
            mails_to: Meter::new(guest_mails_per_recipient, Beyond::Pass, &clock),
            mails_from: Meter::new(guest_mails_per_address, Beyond::Share, &clock),
            names: RandomState::new(),
            total,
            connections: Places::new(per_address),
            sockets: Places::new(sockets),
            subscriptions: Places::new(subscriptions),
            clock,
        })
    }

    /// Takes what an operation from `address` takes of the budgets.
    ///
    /// # Errors
    /// One of them does not have it. What was taken of others is gone: whoever asks too much pays for asking.
    pub fn admit(&self, address: IpAddr, demand: &Demand) -> Result<(), RetryAfter> {
        let group = AddressGroup::of(address);
        let sessions = || {
            let secrets = demand.heartbeats.iter().flatten();
            secrets.map(|secret| self.names.hash_one(secret.expose_secret()))
        };
        // A session that goes wild is stopped before it uses up what belongs to everybody at its address. It is
        // remembered only once its address has paid: sessions can be made up without end.
        for session in sessions() {
            self.session_heartbeats.look(&session)?;
        }
        self.heartbeats.take(&group, u32::try_from(demand.heartbeats.len()).unwrap_or(u32::MAX))?;
        self.queries.take(&group, demand.queries)?;
        self.changes.take(&group, demand.changes)?;
        for session in sessions() {
            self.session_heartbeats.take(&session, 1)?;
        }
        Ok(())
    }

    /// Whether an operation from `address` is looked at, whatever it is.
    ///
    /// # Errors
    /// Nothing is left there of any budget that an operation can take from.
    pub fn may_ask(&self, address: IpAddr) -> Result<(), RetryAfter> {
        let group = AddressGroup::of(address);
        let budgets = [&self.queries, &self.heartbeats, &self.changes];
        let waits = budgets.map(|budget| budget.look(&group));
        // One that is not empty lets it pass; what it is decides later what it takes.
        waits.into_iter().reduce(Result::or).unwrap_or(Ok(()))
    }

    /// Whether a token from `address` is looked at.
    ///
    /// # Errors
    /// Too many from there were not valid.
    pub fn may_sign_in(&self, address: IpAddr) -> Result<(), RetryAfter> {
        self.failed_sign_ins.look(&AddressGroup::of(address))
    }

    /// Counts a token from `address` that was not valid.
    pub fn sign_in_failed(&self, address: IpAddr) {
        // That there is nothing left is told to whoever comes next.
        let _left = self.failed_sign_ins.take(&AddressGroup::of(address), 1);
    }

    /// Counts a mail to `recipient` that a guest at `address` causes.
    ///
    /// # Errors
    /// There were too many, to them or from there. Then this one is not counted.
    pub fn guest_mail(&self, address: IpAddr, recipient: &str) -> Result<(), RetryAfter> {
        // Mailboxes do not differ by case, whatever the standard allows.
        let (group, recipient) = (AddressGroup::of(address), self.names.hash_one(recipient.to_lowercase()));
        // Whoever may not write to them any more is not to use up what others at the address have left.
        self.mails_to.look(&recipient)?;
        self.mails_from.take(&group, 1)?;
        self.mails_to.take(&recipient, 1)
    }

    /// How many connections there may be altogether.
    #[must_use]
    pub fn total_connections(&self) -> usize {
        self.total
    }

    /// A place for one more connection from `address`.
    ///
    /// # Errors
    /// There is none.
    pub fn connection(&self, address: IpAddr) -> Result<Place, Full> {
        self.connections.take(AddressGroup::of(address))
    }

    /// A place for one more WebSocket from `address`.
    ///
    /// # Errors
    /// There is none.
    pub fn socket(&self, address: IpAddr) -> Result<Place, Full> {
        self.sockets.take(AddressGroup::of(address))
    }

    /// A place for one more subscription from `address`.
    ///
    /// # Errors
    /// There is none.
    pub fn subscription(&self, address: IpAddr) -> Result<Place, Full> {
        self.subscriptions.take(AddressGroup::of(address))
    }

    /// Forgets, every minute until `shutdown`, the clients that have not asked for a while.
    pub async fn keep_house(self: Arc<Self>, shutdown: CancellationToken) {
        let clock = Arc::clone(&self.clock);
        while shutdown.run_until_cancelled(clock.sleep_until(clock.monotonic().plus(HOUSEKEEPING))).await.is_some() {
            self.forget_the_rested();
        }
    }

    /// Forgets the clients whose budgets are full again.
    fn forget_the_rested(&self) {
        for meter in [&self.queries, &self.heartbeats, &self.changes, &self.failed_sign_ins, &self.mails_from] {
            meter.forget_the_rested();
        }
        for meter in [&self.session_heartbeats, &self.mails_to] {
            meter.forget_the_rested();
        }
    }
}

#[cfg(test)]
mod tests;
