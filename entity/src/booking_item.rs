//! A resource that is booked, and how many of its units.

use sea_orm::entity::prelude::*;

/// A resource that is booked, and how many of its units.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "booking_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub booking_id: String,
    /// 0 is the primary resource; add-ons follow.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i16,
    /// Of both: two foreign keys include it.
    pub organization_id: String,
    pub resource_id: String,
    pub quantity: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
