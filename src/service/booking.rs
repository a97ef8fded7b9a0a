//! Showing bookings. Making them is in `making`, changing them in `transition` and `updating`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use serde_json::Value;

use super::Services;
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::{Booking, BookingItem, BookingStatus};
use crate::domain::id::{BookingId, EventTypeId, ResourceId};
use crate::domain::refusal::UserError;
use crate::error::Error;

/// What to book, as it was asked for.
#[derive(Clone, Debug)]
pub struct CreateBooking {
    /// Under which event type.
    pub event_type_id: EventTypeId,
    /// The primary resource.
    pub resource_id: ResourceId,
    /// Units of it.
    pub quantity: u32,
    /// What to book with it.
    pub add_ons: Vec<BookingItem>,
    /// First instant.
    pub start: DateTime<Utc>,
    /// How long; `None` means the event type's first duration.
    pub duration_minutes: Option<u32>,
    /// The booker's zone; `None` means the resource's.
    pub time_zone: Option<Tz>,
    /// Who it is for; `None` means the caller.
    pub booker: Option<BookerDetails>,
    /// Where it takes place.
    pub location: Option<String>,
    /// The caller's own name for it.
    pub reference: Option<String>,
    /// Whatever the caller attaches.
    pub metadata: Option<Value>,
    /// The session whose holds it takes over.
    pub session_secret: Option<SecretString>,
    /// Makes a repeated call give the first call's booking.
    pub idempotency_key: Option<String>,
    /// For staff: outside the schedule, over holds.
    pub ignore_schedule: bool,
    /// For how long to keep the time without confirming it; `None` means that it is booked at once.
    pub provisional_minutes: Option<u32>,
}

/// Who a booking is for, as it was given.
#[derive(Clone, Debug, Default)]
pub struct BookerDetails {
    /// Their name.
    pub name: Option<String>,
    /// Their email address.
    pub email: Option<String>,
    /// Their phone number.
    pub phone: Option<String>,
    /// What they want known.
    pub notes: Option<String>,
}

/// A booking in the eyes of somebody who may see it, as it stands when they look.
#[derive(Clone, Debug)]
pub struct SeenBooking {
    booking: Arc<Booking>,
    standing: Standing,
}

impl SeenBooking {
    /// `booking` as somebody of this `standing` sees it at `now`: what has lapsed is expired, whether or not that is
    /// written down. Whoever shows a booking makes one of these, and so cannot forget it.
    #[must_use]
    pub fn new(booking: impl Into<Arc<Booking>>, standing: Standing, now: DateTime<Utc>) -> Self {
        let mut booking = booking.into();
        if booking.has_lapsed(now) {
            let expired = Arc::make_mut(&mut booking);
            expired.status = BookingStatus::Expired;
            expired.expires_at = None;
        }
        Self { booking, standing }
    }

    /// The booking.
    #[must_use]
    pub fn booking(&self) -> &Booking {
        &self.booking
    }

    /// In which capacity they see it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

/// A booking that was made, now or by an earlier call with the same key.
#[derive(Clone)]
pub struct CreatedBooking {
    /// The booking as it is now.
    pub booking: SeenBooking,
    /// Its bearer secret.
    pub management_token: String,
}

/// What the rules refuse, or `T`.
pub type Outcome<T> = Result<T, Vec<UserError>>;

impl Services {
    /// One booking as it stands at `now`, for whoever may see it; `None` for everyone else, just as if there were none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn booking(
        &self,
        caller: &Caller,
        id: &BookingId,
        management_token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Option<SeenBooking>, Error> {
        let Some(booking) = self.parts().store.reader().booking(id).await? else { return Ok(None) };
        let standing = self.standing(caller, &booking, management_token);
        Ok(standing.map(|standing| SeenBooking::new(booking, standing, now)))
    }

    /// In which capacity `caller` deals with `booking`, by who they are or by the token that they show.
    pub(super) fn standing(
        &self,
        caller: &Caller,
        booking: &Booking,
        management_token: Option<&str>,
    ) -> Option<Standing> {
        let key = &self.parts().key;
        let valid = management_token.is_some_and(|token| key.is_management_token(&booking.id, token));
        caller.standing(booking, valid).or_else(|| {
            // A series has one token for all of its bookings.
            let (series, token) = booking.series_id.as_ref().zip(management_token)?;
            key.is_series_token(series, token).then_some(Standing::SeriesTokenBearer)
        })
    }
}
