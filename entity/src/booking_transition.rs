//! One line of a booking's history.

use sea_orm::entity::prelude::*;

use crate::status::{ActorKind, BookingEvent, BookingStatus};

/// One line of a booking's history.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "booking_transitions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub booking_id: String,
    /// The booking's revision after it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i32,
    pub event: BookingEvent,
    /// Null when it was made.
    pub from_status: Option<BookingStatus>,
    pub to_status: BookingStatus,
    pub at: i64,
    pub actor_kind: ActorKind,
    /// Set exactly for users.
    pub actor_user_id: Option<String>,
    pub reason: Option<String>,
    /// Where the booking was moved from.
    pub previous_start_at: Option<i64>,
    pub previous_end_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
