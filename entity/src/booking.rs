//! The agreement that resources are somebody's for a time.

use sea_orm::entity::prelude::*;

use crate::status::BookingStatus;

/// The agreement that resources are somebody's for a time.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "bookings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    pub status: BookingStatus,
    pub start_at: i64,
    pub end_at: i64,
    /// The first quantum that it occupies, buffers included.
    pub occupied_from: i64,
    /// The first quantum after those.
    pub occupied_to: i64,
    /// The booker's, an IANA name.
    pub time_zone: String,
    pub title: String,
    pub location: Option<String>,
    pub event_type_id: String,
    pub booker_user_id: Option<String>,
    pub booker_name: Option<String>,
    pub booker_email: Option<String>,
    pub booker_phone: Option<String>,
    pub booker_notes: Option<String>,
    pub reference: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub metadata: Option<Json>,
    /// Counts the changes of this booking, from 1.
    pub revision: i32,
    pub cancellation_reason: Option<String>,
    /// When a provisional booking ends.
    pub expires_at: Option<i64>,
    /// When it expires unless it is confirmed: of what waits for that.
    pub lapses_at: Option<i64>,
    /// The series that it is part of.
    pub series_id: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
