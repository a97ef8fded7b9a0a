//! Showing and cancelling bookings. Making them is in `making`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Services;
use super::input::Problems;
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::{
    Actor, Booking, BookingEventType, BookingItem, BookingStatus, BookingTransition, CancelDecision,
};
use crate::domain::id::{BookingId, EventTypeId, ResourceId};
use crate::domain::refusal::{Refusal, UserError};
use crate::error::Error;
use crate::feed::Topic;
use crate::store::{StoreError, Tx};

/// Characters of a reason.
pub(super) const MAX_REASON: usize = 500;

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

/// What to cancel.
#[derive(Clone, Debug)]
pub struct CancelBooking {
    /// The booking.
    pub id: BookingId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// Why.
    pub reason: Option<String>,
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

    fn standing(&self, caller: &Caller, booking: &Booking, management_token: Option<&str>) -> Option<Standing> {
        let valid = management_token.is_some_and(|token| self.parts().key.is_management_token(&booking.id, token));
        caller.standing(booking, valid)
    }

    /// Calls a booking off and lets its time go.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`: `NotFound` also for a booking of somebody else's.
    pub async fn cancel_booking(&self, caller: &Caller, request: CancelBooking) -> Result<Outcome<SeenBooking>, Error> {
        let mut problems = Problems::default();
        problems.text(&["reason"], request.reason.as_deref(), MAX_REASON, true);
        if let Err(problems) = problems.into_result() {
            return Ok(Err(problems));
        }
        let (services, caller) = (self.clone(), caller.clone());
        self.to_its_end(async move { services.cancel(&caller, &request).await }).await
    }

    async fn cancel(&self, caller: &Caller, request: &CancelBooking) -> Result<Outcome<SeenBooking>, Error> {
        let store = &self.parts().store;
        // A hopeless attempt, and one that has nothing to do, never waits for the writer.
        let known = match self.decide(store.reader().booking(&request.id).await?, caller, request) {
            Err(refused) => return Ok(Err(vec![refused])),
            Ok((booking, standing, CancelDecision::AlreadyCancelled)) => {
                return Ok(Ok(SeenBooking { booking: Arc::new(booking), standing }));
            }
            Ok((booking, _, CancelDecision::Cancel)) => &booking.clone(),
        };
        let cancelled = store.write(|tx| async move { self.cancel_in(&tx, known, caller, request).await }).await;
        // Whatever became of it: nobody who watches may miss what is free now.
        for item in &known.items {
            self.parts().feed.publish(Topic::Occupancy, &item.resource_id, known.occupied);
        }
        match cancelled {
            Ok((booking, standing)) => Ok(Ok(SeenBooking { booking: Arc::new(booking), standing })),
            Err(NotCancelled::Refused(refused)) => Ok(Err(vec![refused])),
            Err(NotCancelled::Failed(fault)) => Err(fault.into()),
        }
    }

    /// What a cancel of `booking` comes to; one that does not exist for the caller is not told from one that does not.
    fn decide(
        &self,
        booking: Option<Booking>,
        caller: &Caller,
        request: &CancelBooking,
    ) -> Result<(Booking, Standing, CancelDecision), UserError> {
        let token = request.management_token.as_ref().map(ExposeSecret::expose_secret);
        let seen = booking.and_then(|booking| {
            let standing = self.standing(caller, &booking, token)?;
            Some((booking, standing))
        });
        let (booking, standing) = seen.ok_or_else(|| {
            let message = Error::not_found_message("booking", request.id.as_str());
            UserError::new(Refusal::NotFound, message).at(["input", "id"])
        })?;
        match booking.decide_cancel(standing, self.now()) {
            Ok(decision) => Ok((booking, standing, decision)),
            Err(refusal) => Err(UserError::new(refusal, cancel_advice(refusal)).at(["input", "id"])),
        }
    }

    /// The transition, decided from what the locked row says. `known` tells which resources to lock before it; a
    /// booking's items never change.
    async fn cancel_in(
        &self,
        tx: &Tx,
        known: &Booking,
        caller: &Caller,
        request: &CancelBooking,
    ) -> Result<(Booking, Standing), NotCancelled> {
        let needs = tx.lock_capacity(&known.items).await?;
        let (booking, standing, decision) = self.decide(tx.lock_booking(&request.id).await?, caller, request)?;
        if decision == CancelDecision::AlreadyCancelled {
            return Ok((booking, standing));
        }
        let now = self.now();
        let transition = BookingTransition {
            event: BookingEventType::Cancelled,
            from: Some(booking.status),
            to: BookingStatus::Cancelled,
            at: now,
            by: actor(caller, standing),
            reason: request.reason.clone(),
        };
        let after = Booking {
            status: BookingStatus::Cancelled,
            cancellation_reason: request.reason.clone(),
            updated_at: now,
            ..booking
        };
        let after = tx.save_transition(after, &transition).await?;
        tx.release(&needs, after.occupied).await?;
        Ok((after, standing))
    }
}

/// A cancel that did not.
enum NotCancelled {
    Refused(UserError),
    Failed(StoreError),
}

impl From<UserError> for NotCancelled {
    fn from(refused: UserError) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for NotCancelled {
    fn from(fault: StoreError) -> Self {
        Self::Failed(fault)
    }
}

/// Who acts, for the history.
fn actor(caller: &Caller, standing: Standing) -> Actor {
    match (standing, caller.viewer()) {
        (Standing::Staff | Standing::Booker, Some(viewer)) => Actor::User(viewer.id.clone()),
        _ => Actor::TokenBearer,
    }
}

fn cancel_advice(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooLateToCancel => "The booking has started. Ask staff to cancel it.",
        _ => "A booking that has ended cannot be cancelled.",
    }
}
