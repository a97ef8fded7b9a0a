//! Making, changing and removing resources.

use async_graphql::{ID, InputObject, Json, MaybeUndefined, SimpleObject};

use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::types::resource::Resource;
use crate::graphql::types::user_error::UserErrors;

/// A resource to be made.
#[derive(InputObject)]
pub struct CreateResourceInput {
    /// A readable name for addresses, unique in the organization, such as `studio-a`: up to 60 lower-case letters and
    /// digits, with single hyphens in between.
    pub slug: String,
    /// Its name, up to 120 characters.
    pub name: String,
    /// What people should know about it, up to 4,000 characters.
    pub description: Option<String>,
    /// Free text to group by, such as `room`, `person` or `equipment`, up to 60 characters.
    #[graphql(default_with = "\"room\".to_owned()")]
    pub kind: String,
    /// The zone in which its days are told.
    pub time_zone: TimeZone,
    /// 1 for an exclusive resource; up to 10,000 for a pool of interchangeable units.
    #[graphql(default = 1)]
    pub quantity: i32,
    /// False for what can only be booked as an add-on.
    #[graphql(default = true)]
    pub standalone: bool,
    /// Whether it is on offer.
    #[graphql(default = true)]
    pub active: bool,
    /// When it is open; without one, always.
    pub schedule_id: Option<ID>,
    /// Whatever you want to attach, up to 16 KiB of JSON.
    pub metadata: Option<Json<serde_json::Value>>,
}

/// What is to change of a resource. A field left out stays as it is; null clears it where it can be null.
#[derive(InputObject)]
pub struct UpdateResourceInput {
    /// The resource.
    pub id: ID,
    /// The `updatedAt` that you last read: refused as `STALE` if it has changed since.
    pub expected_updated_at: Option<DateTime>,
    /// A readable name for addresses, unique in the organization.
    pub slug: MaybeUndefined<String>,
    /// Its name.
    pub name: MaybeUndefined<String>,
    /// What people should know about it.
    pub description: MaybeUndefined<String>,
    /// Free text to group by.
    pub kind: MaybeUndefined<String>,
    /// The zone in which its days are told.
    pub time_zone: MaybeUndefined<TimeZone>,
    /// How many units there are. Refused as `NOT_ENOUGH_UNITS` where more are booked at some time from now on.
    pub quantity: MaybeUndefined<i32>,
    /// False for what can only be booked as an add-on.
    pub standalone: MaybeUndefined<bool>,
    /// Whether it is on offer. Switching it off is always possible, and ends no booking; `activeSessions` tells how many
    /// people are about to book it.
    pub active: MaybeUndefined<bool>,
    /// When it is open; null: always.
    pub schedule_id: MaybeUndefined<ID>,
    /// Whatever you want to attach, up to 16 KiB of JSON.
    pub metadata: MaybeUndefined<Json<serde_json::Value>>,
}

/// A resource to be removed.
#[derive(InputObject)]
pub struct DeleteResourceInput {
    /// The resource.
    pub id: ID,
}

/// The answer to making or changing a resource.
#[derive(SimpleObject)]
pub struct ResourcePayload {
    /// The resource as it is now; null when nothing was changed.
    pub resource: Option<Resource>,
    /// Why nothing was changed.
    pub user_errors: UserErrors,
}
