//! Slotwise: a self-hosted GraphQL server for booking inventory.
//!
//! What is occupied is a bitmap, and a booking is one conditional write for each resource and day. What is stable (the
//! slots that are offered) and what is volatile (who holds what just now) never mix: a heartbeat makes no slot list
//! stale. `docs/architecture.md` tells the whole story: why it is so, and a walk through the code with one booking.
//!
//! # Code map
//!
//! From the outside to the inside; each may import what stands below it, as far as its documentation says so.
//!
//! - [`program`] does what each command says; `cli` and [`config`] read the settings; [`app`] builds a server, runs it and
//!   ends it, in a `process` of which it knows log, signals and port; `demo` makes one to play with;
//!   `check` compares what is stored with itself.
//! - `http` is the only code that knows axum: routes, tokens, WebSockets. [`auth`] verifies tokens.
//! - `graphql` is the only code that knows async-graphql: the check before execution, the types, the mask behind.
//! - [`service`] has the use cases: authorize, read, decide, write, commit, publish.
//! - [`store`] is the only code that knows SeaORM; [`presence`] is the registry of holds; [`feed`] wakes who watches.
//! - [`calendar`] writes bookings as other programs' calendars read them, for mails and for feeds; [`public_url`] is where
//!   others find the server.
//! - [`domain`] has the rules, pure and synchronous; it imports nothing but itself.
//! - [`throttle`] says how often a client may ask and how much it may have open; [`address`] who is one client.
//! - [`clock`] is the only reader of the clock and of randomness, `server_key` derives secrets, [`error`] is what ends a
//!   request without an answer.
//!
//! # Invariants
//!
//! - One evaluator answers lists, counts, heartbeats and bookings: what is offered can be had, and nothing else.
//! - Wall time becomes an instant in one place, [`domain::local_time`]; one operation has one `now`.
//! - Write methods exist on [`store::Tx`] only, and locks are taken in one order.
//! - A booking claims its time in [`presence`] before it writes; a hold is placed there before it reads what is occupied.
//!   Whichever comes second finds the first.
//! - A write that has begun runs to its end, whoever goes away.
//! - The feed tells that something has changed, never what: whoever is woken reads the present state.

pub mod address;
pub mod app;
pub mod auth;
pub mod calendar;
mod check;
mod cli;
pub mod clock;
pub mod config;
mod demo;
pub mod domain;
pub mod error;
pub mod feed;
mod graphql;
mod http;
mod least_used;
pub mod metrics;
pub mod notify;
pub mod presence;
mod process;
pub mod program;
pub mod public_url;
pub mod server_key;
pub mod service;
pub mod store;
pub mod throttle;
