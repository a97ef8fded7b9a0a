//! Changing what is said about bookings.

use async_graphql::{Context, MaybeUndefined, Object};

use crate::domain::access::Caller;
use crate::domain::refusal::UserError;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::execute::ClientAddress;
use crate::graphql::mutation::change;
use crate::graphql::types::booking_input::{BookingPayload, UpdateBookingInput};
use crate::service::Services;
use crate::service::input::Problems;
use crate::service::updating::{BookerChanges, UpdateBooking};

/// Mutations of what is said about bookings.
#[derive(Default)]
pub struct BookingUpdateMutation;

#[Object]
impl BookingUpdateMutation {
    /// Changes what is said about a booking: who it is for, where it takes place, reference and metadata. The booker and
    /// whoever has the management token can while it is provisional, pending or confirmed; staff can at any time. What
    /// changes nothing succeeds, and leaves the booking as it is.
    async fn update_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateBookingInput,
    ) -> Nullable<BookingPayload> {
        Some(update_booking(ctx, input).await)
    }
}

async fn update_booking(ctx: &Context<'_>, input: UpdateBookingInput) -> Result<BookingPayload, ApiError> {
    let outcome = match read_update_booking(input) {
        Ok(request) => {
            let (caller, address) = (from_context::<Caller>(ctx)?, from_context::<ClientAddress>(ctx)?.0);
            from_context::<Services>(ctx)?.update_booking(caller, request, address).await?
        }
        Err(problems) => Err(problems),
    };
    Ok(outcome.into())
}

fn read_update_booking(input: UpdateBookingInput) -> Result<UpdateBooking, Vec<UserError>> {
    let mut problems = Problems::default();
    let booker = match input.booker {
        MaybeUndefined::Undefined => BookerChanges::default(),
        MaybeUndefined::Value(booker) => BookerChanges {
            name: change(booker.name),
            email: change(booker.email),
            phone: change(booker.phone),
            notes: change(booker.notes),
        },
        MaybeUndefined::Null => {
            let message =
                "`booker` cannot be null: a booking is for somebody. Leave it out, or name what is to change.";
            problems.note(&["booker"], message);
            BookerChanges::default()
        }
    };
    problems.finish(Some(UpdateBooking {
        id: input.id.0.into(),
        management_token: input.management_token.map(Into::into),
        booker,
        location: change(input.location),
        reference: change(input.reference),
        metadata: change(input.metadata.map(|metadata| metadata.map(|metadata| metadata.0))),
    }))
}
