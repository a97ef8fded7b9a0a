//! What becomes of bookings, and who decides.

use serde_json::{Value, json};

use slotwise::clock::Clock as _;

use super::actor::Actor;
use super::server::TestServer;

/// What a payload says of its booking.
const CHANGED: &str = "booking { id status revision expiresAt location reference metadata cancellationReason updatedAt
    booker { userId name email phone notes } } userErrors { code message field }";

impl Actor {
    /// Changes a booking: the payload of one of its mutations.
    pub async fn change(&self, mutation: &str, input: Value) -> Value {
        let type_name = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
        let document = format!("mutation ($input: {type_name}!) {{ {mutation}(input: $input) {{ {CHANGED} }} }}");
        self.ask(&document, json!({ "input": input })).await[mutation].clone()
    }

    /// The same, where nothing may be refused: the booking.
    pub async fn change_it(&self, mutation: &str, input: Value) -> Value {
        let payload = self.change(mutation, input).await;
        assert_eq!(payload["userErrors"], json!([]), "of {mutation}");
        payload["booking"].clone()
    }

    /// A booking and its history; null for whom it does not exist.
    pub async fn see(&self, id: &str, token: Option<&str>) -> Value {
        const SEE: &str = "query ($id: ID!, $token: String) { booking(id: $id, managementToken: $token) {
            id status revision expiresAt location reference metadata updatedAt
            booker { userId name email phone notes }
            history { event from to at by { kind userId } reason } } }";
        self.ask(SEE, json!({ "id": id, "token": token })).await["booking"].clone()
    }
}

/// Id and management token of what was booked.
#[track_caller]
pub fn booked(payload: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("not booked: {payload}")).to_owned();
    (text(&payload["booking"]["id"]), text(&payload["managementToken"]))
}

/// What happened to a booking, in order.
pub fn events(seen: &Value) -> Vec<&str> {
    let history = seen["history"].as_array().unwrap_or_else(|| panic!("no booking: {seen}"));
    history.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

impl TestServer {
    /// Waits until the last thing that happened to a booking is `event`: it is done by a worker.
    pub async fn until_written(&self, id: &str, event: &str) -> Value {
        let staff = self.staff();
        let looking = async {
            loop {
                let seen = staff.see(id, None).await;
                if events(&seen).last() == Some(&event) {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        };
        super::within_patience(event, looking).await
    }

    /// Lets a provisional booking lapse behind the worker's back, as if another server had taken it: nothing wakes it.
    pub async fn lapse(&self, id: &str) {
        let past = self.clock.now().timestamp_millis() - 1;
        self.execute_sql(&format!("UPDATE bookings SET lapses_at = {past}, expires_at = {past} WHERE id = '{id}'"))
            .await;
        self.execute_sql(&format!("UPDATE provisional_slots SET until_at = {past} WHERE booking_id = '{id}'")).await;
    }
}
