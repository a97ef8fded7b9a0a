//! What staff decide about bookings.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Caller;
use crate::domain::transition::Action;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_staff;
use crate::graphql::types::booking_input::{
    BookingPayload, CompleteBookingInput, ConfirmBookingInput, DeclineBookingInput, MarkBookingNoShowInput,
};
use crate::service::Services;
use crate::service::transition::ChangeBooking;

/// Mutations of what staff decide about bookings.
#[derive(Default)]
pub struct BookingTransitionMutation;

#[Object]
impl BookingTransitionMutation {
    /// Agrees to a booking that is provisional or waits for staff. Event type and resources must still be active and
    /// linked. Confirming what is confirmed already succeeds and changes nothing. For staff.
    async fn confirm_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to confirm.")] input: ConfirmBookingInput,
    ) -> Nullable<BookingPayload> {
        decide(ctx, Action::Confirm, input.id, input.reason).await
    }

    /// Says no to a booking that waits for staff, and lets its time go. Declining what is declined already succeeds and
    /// changes nothing. For staff.
    async fn decline_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to decline.")] input: DeclineBookingInput,
    ) -> Nullable<BookingPayload> {
        decide(ctx, Action::Decline, input.id, input.reason).await
    }

    /// Notes that a confirmed booking took place, once it has started; also where it was noted that nobody came. For
    /// staff.
    async fn complete_booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What took place.")] input: CompleteBookingInput,
    ) -> Nullable<BookingPayload> {
        decide(ctx, Action::Complete, input.id, input.reason).await
    }

    /// Notes that nobody came to a confirmed booking, once it has started; also where it was noted that it took place.
    /// For staff.
    async fn mark_booking_no_show(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "To what nobody came.")] input: MarkBookingNoShowInput,
    ) -> Nullable<BookingPayload> {
        decide(ctx, Action::MarkNoShow, input.id, input.reason).await
    }
}

/// What only staff may do; a booking of another organization does not exist for them.
async fn decide(ctx: &Context<'_>, action: Action, id: ID, reason: Option<String>) -> Nullable<BookingPayload> {
    for_staff(ctx, |_staff| async move {
        let request = ChangeBooking { id: id.0.into(), management_token: None, reason };
        let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
        let outcome = services.change_booking(caller, action, request).await.map_err(ApiError::from)?;
        Ok(Some(outcome.into()))
    })
    .await
}
