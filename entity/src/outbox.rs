//! What happened and has not been shared out among those who are to be told yet.

use sea_orm::entity::prelude::*;

/// What happened and has not been shared out among those who are to be told yet.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub organization_id: String,
    /// JSON, as the domain writes it.
    pub news: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
