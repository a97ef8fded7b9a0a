//! What happens to bookings.

use async_graphql::{ID, SimpleObject};

use crate::domain::access::Standing;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::{Booking, BookingEventType, BookingTransition};
use crate::service::booking::SeenBooking;
use crate::service::booking_events::SeenEvent;

/// Something that happened to a booking.
#[derive(SimpleObject)]
pub struct BookingEvent {
    /// Its id: the same wherever this event is told.
    id: ID,
    /// What happened.
    event: BookingEventType,
    /// When.
    at: DateTime,
    /// The line of the booking's history that tells of it.
    transition: BookingTransition,
    /// The booking as it was right after. Of two that follow each other closely the second may come
    /// first: its `revision` puts the events of one booking in order.
    booking: Booking,
}

impl From<SeenEvent> for BookingEvent {
    fn from(SeenEvent { event, standing }: SeenEvent) -> Self {
        let transition = event.transition.clone();
        Self {
            id: event.id.as_str().into(),
            event: transition.event.into(),
            at: transition.at.into(),
            booking: SeenBooking::new(event.booking.clone(), standing, transition.at).into(),
            transition: BookingTransition::seen(transition, standing == Standing::Staff),
        }
    }
}
