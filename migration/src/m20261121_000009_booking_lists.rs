//! What lists of bookings are looked up by, beside their instants: who they are for, and what their callers call them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::table::index;

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // By bytes: what is lower case beyond ASCII depends on how a PostgreSQL database was made, and SQLite knows of none.
        collate_emails(manager, "C").await?;
        let by_email =
            "CREATE INDEX bookings_by_email ON bookings (organization_id, lower(booker_email), start_at, id)";
        manager.get_connection().execute_unprepared(by_email).await?;
        let by_reference = ["organization_id", "reference", "start_at", "id"];
        manager.create_index(index("bookings_by_reference", "bookings", &by_reference)).await?;
        // With the id, and so in the whole order of the list: otherwise SQLite takes `bookings_by_start`, which is, and
        // walks all bookings of the organization.
        drop_index(manager, "bookings_by_booker").await?;
        let by_booker = ["organization_id", "booker_user_id", "start_at", "id"];
        manager.create_index(index("bookings_by_booker", "bookings", &by_booker)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["bookings_by_booker", "bookings_by_reference", "bookings_by_email"] {
            drop_index(manager, name).await?;
        }
        let by_booker = ["organization_id", "booker_user_id", "start_at"];
        manager.create_index(index("bookings_by_booker", "bookings", &by_booker)).await?;
        collate_emails(manager, "default").await
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("bookings").to_owned()).await
}

async fn collate_emails(manager: &SchemaManager<'_>, collation: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        let collate = format!(r#"ALTER TABLE bookings ALTER COLUMN booker_email TYPE text COLLATE "{collation}""#);
        manager.get_connection().execute_unprepared(&collate).await?;
    }
    Ok(())
}
