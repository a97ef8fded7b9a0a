//! On which resources an event type is offered.

use sea_orm::entity::prelude::*;

/// On which resources an event type is offered.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_type_resources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_type_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub resource_id: String,
    /// Of both: two foreign keys include it.
    pub organization_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
