//! Reminding bookers of what starts soon.
//!
//! A mark in the database says up to which start bookings have been looked at. Every minute it moves on to what starts in
//! so many hours, and of what it passes the bookers are reminded, in the same transaction. So a restart neither misses nor
//! doubles any, nor do several servers on one database.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::Wakes;
use crate::clock::SharedClock;
use crate::domain::news::News;
use crate::store::{ReminderMark, Store, StoreError, Tx};

/// How often bookings are looked at.
const EVERY: Duration = Duration::from_mins(1);
/// How far the mark may be ahead of this server's clock.
const AHEAD: TimeDelta = TimeDelta::hours(1);
/// Bookings of which one transaction reminds.
const AT_A_TIME: u64 = 100;

/// Reminds of bookings some time before they start.
pub struct Reminders {
    store: Store,
    clock: SharedClock,
    ahead: TimeDelta,
    wakes: Arc<Wakes>,
}

impl Reminders {
    /// Reminders `ahead` of each start. Each transaction that has put some into the outbox wakes the worker.
    #[must_use]
    pub fn new(store: Store, clock: SharedClock, ahead: TimeDelta, wakes: Arc<Wakes>) -> Self {
        Self { store, clock, ahead, wakes }
    }

    /// Looks every minute, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            // Before the wall clock is read: what comes in between is not slept through.
            let from = self.clock.monotonic();
            if let Err(fault) = self.look(&shutdown).await {
                tracing::warn!(error = fault.describe(), "bookings could not be looked at for reminders; trying again");
            }
            shutdown.run_until_cancelled(self.clock.sleep_until(from.plus(EVERY))).await;
        }
    }

    /// Reminds of all bookings whose time has come.
    ///
    /// # Errors
    /// Faults of the database; what was written before one stays.
    async fn look(&self, shutdown: &CancellationToken) -> Result<(), StoreError> {
        while !shutdown.is_cancelled() {
            let reminded = self.store.write(|tx| async move { self.remind(&tx).await }).await?;
            if reminded > 0 {
                self.wakes.outbox.notify_one();
            }
            if reminded < AT_A_TIME {
                break;
            }
        }
        Ok(())
    }

    /// One transaction. Of how many bookings it reminds.
    async fn remind(&self, tx: &Tx) -> Result<u64, StoreError> {
        let now = self.clock.now();
        // What starts exactly then is reminded of.
        let until = now + self.ahead + TimeDelta::milliseconds(1);
        // Where nobody has ever been reminded, nobody is surprised by a reminder of what starts sooner.
        let mark = tx.lock_reminder_mark(&ReminderMark::before(until)).await?;
        let ahead = mark.start - until;
        if ahead > AHEAD {
            // Whoever was reminded too early is reminded again; otherwise nobody would be until the clock has caught up.
            tracing::warn!(
                minutes = ahead.num_minutes(),
                "reminders were ahead: a clock was, or they used to be earlier"
            );
        } else if ahead > TimeDelta::zero() {
            // Another server's clock is a little ahead.
            return Ok(0);
        }
        // After a downtime, what has begun meanwhile is passed over.
        let from =
            mark.clone().min(ReminderMark::before(until)).max(ReminderMark::before(now + TimeDelta::milliseconds(1)));
        let found = tx.to_be_reminded(&from, until, AT_A_TIME).await?;
        let count = found.len() as u64;
        let next = match found.last() {
            Some(last) if count == AT_A_TIME => last.clone(),
            _ => ReminderMark::before(until),
        };
        let ids: Vec<_> = found.into_iter().map(|found| found.id).collect();
        let mut bookings = tx.bookings_by_ids(&ids).await?;
        bookings.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        for booking in bookings {
            let organization = booking.organization_id.clone();
            tx.insert_news(&organization, &News::Reminder(Box::new(booking)), now).await?;
        }
        tx.save_reminder_mark(&next).await?;
        Ok(count)
    }
}
