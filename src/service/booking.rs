//! Showing bookings. Making them is in `making`, changing them in `transition`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use serde_json::Value;

use super::Services;
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::{Booking, BookingItem};
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

/// A booking in the eyes of somebody who may see it.
#[derive(Clone, Debug)]
pub struct SeenBooking {
    /// The booking.
    pub booking: Arc<Booking>,
    /// In which capacity they see it.
    pub standing: Standing,
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
    /// One booking, for whoever may see it; `None` for everyone else, just as if there were none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn booking(
        &self,
        caller: &Caller,
        id: &BookingId,
        management_token: Option<&str>,
    ) -> Result<Option<SeenBooking>, Error> {
        let Some(booking) = self.parts().store.reader().booking(id).await? else { return Ok(None) };
        Ok(self
            .standing(caller, &booking, management_token)
            .map(|standing| SeenBooking { booking: Arc::new(booking), standing }))
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
