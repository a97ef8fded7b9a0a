//! Finding out what became of a commit of which nobody heard.

use std::sync::Arc;
use std::time::Duration;

use super::Services;
use crate::store::{Reader, StoreError};

/// How often it is looked.
const ATTEMPTS: u32 = 5;
/// How long before each look: the database may still be about to end what it was told to commit.
const PAUSE: Duration = Duration::from_millis(300);

impl Services {
    /// What `look` finds of something that may have been committed; `None` when it was not found in time. Whoever
    /// claimed time for it keeps the claim meanwhile.
    pub(super) async fn settled<T, F, R>(&self, look: F) -> Option<T>
    where
        F: Fn(Arc<Reader>) -> R,
        R: Future<Output = Result<Option<T>, StoreError>> + Send,
    {
        let parts = self.parts();
        for _ in 0..ATTEMPTS {
            parts.clock.sleep_until(parts.clock.monotonic().plus(PAUSE)).await;
            if let Ok(Some(found)) = parts.store.snapshot(&look).await {
                return Some(found);
            }
        }
        None
    }
}
