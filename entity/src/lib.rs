//! Slotwise's tables as they are stored; nothing else.
//!
//! Conventions of storage, the same on SQLite and PostgreSQL:
//! - ids are text;
//! - instants are whole milliseconds since 1970-01-01T00:00Z, in columns that end in `_at`;
//! - dates and UTC days are whole days since 1970-01-01;
//! - quanta are whole quarter hours since 1970-01-01T00:00Z;
//! - times of the wall are quarter hours since midnight, 0 to 96;
//! - enums are lower-case text.

// The derives write columns, relations and active models that cannot carry documentation of their own.
#![expect(missing_docs, reason = "the entity derives generate public items without documentation")]

pub mod account;
pub mod account_event;
pub mod audit_entry;
pub mod block;
pub mod booking;
pub mod booking_item;
pub mod booking_series;
pub mod booking_transition;
pub mod calendar_feed;
pub mod date_override;
pub mod date_override_window;
pub mod delivery;
pub mod delivery_attempt;
pub mod event_type;
pub mod event_type_resource;
pub mod idempotency_key;
pub mod occupancy;
pub mod organization;
pub mod outbox;
pub mod provisional_slot;
pub mod reminder_mark;
pub mod resource;
pub mod schedule;
pub mod schedule_window;
pub mod status;
pub mod user;
pub mod webhook;
