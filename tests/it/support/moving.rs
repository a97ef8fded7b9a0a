//! Moving bookings.

use std::sync::Arc;

use serde_json::{Value, json};

use super::actor::{Actor, Answer};
use super::database::TestDatabase;
use super::server::{ServerOptions, TestServer};
use super::{EventTypeSpec, ResourceSpec};

/// All of a booking that a move may change, and its history.
const BOOKING: &str = "id status start end durationMinutes revision updatedAt resource { id } quantity
    addOns { resource { id } quantity }
    history { event from to at by { kind userId } reason previousStart previousEnd }";

/// Always open in UTC: rooms `a` and `b`, a pool `p` of three, an add-on `x`, which is nothing by itself. Open from
/// nine to five: `office`. Everywhere `any` of some durations; `asked`, which has to be confirmed, and `tidy`, which is
/// prepared for half an hour and tidied up for a quarter.
pub async fn rooms() -> TestServer {
    rooms_with(ServerOptions::default()).await
}

/// The same, on a server that is set up in another way.
pub async fn rooms_with(options: ServerOptions) -> TestServer {
    rooms_on(Arc::new(TestDatabase::new().await), options).await
}

/// The same, on an empty database.
pub async fn rooms_on(database: Arc<TestDatabase>, options: ServerOptions) -> TestServer {
    let server = TestServer::start_on(database, options).await;
    let utc = |name: &str| ResourceSpec { zone: chrono_tz::UTC, ..ResourceSpec::named(name) };
    let pool = ResourceSpec { quantity: 3, ..utc("p") };
    let add_on = ResourceSpec { standalone: false, ..utc("x") };
    server.resources([utc("a"), utc("b"), pool, add_on, utc("office").open(&[("09:00", "17:00")])]).await;
    let everywhere = ["a", "b", "p", "x", "office"];
    server
        .event_types([
            EventTypeSpec::named("any", &[60, 15, 120, 180, 3 * 24 * 60], &everywhere),
            EventTypeSpec { requires_confirmation: true, ..EventTypeSpec::named("asked", &[60], &everywhere) },
            EventTypeSpec { buffers: (30, 15), ..EventTypeSpec::named("tidy", &[60, 120], &everywhere) },
        ])
        .await;
    server
}

/// The input of `createBooking` for an hour.
pub fn an_hour(event_type: &str, resource: &str, start: &str) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": format!("evt_{event_type}"), "start": start })
}

impl Actor {
    /// Moves: the answer to `rescheduleBooking`, whatever it is.
    pub async fn try_reschedule(&self, input: Value) -> Answer {
        let mutation = format!(
            "mutation ($input: RescheduleBookingInput!) {{ rescheduleBooking(input: $input) {{
                booking {{ {BOOKING} }}
                userErrors {{ code message field conflicts {{ resourceId start end holder }} }} }} }}"
        );
        self.send(&mutation, json!({ "input": input })).await
    }

    /// Moves: the payload of `rescheduleBooking`.
    pub async fn reschedule(&self, input: Value) -> Value {
        self.try_reschedule(input).await.data()["rescheduleBooking"].clone()
    }

    /// Moves what must be movable: the booking.
    pub async fn move_it(&self, input: Value) -> Value {
        let payload = self.reschedule(input).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        payload["booking"].clone()
    }

    /// Books what must be had: its id and its token.
    pub async fn make(&self, input: Value) -> (String, String) {
        let payload = self.book(input).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&payload["booking"]["id"]), text(&payload["managementToken"]))
    }

    /// A booking as whoever may see it does.
    pub async fn read_booking(&self, id: &str, token: Option<&str>) -> Value {
        let query =
            format!("query ($id: ID!, $token: String) {{ booking(id: $id, managementToken: $token) {{ {BOOKING} }} }}");
        self.ask(&query, json!({ "id": id, "token": token })).await["booking"].clone()
    }

    /// Whether nothing is booked of a resource for all of a span.
    pub async fn is_free(&self, resource: &str, from: &str, to: &str) -> bool {
        const FREE: &str = "query ($resource: ID!, $from: DateTime!, $to: DateTime!) {
            isAvailable(resourceId: $resource, start: $from, end: $to) }";
        let variables = json!({ "resource": format!("res_{resource}"), "from": from, "to": to });
        self.ask(FREE, variables).await["isAvailable"] == true
    }
}
