//! The rules of booking, pure and synchronous: no I/O, no clock, no framework.
//!
//! Everything here is a function of its arguments; the present instant is always handed in as `now`.

pub mod access;
pub mod audit;
pub mod availability;
pub mod block;
pub mod booking;
mod booking_words;
pub mod calendar_feed;
pub mod catalogue;
pub mod delivery;
pub mod id;
pub mod local_time;
pub mod news;
pub mod open_time;
pub mod person;
pub mod public_address;
pub mod quantum;
pub mod recurrence;
pub mod refusal;
pub mod schedule;
pub mod series;
pub mod text;
pub mod transition;
pub mod units;
pub mod webhook;
pub mod webhook_url;
