//! What people's last tokens said they may do: calendars are read without one.

use sea_orm_migration::prelude::*;

use crate::table::{is_one_of, optional_text};

const ROLES: [&str; 3] = ["customer", "staff", "admin"];

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null: it said nothing, or was not believed.
        let token_role = optional_text("token_role").check(is_one_of("token_role", &ROLES)).take();
        manager.alter_table(Table::alter().table("users").add_column(token_role).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("users").drop_column("token_role").take()).await
    }
}
