//! The booking, its states and the transitions between them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::Value;

use super::access::Standing;
use super::id::{BookingId, EventTypeId, OrganizationId, ResourceId, UserId};
use super::quantum::QuantumSpan;
use super::refusal::Refusal;

/// Where a booking stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Whether a booking in this state occupies its time.
    #[must_use]
    pub fn holds_time(self) -> bool {
        match self {
            Self::Provisional | Self::Pending | Self::Confirmed | Self::Completed | Self::NoShow => true,
            Self::Declined | Self::Cancelled | Self::Expired => false,
        }
    }
}

/// What happened to a booking.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum BookingEventType {
    /// It was made.
    Created,
    /// It was called off.
    Cancelled,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BookingItem {
    /// The resource.
    pub resource_id: ResourceId,
    /// Units of it: 1 for an exclusive resource.
    pub quantity: u32,
}

/// Who it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq)]
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
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// One line of a booking's history.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// What a cancel comes to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CancelDecision {
    /// The booking becomes CANCELLED and lets its time go.
    Cancel,
    /// It is cancelled already: nothing to do.
    AlreadyCancelled,
}

impl Booking {
    /// Decides a cancel at `now` by somebody of `standing`. Booker and token may until the start; staff always.
    ///
    /// # Errors
    /// `TooLateToCancel` for booker and token from the start on, `IllegalTransition` from a state that has ended.
    pub fn decide_cancel(&self, standing: Standing, now: DateTime<Utc>) -> Result<CancelDecision, Refusal> {
        match self.status {
            BookingStatus::Cancelled => Ok(CancelDecision::AlreadyCancelled),
            BookingStatus::Provisional | BookingStatus::Pending | BookingStatus::Confirmed => {
                if standing == Standing::Staff || now < self.start {
                    Ok(CancelDecision::Cancel)
                } else {
                    Err(Refusal::TooLateToCancel)
                }
            }
            BookingStatus::Declined | BookingStatus::Completed | BookingStatus::NoShow | BookingStatus::Expired => {
                Err(Refusal::IllegalTransition)
            }
        }
    }
}
