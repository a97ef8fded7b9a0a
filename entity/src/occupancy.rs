//! What bookings occupy of a resource on one UTC day. No row: nothing. Rows go with their resource and never before, so that revisions never go back.

use sea_orm::entity::prelude::*;

/// What bookings occupy of a resource on one UTC day. No row: nothing. Rows go with their resource and never before, so that revisions never go back.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "occupancy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i32,
    /// Bits 0 to 47: the quarter hours before noon UTC. A bit is set exactly when no unit is left.
    pub before_noon: i64,
    /// Bits 0 to 47: the quarter hours from noon UTC.
    pub from_noon: i64,
    /// Of a resource that counts: the units taken in each of the 96 quarter hours, 16 bits each, little-endian. Null for
    /// the others.
    #[sea_orm(column_type = "Blob", nullable)]
    pub units: Option<Vec<u8>>,
    /// Counts the changes of this row.
    pub revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
