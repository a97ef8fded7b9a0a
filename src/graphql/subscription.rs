//! The subscription root. Each field but `bookingChanged`, which sends events, first sends the present state, then the
//! whole state after every change, so that a client's normalized cache updates itself by `id`; a slow reader skips to the
//! latest state and never misses it.

use async_graphql::{Context, ID, Subscription as SubscriptionRoot};
use futures_util::{Stream, StreamExt};
use secrecy::SecretString;

use crate::domain::access::{Caller, Role, Staff};
use crate::error::Error;
use crate::graphql::arguments::{DateArguments, OfferArguments};
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::guard::{AtLeast, Rule as _};
use crate::graphql::live::LivePart;
use crate::graphql::request::refuse_secrets_in_addresses;
use crate::graphql::scalar::{Date, TimeZone};
use crate::graphql::types::availability::{DaySlots, MonthAvailability};
use crate::graphql::types::booking_event::BookingEvent;
use crate::graphql::types::booking_input::BookingItemInput;
use crate::graphql::types::presence::DatePresence;
use crate::graphql::types::reschedule_input::RescheduleContext;
use crate::service::Services;
use crate::service::credentials::Credentials;

/// Live. Each field but `bookingChanged` sends the present state first, then the whole new state after every change.
#[derive(Default)]
pub struct Subscription;

/// What a subscription sends.
type Sent<T> = Result<T, ApiError>;

fn sent<S, T: From<S>>(states: impl Stream<Item = Result<S, Error>>) -> impl Stream<Item = Sent<T>> {
    states.map(|state| state.map(Into::into).map_err(Into::into))
}

/// Live. Each field but `bookingChanged` sends the present state first, then the whole new state after every change.
#[SubscriptionRoot]
impl Subscription {
    /// `datePresence`, kept current: sent when the set of holds changes. A heartbeat that only renews a hold sends
    /// nothing.
    async fn presence_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to watch.")] resource_id: ID,
        #[graphql(desc = "The day to watch.")] date: Date,
        #[graphql(desc = "The zone whose day it is. Default: the resource's.")] time_zone: Option<TimeZone>,
    ) -> Result<impl Stream<Item = Sent<DatePresence>>, ApiError> {
        let question = DateArguments { resource_id, from: date.clone(), to: date, time_zone }.read("date", "date")?;
        Ok(sent(from_context::<Services>(ctx)?.watch_presence(question).await?))
    }

    /// `presenceBetween`, kept current, 42 days at most: each day is sent once, then each day that changed.
    async fn presence_between_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to watch.")] resource_id: ID,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "The zone whose days they are. Default: the resource's.")] time_zone: Option<TimeZone>,
    ) -> Result<impl Stream<Item = Sent<DatePresence>>, ApiError> {
        let question = DateArguments { resource_id, from, to, time_zone }.read("from", "to")?;
        let (first, part) = (question.from, ctx.data_opt::<LivePart>().cloned().unwrap_or_default());
        let states = from_context::<Services>(ctx)?.watch_presence(question).await?;
        // Each day is a state of its own.
        let states = states.inspect(move |state| {
            let days = state.as_ref().map_or(0, |state| (state.date - first).num_days());
            part.set(usize::try_from(days).unwrap_or_default());
        });
        Ok(sent(states))
    }

    /// `daySlots`, kept current: sent when the answer differs from the last one sent, also when the clock made it so.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn day_slots_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource to book.")] resource_id: ID,
        #[graphql(desc = "The day whose starts to list.")] date: Date,
        #[graphql(desc = "What to book; as in `daySlots`.")] event_type_id: Option<ID>,
        #[graphql(desc = "How long; as in `daySlots`.")] duration_minutes: Option<i32>,
        #[graphql(desc = "The distance between two starts; as in `daySlots`.")] interval_minutes: Option<i32>,
        #[graphql(desc = "Units of a pool.", default = 1)] quantity: i32,
        #[graphql(desc = "Further resources that must be free at the same time.", default)] add_ons: Vec<
            BookingItemInput,
        >,
        #[graphql(desc = "The zone whose day `date` is. Default: the resource's.")] time_zone: Option<TimeZone>,
        #[graphql(desc = "While a booking is being moved, its own time counts as free.")] reschedule: Option<
            RescheduleContext,
        >,
        #[graphql(desc = "List the starts that cannot be had as well, each with its reason.", default)]
        include_unavailable: bool,
    ) -> Result<impl Stream<Item = Sent<DaySlots>>, ApiError> {
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
        let question = offer.on(ctx, &date, include_unavailable)?;
        Ok(sent(from_context::<Services>(ctx)?.watch_day_slots(question).await?))
    }

    /// What happens to bookings from now on: every event, none merged with another. Without `bookingId` to all of the
    /// organization's, for staff; with it to that one, for whoever may read it. Whoever cannot keep up is told so, and
    /// reads `bookings(filter: {updatedSince: …})`. It ends when the access token does, or the role that it needs.
    async fn booking_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only bookings of this resource, as primary resource or add-on, before or after a move.")]
        resource_id: Option<ID>,
        #[graphql(desc = "Only this booking.")] booking_id: Option<ID>,
        #[graphql(desc = "The booking's management token.", secret)] management_token: Option<String>,
    ) -> Result<impl Stream<Item = Sent<BookingEvent>>, ApiError> {
        let services = from_context::<Services>(ctx)?;
        let caller = from_context::<Caller>(ctx)?;
        let credentials = from_context::<Credentials>(ctx)?.clone();
        let Some(booking_id) = booking_id else {
            AtLeast(Role::Staff).admits(ctx)?;
            if management_token.is_some() {
                return Err(ApiError::bad_input("A `managementToken` goes with the `bookingId` that it is of."));
            }
            // Whom the rule admits has the proof.
            let staff = Staff::of(caller).ok_or_else(|| ApiError::from(Error::sign_in()))?;
            let resource = resource_id.map(|id| id.0.into());
            return Ok(sent(services.watch_bookings(&staff, credentials, resource).await?));
        };
        if resource_id.is_some() {
            return Err(ApiError::bad_input("Give `resourceId` or `bookingId`, not both."));
        }
        if management_token.is_some() {
            refuse_secrets_in_addresses(ctx)?;
        }
        let token = management_token.map(SecretString::from);
        Ok(sent(services.watch_booking(caller, credentials, booking_id.0.into(), token).await?))
    }

    /// `monthAvailability`, kept current.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn month_availability_changed(
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
    ) -> Result<impl Stream<Item = Sent<MonthAvailability>>, ApiError> {
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
        let question = offer.between(ctx, &from, &to)?;
        Ok(sent(from_context::<Services>(ctx)?.watch_month_availability(question).await?))
    }
}
