//! Two studios in Berlin, and the day that most tests look at.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::database::TestDatabase;
use super::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer};

/// The day.
pub const DAY: &str = "2026-12-02";

/// What a watcher of holds is told together: a change within this time of the last look waits for others.
const TOGETHER: Duration = Duration::from_millis(50);

/// A server with the studios `a` and `b`, open from 09:00 to 22:00, which can be had by the full hour for one
/// (`hour`), two (`rehearsal`) or five hours (`session`).
pub async fn studios() -> TestServer {
    studios_with(ServerOptions::default()).await
}

/// The same on a server as `options` want it.
pub async fn studios_with(options: ServerOptions) -> TestServer {
    studios_on(Arc::new(TestDatabase::new().await), options).await
}

/// The same on a database that others can share.
pub async fn studios_on(database: Arc<TestDatabase>, options: ServerOptions) -> TestServer {
    let server = TestServer::start_on(database, options).await;
    let studio = |name: &str| ResourceSpec::named(name).open(&[("09:00", "22:00")]);
    server.resources([studio("a"), studio("b")]).await;
    server
        .event_types([("hour", 60), ("rehearsal", 120), ("session", 300)].map(|(name, minutes)| EventTypeSpec {
            interval: Some(60),
            ..EventTypeSpec::named(name, &[minutes], &["a", "b"])
        }))
        .await;
    server
}

/// Berlin's hour of the day as an instant.
pub fn at(hour: u32) -> String {
    format!("{DAY}T{:02}:00:00Z", hour - 1)
}

/// A session's secret.
pub fn secret(session: &str) -> String {
    format!("{session}, a secret of a session")
}

/// The input of `heartbeat` for one start of an event type.
pub fn hold(resource: &str, event_type: &str, hour: u32, minutes: u32, session: &str) -> Value {
    let mut input = free_hold(resource, &at(hour), minutes, session);
    input["eventTypeId"] = json!(format!("evt_{event_type}"));
    input
}

/// The input of `heartbeat` for one start of no event type.
pub fn free_hold(resource: &str, start: &str, minutes: u32, session: &str) -> Value {
    json!({
        "resourceId": format!("res_{resource}"),
        "slots": [{ "start": start, "durationMinutes": minutes }],
        "sessionSecret": secret(session),
    })
}

/// The input of `createBooking`.
pub fn booking(resource: &str, event_type: &str, hour: u32) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": format!("evt_{event_type}"), "start": at(hour) })
}

/// `input` with further members.
pub fn with(mut input: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    input.as_object_mut().unwrap().extend(members);
    input
}

/// The code of a payload's first refusal.
#[track_caller]
pub fn refusal(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_else(|| panic!("expected a refusal: {payload}"))
}

/// The starts of a list of slots or holds.
pub fn starts_of(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["start"].as_str().unwrap()).collect()
}

impl TestServer {
    /// Lets as much time pass as makes the next change of holds news by itself.
    pub fn pass_a_moment(&self) {
        self.clock.advance(TOGETHER);
    }
}

impl Actor {
    /// Holds what must be granted.
    pub async fn hold(&self, input: Value) -> Value {
        let payload = self.heartbeat(input).await;
        assert_eq!(payload["granted"], true, "{payload}");
        payload
    }

    /// Books what must be had.
    pub async fn book_it(&self, input: Value) -> Value {
        let payload = self.book(input).await;
        assert_eq!(payload["booking"]["status"], "CONFIRMED", "{payload}");
        payload
    }

    /// The holds of the day.
    pub async fn holds(&self, resource: &str) -> Value {
        const HOLDS: &str = "query ($resource: ID!, $date: Date!) { datePresence(resourceId: $resource, date: $date) {
            holds { start end occupiedFrom occupiedTo holder quantity since updatedAt data } } }";
        let variables = json!({ "resource": format!("res_{resource}"), "date": DAY });
        self.ask(HOLDS, variables).await["datePresence"]["holds"].clone()
    }
}
