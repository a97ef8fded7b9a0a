//! Making, changing, linking and removing event types.

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};

use crate::graphql::scalar::DateTime;
use crate::graphql::types::event_type::EventType;
use crate::graphql::types::resource::Resource;
use crate::graphql::types::user_error::UserErrors;

/// An event type to be made.
#[derive(InputObject)]
pub struct CreateEventTypeInput {
    /// A readable name for addresses, unique in the organization, such as `rehearsal`: up to 60 lower-case letters and
    /// digits, with single hyphens in between.
    pub slug: String,
    /// Its name, up to 120 characters.
    pub title: String,
    /// What people should know about it, up to 4,000 characters.
    pub description: Option<String>,
    /// The durations that can be booked, 1 to 50 of them, each from 5 minutes to 31 days; the default first.
    pub duration_options: Vec<i32>,
    /// Minutes between two starts, in whole quarter hours up to 1,440; without it, the shortest duration.
    pub interval_minutes: Option<i32>,
    /// Minutes that a booking occupies before its start, up to 1,440.
    #[graphql(default = 0)]
    pub buffer_before_minutes: i32,
    /// Minutes that a booking occupies after its end, up to 1,440.
    #[graphql(default = 0)]
    pub buffer_after_minutes: i32,
    /// Minutes between booking and start, at the least; up to 525,600.
    #[graphql(default = 0)]
    pub min_notice_minutes: i32,
    /// How many days ahead can be booked, up to 3,660; 0: today only; without it, any.
    pub max_days_ahead: Option<i32>,
    /// Whether staff confirm each booking.
    #[graphql(default = false)]
    pub requires_confirmation: bool,
    /// Whether clients should show times in the resource's zone only.
    #[graphql(default = false)]
    pub lock_time_zone: bool,
    /// Where it can take place, to choose from: up to 50, each of up to 500 characters.
    #[graphql(default)]
    pub locations: Vec<String>,
    /// Whether it is on offer.
    #[graphql(default = true)]
    pub active: bool,
    /// Wins over the resource's own schedule.
    pub schedule_id: Option<ID>,
    /// The resources on which it is offered, up to 100.
    #[graphql(default)]
    pub resource_ids: Vec<ID>,
}

/// What is to change of an event type. A field left out stays as it is; null clears it where it can be null.
#[derive(InputObject)]
pub struct UpdateEventTypeInput {
    /// The event type.
    pub id: ID,
    /// The `updatedAt` that you last read: refused as `STALE` if it has changed since.
    pub expected_updated_at: Option<DateTime>,
    /// A readable name for addresses, unique in the organization.
    pub slug: MaybeUndefined<String>,
    /// Its name.
    pub title: MaybeUndefined<String>,
    /// What people should know about it.
    pub description: MaybeUndefined<String>,
    /// The durations that can be booked; the default first.
    pub duration_options: MaybeUndefined<Vec<i32>>,
    /// Minutes between two starts; null: the shortest duration.
    pub interval_minutes: MaybeUndefined<i32>,
    /// Minutes that a booking occupies before its start. What has been booked keeps its own.
    pub buffer_before_minutes: MaybeUndefined<i32>,
    /// Minutes that a booking occupies after its end. What has been booked keeps its own.
    pub buffer_after_minutes: MaybeUndefined<i32>,
    /// Minutes between booking and start, at the least.
    pub min_notice_minutes: MaybeUndefined<i32>,
    /// How many days ahead can be booked; null: any.
    pub max_days_ahead: MaybeUndefined<i32>,
    /// Whether staff confirm each booking.
    pub requires_confirmation: MaybeUndefined<bool>,
    /// Whether clients should show times in the resource's zone only.
    pub lock_time_zone: MaybeUndefined<bool>,
    /// Where it can take place, to choose from.
    pub locations: MaybeUndefined<Vec<String>>,
    /// Whether it is on offer. Switching it off is always possible, and ends no booking.
    pub active: MaybeUndefined<bool>,
    /// Wins over the resource's own schedule; null: none.
    pub schedule_id: MaybeUndefined<ID>,
    /// The resources on which it is offered. Replaces all links, also those to what is switched off.
    pub resource_ids: MaybeUndefined<Vec<ID>>,
}

/// An event type to be removed.
#[derive(InputObject)]
pub struct DeleteEventTypeInput {
    /// The event type.
    pub id: ID,
}

/// An event type to be offered on a resource.
#[derive(InputObject)]
pub struct LinkEventTypeInput {
    /// The event type.
    pub event_type_id: ID,
    /// The resource.
    pub resource_id: ID,
}

/// An event type that is no longer to be offered on a resource.
#[derive(InputObject)]
pub struct UnlinkEventTypeInput {
    /// The event type.
    pub event_type_id: ID,
    /// The resource.
    pub resource_id: ID,
}

/// The answer to making or changing an event type.
#[derive(SimpleObject)]
pub struct EventTypePayload {
    /// The event type as it is now; null when nothing was changed.
    pub event_type: Option<EventType>,
    /// Why nothing was changed.
    pub user_errors: UserErrors,
}

/// The answer to linking or unlinking.
#[derive(SimpleObject)]
pub struct EventTypeLinkPayload {
    /// The event type as it is now; null when nothing was changed.
    pub event_type: Option<EventType>,
    /// The resource; null when nothing was changed.
    pub resource: Option<Resource>,
    /// Why nothing was changed.
    pub user_errors: UserErrors,
}
