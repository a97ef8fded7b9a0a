//! The owner of a catalogue and its bookings.

use sea_orm::entity::prelude::*;

/// The owner of a catalogue and its bookings.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Counts the changes of its catalogue: resources, event types, links and schedules.
    pub catalogue_revision: i64,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
