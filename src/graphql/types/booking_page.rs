//! Lists of bookings: which, in what order, and page by page.

use async_graphql::{Enum, ID, InputObject};

use crate::domain::booking as domain;
use crate::graphql::arguments::optional_instant;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::{Booking, BookingStatus};
use crate::graphql::types::page::connection;
use crate::service::booking_lists as service;

connection!(Booking, BookingConnection, BookingEdge, "bookings");

/// In which order bookings are listed; those of the same instant by their ids.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum BookingOrder {
    /// By their start, the earliest first.
    StartAsc,
    /// By their start, the latest first.
    StartDesc,
    /// By their last change, the oldest first: to follow what changes, with `updatedSince`.
    UpdatedAsc,
    /// By their last change, the newest first.
    UpdatedDesc,
}

impl From<BookingOrder> for service::BookingOrder {
    fn from(order: BookingOrder) -> Self {
        match order {
            BookingOrder::StartAsc => Self::StartAscending,
            BookingOrder::StartDesc => Self::StartDescending,
            BookingOrder::UpdatedAsc => Self::UpdatedAscending,
            BookingOrder::UpdatedDesc => Self::UpdatedDescending,
        }
    }
}

/// Which bookings are wanted: those that meet all that is given.
#[derive(InputObject, Default)]
pub struct BookingFilter {
    /// Those that book it, as primary resource or add-on.
    pub resource_id: Option<ID>,
    /// Those under this event type.
    pub event_type_id: Option<ID>,
    /// Those of this series.
    pub series_id: Option<ID>,
    /// Those with exactly this reference.
    pub reference: Option<String>,
    /// Those in one of these states, as they are now. An empty list matches nothing.
    pub status: Option<Vec<BookingStatus>>,
    /// Those that changed at this instant or later. To follow changes, begin somewhat before the last one that was
    /// read, and tell by `revision` what is new.
    pub updated_since: Option<DateTime>,
    /// Those that end after this instant; with `to`, those that overlap the span between. Touching is not overlapping.
    pub from: Option<DateTime>,
    /// Those that start before this instant.
    pub to: Option<DateTime>,
    /// Those for whoever has this address; `A` and `a` are the same in it.
    pub booker_email: Option<String>,
}

impl BookingFilter {
    /// What it selects.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is malformed.
    pub fn read(self) -> Result<service::BookingSelection, ApiError> {
        let Self { resource_id, event_type_id, series_id, reference, status, updated_since, from, to, booker_email } =
            self;
        let instant =
            |name: &str, given: Option<DateTime>| optional_instant(name, given.as_ref()).map_err(ApiError::bad_input);
        Ok(service::BookingSelection {
            resource_id: resource_id.map(|id| id.0.into()),
            event_type_id: event_type_id.map(|id| id.0.into()),
            series_id: series_id.map(|id| id.0.into()),
            reference,
            booker_email,
            status: status.as_deref().map(distinct),
            updated_since: instant("updatedSince", updated_since)?,
            from: instant("from", from)?,
            to: instant("to", to)?,
        })
    }
}

/// Each state once and in one order, however often and wherever it was given.
fn distinct(given: &[BookingStatus]) -> Vec<domain::BookingStatus> {
    domain::BookingStatus::ALL
        .into_iter()
        .filter(|status| given.iter().any(|given| *status == (*given).into()))
        .collect()
}
