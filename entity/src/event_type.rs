//! What can be booked on a resource, and by which rules.

use sea_orm::entity::prelude::*;

/// What can be booked on a resource, and by which rules.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_types")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    /// Unique in the organization.
    pub slug: String,
    pub title: String,
    pub description: Option<String>,
    /// An array of minutes, never empty, the default first. An array rather than a table of its own: it is always read and written whole.
    #[sea_orm(column_type = "JsonBinary")]
    pub duration_options: Json,
    /// Null: the shortest duration.
    pub interval_minutes: Option<i32>,
    pub buffer_before_minutes: i32,
    pub buffer_after_minutes: i32,
    pub min_notice_minutes: i32,
    /// Null: no horizon.
    pub max_days_ahead: Option<i32>,
    pub requires_confirmation: bool,
    pub lock_time_zone: bool,
    /// An array of text.
    #[sea_orm(column_type = "JsonBinary")]
    pub locations: Json,
    pub active: bool,
    /// Wins over the resource's own.
    pub schedule_id: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
