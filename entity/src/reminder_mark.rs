//! How far bookings have been looked at for reminders: one row.

use sea_orm::entity::prelude::*;

/// How far bookings have been looked at for reminders: one row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "reminder_marks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Bookings that start before this have been looked at.
    pub looked_until_at: i64,
    /// Of those that start right then, the ones up to this id have been looked at, too; `None`: none of them.
    pub looked_until_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
