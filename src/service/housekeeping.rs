//! What is done now and then, without anybody asking for it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Services;
use super::idempotency::KEY_LIFE;
use super::people::EVENT_LIFE;
use crate::store::StoreError;

/// How often.
const EVERY: Duration = Duration::from_hours(1);

impl Services {
    /// Forgets idempotency keys that nobody can repeat any more, events that nobody sends again, and places of
    /// provisional bookings that are over, every hour until `shutdown`.
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
