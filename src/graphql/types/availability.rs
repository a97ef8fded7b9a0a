//! What is offered: slot lists and months.

use async_graphql::{Enum, ID, SimpleObject};

use crate::domain::availability::OfferedSlot;
use crate::domain::refusal::Refusal;
use crate::graphql::scalar::{Date, DateTime, Revision, TimeZone};
use crate::graphql::types::slot_list::SlotList;
use crate::service::availability as service;

/// The starts on one local day of a resource that no booking occupies. Stable: it changes when a booking, a
/// schedule or the configuration does, or when the clock passes `validUntil`, never because somebody holds a slot.
#[derive(SimpleObject, Clone, Debug)]
pub struct DaySlots {
    /// Equal exactly when all arguments are, so that a normalized cache replaces the old list by the new one.
    id: ID,
    /// The resource that was asked about.
    resource_id: ID,
    /// The day whose starts are listed.
    date: Date,
    /// The zone whose day it is.
    time_zone: TimeZone,
    /// How long each slot is.
    duration_minutes: u32,
    /// The distance between two starts.
    interval_minutes: u32,
    /// Equal revisions mean equal answers, until `validUntil`.
    revision: Revision,
    /// When the clock alone will next change this answer; null when it never will. Subscribers are sent the new
    /// state then.
    valid_until: Option<DateTime>,
    /// In chronological order.
    slots: SlotList,
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
    fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotEnoughUnits => Self::NotEnoughUnits,
            Refusal::InThePast => Self::InThePast,
            Refusal::TooSoon => Self::TooSoon,
            Refusal::TooFarAhead => Self::TooFarAhead,
            _ => Self::SlotTaken,
        }
    }
}

impl From<OfferedSlot> for Slot {
    fn from(slot: OfferedSlot) -> Self {
        Self {
            start: slot.start.into(),
            end: slot.end.into(),
            remaining: slot.remaining,
            unavailable: slot.unavailable.map(UnavailableReason::of),
        }
    }
}

impl From<service::DaySlots> for DaySlots {
    fn from(answer: service::DaySlots) -> Self {
        Self {
            id: answer.id.into(),
            resource_id: answer.resource_id.as_str().into(),
            date: answer.date.into(),
            time_zone: answer.time_zone.into(),
            duration_minutes: answer.duration_minutes,
            interval_minutes: answer.interval_minutes,
            revision: Revision(answer.revision),
            valid_until: answer.valid_until.map(Into::into),
            slots: answer.slots.into_iter().map(Slot::from).collect(),
        }
    }
}

/// For each day of a span, whether anything can start.
#[derive(SimpleObject, Clone, Debug)]
pub struct MonthAvailability {
    /// Equal exactly when all arguments are.
    id: ID,
    /// The resource that was asked about.
    resource_id: ID,
    /// The first day.
    from: Date,
    /// The last day.
    to: Date,
    /// The zone whose days they are.
    time_zone: TimeZone,
    /// Equal revisions mean equal answers, until `validUntil`.
    revision: Revision,
    /// When the clock alone will next change this answer; null when it never will.
    valid_until: Option<DateTime>,
    /// Every day from `from` to `to`.
    days: Vec<DayAvailability>,
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

impl From<service::MonthAvailability> for MonthAvailability {
    fn from(answer: service::MonthAvailability) -> Self {
        Self {
            id: answer.id.into(),
            resource_id: answer.resource_id.as_str().into(),
            from: answer.from.into(),
            to: answer.to.into(),
            time_zone: answer.time_zone.into(),
            revision: Revision(answer.revision),
            valid_until: answer.valid_until.map(Into::into),
            days: answer
                .days
                .into_iter()
                .map(|day| DayAvailability {
                    date: day.date.into(),
                    available: day.slot_count > 0,
                    slot_count: day.slot_count,
                })
                .collect(),
        }
    }
}
