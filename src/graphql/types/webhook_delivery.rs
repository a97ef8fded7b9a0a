//! What has become of what webhooks were told.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject, Value};

use crate::domain::delivery::DeliveryAttempt;
use crate::domain::webhook as domain;
use crate::error::{Error, Internal};
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::loader::{AttemptsKey, Loads};
use crate::graphql::scalar::DateTime;
use crate::graphql::types::page::connection;
use crate::graphql::types::webhook::WebhookEvent;

/// What has become of a delivery.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "domain::DeliveryStatus")]
pub enum DeliveryStatus {
    /// It is on its way, or is tried again.
    Pending,
    /// It has arrived.
    Delivered,
    /// It was given up, after about a day. `redeliverWebhook` sends it again.
    Failed,
}

/// One event on its way to one webhook. Kept for some time after it has come to its end.
#[derive(Clone)]
pub struct WebhookDelivery(Arc<domain::WebhookDelivery>);

connection!(WebhookDelivery, WebhookDeliveryConnection, WebhookDeliveryEdge, "deliveries");

impl From<Arc<domain::WebhookDelivery>> for WebhookDelivery {
    fn from(delivery: Arc<domain::WebhookDelivery>) -> Self {
        Self(delivery)
    }
}

/// One event on its way to one webhook. Kept for some time after it has come to its end.
#[Object]
impl WebhookDelivery {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Where it goes.
    async fn webhook_id(&self) -> ID {
        self.0.webhook_id.as_str().into()
    }

    /// What happened.
    async fn event(&self) -> WebhookEvent {
        self.0.event.into()
    }

    /// The id of the event, which the receiver knows as the header `webhook-id`: the same each time it is sent. Those of
    /// tests begin with `evn_test_`.
    async fn event_id(&self) -> ID {
        self.0.event_id.as_str().into()
    }

    /// What has become of it.
    async fn status(&self) -> DeliveryStatus {
        self.0.status.into()
    }

    /// How often it was tried.
    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The HTTP status that the receiver answered last, if it did.
    async fn last_status_code(&self) -> Option<u16> {
        self.0.last_status_code
    }

    /// Why the last attempt failed; null if it did not.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it is tried next. Null while it is being tried, and once it has arrived or was given up.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at.map(Into::into)
    }

    /// What is sent.
    fn payload(&self) -> Result<Json<Value>, ApiError> {
        // Read as the library's value, which keeps the order of the members.
        let payload = serde_json::from_str(&self.0.payload);
        payload
            .map(Json)
            .map_err(|_| Error::from(Internal::new(format!("the payload of {} is not JSON", self.0.id))).into())
    }

    /// What was tried: the last 50 attempts, the oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<WebhookAttempt>, ApiError> {
        if self.0.attempts == 0 {
            return Ok(Vec::new());
        }
        let attempts = from_context::<Loads>(ctx)?.load(AttemptsKey(self.0.id.clone())).await?.unwrap_or_default();
        Ok(attempts.into_iter().map(Into::into).collect())
    }

    /// When it was written down, soon after it happened.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// One attempt to deliver something.
#[derive(SimpleObject)]
pub struct WebhookAttempt {
    /// Counts those of one delivery, from 1.
    number: u32,
    /// When it began.
    at: DateTime,
    /// How long it took.
    duration_millis: u64,
    /// The HTTP status that the receiver answered, if it did.
    status_code: Option<u16>,
    /// Why it failed; null if it did not.
    error: Option<String>,
}

impl From<DeliveryAttempt> for WebhookAttempt {
    fn from(attempt: DeliveryAttempt) -> Self {
        let DeliveryAttempt { number, at, duration_millis, status_code, error } = attempt;
        Self { number, at: at.into(), duration_millis, status_code, error }
    }
}
