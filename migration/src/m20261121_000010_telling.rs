//! What tells others: the outbox, deliveries, webhooks, reminders, calendar feeds.

use sea_orm_migration::prelude::*;

use crate::table::{
    counter, drop_all, flag, id, index, instant, number, one_of, optional_number, optional_text, part_of, primary,
    reference, text, unique,
};

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(outbox()).await?;
        manager.create_table(webhooks()).await?;
        manager.create_index(index("webhooks_by_organization", "webhooks", &["organization_id", "id"])).await?;
        manager.create_table(deliveries()).await?;
        for pending in [
            index("deliveries_by_lane", "deliveries", &["lane", "due_at", "sequence"]),
            index("deliveries_by_chain", "deliveries", &["lane", "chain", "sequence"]),
        ] {
            // Only what waits is looked for like this: what is over costs nothing more.
            let mut partial = pending;
            manager.create_index(partial.and_where(Expr::cust("status = 'pending'")).take()).await?;
        }
        for listed in [
            index("deliveries_by_organization", "deliveries", &["organization_id", "id"]),
            index("deliveries_by_webhook", "deliveries", &["webhook_id", "id"]),
        ] {
            let mut partial = listed;
            manager.create_index(partial.and_where(Expr::cust("webhook_id IS NOT NULL")).take()).await?;
        }
        manager.create_table(delivery_attempts()).await?;
        manager.create_table(reminder_marks()).await?;
        manager.create_index(index("bookings_by_time", "bookings", &["start_at", "id"])).await?;
        manager.create_table(calendar_feeds()).await?;
        manager
            .create_index(index("calendar_feeds_by_owner", "calendar_feeds", &["organization_id", "owner_id", "id"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("bookings_by_time").table("bookings").to_owned()).await?;
        drop_all(
            manager,
            &["calendar_feeds", "reminder_marks", "delivery_attempts", "deliveries", "webhooks", "outbox"],
        )
        .await
    }
}

/// What happened and has not been shared out among those who are to be told yet. Rows are numbered as they are
/// written: of two about one booking the later one has the larger number, because the booking is locked.
fn outbox() -> TableCreateStatement {
    Table::create()
        .table("outbox")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(id("organization_id"))
        // JSON, as the domain writes it.
        .col(text("news"))
        .col(instant("created_at"))
        .to_owned()
}

fn webhooks() -> TableCreateStatement {
    Table::create()
        .table("webhooks")
        .col(id("id"))
        .col(id("organization_id"))
        .col(text("url"))
        // A list of the events that it is told of.
        .col(ColumnDef::new("events").json_binary().not_null())
        .col(optional_text("selection"))
        .col(optional_text("description"))
        .col(flag("active"))
        // Its secret is derived from its id and this.
        .col(number("secret_version", 1, 1_000_000))
        // Secrets of before that sign, too, each until its time: `[{"version": 1, "until": "…"}]`.
        .col(ColumnDef::new("retired_secrets").json_binary().not_null())
        // Since when nothing has arrived, if the last attempt failed.
        .col(ColumnDef::new("failing_since_at").big_integer().null())
        .col(instant("created_at"))
        .col(instant("updated_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["organization_id", "id"]))
        .foreign_key(&mut reference("webhooks", &["organization_id"], "organizations", &["id"]))
        .to_owned()
}

/// What is on its way to somebody, and what has become of it.
fn deliveries() -> TableCreateStatement {
    Table::create()
        .table("deliveries")
        .col(id("id"))
        .col(id("organization_id"))
        // What goes the same way, one queue: `mail`, or the webhook's id.
        .col(text("lane"))
        .col(optional_text("webhook_id"))
        // What must arrive in the order of `sequence` on one lane; null: in any order.
        .col(optional_text("chain"))
        .col(counter("sequence"))
        // What happened, as the receiver knows it.
        .col(text("event"))
        .col(text("event_id"))
        // JSON, byte for byte as it is sent.
        .col(text("payload"))
        .col(one_of("status", &["pending", "delivered", "failed"]))
        .col(number("attempts", 0, 1_000_000))
        // Until when it is tried again if it fails.
        .col(instant("retry_until_at"))
        // When it is tried next; while it is being tried, when that counts as lost.
        .col(instant("due_at"))
        // Who is trying it.
        .col(optional_text("lease"))
        .col(optional_number("last_status_code", 100, 999))
        .col(optional_text("last_error"))
        .col(instant("created_at"))
        .col(ColumnDef::new("finished_at").big_integer().null())
        .primary_key(&mut primary(&["id"]))
        .foreign_key(&mut part_of("deliveries", &["webhook_id"], "webhooks", &["id"]))
        .check(Expr::cust("webhook_id IS NULL OR webhook_id = lane"))
        .check(Expr::cust("(finished_at IS NULL) = (status = 'pending')"))
        .to_owned()
}

fn delivery_attempts() -> TableCreateStatement {
    Table::create()
        .table("delivery_attempts")
        .col(id("delivery_id"))
        .col(number("number", 1, 1_000_000))
        .col(instant("at"))
        .col(counter("duration_millis"))
        .col(optional_number("status_code", 100, 999))
        .col(optional_text("error"))
        .primary_key(&mut primary(&["delivery_id", "number"]))
        .foreign_key(&mut part_of("delivery_attempts", &["delivery_id"], "deliveries", &["id"]))
        .to_owned()
}

/// One row: bookings that start before it have been looked at for reminders, and of those that start right then the ones
/// up to an id.
fn reminder_marks() -> TableCreateStatement {
    Table::create()
        .table("reminder_marks")
        .col(number("id", 1, 1))
        .col(instant("looked_until_at"))
        // Null: none of them.
        .col(optional_text("looked_until_id"))
        .primary_key(&mut primary(&["id"]))
        .to_owned()
}

fn calendar_feeds() -> TableCreateStatement {
    Table::create()
        .table("calendar_feeds")
        .col(id("id"))
        .col(id("organization_id"))
        .col(id("owner_id"))
        // Null: the owner's own bookings.
        .col(optional_text("resource_id"))
        .col(flag("details"))
        // Of the key in its address; the key itself is kept nowhere.
        .col(text("key_hash"))
        .col(instant("created_at"))
        .primary_key(&mut primary(&["id"]))
        .index(&mut unique(&["key_hash"]))
        .foreign_key(&mut part_of(
            "calendar_feeds",
            &["organization_id", "resource_id"],
            "resources",
            &["organization_id", "id"],
        ))
        .foreign_key(&mut reference("calendar_feeds", &["organization_id"], "organizations", &["id"]))
        .to_owned()
}
