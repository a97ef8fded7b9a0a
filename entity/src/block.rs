//! A span in which a resource, or units of it, are out of service.

use sea_orm::entity::prelude::*;

use crate::status::ActorKind;

/// A span in which a resource, or units of it, are out of service.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "blocks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    pub resource_id: String,
    pub quantity: i32,
    pub start_at: i64,
    pub end_at: i64,
    /// The first quantum that it occupies.
    pub occupied_from: i64,
    /// The first quantum after those.
    pub occupied_to: i64,
    pub reason: Option<String>,
    pub actor_kind: ActorKind,
    /// Set exactly for users.
    pub actor_user_id: Option<String>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
