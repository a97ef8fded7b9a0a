//! The booking: what it is, where it stands, what happened to it. What may happen is in `transition`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::{BookingId, EventTypeId, OrganizationId, ResourceId, SeriesId, UserId};
use super::quantum::QuantumSpan;

/// Where a booking stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BookingStatus {
    /// Kept for some minutes without being confirmed.
    Provisional,
    /// Waits for staff.
    Pending,
    /// Agreed.
    Confirmed,
    /// Staff said no.
    Declined,
    /// Called off.
    Cancelled,
    /// Took place.
    Completed,
    /// Nobody came.
    NoShow,
    /// Its time to be confirmed ran out.
    Expired,
}

impl BookingStatus {
    /// All there are, in the order in which callers know them.
    pub const ALL: [Self; 8] = [
        Self::Provisional,
        Self::Pending,
        Self::Confirmed,
        Self::Declined,
        Self::Cancelled,
        Self::Completed,
        Self::NoShow,
        Self::Expired,
    ];

    /// Its name, as callers know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisional => "PROVISIONAL",
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Declined => "DECLINED",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::NoShow => "NO_SHOW",
            Self::Expired => "EXPIRED",
        }
    }

    /// Whether a booking in this state occupies its time.
    #[must_use]
    pub fn holds_time(self) -> bool {
        match self {
            Self::Provisional | Self::Pending | Self::Confirmed | Self::Completed | Self::NoShow => true,
            Self::Declined | Self::Cancelled | Self::Expired => false,
        }
    }

    /// When a booking in this state expires unless it is confirmed before: see [`Booking::lapses_at`].
    #[must_use]
    pub fn lapses_at(self, start: DateTime<Utc>, expires_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        match self {
            Self::Provisional => Some(expires_at.map_or(start, |at| at.min(start))),
            Self::Pending => Some(start),
            Self::Confirmed | Self::Declined | Self::Cancelled | Self::Completed | Self::NoShow | Self::Expired => None,
        }
    }
}

/// What happened to a booking.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BookingEventType {
    /// It was made.
    Created,
    /// Something about it was changed, and neither its time nor where it stands.
    Updated,
    /// Staff agreed.
    Confirmed,
    /// Staff said no.
    Declined,
    /// It was moved.
    Rescheduled,
    /// It was called off.
    Cancelled,
    /// It took place.
    Completed,
    /// Nobody came.
    NoShow,
    /// It was not confirmed in time.
    Expired,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// A signed-in user.
    User(UserId),
    /// Somebody without an account.
    Guest,
    /// Whoever had the management token.
    TokenBearer,
    /// The server itself.
    System,
}

/// A resource and how many of its units.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BookingItem {
    /// The resource.
    pub resource_id: ResourceId,
    /// Units of it: 1 for an exclusive resource.
    pub quantity: u32,
}

/// Who it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booker {
    /// The account, where there is one.
    pub user_id: Option<UserId>,
    /// Their name.
    pub name: Option<String>,
    /// Their email address.
    pub email: Option<String>,
    /// Their phone number.
    pub phone: Option<String>,
    /// What they want known.
    pub notes: Option<String>,
}

/// The agreement that resources are somebody's for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// Whose resources.
    pub organization_id: OrganizationId,
    /// Where it stands.
    pub status: BookingStatus,
    /// First instant of the event.
    pub start: DateTime<Utc>,
    /// First instant after the event.
    pub end: DateTime<Utc>,
    /// What it occupies on every item, buffers included: kept, because the event type's buffers may change.
    pub occupied: QuantumSpan,
    /// The booker's zone.
    pub time_zone: Tz,
    /// The event type's title when it was booked.
    pub title: String,
    /// Where it takes place.
    pub location: Option<String>,
    /// Under which event type.
    pub event_type_id: EventTypeId,
    /// What is booked: the primary resource first, then the add-ons.
    pub items: Vec<BookingItem>,
    /// Who it is for.
    pub booker: Booker,
    /// The caller's own name for it.
    pub reference: Option<String>,
    /// Whatever the caller attached.
    pub metadata: Option<Value>,
    /// Counts its changes, from 1.
    pub revision: u32,
    /// Why it was called off.
    pub cancellation_reason: Option<String>,
    /// When a provisional booking ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The series that it is part of.
    pub series_id: Option<SeriesId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// One line of a booking's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingTransition {
    /// What happened.
    pub event: BookingEventType,
    /// The state before; `None` when it was made.
    pub from: Option<BookingStatus>,
    /// The state after.
    pub to: BookingStatus,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// Why, in their words.
    pub reason: Option<String>,
    /// From when to when it was before it was moved.
    pub previous: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Booking {
    /// When it expires unless it is confirmed before: a provisional booking once its minutes are up or its start
    /// passes, a pending one once its start passes, no other.
    #[must_use]
    pub fn lapses_at(&self) -> Option<DateTime<Utc>> {
        self.status.lapses_at(self.start, self.expires_at)
    }

    /// Whether it has expired at `now`, though nothing has written that down yet.
    #[must_use]
    pub fn has_lapsed(&self, now: DateTime<Utc>) -> bool {
        self.lapses_at().is_some_and(|at| at <= now)
    }

    /// Where it stands at `now`: what has lapsed is expired, for every reader at once.
    #[must_use]
    pub fn status_at(&self, now: DateTime<Utc>) -> BookingStatus {
        if self.has_lapsed(now) { BookingStatus::Expired } else { self.status }
    }

    /// How long the event lasts.
    #[must_use]
    pub fn duration_minutes(&self) -> u32 {
        u32::try_from((self.end - self.start).num_minutes()).unwrap_or(0)
    }

    /// The resources that it books.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceId> {
        self.items.iter().map(|item| &item.resource_id)
    }
}

/// Something that happened to a booking, as whoever watches is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookingEvent {
    /// Its id: made of the booking's and of its revision, so it is the same wherever it is told.
    pub id: String,
    /// What happened.
    pub transition: BookingTransition,
    /// The booking as it was right after.
    pub booking: Booking,
    /// The primary resource before, where it was moved to another one.
    pub previous_resource: Option<ResourceId>,
}

impl BookingEvent {
    /// `transition` made `booking` what it is.
    #[must_use]
    pub fn new(booking: Booking, transition: BookingTransition) -> Self {
        let id = format!("evn_{}_{}", booking.id, booking.revision);
        Self { id, transition, booking, previous_resource: None }
    }

    /// `transition` made of `before` what `after` is, one revision later.
    #[must_use]
    pub fn of_change(before: &Booking, after: Booking, transition: BookingTransition) -> Self {
        let primary = |booking: &Booking| booking.resources().next().cloned();
        let previous_resource = primary(before).filter(|previous| primary(&after).as_ref() != Some(previous));
        let after = Booking { revision: before.revision + 1, ..after };
        Self { previous_resource, ..Self::new(after, transition) }
    }

    /// Whether it is about `resource`: as primary resource or add-on, now or before.
    #[must_use]
    pub fn concerns(&self, resource: &ResourceId) -> bool {
        self.booking.resources().chain(&self.previous_resource).any(|own| own == resource)
    }
}
