//! Series: the same booking again and again. Reading them; making them is in `making`, cancelling in `cancelling`.

mod answering;
mod cancelling;
mod deciding;
mod looking;
mod making;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use cancelling::CancelSeries;

use super::Services;
use super::booking::{CreateBooking, SeenBooking};
use super::page::{Cursors, Page, PageRequest};
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::Booking;
use crate::domain::id::SeriesId;
use crate::domain::refusal::UserError;
use crate::domain::series::{BookingSeries, ConflictPolicy};
use crate::error::Error;
use crate::store::Place;

/// A series, as it was asked for.
#[derive(Clone, Debug)]
pub struct CreateSeries {
    /// The first occurrence.
    pub booking: CreateBooking,
    /// When it recurs (RFC 5545).
    pub rrule: String,
    /// What becomes of it when some occurrences cannot be booked.
    pub on_conflict: ConflictPolicy,
    /// Whether to tell only what would happen.
    pub dry_run: bool,
}

/// A series in the eyes of somebody who may see it.
#[derive(Clone, Debug)]
pub struct SeenSeries {
    /// The series.
    pub series: Arc<BookingSeries>,
    /// In which capacity they see it.
    pub standing: Standing,
}

/// One of a series, and what came of it.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// The booking, where one was made.
    pub booking: Option<SeenBooking>,
    /// Why it cannot be booked.
    pub refused: Option<UserError>,
}

/// What came of asking for a series.
#[derive(Clone, Debug, Default)]
pub struct SeriesOutcome {
    /// The series, where one was made, with the bearer secret that is good for it and all of its bookings.
    pub made: Option<(SeenSeries, String)>,
    /// One for each occurrence, by start; none where the rule could not be expanded.
    pub occurrences: Vec<Occurrence>,
    /// Why no series was made, or would be.
    pub refused: Vec<UserError>,
}

impl Services {
    /// One series, for whoever may see it; `None` for everyone else, just as if there were none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn booking_series(
        &self,
        caller: &Caller,
        id: &SeriesId,
        management_token: Option<&str>,
    ) -> Result<Option<SeenSeries>, Error> {
        let Some(series) = self.parts().store.reader().series(id).await? else { return Ok(None) };
        let valid = management_token.is_some_and(|token| self.parts().key.is_series_token(id, token));
        let standing = caller.series_standing(&series, valid);
        Ok(standing.map(|standing| SeenSeries { series: Arc::new(series), standing }))
    }

    /// A page of the bookings of a series, all of which are `bookings`, as whoever sees the series sees them at `now`.
    ///
    /// # Errors
    /// `BadInput` for what is no cursor of this list.
    pub fn page_of_series(
        &self,
        seen: &SeenSeries,
        bookings: Vec<Arc<Booking>>,
        page: &PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Page<SeenBooking>, Error> {
        let cursors = Cursors::of(format!("bookings of {}", seen.series.id));
        let page = cursors.part_of(page, bookings, |booking| Place {
            value: booking.start.timestamp_millis(),
            id: booking.id.to_string(),
        })?;
        Ok(page.map(|booking| SeenBooking::new(Booking::clone(&booking), seen.standing, now)))
    }

    /// Series by their ids, whoever asks: for what the caller may see already.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_series(&self, ids: &[SeriesId]) -> Result<HashMap<SeriesId, Arc<BookingSeries>>, Error> {
        let found = self.parts().store.reader().series_by_ids(ids).await?;
        Ok(found.into_iter().map(|series| (series.id.clone(), Arc::new(series))).collect())
    }

    /// The bookings of each series, whoever asks: for what the caller may see already.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_bookings_of_series(
        &self,
        ids: &[SeriesId],
    ) -> Result<HashMap<SeriesId, Vec<Arc<Booking>>>, Error> {
        let mut bookings: HashMap<SeriesId, Vec<Arc<Booking>>> = HashMap::new();
        for booking in self.parts().store.reader().bookings_of_series(ids).await? {
            if let Some(series) = booking.series_id.clone() {
                bookings.entry(series).or_default().push(Arc::new(booking));
            }
        }
        Ok(bookings)
    }
}

impl SeriesOutcome {
    /// None was made, for these reasons.
    fn refused(refused: Vec<UserError>) -> Self {
        Self { refused, ..Self::default() }
    }
}

/// The same error with its field where the input of a series has the booking's: below `input.booking`.
#[must_use]
pub fn below_booking(mut error: UserError) -> UserError {
    if error.field.first().is_some_and(|first| first == "input") {
        error.field.insert(1, "booking".to_owned());
    }
    error
}
