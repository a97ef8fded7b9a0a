//! Somebody's account with the identity provider, whatever organizations they are in.

use sea_orm::entity::prelude::*;

/// Somebody's account with the identity provider, whatever organizations they are in.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    /// The subject of their tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: Option<String>,
    /// How new the newest is that the provider has told; nothing, where it never told anything.
    pub told_at: Option<i64>,
    /// Whether the provider has deleted it: nobody can use its tokens any more.
    pub deleted: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
