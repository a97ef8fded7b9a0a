//! What is answered to whoever asks for a series, now or again under the same key.

use std::sync::Arc;

use super::super::booking::SeenBooking;
use super::making::SeriesMaking;
use super::{Occurrence, SeenSeries, SeriesOutcome, below_booking};
use crate::domain::access::Standing;
use crate::domain::booking::Booking;
use crate::domain::id::SeriesId;
use crate::domain::series::BookingSeries;
use crate::error::{Error, Internal};
use crate::store::IdempotencyRecord;

impl SeriesMaking {
    /// The refusal, unless a twin has made the series since the key was looked up.
    pub(super) async fn refuse(&self, outcome: SeriesOutcome) -> Result<SeriesOutcome, Error> {
        if self.one.key.is_some() {
            let store = &self.one.services.parts().store;
            let ground = store.snapshot(|reader| async move { self.read(&reader).await }).await?;
            if let Some(record) = ground.known {
                return self.repeat(&record).await;
            }
        }
        Ok(outcome)
    }

    /// The answer to a call whose key is known: the series and its bookings as they are now, if the input is the same.
    pub(super) async fn repeat(&self, record: &IdempotencyRecord) -> Result<SeriesOutcome, Error> {
        if let Err(refused) = self.one.require_same_input(record) {
            return Ok(SeriesOutcome::refused(vec![below_booking(refused)]));
        }
        let reader = self.one.services.parts().store.reader();
        let id = SeriesId::from(record.made.as_str());
        let found = reader.series(&id).await?;
        let series = found.ok_or_else(|| Internal::new(format!("{id} has a key and is missing")))?;
        let bookings = reader.bookings_of_series(std::slice::from_ref(&id)).await?;
        let skipped = series.skipped.iter().map(|skipped| Occurrence {
            start: skipped.start,
            end: skipped.end,
            booking: None,
            refused: Some(skipped.reason().at(["input", "booking", "start"])),
        });
        let occurrences = skipped.collect();
        Ok(self.made(series, bookings, occurrences))
    }

    /// The answer: `bookings`, and of `occurrences` those that were refused.
    pub(super) fn made(
        &self,
        series: BookingSeries,
        bookings: Vec<Booking>,
        mut occurrences: Vec<Occurrence>,
    ) -> SeriesOutcome {
        let caller = &self.one.caller;
        let token = self.one.services.parts().key.series_token(&series.id);
        occurrences.retain(|occurrence| occurrence.refused.is_some());
        occurrences.extend(bookings.into_iter().map(|booking| Occurrence {
            start: booking.start,
            end: booking.end,
            refused: None,
            // Whoever makes a series gets its token, and so has at least the standing that it gives.
            booking: Some(SeenBooking::new(
                booking.clone(),
                caller.standing(&booking, false).unwrap_or(Standing::SeriesTokenBearer),
                self.one.now,
            )),
        }));
        occurrences.sort_by_key(|occurrence| occurrence.start);
        let standing = caller.series_standing(&series, true).unwrap_or(Standing::SeriesTokenBearer);
        let seen = SeenSeries { series: Arc::new(series), standing };
        SeriesOutcome { made: Some((seen, token)), occurrences, refused: Vec::new() }
    }
}
