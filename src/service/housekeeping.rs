//! What is done now and then, without anybody asking for it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::Services;
use super::idempotency::KEY_LIFE;
use super::people::EVENT_LIFE;
use crate::store::StoreError;

/// How often.
const EVERY: Duration = Duration::from_hours(1);
/// How long after a delivery should have been given up nobody can be at it any more.
const LEFT_ALONE: TimeDelta = TimeDelta::days(1);
/// Deliveries that are removed at a time.
const AT_A_TIME: u64 = 500;

impl Services {
    /// Forgets idempotency keys that nobody can repeat any more, events that nobody sends again, places of provisional
    /// bookings that are over, and deliveries that came to their end long ago, every hour until `shutdown`.
    pub async fn keep_house(self, shutdown: CancellationToken) {
        let clock = self.clock();
        // Nothing is urgent at a start, when everybody comes back at once.
        while shutdown.run_until_cancelled(clock.sleep_until(clock.monotonic().plus(EVERY))).await.is_some() {
            let (now, store) = (clock.now(), &self.parts().store);
            let keys = store.write(|tx| async move { tx.prune_idempotency_keys(now - KEY_LIFE).await }).await;
            tell("idempotency keys", keys);
            let events = store.write(|tx| async move { tx.prune_account_events(now - EVENT_LIFE).await }).await;
            tell("events of the identity provider", events);
            let places = store.write(|tx| async move { tx.prune_provisional_slots(now).await }).await;
            tell("places of provisional bookings", places);
            tell("deliveries", self.forget_deliveries(now).await);
        }
    }
}

impl Services {
    /// Forgets deliveries that have been over for as long as they are kept, and gives up those that nobody delivers:
    /// of webhooks that are switched off, and mails when there is no mail server any more.
    async fn forget_deliveries(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let store = &self.parts().store;
        let given_up = store.write(|tx| async move { tx.give_up_deliveries(now - LEFT_ALONE, now).await }).await?;
        if given_up > 0 {
            tracing::warn!(count = given_up, "deliveries are given up: nothing was sent there any more");
        }
        let before = now - self.settings().keep_deliveries;
        let mut forgotten = 0;
        loop {
            // They are looked for outside the transaction, and removed a few at a time: nobody who books waits for it.
            let some = store.reader().finished_deliveries(before, AT_A_TIME).await?;
            if some.is_empty() {
                return Ok(forgotten);
            }
            let ids = &some;
            forgotten += store.write(|tx| async move { tx.delete_deliveries(ids).await }).await?;
        }
    }
}

fn tell(what: &str, forgotten: Result<u64, StoreError>) {
    match forgotten {
        Ok(0) => {}
        Ok(count) => tracing::debug!(what, count, "forgot what is too old"),
        // It is tried again in an hour; until then the table is a little larger.
        Err(error) => tracing::warn!(what, error = error.describe(), "what is too old could not be forgotten"),
    }
}
