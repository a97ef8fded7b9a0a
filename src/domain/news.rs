//! What happened and is to be told to others: to bookers by mail, to partners' systems by webhook.
//!
//! This is also the form in which the outbox keeps it. A server must be able to read what an older one has written: a
//! field that is new needs a default.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::audit::{AuditFields, changes};
use super::booking::{Booking, BookingEvent};
use super::id::{EventTypeId, OrganizationId, ResourceId};

/// What one transaction did that others may want to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum News {
    /// Something happened to bookings: to one, or to those of a series.
    Bookings(Vec<BookingNews>),
    /// A booking starts soon.
    Reminder(Box<Booking>),
    /// A hold ran out unattended.
    HoldExpired(ExpiredHold),
}

/// What happened to a booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookingNews {
    /// What happened, with the booking as it was right after.
    pub event: BookingEvent,
    /// Each field that changed, by its name in the API: `{"start": {"from": …, "to": …}}`. Nothing of a new booking.
    pub changes: Map<String, Value>,
}

/// A hold that ran out because its session no longer sent heartbeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpiredHold {
    /// Names what happened, wherever it is told.
    pub id: String,
    /// Whose resource.
    pub organization_id: OrganizationId,
    /// The resource.
    pub resource_id: ResourceId,
    /// First instant of what was held.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// Units.
    pub quantity: u32,
    /// What it was held for.
    pub event_type_id: Option<EventTypeId>,
    /// The session's public name.
    pub holder: String,
    /// Since when it was held.
    pub since: DateTime<Utc>,
    /// When it ran out.
    pub at: DateTime<Utc>,
}

impl BookingNews {
    /// That `event` made of `before` what its booking is; `None` where it was made.
    #[must_use]
    pub fn new(before: Option<&Booking>, event: BookingEvent) -> Self {
        let changes = before.map(|before| changes(&fields(before), &fields(&event.booking))).unwrap_or_default();
        Self { event, changes }
    }
}

/// What may change of a booking, by the names that the API has for it.
fn fields(booking: &Booking) -> AuditFields {
    let booker = &booking.booker;
    let fields = [
        ("status", json!(booking.status)),
        ("start", json!(booking.start)),
        ("end", json!(booking.end)),
        ("resourceId", json!(booking.resources().next())),
        ("location", json!(booking.location)),
        ("booker.name", json!(booker.name)),
        ("booker.email", json!(booker.email)),
        ("booker.phone", json!(booker.phone)),
        ("booker.notes", json!(booker.notes)),
        ("reference", json!(booking.reference)),
        ("metadata", json!(booking.metadata)),
        ("cancellationReason", json!(booking.cancellation_reason)),
        ("expiresAt", json!(booking.expires_at)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests;
