//! The schema's types, one file per noun. Objects are thin coats over domain types; none knows the store.

pub mod audit;
pub mod availability;
pub mod block;
pub mod booking;
pub mod booking_event;
pub mod booking_input;
pub mod booking_page;
pub mod booking_series;
pub mod booking_stats;
pub mod calendar_feed;
pub mod deleted;
pub mod event_type;
pub mod event_type_input;
pub mod page;
pub mod presence;
pub mod reschedule_input;
pub mod resource;
pub mod resource_input;
pub mod schedule;
pub mod settings;
pub mod user;
pub mod user_error;
pub mod viewer;
pub mod webhook;
pub mod webhook_delivery;
pub mod webhook_input;
