//! The same booking again and again.

use sea_orm::entity::prelude::*;

/// The same booking again and again.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "booking_series")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    /// RFC 5545.
    pub rrule: String,
    pub booker_user_id: Option<String>,
    /// What was asked for and not booked, with the reasons.
    #[sea_orm(column_type = "JsonBinary")]
    pub skipped: Json,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
