//! What is in a calendar, wherever it is read: in a mail or in a feed (RFC 5545).
//!
//! Instants are written in UTC. Then no definition of a zone has to come along, and what a calendar shows is right across
//! clock changes, whatever it knows of zones.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Utc};
use icalendar::{Calendar, Component as _, Event, EventLike as _, EventStatus, Property};

use super::Method;
use super::lines::fitted;
use crate::domain::booking::BookingStatus;

/// Who writes our calendars, as the standard wants it named.
const PRODUCT: &str = "-//Slotwise//Slotwise//EN";

/// What names the booking or block of that id in every calendar: the same for as long as it lives.
#[must_use]
pub fn uid(id: impl fmt::Display) -> String {
    format!("{id}@slotwise")
}

/// Whether what is in a calendar takes place.
#[must_use]
pub fn standing(status: BookingStatus) -> EventStatus {
    match status {
        BookingStatus::Provisional | BookingStatus::Pending => EventStatus::Tentative,
        BookingStatus::Confirmed | BookingStatus::Completed | BookingStatus::NoShow => EventStatus::Confirmed,
        BookingStatus::Declined | BookingStatus::Cancelled | BookingStatus::Expired => EventStatus::Cancelled,
    }
}

/// Something in a calendar: a booking, or what else takes time. No text of it may have control characters but line ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What names it: see [`uid`].
    pub uid: String,
    /// Counts its changes, so that a calendar never goes back to an older state.
    pub sequence: u32,
    /// When it last changed, or what a mail tells of happened.
    pub at: DateTime<Utc>,
    /// When it was made, where that is told.
    pub created_at: Option<DateTime<Utc>>,
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// What it is, in a line.
    pub summary: String,
    /// What is booked, where there is more to say than a line.
    pub description: Option<String>,
    /// Where it takes place.
    pub location: Option<String>,
    /// Whether it takes place.
    pub standing: EventStatus,
}

impl Entry {
    /// It as the library has it.
    pub(super) fn event(&self) -> Event {
        let mut event = Event::with_uid(&self.uid);
        event
            .sequence(self.sequence)
            .timestamp(self.at)
            .last_modified(self.at)
            .starts(self.start)
            .ends(self.end)
            .summary(&self.summary);
        event.status(self.standing);
        if let Some(created_at) = self.created_at {
            event.created(created_at);
        }
        if let Some(description) = &self.description {
            event.description(description);
        }
        if let Some(location) = &self.location {
            event.location(location);
        }
        event
    }
}

/// A calendar with nothing in it, for `method`.
pub(super) fn calendar(method: Method) -> Calendar {
    let mut calendar = Calendar::empty();
    for (name, value) in [("VERSION", "2.0"), ("PRODID", PRODUCT), ("CALSCALE", "GREGORIAN"), ("METHOD", method.name())]
    {
        calendar.append_property(Property::new(name, value));
    }
    calendar
}

/// `calendar` as text, with the line ends and folds of the standard.
pub(super) fn written(calendar: &Calendar) -> Result<String, fmt::Error> {
    let mut text = String::new();
    write!(text, "{calendar}")?;
    Ok(fitted(&text))
}
