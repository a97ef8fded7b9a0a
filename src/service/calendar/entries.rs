//! What a feed says of each booking and block.

use std::collections::HashMap;

use super::Services;
use crate::calendar::entry::{Entry, standing, uid};
use crate::domain::block::Block;
use crate::domain::booking::{Booking, BookingStatus};
use crate::domain::calendar_feed::CalendarFeed;
use crate::domain::catalogue::Resource;
use crate::domain::id::ResourceId;
use crate::domain::text::{one_line, something};

/// What all is called of which nothing is told.
const BUSY: &str = "Busy";
/// What a block is called.
const CLOSED: &str = "Closed";

/// What is known of a feed that is being written.
#[derive(Copy, Clone)]
pub(super) struct Showing<'a> {
    pub(super) feed: &'a CalendarFeed,
    /// Of which resource it is.
    pub(super) resource: Option<&'a Resource>,
    /// What resources are called.
    pub(super) names: &'a HashMap<ResourceId, String>,
    /// Whose key hides ids.
    pub(super) services: &'a Services,
}

/// What a resource is called, on one line.
pub(super) fn name_of(resource: &Resource) -> String {
    one_line(&resource.name)
}

impl Showing<'_> {
    /// A booking: from its start to its end, without the buffers around it.
    pub(super) fn booking(&self, booking: &Booking) -> Entry {
        let time = Entry {
            uid: self.busy_uid(booking.id.as_str()),
            sequence: booking.revision,
            at: booking.updated_at,
            created_at: None,
            start: booking.start,
            end: booking.end,
            summary: BUSY.to_owned(),
            description: None,
            location: None,
            standing: standing(booking.status),
        };
        if !self.feed.details {
            return time;
        }
        Entry {
            uid: uid(&booking.id),
            created_at: Some(booking.created_at),
            summary: self.summary(booking),
            description: booking.contents(|id| self.name(id)).filter(|_| booking.items.len() > 1),
            location: something(booking.location.as_deref()),
            ..time
        }
    }

    /// A block.
    pub(super) fn block(&self, block: &Block) -> Entry {
        let time = Entry {
            uid: self.busy_uid(block.id.as_str()),
            // It never changes; and like what a booking begins with, so that nobody tells them apart who is not to.
            sequence: 1,
            at: block.created_at,
            created_at: None,
            start: block.start,
            end: block.end,
            summary: BUSY.to_owned(),
            description: None,
            location: None,
            standing: standing(BookingStatus::Confirmed),
        };
        if !self.feed.details {
            return time;
        }
        let reason = something(block.reason.as_deref());
        let all = self.resource.map_or(1, |resource| resource.quantity);
        Entry {
            uid: uid(&block.id),
            created_at: Some(block.created_at),
            summary: reason.map_or_else(|| CLOSED.to_owned(), |reason| format!("{CLOSED}: {reason}")),
            description: (all > 1).then(|| format!("{} of {all}", block.quantity)),
            ..time
        }
    }

    /// What a booking is in a line: to its booker what they booked, to whoever looks after the resource who comes, and for
    /// how many units.
    fn summary(&self, booking: &Booking) -> String {
        let Some(resource) = self.resource else { return booking.heading(|id| self.name(id)) };
        let title = one_line(&booking.title);
        let quantity =
            booking.items.iter().find(|item| item.resource_id == resource.id).map_or(1, |item| item.quantity);
        let title = if quantity == 1 { title } else { format!("{quantity} × {title}") };
        // Guests can call themselves anything.
        match booking.booker.shown_name() {
            Some(booker) => format!("{title}, {booker}"),
            None => title,
        }
    }

    /// What a resource is called, if that is told.
    fn name(&self, id: &ResourceId) -> Option<String> {
        self.names.get(id).cloned()
    }

    /// What names something in a feed that says nothing of it: not the same in any other.
    fn busy_uid(&self, id: &str) -> String {
        uid(self.services.parts().key.calendar_name(&self.feed.id, id))
    }
}
