//! Making, changing and removing webhooks, and sending to them by hand.

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};

use crate::graphql::scalar::DateTime;
use crate::graphql::types::user_error::UserErrors;
use crate::graphql::types::webhook::{Webhook, WebhookEvent};
use crate::graphql::types::webhook_delivery::WebhookDelivery;

/// A webhook to be made.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// Where to send events: an https address of the public internet, at most 2,048 characters, without a user name and
    /// a fragment.
    pub url: String,
    /// Which events; at least one.
    pub events: Vec<WebhookEvent>,
    /// A selection on `BookingEvent` that makes up the payload of booking events, such as
    /// `{ id event booking { id start resource { name } } }`; at most 4,000 characters. Default: the default payload.
    pub selection: Option<String>,
    /// What it is for; at most 500 characters.
    pub description: Option<String>,
    /// Whether to send anything yet.
    #[graphql(default = true)]
    pub active: bool,
}

/// What is to change of a webhook. A field left out stays as it is; null clears it where it can be null.
#[derive(InputObject)]
pub struct UpdateWebhookInput {
    /// The webhook.
    pub id: ID,
    /// The `updatedAt` that you last read: refused as `STALE` if it has changed since.
    pub expected_updated_at: Option<DateTime>,
    /// Where to send events. What is on its way already goes there, too.
    pub url: MaybeUndefined<String>,
    /// Which events; those instead of the ones before.
    pub events: MaybeUndefined<Vec<WebhookEvent>>,
    /// A selection on `BookingEvent`; null: the default payload. What is on its way already stays as it was written.
    pub selection: MaybeUndefined<String>,
    /// What it is for.
    pub description: MaybeUndefined<String>,
    /// Whether to send anything. While it is off, events are passed over; what is on its way waits until it is on.
    pub active: MaybeUndefined<bool>,
}

/// A webhook to be removed.
#[derive(InputObject)]
pub struct DeleteWebhookInput {
    /// The webhook.
    pub id: ID,
}

/// A webhook that is to have another secret.
#[derive(InputObject)]
pub struct RotateWebhookSecretInput {
    /// The webhook.
    pub id: ID,
}

/// A webhook to be tried.
#[derive(InputObject)]
pub struct SendTestWebhookInput {
    /// The webhook.
    pub id: ID,
}

/// A delivery to be sent again.
#[derive(InputObject)]
pub struct RedeliverWebhookInput {
    /// The delivery.
    pub delivery_id: ID,
}

/// The answer to making a webhook.
#[derive(SimpleObject)]
pub struct CreateWebhookPayload {
    /// The webhook; null when none was made.
    pub webhook: Option<Webhook>,
    /// What its requests are signed with, `whsec_…`. Shown here once.
    pub secret: Option<String>,
    /// Why none was made.
    pub user_errors: UserErrors,
}

/// The answer to exchanging a secret.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The webhook as it is now; null when nothing was changed.
    pub webhook: Option<Webhook>,
    /// What its requests are signed with from now on, `whsec_…`. Shown here once; the old one signs, too, for a day.
    pub secret: Option<String>,
    /// Why nothing was changed.
    pub user_errors: UserErrors,
}

/// The answer to changing a webhook.
#[derive(SimpleObject)]
pub struct WebhookPayload {
    /// The webhook as it is now; null when nothing was changed.
    pub webhook: Option<Webhook>,
    /// Why nothing was changed.
    pub user_errors: UserErrors,
}

/// The answer to sending something to a webhook by hand.
#[derive(SimpleObject)]
pub struct WebhookDeliveryPayload {
    /// The delivery, which is on its way; null when nothing is sent. `webhookDeliveries` tells what becomes of it.
    pub delivery: Option<WebhookDelivery>,
    /// Why nothing is sent.
    pub user_errors: UserErrors,
}
