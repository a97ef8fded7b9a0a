//! Organizations and what they offer: schedules, resources, event types and their links.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::table::{
    counter, drop_all, flag, id, index, instant, number, optional_number, optional_text, part_of, primary, quarters,
    reference, text, unique,
};

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(organizations()).await?;
        manager.create_table(schedules()).await?;
        manager.create_table(schedule_windows()).await?;
        manager.create_table(date_overrides()).await?;
        manager.create_table(date_override_windows()).await?;
        manager.create_table(resources()).await?;
        manager.create_table(event_types()).await?;
        manager.create_table(event_type_resources()).await?;
        // Lists come in the order of the name, then of the id: the same order on both databases, and the server's own.
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            for (table, column) in [("schedules", "name"), ("resources", "name"), ("event_types", "title")] {
                let by_bytes = format!(r#"ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C""#);
                manager.get_connection().execute_unprepared(&by_bytes).await?;
            }
        }
        manager.create_index(index("schedules_by_name", "schedules", &["organization_id", "name", "id"])).await?;
        manager.create_index(index("resources_by_name", "resources", &["organization_id", "name", "id"])).await?;
        manager.create_index(index("event_types_by_title", "event_types", &["organization_id", "title", "id"])).await?;
        manager
            .create_index(index("event_type_resources_by_resource", "event_type_resources", &["resource_id"]))
            .await?;
        // Who uses a schedule is asked before it is removed.
        manager.create_index(index("resources_by_schedule", "resources", &["schedule_id"])).await?;
        manager.create_index(index("event_types_by_schedule", "event_types", &["schedule_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            "event_type_resources",
            "event_types",
            "resources",
            "date_override_windows",
            "date_overrides",
            "schedule_windows",
            "schedules",
            "organizations",
        ];
        drop_all(manager, &tables).await
    }
}

fn organizations() -> TableCreateStatement {
    Table::create()
        .table("organizations")
        .col(id("id"))
        .col(counter("catalogue_revision"))
        .col(instant("created_at"))
        .primary_key(&mut primary(&["id"]))
        .to_owned()
}

fn schedules() -> TableCreateStatement {
    Table::create()
        .table("schedules")
        .col(id("id"))
        .col(id("organization_id"))
        .col(text("name"))
        .col(text("time_zone"))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["id"]))
        // What refers to a schedule names the organization too, so that it cannot be another's.
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("schedules", &["organization_id"], "organizations", &["id"]))
        .to_owned()
}

fn schedule_windows() -> TableCreateStatement {
    let weekday =
        ColumnDef::new("weekday").small_integer().not_null().check(Expr::cust("weekday BETWEEN 0 AND 6")).take();
    Table::create()
        .table("schedule_windows")
        .col(id("schedule_id"))
        .col(weekday)
        .col(quarters("start_quarter"))
        .col(quarters("end_quarter"))
        .primary_key(&mut primary(&["schedule_id", "weekday", "start_quarter"]))
        .foreign_key(&mut part_of("schedule_windows", &["schedule_id"], "schedules", &["id"]))
        .check(Expr::cust("start_quarter < end_quarter"))
        .to_owned()
}

fn date_overrides() -> TableCreateStatement {
    Table::create()
        .table("date_overrides")
        .col(id("schedule_id"))
        .col(ColumnDef::new("date").integer().not_null())
        .col(optional_text("reason"))
        .primary_key(&mut primary(&["schedule_id", "date"]))
        .foreign_key(&mut part_of("date_overrides", &["schedule_id"], "schedules", &["id"]))
        .to_owned()
}

fn date_override_windows() -> TableCreateStatement {
    Table::create()
        .table("date_override_windows")
        .col(id("schedule_id"))
        .col(ColumnDef::new("date").integer().not_null())
        .col(quarters("start_quarter"))
        .col(quarters("end_quarter"))
        .primary_key(&mut primary(&["schedule_id", "date", "start_quarter"]))
        .foreign_key(&mut part_of(
            "date_override_windows",
            &["schedule_id", "date"],
            "date_overrides",
            &["schedule_id", "date"],
        ))
        .check(Expr::cust("start_quarter < end_quarter"))
        .to_owned()
}

fn resources() -> TableCreateStatement {
    Table::create()
        .table("resources")
        .col(id("id"))
        .col(id("organization_id"))
        .col(text("slug"))
        .col(text("name"))
        .col(optional_text("description"))
        .col(text("kind"))
        .col(text("time_zone"))
        .col(number("quantity", 1, 10_000))
        .col(flag("standalone"))
        .col(flag("active"))
        .col(optional_text("schedule_id"))
        .col(ColumnDef::new("metadata").json_binary().null())
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["organization_id", "slug"]))
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("resources", &["organization_id"], "organizations", &["id"]))
        .foreign_key(&mut reference(
            "resources",
            &["organization_id", "schedule_id"],
            "schedules",
            &["organization_id", "id"],
        ))
        .to_owned()
}

fn event_types() -> TableCreateStatement {
    Table::create()
        .table("event_types")
        .col(id("id"))
        .col(id("organization_id"))
        .col(text("slug"))
        .col(text("title"))
        .col(optional_text("description"))
        .col(ColumnDef::new("duration_options").json_binary().not_null().check(Expr::cust("duration_options <> '[]'")))
        .col(optional_number("interval_minutes", 1, 1_440))
        .col(number("buffer_before_minutes", 0, 1_440))
        .col(number("buffer_after_minutes", 0, 1_440))
        .col(number("min_notice_minutes", 0, 525_600))
        .col(optional_number("max_days_ahead", 0, 3_660))
        .col(flag("requires_confirmation"))
        .col(flag("lock_time_zone"))
        .col(ColumnDef::new("locations").json_binary().not_null())
        .col(flag("active"))
        .col(optional_text("schedule_id"))
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["organization_id", "slug"]))
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("event_types", &["organization_id"], "organizations", &["id"]))
        .foreign_key(&mut reference(
            "event_types",
            &["organization_id", "schedule_id"],
            "schedules",
            &["organization_id", "id"],
        ))
        .to_owned()
}

fn event_type_resources() -> TableCreateStatement {
    // The organization stands in both keys: a link never joins two organizations.
    let key = |column: &'static str, target: &'static str| {
        part_of("event_type_resources", &["organization_id", column], target, &["organization_id", "id"])
    };
    Table::create()
        .table("event_type_resources")
        .col(id("event_type_id"))
        .col(id("resource_id"))
        .col(id("organization_id"))
        .primary_key(&mut primary(&["event_type_id", "resource_id"]))
        .foreign_key(&mut key("event_type_id", "event_types"))
        .foreign_key(&mut key("resource_id", "resources"))
        .to_owned()
}
