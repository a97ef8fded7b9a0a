//! What is offered: slot lists and months.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::refusal::Refusal;
use crate::graphql::scalar::{Date, DateTime, Revision, TimeZone};
use crate::graphql::types::slot_list::SlotList;
use crate::service::availability as service;

/// The starts on one local day of a resource that no booking occupies. Stable: it changes when a booking, a
/// schedule or the configuration does, or when the clock passes `validUntil`, never because somebody holds a slot.
#[derive(Clone, Debug)]
pub struct DaySlots(pub service::DaySlots);

/// The starts on one local day of a resource that no booking occupies. Stable: it changes when a booking, a
/// schedule or the configuration does, or when the clock passes `validUntil`, never because somebody holds a slot.
#[Object]
impl DaySlots {
    /// Equal exactly when all arguments are, so that a normalized cache replaces the old list by the new one.
    async fn id(&self) -> ID {
        self.0.id().into()
    }

    /// The resource that was asked about.
    async fn resource_id(&self) -> ID {
        self.0.question.offer.resource_id.as_str().into()
    }

    /// The day whose starts are listed.
    async fn date(&self) -> Date {
        self.0.question.date.into()
    }

    /// The zone whose day it is.
    async fn time_zone(&self) -> TimeZone {
        self.0.time_zone.into()
    }

    /// How long each slot is.
    async fn duration_minutes(&self) -> u32 {
        self.0.duration_minutes
    }

    /// The distance between two starts.
    async fn interval_minutes(&self) -> u32 {
        self.0.interval_minutes
    }

    /// Equal revisions mean equal answers, until `validUntil`.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When the clock alone will next change this answer; null when it never will. Subscribers are sent the new
    /// state then.
    async fn valid_until(&self) -> Option<DateTime> {
        self.0.valid_until.map(Into::into)
    }

    /// In chronological order.
    async fn slots(&self) -> SlotList<'_> {
        SlotList(&self.0.slots)
    }
}

/// One start with its duration.
#[derive(SimpleObject, Clone, Debug)]
pub struct Slot {
    /// Its first instant.
    pub(super) start: DateTime,
    /// The first instant after it.
    pub(super) end: DateTime,
    /// How many units are free for the whole slot: 0 or 1 for an exclusive resource.
    pub(super) remaining: u32,
    /// Null when the slot can be booked; else why not. Such slots are listed under `includeUnavailable` only.
    pub(super) unavailable: Option<UnavailableReason>,
}

/// Why a start that fits the schedule cannot be booked; the words of `UserErrorCode`.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum UnavailableReason {
    /// A booking occupies it.
    SlotTaken,
    /// More units were asked for than the pool has.
    NotEnoughUnits,
    /// It has passed.
    InThePast,
    /// It is nearer than the notice that the event type asks for.
    TooSoon,
    /// It is farther away than can be booked yet.
    TooFarAhead,
}

impl UnavailableReason {
    /// The reason as clients know it; what a list can never give counts as taken.
    pub(super) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotEnoughUnits => Self::NotEnoughUnits,
            Refusal::InThePast => Self::InThePast,
            Refusal::TooSoon => Self::TooSoon,
            Refusal::TooFarAhead => Self::TooFarAhead,
            _ => Self::SlotTaken,
        }
    }
}

/// For each day of a span, whether anything can start.
#[derive(Clone, Debug)]
pub struct MonthAvailability(pub service::MonthAvailability);

/// For each day of a span, whether anything can start.
#[Object]
impl MonthAvailability {
    /// Equal exactly when all arguments are.
    async fn id(&self) -> ID {
        self.0.id().into()
    }

    /// The resource that was asked about.
    async fn resource_id(&self) -> ID {
        self.0.question.offer.resource_id.as_str().into()
    }

    /// The first day.
    async fn from(&self) -> Date {
        self.0.question.from.into()
    }

    /// The last day.
    async fn to(&self) -> Date {
        self.0.question.to.into()
    }

    /// The zone whose days they are.
    async fn time_zone(&self) -> TimeZone {
        self.0.time_zone.into()
    }

    /// Equal revisions mean equal answers, until `validUntil`.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When the clock alone will next change this answer; null when it never will.
    async fn valid_until(&self) -> Option<DateTime> {
        self.0.valid_until.map(Into::into)
    }

    /// Every day from `from` to `to`.
    async fn days(&self) -> Vec<DayAvailability> {
        self.0.days.iter().copied().map(DayAvailability::from).collect()
    }
}

/// Whether anything can start on one day.
#[derive(SimpleObject, Clone, Debug)]
pub struct DayAvailability {
    /// The day.
    date: Date,
    /// Whether at least one slot is free.
    available: bool,
    /// How many starts are free.
    slot_count: u32,
}

impl From<service::DayCount> for DayAvailability {
    fn from(day: service::DayCount) -> Self {
        Self { date: day.date.into(), available: day.slot_count > 0, slot_count: day.slot_count }
    }
}

impl From<service::DaySlots> for DaySlots {
    fn from(answer: service::DaySlots) -> Self {
        Self(answer)
    }
}

impl From<service::MonthAvailability> for MonthAvailability {
    fn from(answer: service::MonthAvailability) -> Self {
        Self(answer)
    }
}
