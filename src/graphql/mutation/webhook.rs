//! Making, changing and removing webhooks, and sending to them by hand.

use std::sync::Arc;

use async_graphql::{Context, Object};
use secrecy::ExposeSecret as _;

use super::{change, deleted};
use crate::domain::access::Admin;
use crate::domain::webhook as domain;
use crate::graphql::arguments::instant;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::request::now;
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::user_error::UserErrors;
use crate::graphql::types::webhook::Webhook;
use crate::graphql::types::webhook_input::{
    CreateWebhookInput, CreateWebhookPayload, DeleteWebhookInput, RedeliverWebhookInput, RotateWebhookSecretInput,
    RotateWebhookSecretPayload, SendTestWebhookInput, UpdateWebhookInput, WebhookDeliveryPayload, WebhookPayload,
};
use crate::service::Services;
use crate::service::administration::webhooks::{CreateWebhook, UpdateWebhook, WebhookWithSecret};
use crate::service::booking::Outcome;

/// Mutations of webhooks.
#[derive(Default)]
pub struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Adds a webhook: 20 at most in an organization. For admins.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateWebhookInput,
    ) -> Nullable<CreateWebhookPayload> {
        for_admins(ctx, async |admin| create_webhook(ctx, &admin, input).await.map(Some)).await
    }

    /// Changes a webhook. An update that changes nothing succeeds. One that is sent elsewhere, or switched on, is sent at
    /// once what waited for another attempt. For admins.
    async fn update_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateWebhookInput,
    ) -> Nullable<WebhookPayload> {
        for_admins(ctx, async |admin| update_webhook(ctx, &admin, input).await.map(Some)).await
    }

    /// Gives a webhook another secret. For a day the old one signs, too, so that receivers can change over; at most four
    /// times a day. For admins.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose secret to exchange.")] input: RotateWebhookSecretInput,
    ) -> Nullable<RotateWebhookSecretPayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.rotate_webhook_secret(&admin, input.id.0.into(), now(ctx)?).await?;
            let (webhook, secret, user_errors) = shown(outcome);
            Ok(Some(RotateWebhookSecretPayload { webhook, secret, user_errors }))
        })
        .await
    }

    /// Removes a webhook, with all that was or is to be delivered to it. For admins.
    async fn delete_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to remove.")] input: DeleteWebhookInput,
    ) -> Nullable<DeletePayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_webhook(&admin, input.id.0.into(), now(ctx)?).await?;
            Ok(Some(deleted(outcome.map(|id| id.as_str().into()))))
        })
        .await
    }

    /// Sends something again that has arrived or was given up, at once and in no order with others; or at once what waits
    /// for another attempt. The receiver knows it by the same `webhook-id`. For admins.
    async fn redeliver_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to send again.")] input: RedeliverWebhookInput,
    ) -> Nullable<WebhookDeliveryPayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.redeliver_webhook(&admin, input.delivery_id.0.into(), now(ctx)?).await?;
            Ok(Some(delivery(outcome)))
        })
        .await
    }

    /// Sends something to a webhook to try it: the last event of the organization's bookings if it wants that kind, else
    /// one made up from the catalogue. The `webhook-id` begins with `evn_test_`, and the default payload has
    /// `"test": true`. For admins.
    async fn send_test_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one to try.")] input: SendTestWebhookInput,
    ) -> Nullable<WebhookDeliveryPayload> {
        for_admins(ctx, async |admin| {
            let services = from_context::<Services>(ctx)?;
            Ok(Some(delivery(services.send_test_webhook(&admin, input.id.0.into(), now(ctx)?).await?)))
        })
        .await
    }
}

async fn create_webhook(
    ctx: &Context<'_>,
    admin: &Admin,
    input: CreateWebhookInput,
) -> Result<CreateWebhookPayload, ApiError> {
    let CreateWebhookInput { url, events, selection, description, active } = input;
    let events = events.into_iter().map(Into::into).collect();
    let request = CreateWebhook { url, events, selection, description, active };
    let outcome = from_context::<Services>(ctx)?.create_webhook(admin, request, now(ctx)?).await?;
    let (webhook, secret, user_errors) = shown(outcome);
    Ok(CreateWebhookPayload { webhook, secret, user_errors })
}

async fn update_webhook(
    ctx: &Context<'_>,
    admin: &Admin,
    input: UpdateWebhookInput,
) -> Result<WebhookPayload, ApiError> {
    let UpdateWebhookInput { id, expected_updated_at, url, events, selection, description, active } = input;
    let request = UpdateWebhook {
        id: id.0.into(),
        expected_updated_at: expected_updated_at.map(|given| instant("expectedUpdatedAt", &given)),
        url: change(url),
        events: change(events.map_value(|events| events.into_iter().map(Into::into).collect())),
        selection: change(selection),
        description: change(description),
        active: change(active),
    };
    Ok(match from_context::<Services>(ctx)?.update_webhook(admin, request, now(ctx)?).await? {
        Ok(webhook) => WebhookPayload { webhook: Some(webhook.into()), user_errors: UserErrors::default() },
        Err(errors) => WebhookPayload { webhook: None, user_errors: errors.into() },
    })
}

/// A webhook with its secret, for the one who is to keep it.
fn shown(outcome: Outcome<WebhookWithSecret>) -> (Option<Webhook>, Option<String>, UserErrors) {
    match outcome {
        Ok(WebhookWithSecret { webhook, secret }) => {
            (Some(webhook.into()), Some(secret.expose_secret().to_owned()), UserErrors::default())
        }
        Err(errors) => (None, None, errors.into()),
    }
}

fn delivery(outcome: Outcome<Arc<domain::WebhookDelivery>>) -> WebhookDeliveryPayload {
    match outcome {
        Ok(delivery) => WebhookDeliveryPayload { delivery: Some(delivery.into()), user_errors: UserErrors::default() },
        Err(errors) => WebhookDeliveryPayload { delivery: None, user_errors: errors.into() },
    }
}
