//! A booking that was asked for under a key of the caller's own.

use sea_orm::entity::prelude::*;

/// A booking that was asked for under a key of the caller's own.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: String,
    /// Whose key it is: a user, or a guest's session.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// A hash of the input.
    #[sea_orm(column_type = "Blob")]
    pub fingerprint: Vec<u8>,
    /// The booking or the series that came of it.
    pub made_id: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
