//! Which resources count their units.

use sea_orm_migration::prelude::*;

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let counted = ColumnDef::new("counted").boolean().not_null().default(false).take();
        manager.alter_table(Table::alter().table("resources").add_column(counted).take()).await?;
        // What is a pool today has counters already.
        let pools =
            Query::update().table("resources").value("counted", true).and_where(Expr::col("quantity").gt(1)).to_owned();
        manager.execute(pools).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("resources").drop_column("counted").take()).await
    }
}
