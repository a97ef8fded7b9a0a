//! Something bookable.

use sea_orm::entity::prelude::*;

/// Something bookable.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "resources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    /// Unique in the organization.
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    pub kind: String,
    /// An IANA name.
    pub time_zone: String,
    /// 1: exclusive; more: a pool of that many units.
    pub quantity: i32,
    /// Whether its rows of occupancy have counters: from when its quantity first exceeds 1, and for good.
    pub counted: bool,
    pub standalone: bool,
    pub active: bool,
    /// Null: always open.
    pub schedule_id: Option<String>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub metadata: Option<Json>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
