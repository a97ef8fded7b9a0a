//! What is done now and then, without anybody asking for it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Services;
use super::idempotency::KEY_LIFE;

/// How often.
const EVERY: Duration = Duration::from_hours(1);

impl Services {
    /// Forgets idempotency keys that nobody can repeat any more, every hour until `shutdown`.
    pub async fn keep_house(self, shutdown: CancellationToken) {
        let clock = self.clock();
        // Nothing is urgent at a start, when everybody comes back at once.
        while shutdown.run_until_cancelled(clock.sleep_until(clock.monotonic().plus(EVERY))).await.is_some() {
            let before = clock.now() - KEY_LIFE;
            let forgotten = self.parts().store.write(|tx| async move { tx.prune_idempotency_keys(before).await }).await;
            match forgotten {
                Ok(0) => {}
                Ok(keys) => tracing::debug!(keys, "forgot idempotency keys"),
                // It is tried again in an hour; until then the table is a little larger.
                Err(error) => tracing::warn!(error = error.describe(), "idempotency keys could not be pruned"),
            }
        }
    }
}
