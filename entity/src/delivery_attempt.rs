//! One attempt to deliver something.

use sea_orm::entity::prelude::*;

/// One attempt to deliver something.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: String,
    /// Counts them, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub at: i64,
    pub duration_millis: i64,
    pub status_code: Option<i32>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
