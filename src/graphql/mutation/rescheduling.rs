//! Moving bookings.

use async_graphql::{Context, Object};

use crate::domain::access::Caller;
use crate::domain::refusal::UserError;
use crate::graphql::arguments::{count, instant};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::execute::ClientAddress;
use crate::graphql::types::booking::Booking;
use crate::graphql::types::booking_input::BookingPayload;
use crate::graphql::types::reschedule_input::RescheduleBookingInput;
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::input::Problems;
use crate::service::moving::RescheduleBooking;

/// Mutations that move bookings.
#[derive(Default)]
pub struct RescheduleMutation;

#[Object]
impl RescheduleMutation {
    /// Moves a booking: to another start, another duration, another resource. It keeps its id and its token, and if it
    /// cannot be moved it stays where it is. The booker and whoever has the management token can until its start, and
    /// where the event type requires confirmation it is PENDING again; staff can at any time, and it stays what it is.
    async fn reschedule_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to move, and where to.")] input: RescheduleBookingInput,
    ) -> Nullable<BookingPayload> {
        Some(reschedule_booking(ctx, input).await)
    }
}

async fn reschedule_booking(ctx: &Context<'_>, input: RescheduleBookingInput) -> Result<BookingPayload, ApiError> {
    let outcome = match read(input) {
        Ok(request) => {
            let (caller, address) = (from_context::<Caller>(ctx)?, from_context::<ClientAddress>(ctx)?.0);
            from_context::<Services>(ctx)?.reschedule_booking(caller, request, address).await?
        }
        Err(problems) => Err(problems),
    };
    Ok(match outcome {
        Ok(booking) => BookingPayload { booking: Some(Booking(booking)), user_errors: UserErrors::default() },
        Err(errors) => BookingPayload { booking: None, user_errors: errors.into() },
    })
}

fn read(input: RescheduleBookingInput) -> Result<RescheduleBooking, Vec<UserError>> {
    let mut problems = Problems::default();
    let start = problems.take(&["start"], instant("start", &input.start));
    let duration_minutes = input
        .duration_minutes
        .and_then(|minutes| problems.take(&["durationMinutes"], count("durationMinutes", minutes)));
    problems.finish(start.map(|start| RescheduleBooking {
        id: input.id.0.into(),
        management_token: input.management_token.map(Into::into),
        start,
        duration_minutes,
        resource_id: input.resource_id.map(|id| id.0.into()),
        session_secret: input.session_secret.map(Into::into),
        ignore_schedule: input.ignore_schedule,
        reason: input.reason,
    }))
}
