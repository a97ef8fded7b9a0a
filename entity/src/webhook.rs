//! An address of somebody else's system that is told what happens.

use sea_orm::entity::prelude::*;

/// An address of somebody else's system that is told what happens.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    pub url: String,
    /// A list of the names of the events that it is told of.
    #[sea_orm(column_type = "JsonBinary")]
    pub events: Json,
    pub selection: Option<String>,
    pub description: Option<String>,
    pub active: bool,
    /// Its secret is derived from its id and this.
    pub secret_version: i32,
    /// Secrets of before that sign, too, each until its time.
    #[sea_orm(column_type = "JsonBinary")]
    pub retired_secrets: Json,
    /// Since when nothing has arrived, if the last attempt failed.
    pub failing_since_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
