//! What happens to bookings, told event by event: unlike changes of a state, none is merged with another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::broadcast;

use super::ChangeFeed;
use crate::domain::booking::BookingEvent;
use crate::domain::id::OrganizationId;

/// Events that wait for a watcher at the most. One that is further behind has missed some.
const MOST_WAITING: usize = 256;

/// A watcher has not kept up, and has missed events.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct FellBehind;

impl ChangeFeed {
    /// Watches what happens to the bookings of `organization` from now on. Dropping the watch leaves nothing behind.
    #[must_use]
    pub fn watch_bookings(&self, organization: OrganizationId) -> BookingWatch {
        self.0.watchers.fetch_add(1, Ordering::Relaxed);
        let channel = || broadcast::channel(MOST_WAITING).0;
        let events = self.0.bookings.entry(organization.clone()).or_insert_with(channel).subscribe();
        BookingWatch { feed: self.clone(), organization, events: Some(events) }
    }

    /// Tells whoever watches the bookings of its organization. Call it after the change is there to be read.
    pub fn publish_booking(&self, event: Arc<BookingEvent>) {
        let channel = self.0.bookings.get(&event.booking.organization_id).map(|channel| channel.clone());
        if let Some(channel) = channel {
            // Nobody may be left by now: then nobody misses it.
            let _ = channel.send(event);
        }
    }
}

/// One who waits for events. Made by [`ChangeFeed::watch_bookings`].
#[derive(Debug)]
pub struct BookingWatch {
    feed: ChangeFeed,
    organization: OrganizationId,
    /// There until it is dropped.
    events: Option<broadcast::Receiver<Arc<BookingEvent>>>,
}

impl BookingWatch {
    /// The next event, in the order in which they were told.
    ///
    /// Cancel-safe: a call that is dropped loses no event.
    ///
    /// # Errors
    /// [`FellBehind`] when events were missed because too many waited.
    pub async fn next(&mut self) -> Result<Arc<BookingEvent>, FellBehind> {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        match events.recv().await {
            Ok(event) => Ok(event),
            Err(broadcast::error::RecvError::Lagged(_)) => Err(FellBehind),
            // The map's sender lives as long as this watch.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for BookingWatch {
    fn drop(&mut self) {
        self.feed.0.watchers.fetch_sub(1, Ordering::Relaxed);
        drop(self.events.take());
        self.feed.0.bookings.remove_if(&self.organization, |_, channel| channel.receiver_count() == 0);
    }
}
