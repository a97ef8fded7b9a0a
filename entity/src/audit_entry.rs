//! One change of something that admins run.

use sea_orm::entity::prelude::*;

use crate::status::ActorKind;

/// One change of something that admins run.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    pub at: i64,
    pub actor_kind: ActorKind,
    /// Set exactly for users.
    pub actor_user_id: Option<String>,
    /// What was done: `created`, `updated`, `deleted`…
    pub action: String,
    /// What kind of thing it was done to, as the API names it: `Resource`.
    pub entity: String,
    pub entity_id: String,
    /// Each field that changed, with what it was and what it is.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub changes: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
