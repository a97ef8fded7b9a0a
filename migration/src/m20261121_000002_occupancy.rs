//! What is occupied: one row for each resource and UTC day.

use sea_orm_migration::prelude::*;

use crate::table::{counter, drop_all, id, primary, reference};

/// The step.
#[derive(Debug, DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(occupancy()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["occupancy"]).await
    }
}

fn occupancy() -> TableCreateStatement {
    Table::create()
        .table("occupancy")
        .col(id("resource_id"))
        .col(ColumnDef::new("day").integer().not_null())
        .col(half("before_noon"))
        .col(half("from_noon"))
        // Two bytes for each of the 96 quarter hours.
        .col(ColumnDef::new("units").blob().null().check(Expr::cust("length(units) = 192")))
        .col(counter("revision"))
        .primary_key(&mut primary(&["resource_id", "day"]))
        .foreign_key(&mut reference("occupancy", &["resource_id"], "resources", &["id"]))
        .to_owned()
}

/// A half of a day's map: 48 bits.
fn half(name: &'static str) -> ColumnDef {
    let range = Expr::cust(format!("{name} BETWEEN 0 AND {}", (1_i64 << 48) - 1));
    ColumnDef::new(name).big_integer().not_null().check(range).take()
}
