//! Who changed what.

use sea_orm_migration::prelude::*;

use crate::table::{drop_all, id, index, instant, one_of, optional_text, primary, reference, text};

const ACTORS: [&str; 4] = ["user", "guest", "token", "system"];

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_entries()).await?;
        // Read by organization, the newest first; ids grow with time.
        manager.create_index(index("audit_entries_by_time", "audit_entries", &["organization_id", "id"])).await?;
        manager
            // Ids tell by themselves what kind of thing they name.
            .create_index(index("audit_entries_by_entity", "audit_entries", &["organization_id", "entity_id", "id"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["audit_entries"]).await
    }
}

fn audit_entries() -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(id("id"))
        .col(id("organization_id"))
        .col(instant("at"))
        .col(one_of("actor_kind", &ACTORS))
        .col(optional_text("actor_user_id"))
        .col(text("action"))
        .col(text("entity"))
        // No foreign key: what is told about may be gone.
        .col(text("entity_id"))
        .col(ColumnDef::new("changes").json_binary().null())
        .primary_key(&mut primary(&["id"]))
        .foreign_key(&mut reference("audit_entries", &["organization_id"], "organizations", &["id"]))
        .check(Expr::cust("(actor_user_id IS NOT NULL) = (actor_kind = 'user')"))
        .to_owned()
}
