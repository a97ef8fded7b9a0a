//! What is offered.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Caller;
use crate::graphql::arguments::{OfferArguments, count, instant};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::kept::record;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::request::now;
use crate::graphql::scalar::{Date, DateTime, TimeZone};
use crate::graphql::types::availability::{DaySlots, MonthAvailability};
use crate::graphql::types::booking_input::BookingItemInput;
use crate::graphql::types::reschedule_input::RescheduleContext;
use crate::graphql::types::resource::ResourceConnection;
use crate::service::Services;
use crate::service::availability::SpanQuestion;

/// Queries about what is offered.
#[derive(Default)]
pub struct AvailabilityQuery;

#[Object]
impl AvailabilityQuery {
    /// The starts on one local day that no booking occupies. Holds do not count: see `datePresence`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn day_slots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to book.")] resource_id: ID,
        #[graphql(desc = "The day whose starts to list.")] date: Date,
        #[graphql(
            desc = "What to book: brings its durations, interval, buffers, notice and horizon. Without it, `durationMinutes` is required and no policy but the schedule applies."
        )]
        event_type_id: Option<ID>,
        #[graphql(desc = "How long, 5 minutes to 31 days. Default: the event type's first duration.")]
        duration_minutes: Option<i32>,
        #[graphql(
            desc = "The distance between two starts, a multiple of 15. Default: the event type's interval, else its shortest duration, else `durationMinutes`."
        )]
        interval_minutes: Option<i32>,
        #[graphql(desc = "Units of a pool.", default = 1)] quantity: i32,
        #[graphql(
            desc = "Further resources that must be free at the same time: listed is what the whole bundle can have.",
            default
        )]
        add_ons: Vec<BookingItemInput>,
        #[graphql(desc = "The zone whose day `date` is. Default: the resource's.")] time_zone: Option<TimeZone>,
        #[graphql(desc = "While a booking is being moved, its own time counts as free.")] reschedule: Option<
            RescheduleContext,
        >,
        #[graphql(desc = "List the starts that cannot be had as well, each with its reason.", default)]
        include_unavailable: bool,
    ) -> Nullable<DaySlots> {
        let offer = OfferArguments {
            resource_id,
            event_type_id,
            duration_minutes,
            interval_minutes,
            quantity,
            add_ons,
            time_zone,
            reschedule,
        };
        let resolve = async {
            let question = offer.on(ctx, &date, include_unavailable)?;
            let services = from_context::<Services>(ctx)?;
            let (answer, source) = services.day_slots(&question, services.begin(now(ctx)?)).await?;
            record(ctx, source);
            Ok(answer.into())
        };
        Some(resolve.await)
    }

    /// For each day from `from` to `to`, both included and 93 at most, whether anything can start.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn month_availability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to book.")] resource_id: ID,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "What to book; as in `daySlots`.")] event_type_id: Option<ID>,
        #[graphql(desc = "How long; as in `daySlots`.")] duration_minutes: Option<i32>,
        #[graphql(desc = "The distance between two starts; as in `daySlots`.")] interval_minutes: Option<i32>,
        #[graphql(desc = "Units of a pool.", default = 1)] quantity: i32,
        #[graphql(desc = "Further resources that must be free at the same time.", default)] add_ons: Vec<
            BookingItemInput,
        >,
        #[graphql(desc = "The zone whose days they are. Default: the resource's.")] time_zone: Option<TimeZone>,
        #[graphql(desc = "While a booking is being moved, its own time counts as free.")] reschedule: Option<
            RescheduleContext,
        >,
    ) -> Nullable<MonthAvailability> {
        let offer = OfferArguments {
            resource_id,
            event_type_id,
            duration_minutes,
            interval_minutes,
            quantity,
            add_ons,
            time_zone,
            reschedule,
        };
        let resolve = async {
            let question = offer.between(ctx, &from, &to)?;
            let services = from_context::<Services>(ctx)?;
            let (answer, source) = services.month_availability(&question, services.begin(now(ctx)?)).await?;
            record(ctx, source);
            Ok(answer.into())
        };
        Some(resolve.await)
    }

    /// Whether no booking or block occupies any of the span, 31 days at most. Schedules and holds do not count.
    async fn is_available(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to look at.")] resource_id: ID,
        #[graphql(desc = "First instant; widened to the quarter hour.")] start: DateTime,
        #[graphql(desc = "First instant after the span; widened to the quarter hour.")] end: DateTime,
    ) -> Nullable<bool> {
        let resolve = async {
            let start = instant("start", &start).map_err(ApiError::bad_input)?;
            let end = instant("end", &end).map_err(ApiError::bad_input)?;
            let resource = resource_id.as_str().into();
            Ok(from_context::<Services>(ctx)?.is_available(&resource, start, end).await?)
        };
        Some(resolve.await)
    }

    /// The active resources that can take the whole span: open, and free of bookings. By name.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn available_resources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First instant.")] start: DateTime,
        #[graphql(desc = "How long, 5 minutes to 31 days.")] duration_minutes: i32,
        #[graphql(desc = "What to book: only where it is offered, and by its rules.")] event_type_id: Option<ID>,
        #[graphql(desc = "Only resources of this kind.")] kind: Option<String>,
        #[graphql(desc = "Units of a pool.", default = 1)] quantity: i32,
        #[graphql(desc = "In which organization. Default: the event type's, else the caller's.")]
        organization_id: Option<ID>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Result<ResourceConnection, ApiError> {
        let question = SpanQuestion {
            start: instant("start", &start).map_err(ApiError::bad_input)?,
            duration_minutes: count("durationMinutes", duration_minutes).map_err(ApiError::bad_input)?,
            event_type_id: event_type_id.map(|id| id.0.into()),
            kind,
            quantity: count("quantity", quantity).map_err(ApiError::bad_input)?,
            organization_id: organization_id.map(|id| id.0.into()),
            page: PageArguments { first, after, last, before }.resolve(wants_total(ctx))?,
        };
        let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
        Ok(services.available_resources(caller, question, now(ctx)?).await?.into())
    }
}
