//! What the rules refuse, as data.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::EnumType as _;
use async_graphql::{ContextSelectionSet, Enum, ID, OutputType, Positioned, ServerResult, SimpleObject, Value};

use crate::domain::refusal::{self, Refusal};
use crate::graphql::scalar::DateTime;
use crate::metrics::Metrics;

/// Why the rules refused something. Codes may be added: treat one that you do not know as `INVALID`.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A booking or a block occupies the time. Choose another start from `daySlots`.
    SlotTaken,
    /// Another session holds the time. It may come free within seconds: watch `presenceChanged`.
    SlotHeld,
    /// It is closed then, the duration does not fit, or no slot starts there.
    OutsideSchedule,
    /// The start has passed.
    InThePast,
    /// The start is nearer than the notice that the event type asks for.
    TooSoon,
    /// The start is farther away than can be booked yet.
    TooFarAhead,
    /// The event type has no such duration.
    DurationNotOffered,
    /// The event type is not offered on this resource, or the resource can only be an add-on.
    ResourceNotOffered,
    /// The resource is switched off.
    ResourceInactive,
    /// The event type is switched off.
    EventTypeInactive,
    /// More units were asked for than the pool has, or more are booked than it is to have.
    NotEnoughUnits,
    /// The session has held the resource for as long as one may. Book, or wait before holding it again.
    HoldLimitReached,
    /// The booking's status does not allow this.
    IllegalTransition,
    /// The booking has started; only staff can cancel it now.
    TooLateToCancel,
    /// The idempotency key was used before with other input. Use a new key for a new booking.
    IdempotencyMismatch,
    /// A limit on how much one caller may hold at a time, or on how much something may have or be linked to.
    LimitExceeded,
    /// Somebody else has changed it since you read it. Read it again, and decide anew.
    Stale,
    /// There is one of that name in the organization already.
    AlreadyExists,
    /// Something else refers to it. The message tells what; switching it off is always possible.
    InUse,
    /// There is no such thing that the caller can see.
    NotFound,
    /// The input breaks a rule of form; the message tells which.
    Invalid,
}

impl UserErrorCode {
    /// The code as clients see it.
    fn as_str(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("INVALID", |item| item.name)
    }
}

impl From<Refusal> for UserErrorCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NotFound,
            Refusal::ResourceInactive => Self::ResourceInactive,
            Refusal::EventTypeInactive => Self::EventTypeInactive,
            Refusal::ResourceNotOffered => Self::ResourceNotOffered,
            Refusal::DurationNotOffered => Self::DurationNotOffered,
            Refusal::OutsideSchedule => Self::OutsideSchedule,
            Refusal::InThePast => Self::InThePast,
            Refusal::TooSoon => Self::TooSoon,
            Refusal::TooFarAhead => Self::TooFarAhead,
            Refusal::NotEnoughUnits => Self::NotEnoughUnits,
            Refusal::SlotTaken => Self::SlotTaken,
            Refusal::SlotHeld => Self::SlotHeld,
            Refusal::HoldLimitReached => Self::HoldLimitReached,
            Refusal::LimitExceeded => Self::LimitExceeded,
            Refusal::IllegalTransition => Self::IllegalTransition,
            Refusal::TooLateToCancel => Self::TooLateToCancel,
            Refusal::IdempotencyMismatch => Self::IdempotencyMismatch,
            Refusal::Stale => Self::Stale,
            Refusal::AlreadyExists => Self::AlreadyExists,
            Refusal::InUse => Self::InUse,
            Refusal::Invalid => Self::Invalid,
        }
    }
}

/// A refusal by the rules. Nothing was changed.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// The reason, for programs.
    code: UserErrorCode,
    /// The reason and what to do about it, for people.
    message: String,
    /// Where in the input, such as `["input", "slots", "0"]`. Null when it concerns the whole.
    field: Option<Vec<String>>,
    /// What stands in the way, for `SLOT_TAKEN`, `SLOT_HELD` and `NOT_ENOUGH_UNITS`.
    conflicts: Vec<Conflict>,
}

impl From<refusal::UserError> for UserError {
    fn from(error: refusal::UserError) -> Self {
        Self {
            code: error.refusal.into(),
            message: error.message,
            field: (!error.field.is_empty()).then_some(error.field),
            conflicts: error.conflicts.into_iter().map(Into::into).collect(),
        }
    }
}

/// The refusals in a payload. Those that a client asks for are counted, once.
#[derive(Clone, Debug, Default)]
pub struct UserErrors {
    errors: Vec<UserError>,
    are_counted: Arc<AtomicBool>,
}

impl<E: IntoIterator<Item = refusal::UserError>> From<E> for UserErrors {
    fn from(errors: E) -> Self {
        Self { errors: errors.into_iter().map(Into::into).collect(), are_counted: Arc::default() }
    }
}

impl OutputType for UserErrors {
    fn type_name() -> Cow<'static, str> {
        <Vec<UserError> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<UserError> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<UserError> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        if let Some(metrics) = ctx.data_opt::<Arc<Metrics>>()
            && !self.are_counted.swap(true, Ordering::Relaxed)
        {
            for error in &self.errors {
                metrics.refused_by_rules(error.code.as_str());
            }
        }
        self.errors.resolve(ctx, field).await
    }
}

/// A span of a resource that stands in the way, within what was asked for.
#[derive(SimpleObject, Clone, Debug)]
pub struct Conflict {
    /// The resource that cannot be had.
    resource_id: ID,
    /// First instant of the conflict.
    start: DateTime,
    /// First instant after the conflict.
    end: DateTime,
    /// The other session's public pseudonym, when a hold stands in the way.
    holder: Option<ID>,
}

impl From<refusal::Conflict> for Conflict {
    fn from(conflict: refusal::Conflict) -> Self {
        Self {
            resource_id: conflict.resource_id.as_str().into(),
            start: conflict.start.into(),
            end: conflict.end.into(),
            holder: conflict.holder.map(Into::into),
        }
    }
}
