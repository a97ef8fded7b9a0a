//! Slotwise's schema, one file per step. A step is frozen once it has been released.
//!
//! The steps never import `entity`: they say what the schema was at their time, whatever the entities say today. They
//! are the same on SQLite and PostgreSQL. Whatever rule can be a constraint is one.

mod m20261121_000001_catalogue;
mod m20261121_000002_occupancy;
mod m20261121_000003_bookings;
mod m20261121_000004_idempotency;
mod m20261121_000005_audit;
mod m20261121_000006_people;
mod m20261121_000007_counted;
mod m20261121_000008_booking_life;
mod m20261121_000009_booking_lists;
mod m20261121_000010_telling;
mod m20261121_000011_token_roles;
mod table;

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::prelude::MigratorTrait;

/// All steps, in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_catalogue::Migration),
            Box::new(m20261121_000002_occupancy::Migration),
            Box::new(m20261121_000003_bookings::Migration),
            Box::new(m20261121_000004_idempotency::Migration),
            Box::new(m20261121_000005_audit::Migration),
            Box::new(m20261121_000006_people::Migration),
            Box::new(m20261121_000007_counted::Migration),
            Box::new(m20261121_000008_booking_life::Migration),
            Box::new(m20261121_000009_booking_lists::Migration),
            Box::new(m20261121_000010_telling::Migration),
            Box::new(m20261121_000011_token_roles::Migration),
        ]
    }
}
