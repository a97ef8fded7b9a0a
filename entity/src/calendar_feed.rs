//! An address from which a calendar program reads.

use sea_orm::entity::prelude::*;

/// An address from which a calendar program reads.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "calendar_feeds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    pub owner_id: String,
    /// Null: the owner's own bookings.
    pub resource_id: Option<String>,
    pub details: bool,
    /// Of the key in its address; the key itself is kept nowhere.
    pub key_hash: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
