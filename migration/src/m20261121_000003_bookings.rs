//! Bookings, what they book, and their history.

use sea_orm_migration::prelude::*;

use crate::table::{
    drop_all, id, index, instant, is_one_of, number, one_of, optional_text, part_of, primary, reference, text, unique,
};

const STATUSES: [&str; 8] =
    ["provisional", "pending", "confirmed", "declined", "cancelled", "completed", "no_show", "expired"];
const EVENTS: [&str; 9] =
    ["created", "updated", "confirmed", "declined", "rescheduled", "cancelled", "completed", "no_show", "expired"];
const ACTORS: [&str; 4] = ["user", "guest", "token", "system"];

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(bookings()).await?;
        manager.create_table(booking_items()).await?;
        manager.create_table(booking_transitions()).await?;
        manager.create_index(index("bookings_by_start", "bookings", &["organization_id", "start_at", "id"])).await?;
        manager.create_index(index("bookings_by_update", "bookings", &["organization_id", "updated_at", "id"])).await?;
        manager
            .create_index(index("bookings_by_booker", "bookings", &["organization_id", "booker_user_id", "start_at"]))
            .await?;
        manager.create_index(index("booking_items_by_resource", "booking_items", &["resource_id", "booking_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["booking_transitions", "booking_items", "bookings"]).await
    }
}

fn bookings() -> TableCreateStatement {
    Table::create()
        .table("bookings")
        .col(id("id"))
        .col(id("organization_id"))
        .col(one_of("status", &STATUSES))
        .col(instant("start_at"))
        .col(instant("end_at"))
        .col(instant("occupied_from"))
        .col(instant("occupied_to"))
        .col(text("time_zone"))
        .col(text("title"))
        .col(optional_text("location"))
        .col(id("event_type_id"))
        .col(optional_text("booker_user_id"))
        .col(optional_text("booker_name"))
        .col(optional_text("booker_email"))
        .col(optional_text("booker_phone"))
        .col(optional_text("booker_notes"))
        .col(optional_text("reference"))
        .col(ColumnDef::new("metadata").json_binary().null())
        .col(number("revision", 1, i64::from(i32::MAX)))
        .col(optional_text("cancellation_reason"))
        .col(ColumnDef::new("expires_at").big_integer().null())
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("bookings", &["organization_id"], "organizations", &["id"]))
        .foreign_key(&mut reference(
            "bookings",
            &["organization_id", "event_type_id"],
            "event_types",
            &["organization_id", "id"],
        ))
        .check(Expr::cust("start_at < end_at"))
        // What is occupied covers the event; a quantum has 900,000 milliseconds.
        .check(Expr::cust("occupied_from * 900000 <= start_at"))
        .check(Expr::cust("end_at <= occupied_to * 900000"))
        .check(Expr::cust("status <> 'provisional' OR expires_at IS NOT NULL"))
        .to_owned()
}

fn booking_items() -> TableCreateStatement {
    let position = ColumnDef::new("position").small_integer().not_null().check(Expr::cust("position >= 0")).take();
    Table::create()
        .table("booking_items")
        .col(id("booking_id"))
        .col(position)
        .col(id("organization_id"))
        .col(id("resource_id"))
        .col(number("quantity", 1, 10_000))
        .primary_key(&mut primary(&["booking_id", "position"]))
        .index(&mut unique(&["booking_id", "resource_id"]))
        .foreign_key(&mut part_of(
            "booking_items",
            &["organization_id", "booking_id"],
            "bookings",
            &["organization_id", "id"],
        ))
        .foreign_key(&mut reference(
            "booking_items",
            &["organization_id", "resource_id"],
            "resources",
            &["organization_id", "id"],
        ))
        .to_owned()
}

fn booking_transitions() -> TableCreateStatement {
    Table::create()
        .table("booking_transitions")
        .col(id("booking_id"))
        .col(number("sequence", 1, i64::from(i32::MAX)))
        .col(one_of("event", &EVENTS))
        .col(optional_text("from_status").check(is_one_of("from_status", &STATUSES)).take())
        .col(one_of("to_status", &STATUSES))
        .col(instant("at"))
        .col(one_of("actor_kind", &ACTORS))
        .col(optional_text("actor_user_id"))
        .col(optional_text("reason"))
        .col(ColumnDef::new("previous_start_at").big_integer().null())
        .col(ColumnDef::new("previous_end_at").big_integer().null())
        .primary_key(&mut primary(&["booking_id", "sequence"]))
        .foreign_key(&mut part_of("booking_transitions", &["booking_id"], "bookings", &["id"]))
        .check(Expr::cust("(from_status IS NULL) = (event = 'created')"))
        .check(Expr::cust("(actor_user_id IS NOT NULL) = (actor_kind = 'user')"))
        .check(Expr::cust("(previous_start_at IS NULL) = (previous_end_at IS NULL)"))
        .to_owned()
}
