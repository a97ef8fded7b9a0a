//! Stored enums.

use sea_orm::entity::prelude::*;

/// Where a booking stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum BookingStatus {
    Provisional,
    Pending,
    Confirmed,
    Declined,
    Cancelled,
    Completed,
    NoShow,
    Expired,
}

/// What happened to a booking.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum BookingEvent {
    Created,
    Updated,
    Confirmed,
    Declined,
    Rescheduled,
    Cancelled,
    Completed,
    NoShow,
    Expired,
}

/// Who did it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum ActorKind {
    User,
    Guest,
    Token,
    System,
}

/// What somebody may do in their organization.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum Role {
    Customer,
    Staff,
    Admin,
}

/// What has become of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
}
