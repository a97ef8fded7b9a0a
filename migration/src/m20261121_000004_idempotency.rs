//! Under which keys callers have booked.

use sea_orm_migration::prelude::*;

use crate::table::{drop_all, id, index, instant, primary, reference, text};

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(idempotency_keys()).await?;
        // What has become too old is removed from time to time.
        manager.create_index(index("idempotency_keys_by_age", "idempotency_keys", &["created_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["idempotency_keys"]).await
    }
}

/// The booking is not a foreign key: the key is inserted first in the transaction that makes the booking, so that a
/// twin waits at the key before it takes any other lock.
fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(id("organization_id"))
        .col(text("owner"))
        .col(text("key"))
        .col(ColumnDef::new("fingerprint").blob().not_null().check(Expr::cust("length(fingerprint) = 32")))
        .col(id("booking_id"))
        .col(instant("created_at"))
        .primary_key(&mut primary(&["organization_id", "owner", "key"]))
        .foreign_key(&mut reference("idempotency_keys", &["organization_id"], "organizations", &["id"]))
        .to_owned()
}
