//! Letting go what was not confirmed in time.
//!
//! A booking that has lapsed is shown as expired at once, by every reader; this is what writes it down and frees its
//! time. Nothing is remembered here but when to look again: what is due is read from the database, so a restart loses
//! nothing, and of several servers on one database each does what the others have not done yet.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::Services;
use crate::clock::Monotonic;
use crate::domain::availability::Terms;
use crate::domain::booking::Booking;
use crate::domain::id::{BookingId, ResourceId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::store::{Reader, StoreError};

/// Bookings that are read at a time.
const AT_A_TIME: u64 = 100;
/// How long the worker sleeps at the most: another server may have taken a booking that lapses earlier, and the wall
/// clock may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long it waits before it tries again what failed; of one booking, twice as long with each further time.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// How often that doubles.
const MOST_DOUBLINGS: u32 = 10;
/// Bookings that are remembered because they cannot be expired. Any beyond are tried each time, and logged each time.
const MOST_PASSED_OVER: usize = 1_000;

/// Bookings that could not be expired. They keep no other waiting, and are not tried all the time.
type PassedOver = HashMap<BookingId, Failing>;

/// How often a writer has looked at what stands in its way.
#[derive(Debug, Default)]
pub(super) struct Looks {
    twice: bool,
}

/// What is known of one of them.
#[derive(Copy, Clone)]
struct Failing {
    /// How often it has failed.
    times: u32,
    /// When it is tried again.
    again_at: Monotonic,
}

impl Services {
    /// Expires each booking when its time is up, until `shutdown`.
    pub async fn expire_bookings(self, shutdown: CancellationToken) {
        let clock = self.clock();
        let mut passed_over = PassedOver::new();
        while !shutdown.is_cancelled() {
            let next = self.expire_due(&mut passed_over, &shutdown).await;
            // Read before the wall clock is: what lapses between the two is not slept through.
            let from = clock.monotonic();
            let wake_at = match next {
                Ok(next) => {
                    let again = passed_over.values().map(|failing| failing.again_at);
                    again.chain([from.plus(self.until(next))]).min().unwrap_or(from)
                }
                Err(fault) => {
                    tracing::warn!(?fault, "bookings that have lapsed could not be read; trying again");
                    from.plus(AFTER_FAULT)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                // Kept for us if it comes before we wait for it.
                () = self.parts().lapses.notified() => {}
                () = clock.sleep_until(wake_at) => {}
            }
        }
    }

    /// Expires all bookings that have lapsed by now, those aside that have failed before and are to be tried later.
    /// When the next one lapses, if any waits.
    async fn expire_due(
        &self,
        passed_over: &mut PassedOver,
        shutdown: &CancellationToken,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let mut known = std::mem::take(passed_over);
        let mut after = None;
        loop {
            let lapses = self.parts().store.reader().next_lapses(after.as_ref(), AT_A_TIME).await?;
            let now = self.now();
            let Some(last) = lapses.last().cloned() else { return Ok(None) };
            for (at, id) in lapses {
                if at > now || shutdown.is_cancelled() {
                    return Ok(Some(at));
                }
                if let Some(failing) = self.try_to_expire(&id, known.remove(&id)).await
                    && passed_over.len() < MOST_PASSED_OVER
                {
                    passed_over.insert(id, failing);
                }
            }
            after = Some(last);
        }
    }

    /// Expires one booking, unless it has failed and its pause is not over. What is to be remembered of it.
    async fn try_to_expire(&self, id: &BookingId, failed: Option<Failing>) -> Option<Failing> {
        let started = self.parts().clock.monotonic();
        if failed.is_some_and(|failing| failing.again_at > started) {
            return failed;
        }
        let fault = self.expire_booking(id.clone()).await.err()?;
        let times = failed.map_or(0, |failing| failing.times);
        let pause = AFTER_FAULT * 2_u32.pow(times.min(MOST_DOUBLINGS));
        tracing::error!(?fault, booking = %id, ?pause, "a booking that has lapsed could not be expired; trying again");
        Some(Failing { times: times + 1, again_at: started.plus(pause) })
    }

    /// Expires what has lapsed among that which `refused` says stands in the way, so that no writer is stopped by it.
    /// Whether there was any: then it is worth trying again.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn expire_in_the_way(&self, refused: &UserError) -> Result<bool, Error> {
        let lapsed = self.lapsed_in_the_way(&self.parts().store.reader(), refused).await?;
        Ok(self.expire_all(lapsed).await)
    }

    /// Whether a writer that was `refused` is to try again, because what was in its way had lapsed: it is expired first.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn is_worth_another_look(&self, refused: &UserError, looks: &mut Looks) -> Result<bool, Error> {
        if self.expire_in_the_way(refused).await? {
            return Ok(true);
        }
        // It may have lapsed and been expired by somebody else, since it was seen in the way.
        let is_taken = matches!(refused.refusal, Refusal::SlotTaken | Refusal::NotEnoughUnits);
        Ok(is_taken && !refused.conflicts.is_empty() && !std::mem::replace(&mut looks.twice, true))
    }

    /// What has lapsed among that which `refused` says stands in the way. Read it in the snapshot in which it was found
    /// in the way: a moment later somebody else may have expired it, and nothing would tell that it is worth trying
    /// again.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn lapsed_in_the_way(
        &self,
        reader: &Reader,
        refused: &UserError,
    ) -> Result<Vec<BookingId>, StoreError> {
        // What somebody holds is no booking.
        let taken = || refused.conflicts.iter().filter(|conflict| conflict.holder.is_none());
        let spans = taken().map(|conflict| QuantumSpan::covering(conflict.start, conflict.end));
        let Some(span) = spans.reduce(QuantumSpan::hull) else { return Ok(Vec::new()) };
        let resources: Vec<ResourceId> = taken().map(|conflict| conflict.resource_id.clone()).collect();
        reader.lapsed_in(&resources, span, self.now(), AT_A_TIME).await
    }

    /// Expires those of `lapsed` of which nothing else has become. Whether any could be.
    pub(super) async fn expire_all(&self, lapsed: Vec<BookingId>) -> bool {
        let mut any = false;
        for id in lapsed {
            match self.expire_booking(id.clone()).await {
                Ok(()) => any = true,
                // Then it does stand in the way, and the worker goes on trying.
                Err(fault) => tracing::warn!(?fault, booking = %id, "a booking in the way could not be expired"),
            }
        }
        any
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
