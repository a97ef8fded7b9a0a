//! Who the people are: what the identity provider tells of them, and what they may do in each organization.

use sea_orm_migration::prelude::*;

use crate::table::{drop_all, flag, id, index, instant, one_of, optional_text, primary, reference, text};

const ROLES: [&str; 3] = ["customer", "staff", "admin"];

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(accounts()).await?;
        manager.create_table(users()).await?;
        manager.create_index(index("users_by_email", "users", &["organization_id", "email_key", "id"])).await?;
        // What the provider tells of somebody is told of them in all organizations.
        manager.create_index(index("users_by_account", "users", &["id"])).await?;
        manager.create_table(account_events()).await?;
        // What has become too old is removed from time to time.
        manager.create_index(index("account_events_by_age", "account_events", &["taken_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["account_events", "users", "accounts"]).await
    }
}

fn accounts() -> TableCreateStatement {
    Table::create()
        .table("accounts")
        .col(text("id"))
        .col(optional_text("email"))
        .col(flag("email_verified"))
        .col(optional_text("name"))
        .col(ColumnDef::new("told_at").big_integer().null())
        .col(flag("deleted"))
        .col(instant("created_at"))
        .primary_key(&mut primary(&["id"]))
        // Only the provider says that somebody is gone, and of those nothing else is kept.
        .check(Expr::cust("NOT deleted OR (told_at IS NOT NULL AND email IS NULL AND name IS NULL)"))
        .to_owned()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(id("organization_id"))
        .col(text("id"))
        .col(optional_text("email"))
        .col(flag("email_verified"))
        // The address in lower case, or nothing: lists are ordered by it, which a missing one would be in the way of.
        .col(ColumnDef::new("email_key").text().not_null())
        .col(optional_text("name"))
        .col(one_of("role", &ROLES))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["organization_id", "id"]))
        .foreign_key(&mut reference("users", &["organization_id"], "organizations", &["id"]))
        .foreign_key(&mut reference("users", &["id"], "accounts", &["id"]))
        .check(Expr::cust("(email IS NULL) = (email_key = '')"))
        .to_owned()
}

fn account_events() -> TableCreateStatement {
    Table::create()
        .table("account_events")
        .col(text("id"))
        .col(instant("taken_at"))
        .primary_key(&mut primary(&["id"]))
        .to_owned()
}
