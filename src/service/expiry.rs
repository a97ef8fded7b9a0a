//! Letting go what was not confirmed in time.
//!
//! A booking that has lapsed is shown as expired at once, by every reader; this is what writes it down and frees its
//! time. Nothing is remembered here but when to look again: what is due is read from the database, so a restart loses
//! nothing, and of several servers on one database each does what the others have not done yet.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::Services;
use crate::domain::availability::Terms;
use crate::domain::booking::Booking;
use crate::domain::id::ResourceId;
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::UserError;
use crate::error::Error;
use crate::store::{Reader, StoreError};

/// Bookings that are expired before it is looked for more.
const AT_A_TIME: u64 = 100;
/// How long the worker sleeps at the most: another server may have taken a booking that lapses earlier, and the wall
/// clock may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long it waits before it tries again what failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

impl Services {
    /// Expires each booking when its time is up, until `shutdown`.
    pub async fn expire_bookings(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let pause = match self.expire_due().await {
                Ok(next) => self.until(next),
                Err(fault) => {
                    tracing::warn!(?fault, "bookings that have lapsed could not be expired; trying again");
                    AFTER_FAULT
                }
            };
            let clock = self.clock();
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.parts().lapses.notified() => {}
                () = clock.sleep_until(clock.monotonic().plus(pause)) => {}
            }
        }
    }

    /// Expires all bookings that have lapsed by now. When the next one lapses, if any waits.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn expire_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        loop {
            let next = self.parts().store.reader().next_lapses(AT_A_TIME).await?;
            let now = self.now();
            let Some((first, _)) = next.first() else { return Ok(None) };
            if *first > now {
                return Ok(Some(*first));
            }
            for (_, id) in next.into_iter().take_while(|(at, _)| *at <= now) {
                self.expire_booking(id).await?;
            }
        }
    }

    /// Expires what has lapsed among that which `refused` says stands in the way, so that no writer is stopped by it.
    /// Whether there was any: then it is worth trying again.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn expire_in_the_way(&self, refused: &UserError) -> Result<bool, Error> {
        // What somebody holds is no booking.
        let taken = || refused.conflicts.iter().filter(|conflict| conflict.holder.is_none());
        let spans = taken().map(|conflict| QuantumSpan::covering(conflict.start, conflict.end));
        let Some(span) = spans.reduce(QuantumSpan::hull) else { return Ok(false) };
        let resources: Vec<ResourceId> = taken().map(|conflict| conflict.resource_id.clone()).collect();
        let lapsed = self.parts().store.reader().lapsed_in(&resources, span, self.now(), AT_A_TIME).await?;
        let found = !lapsed.is_empty();
        for id in lapsed {
            self.expire_booking(id).await?;
        }
        Ok(found)
    }

    /// Bookings that have lapsed and still occupy some of `span` of what `terms` are about: for whoever writes nothing, and
    /// so cannot expire them first. Read together with what is occupied, in one snapshot.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn lapsed(
        &self,
        reader: &Reader,
        terms: &Terms,
        span: QuantumSpan,
    ) -> Result<Vec<Booking>, StoreError> {
        let resources: Vec<ResourceId> = terms.items().map(|(resource, _)| resource.id.clone()).collect();
        let lapsed = reader.lapsed_in(&resources, span, self.now(), AT_A_TIME).await?;
        reader.bookings_by_ids(&lapsed).await
    }

    fn until(&self, next: Option<DateTime<Utc>>) -> Duration {
        let left = next.map(|next| (next - self.now()).to_std().unwrap_or_default());
        left.map_or(LONGEST_SLEEP, |left| left.min(LONGEST_SLEEP))
    }
}
