//! What follows a commit that changed a booking: whoever watches is told, and so is who is to tell others.

use std::sync::Arc;

use super::Services;
use crate::domain::booking::BookingEvent;
use crate::domain::id::ResourceId;
use crate::domain::quantum::QuantumSpan;
use crate::domain::webhook::WebhookEvent;
use crate::feed::Topic;

impl Services {
    /// Tells whoever watches that `event` has happened. Call it after the commit, and [`Services::announce_occupancy`]
    /// where time was taken or let go.
    pub(super) fn announce(&self, event: BookingEvent) {
        if event.booking.lapses_at().is_some() {
            self.parts().lapses.notify_one();
        }
        self.parts().metrics.booking(WebhookEvent::from(event.transition.event).name());
        self.parts().wakes.outbox.notify_one();
        self.parts().feed.publish_booking(Arc::new(event));
    }

    /// Tells whoever watches that what is occupied of `resources` in `span` may have changed.
    pub(super) fn announce_occupancy<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a ResourceId>,
        span: QuantumSpan,
    ) {
        for resource in resources {
            self.parts().feed.publish(Topic::Occupancy, resource, span);
        }
    }
}
