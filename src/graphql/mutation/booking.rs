//! Making and cancelling bookings.

use async_graphql::{Context, Object};

use crate::domain::access::Caller;
use crate::domain::refusal::UserError;
use crate::domain::transition::Action;
use crate::graphql::arguments::{count, instant, items, time_zone};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::execute::ClientAddress;
use crate::graphql::guard::{MayBook, guarded};
use crate::graphql::request::now;
use crate::graphql::types::booking::Booking;
use crate::graphql::types::booking_input::{
    BookingPayload, CancelBookingInput, CreateBookingInput, CreateBookingPayload,
};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::booking::{BookerDetails, CreateBooking};
use crate::service::input::Problems;
use crate::service::transition::ChangeBooking;

/// Mutations of bookings.
#[derive(Default)]
pub struct BookingMutation;

#[Object]
impl BookingMutation {
    /// Books a resource, and its add-ons, for one of the starts that `daySlots` offers. For signed-in callers; for
    /// guests too where `settings.guestBookings` says so.
    async fn create_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to book.")] input: CreateBookingInput,
    ) -> Nullable<CreateBookingPayload> {
        guarded(ctx, MayBook, async { create_booking(ctx, input).await.map(Some) }).await
    }

    /// Calls a booking off and lets its time go. The booker and whoever has the management token can until its start;
    /// staff can at any time. Cancelling what is cancelled already succeeds and changes nothing.
    async fn cancel_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to cancel.")] input: CancelBookingInput,
    ) -> Nullable<BookingPayload> {
        Some(cancel_booking(ctx, input).await)
    }
}

async fn create_booking(ctx: &Context<'_>, input: CreateBookingInput) -> Result<CreateBookingPayload, ApiError> {
    let outcome = match read_create_booking(input) {
        Ok(request) => {
            let (caller, address) = (from_context::<Caller>(ctx)?, from_context::<ClientAddress>(ctx)?.0);
            from_context::<Services>(ctx)?.create_booking(caller, request, address, now(ctx)?).await?
        }
        Err(problems) => Err(problems),
    };
    Ok(match outcome {
        Ok(created) => CreateBookingPayload {
            booking: Some(Booking(created.booking)),
            management_token: Some(created.management_token),
            user_errors: UserErrors::default(),
        },
        Err(errors) => CreateBookingPayload { booking: None, management_token: None, user_errors: errors.into() },
    })
}

pub(super) fn read_create_booking(input: CreateBookingInput) -> Result<CreateBooking, Vec<UserError>> {
    let mut problems = Problems::default();
    let start = problems.take(&["start"], instant("start", &input.start));
    let quantity = problems.take(&["quantity"], count("quantity", input.quantity));
    let add_ons = problems.take(&["addOns"], items("addOns", &input.add_ons));
    let duration_minutes = input
        .duration_minutes
        .and_then(|minutes| problems.take(&["durationMinutes"], count("durationMinutes", minutes)));
    let provisional_minutes = input
        .provisional_minutes
        .and_then(|minutes| problems.take(&["provisionalMinutes"], count("provisionalMinutes", minutes)));
    let zone = input.time_zone.and_then(|zone| problems.take(&["timeZone"], time_zone("timeZone", &zone)));
    problems.finish(match (start, quantity, add_ons) {
        (Some(start), Some(quantity), Some(add_ons)) => Some(CreateBooking {
            event_type_id: input.event_type_id.0.into(),
            resource_id: input.resource_id.0.into(),
            quantity,
            add_ons,
            start,
            duration_minutes,
            time_zone: zone,
            booker: input.booker.map(|booker| BookerDetails {
                name: booker.name.take(),
                email: booker.email.take(),
                phone: booker.phone.take(),
                notes: booker.notes.take(),
            }),
            location: input.location,
            reference: input.reference,
            metadata: input.metadata.map(|metadata| metadata.0).filter(|metadata| !metadata.is_null()),
            session_secret: input.session_secret.map(Into::into),
            idempotency_key: input.idempotency_key,
            ignore_schedule: input.ignore_schedule,
            provisional_minutes,
        }),
        _ => None,
    })
}

async fn cancel_booking(ctx: &Context<'_>, input: CancelBookingInput) -> Result<BookingPayload, ApiError> {
    let request = ChangeBooking {
        id: input.id.0.into(),
        management_token: input.management_token.map(Into::into),
        reason: input.reason,
    };
    let outcome =
        from_context::<Services>(ctx)?.change_booking(from_context::<Caller>(ctx)?, Action::Cancel, request).await?;
    Ok(outcome.into())
}
