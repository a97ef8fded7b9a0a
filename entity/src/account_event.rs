//! Something that the identity provider has told, so that it is taken once.

use sea_orm::entity::prelude::*;

/// Something that the identity provider has told, so that it is taken once.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_events")]
pub struct Model {
    /// As the provider names it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub taken_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
