//! A window of one date.

use sea_orm::entity::prelude::*;

/// A window of one date.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "date_override_windows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub schedule_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub date: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub start_quarter: i16,
    pub end_quarter: i16,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
