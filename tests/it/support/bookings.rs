//! Bookings that are put where they are read, without having been booked: for lists of many, in every state.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use slotwise::domain::booking::{
    Actor as Doer, Booker, Booking, BookingEvent, BookingEventType, BookingItem, BookingStatus, BookingTransition,
};
use slotwise::domain::quantum::QuantumSpan;
use slotwise::store::{StoreError, Tx};

use super::{Actor, TestServer};

/// A confirmed hour under `evt_hour` on these resources of the default organization; occupied is what it takes, no more.
pub fn put(id: &str, resources: &[&str], start: &str, minutes: i64) -> Booking {
    let start: DateTime<Utc> = start.parse().unwrap();
    let end = start + TimeDelta::minutes(minutes);
    Booking {
        id: format!("bkg_{id}").into(),
        organization_id: "default".into(),
        status: BookingStatus::Confirmed,
        start,
        end,
        occupied: QuantumSpan::covering(start, end),
        time_zone: chrono_tz::UTC,
        title: "Hour".to_owned(),
        location: None,
        event_type_id: "evt_hour".into(),
        items: resources
            .iter()
            .map(|name| BookingItem { resource_id: format!("res_{name}").into(), quantity: 1 })
            .collect(),
        booker: Booker { name: Some("Ada".to_owned()), ..Booker::default() },
        reference: None,
        metadata: None,
        revision: 1,
        cancellation_reason: None,
        expires_at: None,
        series_id: None,
        created_at: start,
        updated_at: start,
    }
}

/// What tells that `booking` was made.
pub fn made(booking: &Booking) -> BookingTransition {
    BookingTransition {
        event: BookingEventType::Created,
        from: None,
        to: booking.status,
        at: booking.created_at,
        by: Doer::Guest,
        reason: None,
        previous: None,
    }
}

impl TestServer {
    /// Puts bookings there. They take no time.
    pub async fn put_bookings(&self, bookings: &[Booking]) {
        for bookings in bookings.chunks(100) {
            let insert = |tx: Tx| async move {
                for booking in bookings {
                    tx.insert_booking(booking, &made(booking)).await?;
                }
                Ok::<_, StoreError>(())
            };
            self.store.write(insert).await.unwrap();
        }
    }

    /// Tells watchers that `booking` was made.
    pub fn tell_of(&self, booking: &Booking) {
        let event = BookingEvent::new(booking.clone(), made(booking));
        self.feed.publish_booking(event.into());
    }
}

impl Actor {
    /// A page of `bookings`, with these arguments.
    pub async fn bookings(&self, variables: Value) -> Value {
        const LIST: &str =
            "query ($filter: BookingFilter, $order: BookingOrder! = START_ASC, $first: Int, $after: String,
            $last: Int, $before: String) {
            bookings(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
                edges { cursor node { id status } } nodes { id }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
        self.ask(LIST, variables).await["bookings"].clone()
    }
}

/// The ids of a page, without what all begin with.
pub fn ids(page: &Value) -> Vec<String> {
    let nodes = page["nodes"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
    nodes.iter().map(|node| node["id"].as_str().unwrap().trim_start_matches("bkg_").to_owned()).collect()
}
