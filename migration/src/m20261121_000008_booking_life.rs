//! What the whole life of a booking needs: when it lapses, the series that it is part of, and what is out of service.

use sea_orm_migration::prelude::*;

use crate::table::{
    drop_all, id, index, instant, number, one_of, optional_text, part_of, primary, reference, text, unique,
};

const ACTORS: [&str; 4] = ["user", "guest", "token", "system"];

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_to_bookings(manager).await?;
        manager.create_table(booking_series()).await?;
        manager.create_index(index("bookings_by_series", "bookings", &["series_id", "start_at", "id"])).await?;
        manager.create_table(provisional_slots()).await?;
        manager.create_index(index("provisional_slots_by_booking", "provisional_slots", &["booking_id"])).await?;
        manager.create_table(blocks()).await?;
        manager.create_index(index("blocks_by_start", "blocks", &["organization_id", "start_at", "id"])).await?;
        manager.create_index(index("blocks_by_resource", "blocks", &["resource_id", "start_at", "id"])).await?;
        rename_made(manager, "booking_id", "made_id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename_made(manager, "made_id", "booking_id").await?;
        drop_all(manager, &["blocks", "provisional_slots", "booking_series"]).await?;
        for name in ["bookings_by_series", "bookings_by_lapse"] {
            manager.drop_index(Index::drop().name(name).table("bookings").to_owned()).await?;
        }
        for column in ["series_id", "lapses_at"] {
            manager.alter_table(Table::alter().table("bookings").drop_column(column).take()).await?;
        }
        Ok(())
    }
}

async fn add_to_bookings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // SQLite adds one column at a time, and no foreign key with it.
    for column in [ColumnDef::new("lapses_at").big_integer().null().take(), optional_text("series_id")] {
        manager.alter_table(Table::alter().table("bookings").add_column(column).take()).await?;
    }
    // What has waited for staff so far waits until its start.
    let waiting = Query::update()
        .table("bookings")
        .value("lapses_at", Expr::col("start_at"))
        .and_where(Expr::col("status").eq("pending"))
        .to_owned();
    manager.execute(waiting).await?;
    manager.create_index(index("bookings_by_lapse", "bookings", &["lapses_at", "id"])).await
}

/// A key may be of a series as well: what it names is found by its own id.
async fn rename_made(manager: &SchemaManager<'_>, from: &'static str, to: &'static str) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("idempotency_keys").rename_column(from, to).take()).await
}

fn booking_series() -> TableCreateStatement {
    Table::create()
        .table("booking_series")
        .col(id("id"))
        .col(id("organization_id"))
        .col(text("rrule"))
        .col(optional_text("booker_user_id"))
        // What was asked for and not booked, with the reasons.
        .col(ColumnDef::new("skipped").json_binary().not_null())
        .col(instant("created_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("booking_series", &["organization_id"], "organizations", &["id"]))
        .to_owned()
}

/// The places that a caller has for provisional bookings: each is free, or taken by one until its time is up.
fn provisional_slots() -> TableCreateStatement {
    let slot = ColumnDef::new("slot").small_integer().not_null().check(Expr::cust("slot >= 1")).take();
    Table::create()
        .table("provisional_slots")
        .col(text("caller"))
        .col(slot)
        .col(id("booking_id"))
        .col(instant("until_at"))
        .primary_key(&mut primary(&["caller", "slot"]))
        .foreign_key(&mut part_of("provisional_slots", &["booking_id"], "bookings", &["id"]))
        .to_owned()
}

fn blocks() -> TableCreateStatement {
    Table::create()
        .table("blocks")
        .col(id("id"))
        .col(id("organization_id"))
        .col(id("resource_id"))
        .col(number("quantity", 1, 10_000))
        .col(instant("start_at"))
        .col(instant("end_at"))
        .col(instant("occupied_from"))
        .col(instant("occupied_to"))
        .col(optional_text("reason"))
        .col(one_of("actor_kind", &ACTORS))
        .col(optional_text("actor_user_id"))
        .col(instant("created_at"))
        .primary_key(&mut primary(&["id"]))
        .foreign_key(&mut part_of(
            "blocks",
            &["organization_id", "resource_id"],
            "resources",
            &["organization_id", "id"],
        ))
        .check(Expr::cust("start_at < end_at"))
        .check(Expr::cust("occupied_from * 900000 <= start_at"))
        .check(Expr::cust("end_at <= occupied_to * 900000"))
        .check(Expr::cust("(actor_user_id IS NOT NULL) = (actor_kind = 'user')"))
        .to_owned()
}
