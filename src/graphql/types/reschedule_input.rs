//! What moves bookings.

use async_graphql::{Context, ID, InputObject};

use crate::domain::access::Caller;
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::request::refuse_secrets_in_addresses;
use crate::graphql::scalar::DateTime;
use crate::service::own_time;

/// The booking that is to be moved. Its own time counts as free for whoever may move it now: its booker, whoever has
/// its management token, and staff. For everybody else it changes nothing.
#[derive(InputObject)]
pub struct RescheduleContext {
    /// The booking.
    pub booking_id: ID,
    /// Its management token, for those who did not sign in to book it.
    #[graphql(secret)]
    pub management_token: Option<String>,
}

impl RescheduleContext {
    /// Who wants to move which booking.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a token in an address.
    pub fn read(self, ctx: &Context<'_>) -> Result<own_time::RescheduleContext, ApiError> {
        if self.management_token.is_some() {
            refuse_secrets_in_addresses(ctx)?;
        }
        Ok(own_time::RescheduleContext {
            booking_id: self.booking_id.0.into(),
            management_token: self.management_token.map(Into::into),
            caller: from_context::<Caller>(ctx)?.clone(),
        })
    }
}

/// Where to move a booking. What is left out stays as it is.
#[derive(InputObject)]
pub struct RescheduleBookingInput {
    /// The booking.
    pub id: ID,
    /// Its management token, for those who did not sign in to book it.
    #[graphql(secret)]
    pub management_token: Option<String>,
    /// The new first instant: one that `daySlots` offers while the booking is being moved.
    pub start: DateTime,
    /// One of the event type's durations. Default: how long the booking is.
    pub duration_minutes: Option<i32>,
    /// The new primary resource; add-ons stay. Default: the present one.
    pub resource_id: Option<ID>,
    /// The session whose holds the booking takes over.
    #[graphql(secret)]
    pub session_secret: Option<String>,
    /// Staff: move it outside the schedule, the notice and the horizon, over holds, up to 31 days back. Never over
    /// another booking.
    #[graphql(default)]
    pub ignore_schedule: bool,
    /// Why; at most 500 characters.
    pub reason: Option<String>,
}
