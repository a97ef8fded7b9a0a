//! The mutation root, one file per noun.

pub mod block;
pub mod booking;
pub mod booking_series;
pub mod booking_transition;
pub mod booking_update;
pub mod calendar_feed;
pub mod event_type;
pub mod presence;
pub mod rescheduling;
pub mod resource;
pub mod schedule;
pub mod user;
pub mod webhook;

use async_graphql::{ID, MaybeUndefined, MergedObject};

use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::user_error::UserErrors;
use crate::service::administration::Change;
use crate::service::booking::Outcome;

/// Changing. Every mutation takes one `input` and gives a payload of its own. What the rules refuse comes back in
/// `userErrors`, with nothing changed; top-level errors are left for callers who may not, and for faults.
#[derive(MergedObject, Default)]
pub struct Mutation(
    presence::PresenceMutation,
    booking::BookingMutation,
    booking_update::BookingUpdateMutation,
    booking_transition::BookingTransitionMutation,
    rescheduling::RescheduleMutation,
    block::BlockMutation,
    booking_series::BookingSeriesMutation,
    resource::ResourceMutation,
    event_type::EventTypeMutation,
    schedule::ScheduleMutation,
    user::UserMutation,
    webhook::WebhookMutation,
    calendar_feed::CalendarFeedMutation,
);

/// What an update says of a field: left out, it stays as it is; null stands for nothing.
fn change<T>(given: MaybeUndefined<T>) -> Change<Option<T>> {
    match given {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::To(None),
        MaybeUndefined::Value(value) => Change::To(Some(value)),
    }
}

/// The answer to a deletion.
fn deleted(outcome: Outcome<ID>) -> DeletePayload {
    match outcome {
        Ok(id) => DeletePayload { deleted_id: Some(id), user_errors: UserErrors::default() },
        Err(errors) => DeletePayload { deleted_id: None, user_errors: errors.into() },
    }
}
