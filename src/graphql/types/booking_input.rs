//! What makes and changes bookings, and what comes of it.

use async_graphql::{ID, InputObject, Json, MaybeUndefined, SimpleObject};

use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::types::booking::Booking;
use crate::graphql::types::user_error::UserErrors;
use crate::service::booking::{Outcome, SeenBooking};

/// A resource and how many of its units.
#[derive(InputObject)]
pub struct BookingItemInput {
    /// The resource.
    pub resource_id: ID,
    /// Units of it.
    #[graphql(default = 1)]
    pub quantity: i32,
}

/// Who a booking is for. Guests give name and email; staff may leave the email out. For a customer both default to
/// what they signed in with, and an email must be that one.
#[derive(InputObject)]
pub struct BookerInput {
    /// Their name; at most 120 characters.
    pub name: MaybeUndefined<String>,
    /// Their email address; at most 254 characters.
    pub email: MaybeUndefined<String>,
    /// Their phone number; at most 30 characters.
    pub phone: MaybeUndefined<String>,
    /// What they want known; at most 2,000 characters.
    pub notes: MaybeUndefined<String>,
}

/// What to book.
#[derive(InputObject)]
pub struct CreateBookingInput {
    /// Under which event type.
    pub event_type_id: ID,
    /// The primary resource.
    pub resource_id: ID,
    /// Units of a pool.
    #[graphql(default = 1)]
    pub quantity: i32,
    /// Further resources for the same time; all are booked, or none.
    #[graphql(default)]
    pub add_ons: Vec<BookingItemInput>,
    /// First instant: one that `daySlots` offers.
    pub start: DateTime,
    /// One of the event type's durations. Default: its first.
    pub duration_minutes: Option<i32>,
    /// The zone in which the booker thinks of it. Default: the resource's.
    pub time_zone: Option<TimeZone>,
    /// Who it is for. Default: the caller.
    pub booker: Option<BookerInput>,
    /// Where it takes place; at most 500 characters.
    pub location: Option<String>,
    /// The caller's own name for it, such as an order number; at most 120 characters.
    pub reference: Option<String>,
    /// Anything to keep with it, at most 8 KiB; seen by the booker, by whoever has the token, and by staff.
    pub metadata: Option<Json<serde_json::Value>>,
    /// The session whose holds this booking takes over.
    #[graphql(secret)]
    pub session_secret: Option<String>,
    /// 16 to 128 characters, kept for 24 hours. Repeating the call with the same key gives the first call's booking
    /// instead of another. A guest's key needs `sessionSecret`.
    pub idempotency_key: Option<String>,
    /// Staff: book outside the schedule, the notice and the horizon, over holds, up to 31 days back. Never over
    /// another booking.
    #[graphql(default)]
    pub ignore_schedule: bool,
    /// From 1 to 60: keep the time for so many minutes without confirming it, while a payment is under way, say. Staff
    /// confirm it; what nobody confirms expires, and its time is free again. Each caller has at most 3 such bookings at
    /// once.
    pub provisional_minutes: Option<i32>,
}

/// What to change of a booking. What is left out stays as it is; null clears it.
#[derive(InputObject)]
pub struct UpdateBookingInput {
    /// The booking.
    pub id: ID,
    /// Its management token, for those who did not sign in to book it.
    #[graphql(secret)]
    pub management_token: Option<String>,
    /// Who it is for: the fields that are to change. A booking made by somebody signed in stays theirs, with their
    /// email; a guest's keeps a name and an email.
    pub booker: MaybeUndefined<BookerInput>,
    /// Where it takes place; at most 500 characters.
    pub location: MaybeUndefined<String>,
    /// The caller's own name for it, such as an order number; at most 120 characters.
    pub reference: MaybeUndefined<String>,
    /// Anything to keep with it, at most 8 KiB: it takes the place of what was there.
    pub metadata: MaybeUndefined<Json<serde_json::Value>>,
}

/// What to confirm.
#[derive(InputObject)]
pub struct ConfirmBookingInput {
    /// The booking.
    pub id: ID,
    /// Why, for its history; at most 500 characters.
    pub reason: Option<String>,
}

/// What to decline.
#[derive(InputObject)]
pub struct DeclineBookingInput {
    /// The booking.
    pub id: ID,
    /// Why, for its history; at most 500 characters.
    pub reason: Option<String>,
}

/// What took place.
#[derive(InputObject)]
pub struct CompleteBookingInput {
    /// The booking.
    pub id: ID,
    /// A remark for its history; at most 500 characters.
    pub reason: Option<String>,
}

/// To what nobody came.
#[derive(InputObject)]
pub struct MarkBookingNoShowInput {
    /// The booking.
    pub id: ID,
    /// A remark for its history; at most 500 characters.
    pub reason: Option<String>,
}

/// What to cancel.
#[derive(InputObject)]
pub struct CancelBookingInput {
    /// The booking.
    pub id: ID,
    /// Its management token, for those who did not sign in to book it.
    #[graphql(secret)]
    pub management_token: Option<String>,
    /// Why; at most 500 characters.
    pub reason: Option<String>,
}

/// What a booking came to.
#[derive(SimpleObject)]
pub struct CreateBookingPayload {
    /// The booking; null when it could not be made.
    pub booking: Option<Booking>,
    /// The booking's bearer secret: whoever has it can read, change and cancel the booking. Given to whoever makes the
    /// booking and to those who repeat the call with the same key; shown nowhere else.
    pub management_token: Option<String>,
    /// Why it could not be made; empty when it was.
    pub user_errors: UserErrors,
}

/// What a change of a booking came to.
#[derive(SimpleObject)]
pub struct BookingPayload {
    /// The booking as it is now; null when it was not changed.
    pub booking: Option<Booking>,
    /// Why it was not changed; empty when it was.
    pub user_errors: UserErrors,
}

impl From<Outcome<SeenBooking>> for BookingPayload {
    fn from(outcome: Outcome<SeenBooking>) -> Self {
        match outcome {
            Ok(booking) => Self { booking: Some(Booking(booking)), user_errors: UserErrors::default() },
            Err(errors) => Self { booking: None, user_errors: errors.into() },
        }
    }
}
