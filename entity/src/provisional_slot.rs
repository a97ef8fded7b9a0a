//! A place that a caller has for a provisional booking.

use sea_orm::entity::prelude::*;

/// A place that a caller has for a provisional booking.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provisional_slots")]
pub struct Model {
    /// A keyed hash of who it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub slot: i16,
    /// What took it last.
    pub booking_id: String,
    /// From when on it is free again.
    pub until_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
