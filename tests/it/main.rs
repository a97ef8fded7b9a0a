//! Everything that Slotwise promises, over real HTTP and WebSocket, as actors would use it.
//!
//! One test binary, because each further one would link the whole stack again. Each test has a server and a database
//! of its own: a SQLite file, or a PostgreSQL database where `TEST_DATABASE_URL` names a server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod support;

mod access;
mod architecture;
mod audit;
mod availability;
mod bad_arguments;
mod bad_documents;
mod bad_input;
mod bad_schedules;
mod block_lists;
mod block_races;
mod blocks;
mod booking;
mod booking_events;
mod booking_lists;
mod booking_stats;
mod bundles;
mod cancelling;
mod capacity;
mod catalogue_live;
mod checking;
mod clock_changes;
mod crash;
mod disconnects;
mod event_types;
mod expiring;
mod flood;
mod hold_limits;
mod hold_terms;
mod holds;
mod holds_and_bookings;
mod http;
mod idempotency;
mod identity_webhook;
mod key_sets;
mod life_storm;
mod limits;
mod lists;
mod live;
mod live_schedules;
mod model;
mod offers;
mod organizations;
mod people;
mod permissions;
mod provisional;
mod proxies;
mod public_keys;
mod races;
mod readme;
mod reschedule;
mod reschedule_context;
mod reschedule_races;
mod resources;
mod schedule_races;
mod schedules;
mod schema;
mod series;
mod statements;
mod tokens;
mod transition_races;
mod transitions;
mod updating;
mod watchers;
