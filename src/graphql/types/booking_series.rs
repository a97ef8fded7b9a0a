//! Series, and what makes and cancels them.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::domain::series::ConflictPolicy;
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::loader::{BookingsOfSeries, Loads};
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::request::now;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::Booking;
use crate::graphql::types::booking_input::CreateBookingInput;
use crate::graphql::types::booking_page::BookingConnection;
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::series::SeenSeries;

/// Bookings that were made together, by a recurrence rule.
#[derive(Clone)]
pub struct BookingSeries(pub SeenSeries);

/// Bookings that were made together, by a recurrence rule.
#[Object]
impl BookingSeries {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.series.id.as_str().into()
    }

    /// The rule (RFC 5545) by which it was made.
    async fn rrule(&self) -> &str {
        &self.0.series.rrule
    }

    /// All of its bookings by start, whatever has become of them.
    async fn bookings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start, 1 to 200. Default: 50.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end, 1 to 200.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<BookingConnection, ApiError> {
        let page = PageArguments { first, after, last, before }.resolve(wants_total(ctx))?;
        let key = BookingsOfSeries(self.0.series.id.clone());
        let bookings = from_context::<Loads>(ctx)?.load(key).await?.unwrap_or_default();
        Ok(from_context::<Services>(ctx)?.page_of_series(&self.0, bookings, &page, now(ctx)?)?.into())
    }
}

/// What becomes of a series of which some occurrences cannot be booked.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum SeriesConflictPolicy {
    /// Nothing is booked.
    AllOrNothing,
    /// The others are booked, and these are left out.
    SkipConflicts,
}

impl From<SeriesConflictPolicy> for ConflictPolicy {
    fn from(policy: SeriesConflictPolicy) -> Self {
        match policy {
            SeriesConflictPolicy::AllOrNothing => Self::AllOrNothing,
            SeriesConflictPolicy::SkipConflicts => Self::Skip,
        }
    }
}

/// What to book, and when again.
#[derive(InputObject)]
pub struct CreateBookingSeriesInput {
    /// The first occurrence. Only its time needs to be held; its `idempotencyKey` is the series'.
    pub booking: CreateBookingInput,
    /// A rule by RFC 5545, such as `FREQ=WEEKLY;COUNT=10`; at most 500 characters. DAILY, WEEKLY, MONTHLY or YEARLY, with
    /// COUNT or UNTIL, and at most 104 occurrences. Each has the wall time of the first one in the resource's zone.
    pub rrule: String,
    /// What to do when some occurrences cannot be booked.
    #[graphql(default_with = "SeriesConflictPolicy::AllOrNothing")]
    pub on_conflict: SeriesConflictPolicy,
    /// Only tell what would happen. Writes and keeps nothing, the `idempotencyKey` included.
    #[graphql(default)]
    pub dry_run: bool,
}

/// One of a series.
#[derive(SimpleObject)]
pub struct SeriesOccurrence {
    /// When it starts.
    pub start: DateTime,
    /// When it ends.
    pub end: DateTime,
    /// The booking as it is now; null where none was made.
    pub booking: Option<Booking>,
    /// Why it could not be booked; empty when it was, or would be.
    pub user_errors: UserErrors,
}

/// What a series came to.
#[derive(SimpleObject)]
pub struct CreateBookingSeriesPayload {
    /// The series; null when none was made.
    pub series: Option<BookingSeries>,
    /// One for each occurrence by start, also where nothing was booked. Empty when the input is not usable as a whole.
    pub occurrences: Vec<SeriesOccurrence>,
    /// The bearer secret of the series and of all of its bookings: whoever has it can read, change and cancel them.
    pub management_token: Option<String>,
    /// Why no series was made, or would be; empty when one was.
    pub user_errors: UserErrors,
}

/// Which bookings of a series to cancel.
#[derive(InputObject)]
pub struct CancelBookingSeriesInput {
    /// The series.
    pub id: ID,
    /// Its management token, for those who did not sign in to book it.
    #[graphql(secret)]
    pub management_token: Option<String>,
    /// Only bookings that start at or after this. Default: those that have not started.
    pub from: Option<DateTime>,
    /// Why; at most 500 characters.
    pub reason: Option<String>,
}

/// What cancelling a series came to.
#[derive(SimpleObject)]
pub struct CancelBookingSeriesPayload {
    /// The bookings that were cancelled by this call, by start.
    pub cancelled: Vec<Booking>,
    /// Why nothing was cancelled; empty also when there was nothing to cancel.
    pub user_errors: UserErrors,
}
