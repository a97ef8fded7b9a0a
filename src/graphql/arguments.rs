//! Turns the arguments of fields into the questions that the services answer.
//!
//! What is malformed is said in one sentence that names the argument, as GraphQL callers write it.

use async_graphql::{Context, ID};
use chrono::{DateTime as ChronoDateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::domain::availability::MAX_RESOURCES;
use crate::domain::booking::BookingItem;
use crate::domain::local_time::{date_in_range, instant_in_range};
use crate::domain::schedule::WallTime as DomainWallTime;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::{Date, DateTime, TimeZone, WallTime};
use crate::graphql::types::booking_input::BookingItemInput;
use crate::graphql::types::reschedule_input::RescheduleContext;
use crate::service::availability::{DayQuestion, MonthQuestion, OfferQuestion};
use crate::service::own_time;
use crate::service::presence::PresenceQuestion;

/// How much of somebody's malformed text an error repeats.
const SHOWN_CHARACTERS: usize = 40;

/// The instant that the argument `name` gives, or what is wrong with it.
pub fn instant(name: &str, given: &DateTime) -> Result<ChronoDateTime<Utc>, String> {
    match &given.0 {
        Ok(instant) if instant_in_range(*instant) => Ok(*instant),
        Ok(_) => Err(format!("`{name}` must lie in the years 2000 to 2099.")),
        Err(text) => Err(format!(
            "`{name}` must be an instant with an offset, like `2026-12-01T09:00:00Z`, not `{}`.",
            shown(text)
        )),
    }
}

/// The instant that the argument `name` gives, if it is given, or what is wrong with it.
pub fn optional_instant(name: &str, given: Option<&DateTime>) -> Result<Option<ChronoDateTime<Utc>>, String> {
    given.map(|given| instant(name, given)).transpose()
}

/// The date that the argument `name` gives, or what is wrong with it.
pub fn date(name: &str, given: &Date) -> Result<NaiveDate, String> {
    match &given.0 {
        Ok(date) if date_in_range(*date) => Ok(*date),
        Ok(_) => Err(format!("`{name}` must lie in the years 2000 to 2099.")),
        Err(text) => Err(format!("`{name}` must be a date that exists, like `2026-12-01`, not `{}`.", shown(text))),
    }
}

/// The zone that the argument `name` gives, or what is wrong with it.
pub fn time_zone(name: &str, given: &TimeZone) -> Result<Tz, String> {
    given.0.clone().map_err(|text| {
        format!("`{name}` must be a zone of the IANA database, like `Europe/Berlin`, not `{}`.", shown(&text))
    })
}

/// The wall time that the argument `name` gives, or what is wrong with it.
pub fn wall_time(name: &str, given: &WallTime) -> Result<DomainWallTime, String> {
    given.0.clone().map_err(|text| {
        format!("`{name}` must be a time on the quarter hour, from `00:00` to `24:00`, not `{}`.", shown(&text))
    })
}

/// The whole number that the argument `name` gives, which cannot be negative.
pub fn count(name: &str, given: i32) -> Result<u32, String> {
    u32::try_from(given).map_err(|_| format!("`{name}` must not be negative."))
}

/// The add-ons that the argument `name` gives.
pub fn items(name: &str, given: &[BookingItemInput]) -> Result<Vec<BookingItem>, String> {
    if given.len() >= MAX_RESOURCES {
        return Err(format!("`{name}` may name at most {} resources.", MAX_RESOURCES - 1));
    }
    given
        .iter()
        .map(|item| {
            Ok(BookingItem {
                resource_id: item.resource_id.as_str().into(),
                quantity: count(&format!("{name}.quantity"), item.quantity)?,
            })
        })
        .collect()
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}

/// What `daySlots`, `monthAvailability` and their subscriptions have in common.
pub struct OfferArguments {
    /// The primary resource.
    pub resource_id: ID,
    /// The event type, if any.
    pub event_type_id: Option<ID>,
    /// How long a slot is.
    pub duration_minutes: Option<i32>,
    /// The distance between two starts.
    pub interval_minutes: Option<i32>,
    /// Units of a pool.
    pub quantity: i32,
    /// What must be free as well.
    pub add_ons: Vec<BookingItemInput>,
    /// The zone whose days are meant.
    pub time_zone: Option<TimeZone>,
    /// The booking that is to be moved.
    pub reschedule: Option<RescheduleContext>,
}

impl OfferArguments {
    fn read(mut self, ctx: &Context<'_>) -> Result<OfferQuestion, ApiError> {
        let reschedule = self.reschedule.take().map(|given| given.read(ctx)).transpose()?;
        self.read_offer(reschedule).map_err(ApiError::bad_input)
    }

    fn read_offer(self, reschedule: Option<own_time::RescheduleContext>) -> Result<OfferQuestion, String> {
        let minutes = |name: &str, given: Option<i32>| given.map(|given| count(name, given)).transpose();
        Ok(OfferQuestion {
            resource_id: self.resource_id.0.into(),
            event_type_id: self.event_type_id.map(|id| id.0.into()),
            duration_minutes: minutes("durationMinutes", self.duration_minutes)?,
            interval_minutes: minutes("intervalMinutes", self.interval_minutes)?,
            quantity: count("quantity", self.quantity)?,
            add_ons: items("addOns", &self.add_ons)?,
            time_zone: self.time_zone.as_ref().map(|zone| time_zone("timeZone", zone)).transpose()?,
            reschedule,
        })
    }

    /// The question about one day.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is malformed, and for a token in an address.
    pub fn on(self, ctx: &Context<'_>, day: &Date, include_unavailable: bool) -> Result<DayQuestion, ApiError> {
        let date = date("date", day).map_err(ApiError::bad_input)?;
        Ok(DayQuestion { offer: self.read(ctx)?, date, include_unavailable })
    }

    /// The question about the days from `from` to `to`.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is malformed, and for a token in an address.
    pub fn between(self, ctx: &Context<'_>, from: &Date, to: &Date) -> Result<MonthQuestion, ApiError> {
        let read = || -> Result<(NaiveDate, NaiveDate), String> { Ok((date("from", from)?, date("to", to)?)) };
        let (from, to) = read().map_err(ApiError::bad_input)?;
        Ok(MonthQuestion { offer: self.read(ctx)?, from, to })
    }
}

/// What the queries and subscriptions about holds have in common.
pub struct DateArguments {
    /// The resource.
    pub resource_id: ID,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// The zone whose days are meant.
    pub time_zone: Option<TimeZone>,
}

impl DateArguments {
    /// The question; `from` and `to` are the names of the two arguments.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is malformed.
    pub fn read(self, from: &str, to: &str) -> Result<PresenceQuestion, ApiError> {
        let read = || -> Result<PresenceQuestion, String> {
            Ok(PresenceQuestion {
                resource_id: self.resource_id.0.as_str().into(),
                from: date(from, &self.from)?,
                to: date(to, &self.to)?,
                time_zone: self.time_zone.as_ref().map(|zone| time_zone("timeZone", zone)).transpose()?,
            })
        };
        read().map_err(ApiError::bad_input)
    }
}
