//! Making and cancelling series.

use async_graphql::{Context, Object};

use crate::domain::access::Caller;
use crate::domain::refusal::UserError;
use crate::graphql::arguments::instant;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::execute::ClientAddress;
use crate::graphql::guard::{MayBook, guarded};
use crate::graphql::mutation::booking::read_create_booking;
use crate::graphql::request::now;
use crate::graphql::types::booking::Booking;
use crate::graphql::types::booking_series::{
    BookingSeries, CancelBookingSeriesInput, CancelBookingSeriesPayload, CreateBookingSeriesInput,
    CreateBookingSeriesPayload, SeriesOccurrence,
};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::input::Problems;
use crate::service::series::{CancelSeries, CreateSeries, Occurrence, SeriesOutcome, below_booking};

/// Mutations of series.
#[derive(Default)]
pub struct BookingSeriesMutation;

#[Object]
impl BookingSeriesMutation {
    /// Books the same again and again, by a recurrence rule: at the same wall time of the resource's zone, all at once.
    /// For those who may call `createBooking`.
    async fn create_booking_series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to book, and when again.")] input: CreateBookingSeriesInput,
    ) -> Nullable<CreateBookingSeriesPayload> {
        guarded(ctx, MayBook, async { create_series(ctx, input).await.map(Some) }).await
    }

    /// Calls the bookings of a series off that are still to come, or those from some instant on, and lets their time go.
    /// The booker and whoever has the series' management token can, and staff, who may also cancel what has started. What
    /// is cancelled or over already stays as it is.
    async fn cancel_booking_series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to cancel.")] input: CancelBookingSeriesInput,
    ) -> Nullable<CancelBookingSeriesPayload> {
        Some(cancel_series(ctx, input).await)
    }
}

async fn create_series(
    ctx: &Context<'_>,
    input: CreateBookingSeriesInput,
) -> Result<CreateBookingSeriesPayload, ApiError> {
    let CreateBookingSeriesInput { booking, rrule, on_conflict, dry_run } = input;
    let outcome = match read_create_booking(booking) {
        Ok(booking) => {
            let request = CreateSeries { booking, rrule, on_conflict: on_conflict.into(), dry_run };
            let services = from_context::<Services>(ctx)?;
            let (caller, address) = (from_context::<Caller>(ctx)?, from_context::<ClientAddress>(ctx)?.0);
            services.create_booking_series(caller, request, address, now(ctx)?).await?
        }
        Err(problems) => {
            SeriesOutcome { refused: problems.into_iter().map(below_booking).collect(), ..SeriesOutcome::default() }
        }
    };
    let SeriesOutcome { made, occurrences, refused } = outcome;
    let (series, management_token) = made.unzip();
    Ok(CreateBookingSeriesPayload {
        series: series.map(BookingSeries),
        occurrences: occurrences.into_iter().map(occurrence).collect(),
        management_token,
        user_errors: refused.into(),
    })
}

fn occurrence(Occurrence { start, end, booking, refused }: Occurrence) -> SeriesOccurrence {
    SeriesOccurrence {
        start: start.into(),
        end: end.into(),
        booking: booking.map(Booking),
        user_errors: refused.into(),
    }
}

async fn cancel_series(
    ctx: &Context<'_>,
    input: CancelBookingSeriesInput,
) -> Result<CancelBookingSeriesPayload, ApiError> {
    let outcome = match read_cancel_series(input) {
        Ok(request) => {
            from_context::<Services>(ctx)?.cancel_booking_series(from_context::<Caller>(ctx)?, request).await?
        }
        Err(problems) => Err(problems),
    };
    Ok(match outcome {
        Ok(cancelled) => CancelBookingSeriesPayload {
            cancelled: cancelled.into_iter().map(Booking).collect(),
            user_errors: UserErrors::default(),
        },
        Err(errors) => CancelBookingSeriesPayload { cancelled: Vec::new(), user_errors: errors.into() },
    })
}

fn read_cancel_series(input: CancelBookingSeriesInput) -> Result<CancelSeries, Vec<UserError>> {
    let CancelBookingSeriesInput { id, management_token, from, reason } = input;
    let mut problems = Problems::default();
    let from = from.and_then(|from| problems.take(&["from"], instant("from", &from)));
    problems.into_result()?;
    Ok(CancelSeries { id: id.0.into(), management_token: management_token.map(Into::into), from, reason })
}
