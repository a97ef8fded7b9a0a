//! Idempotency keys: whose they are, and whether a repeated call is the same call.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use chrono_tz::Tz;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Services;
use super::booking::{BookerDetails, CreateBooking};
use crate::domain::access::Caller;
use crate::domain::series::ConflictPolicy;
use crate::server_key::DerivedKey;

/// How long an idempotency key is kept.
pub(super) const KEY_LIFE: Duration = Duration::hours(24);

/// What makes repeated calls one.
pub(super) struct RequestKey {
    /// Whose key it is: a user, or a guest's session.
    pub(super) owner: String,
    /// The key, as the caller made it.
    pub(super) key: String,
    /// Of the input, to tell a repeated call from another one.
    pub(super) fingerprint: DerivedKey,
}

impl RequestKey {
    /// The key of `request`, where it has one and an owner.
    pub(super) fn of(services: &Services, caller: &Caller, request: &CreateBooking) -> Option<Self> {
        let key = request.idempotency_key.clone()?;
        let server_key = &services.parts().key;
        let owner = match (caller.viewer(), &request.session_secret) {
            (Some(viewer), _) => format!("user:{}", viewer.id),
            (None, Some(secret)) => {
                format!(
                    "guest:{}",
                    URL_SAFE_NO_PAD.encode(server_key.fingerprint(&[secret.expose_secret().as_bytes()]))
                )
            }
            (None, None) => return None,
        };
        Some(Self { owner, key, fingerprint: server_key.fingerprint(&[&canonical(request)]) })
    }

    /// The same key for a series of what was asked for.
    pub(super) fn for_series(self, services: &Services, rrule: &str, policy: ConflictPolicy) -> Self {
        let policy: &[u8] = match policy {
            ConflictPolicy::AllOrNothing => b"all or nothing",
            ConflictPolicy::Skip => b"skip",
        };
        let parts = [&self.fingerprint[..], b"series", rrule.as_bytes(), policy];
        Self { fingerprint: services.parts().key.fingerprint(&parts), ..self }
    }
}

/// The input as text that is equal exactly when the inputs are, the key and the session aside.
fn canonical(request: &CreateBooking) -> Vec<u8> {
    let CreateBooking {
        event_type_id,
        resource_id,
        quantity,
        add_ons,
        start,
        duration_minutes,
        time_zone,
        booker,
        location,
        reference,
        metadata,
        session_secret: _,
        idempotency_key: _,
        ignore_schedule,
        provisional_minutes,
    } = request;
    let booker = booker.as_ref().map(|booker| {
        let BookerDetails { name, email, phone, notes } = booker;
        json!([name, email, phone, notes])
    });
    let items: Vec<_> = add_ons.iter().map(|item| json!([item.resource_id.as_str(), item.quantity])).collect();
    let input = json!([
        event_type_id.as_str(),
        resource_id.as_str(),
        quantity,
        items,
        start.timestamp_millis(),
        duration_minutes,
        time_zone.map(Tz::name),
        booker,
        location,
        reference,
        metadata.as_ref().map(sorted),
        ignore_schedule,
        provisional_minutes,
    ]);
    input.to_string().into_bytes()
}

/// The same value with the members of its objects in order, in which JSON says nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members.iter().map(|(name, value)| (name, sorted(value))).collect();
            json!(members)
        }
        Value::Array(entries) => entries.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
