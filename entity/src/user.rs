//! Somebody in one organization.

use sea_orm::entity::prelude::*;

use crate::status::Role;

/// Somebody in one organization.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: String,
    /// The subject of their tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub email: Option<String>,
    /// Whether whoever signs people in vouches for the address.
    pub email_verified: bool,
    /// The address in lower case, or nothing: by what lists are ordered.
    pub email_key: String,
    pub name: Option<String>,
    pub role: Role,
    /// What their last token said they may do, where that counted.
    pub token_role: Option<Role>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
