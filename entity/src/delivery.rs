//! Something that is on its way to somebody, or has come to its end.

use sea_orm::entity::prelude::*;

use crate::status::DeliveryStatus;

/// Something that is on its way to somebody, or has come to its end.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub organization_id: String,
    /// What goes the same way, one queue: `mail`, or the webhook's id.
    pub lane: String,
    pub webhook_id: Option<String>,
    /// What must arrive in the order of `sequence` on one lane; null: in any order.
    pub chain: Option<String>,
    /// The number of the outbox's row that it comes from.
    pub sequence: i64,
    /// What happened, as the receiver knows it.
    pub event: String,
    pub event_id: String,
    /// JSON, byte for byte as it is sent.
    pub payload: String,
    pub status: DeliveryStatus,
    pub attempts: i32,
    /// Until when it is tried again if it fails.
    pub retry_until_at: i64,
    /// When it is tried next; while it is being tried, when that counts as lost.
    pub due_at: i64,
    /// Who is trying it.
    pub lease: Option<String>,
    pub last_status_code: Option<i32>,
    pub last_error: Option<String>,
    pub created_at: i64,
    /// Set exactly for what is no longer pending.
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
