//! Storage: the only code that knows SeaORM. It gives and takes the domain's types.
//!
//! [`Store`] opens things: [`Store::reader`] for single reads, [`Store::snapshot`] for several that must agree, and
//! [`Store::write`] for a transaction. Everything that reads is a method of [`Reader`], everything that writes one of
//! [`Tx`], so nothing can be written outside a transaction.
//!
//! Locks are taken in one order everywhere: idempotency key, the organization's catalogue (by whoever changes it),
//! resource rows by id, booking rows by id, blocks, occupancy rows by (resource, day), a caller's places for provisional
//! bookings. People have locks of their own (`user.rs`), and so has what is told to others: a webhook before its
//! deliveries, and the mark of reminders. Neither are ever taken with those of bookings.

mod audit;
mod block;
mod booking;
mod booking_list;
mod booking_stats;
mod calendar_feed;
mod capacity;
mod catalogue;
mod catalogue_changes;
mod check;
mod connect;
mod convert;
mod delivery;
mod delivery_list;
mod error;
mod idempotency;
mod lapse;
mod occupancy;
mod offers;
mod outbox;
mod page;
mod provisional;
mod reminder;
mod schedule;
mod series;
#[cfg(test)]
mod test_database;
#[cfg(test)]
mod tests;
mod transaction;
mod user;
mod webhook;

use std::sync::Arc;

use migration::{Migrator, MigratorTrait};

pub use audit::AuditFilter;
pub use block::BlockFilter;
pub use booking::Histories;
pub use booking_list::{BookingFilter, BookingOrder, BookingSelection};
pub use booking_stats::{BlockedTime, StatsFilter};
pub use catalogue::{CatalogueState, EventTypeFilter, ResourceFilter};
pub use check::{BookingDifference, BookingFault, OccupancyDifference};
pub use connect::{StatementObserver, StoreOptions};
pub use delivery_list::{DeliveryFilter, TOLD_ATTEMPTS};
pub use error::StoreError;
pub use idempotency::{IdempotencyRecord, KeyTaking};
pub use occupancy::{ItemNeed, OccupiedDay, Stretch, Taking};
pub use offers::{OfferFacts, OfferedEventType, OfferedResource};
pub use outbox::OutboxRow;
pub use page::{Page, PageEnd, PageRequest, Place};
pub use provisional::ProvisionalPlace;
pub use reminder::ReminderMark;
pub use schedule::{DateOverrides, ScheduleUse, Schedules};
pub use transaction::{CatalogueChanges, Reader, Tx};
pub use user::Known;

use crate::clock::SharedClock;
use connect::{LastLoss, Pools};
use occupancy::SharedReads;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pools: Arc<Pools>,
    loss: LastLoss,
    clock: SharedClock,
    shared_reads: Arc<SharedReads>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("backend", &self.pools.writes.get_database_backend()).finish_non_exhaustive()
    }
}

impl Store {
    /// Whether nobody but this process changes what is stored: the database is a file of its own.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.pools.writes.get_database_backend() == sea_orm::DbBackend::Sqlite
    }

    /// Opens the database at `url`: `sqlite:slotwise.db?mode=rwc` or `postgres://…`. Migrates nothing.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for a URL that cannot work, [`StoreError::Database`] when it cannot be opened.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let (pools, loss) = connect::open(url, &options).await?;
        let shared_reads = Arc::new(SharedReads::new(pools.shared));
        Ok(Self { pools: Arc::new(pools), loss, clock: options.clock, shared_reads })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Database`] when a step fails.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(Migrator::up(&self.pools.writes, None).await?)
    }

    /// Whether the schema is up to date. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        Ok(Migrator::get_pending_migrations_read_only(&self.pools.reads).await?.is_empty())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if self.pools.reads.ping().await.is_ok() {
            return Ok(());
        }
        // It may have been that connection only: one from before a restart.
        self.loss.note();
        Ok(self.pools.reads.ping().await?)
    }

    /// Closes all connections, once those in use are given back.
    ///
    /// # Errors
    /// [`StoreError::Database`] when closing fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        // Reads first: the last writer to leave folds SQLite's write-ahead log back into the file.
        self.pools.reads.close_by_ref().await?;
        Ok(self.pools.writes.close_by_ref().await?)
    }

    /// Single reads, each seeing what is committed when it runs. For reads that must agree: [`Store::snapshot`].
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::on_pool(self.pools.reads.clone(), self.loss.clone())
    }
}
