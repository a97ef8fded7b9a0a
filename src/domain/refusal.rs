//! Why something cannot be had: the reasons that the rules give, as data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::quantum::QuantumSpan;

/// A reason for which the rules refuse something. Where several hold, the first in this order is given.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Refusal {
    /// There is no such thing, or not for this caller.
    NotFound,
    /// The resource is switched off.
    ResourceInactive,
    /// The event type is switched off.
    EventTypeInactive,
    /// The event type is not linked to the resource, or the resource can only be an add-on.
    ResourceNotOffered,
    /// The event type has no such duration.
    DurationNotOffered,
    /// Closed, does not fit, or no start of the grid.
    OutsideSchedule,
    /// It starts before now.
    InThePast,
    /// It starts before the notice that is asked for.
    TooSoon,
    /// It starts after the horizon.
    TooFarAhead,
    /// More units than the pool has.
    NotEnoughUnits,
    /// Occupied by a booking or a block.
    SlotTaken,
    /// Held by another session.
    SlotHeld,
    /// The hold has been renewed for as long as one may be.
    HoldLimitReached,
    /// A limit on how much one caller may hold, on how much something may have, or on how much is kept at all.
    LimitExceeded,
    /// The booking's status does not allow this.
    IllegalTransition,
    /// The booking has started.
    TooLateToCancel,
    /// The same idempotency key was used with other input.
    IdempotencyMismatch,
    /// Somebody else has changed it since the caller read it.
    Stale,
    /// There is one of that name already.
    AlreadyExists,
    /// Something else refers to it.
    InUse,
    /// The input breaks a rule of form.
    Invalid,
}

/// What stands in the way: a span of a resource, and whose hold it is, if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The resource that cannot be had.
    pub resource_id: ResourceId,
    /// First instant of the overlap, within what was asked for.
    pub start: DateTime<Utc>,
    /// First instant after the overlap.
    pub end: DateTime<Utc>,
    /// The other session's public pseudonym, where a hold stands in the way.
    pub holder: Option<String>,
}

impl Conflict {
    /// A booking or a block occupies `span` of `resource`.
    #[must_use]
    pub fn occupied(resource: &ResourceId, span: QuantumSpan) -> Self {
        Self { resource_id: resource.clone(), start: span.start_at(), end: span.end_at(), holder: None }
    }
}

/// A refusal as the caller gets it: the reason, what to do about it, where in the input, what is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// The reason.
    pub refusal: Refusal,
    /// A sentence that tells what to do about it.
    pub message: String,
    /// The path to the offending field, e.g. `["input", "slots", "0"]`; empty when it concerns the whole.
    pub field: Vec<String>,
    /// What stands in the way, for taken and held slots.
    pub conflicts: Vec<Conflict>,
}

impl UserError {
    /// An error about the whole input.
    #[must_use]
    pub fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self { refusal, message: message.into(), field: Vec::new(), conflicts: Vec::new() }
    }

    /// A booking or a block stands in the way.
    #[must_use]
    pub fn taken(conflicts: Vec<Conflict>) -> Self {
        let message = "This time is taken already. Choose another start from `daySlots`.";
        Self::new(Refusal::SlotTaken, message).because_of(conflicts)
    }

    /// The same, about the field at `path`.
    #[must_use]
    pub fn at<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.field = path.into_iter().map(Into::into).collect();
        self
    }

    /// The same, with what stands in the way.
    #[must_use]
    pub fn because_of(mut self, conflicts: Vec<Conflict>) -> Self {
        self.conflicts = conflicts;
        self
    }
}
