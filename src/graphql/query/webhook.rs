//! Webhooks, and what has become of what they were told.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Admin;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::types::webhook::Webhook;
use crate::graphql::types::webhook_delivery::{DeliveryStatus, WebhookDeliveryConnection};
use crate::service::Services;
use crate::service::webhook_deliveries::DeliveryList;

/// Queries about webhooks.
#[derive(Default)]
pub struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// The organization's webhooks, the oldest first; 20 at most. For admins.
    async fn webhooks(&self, ctx: &Context<'_>) -> Nullable<Vec<Webhook>> {
        for_admins(ctx, |admin| async move {
            let found = from_context::<Services>(ctx)?.webhooks(&admin).await?;
            Ok(Some(found.into_iter().map(Webhook::from).collect()))
        })
        .await
    }

    /// What the organization's webhooks were told, or are to be told, the newest first. For admins.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what this webhook was told.")] webhook_id: Option<ID>,
        #[graphql(desc = "Only those of which this has become.")] status: Option<DeliveryStatus>,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<WebhookDeliveryConnection> {
        let page = PageArguments { first, after, last, before };
        let list = |admin: Admin| async move {
            let wanted = DeliveryList {
                webhook_id: webhook_id.map(|id| id.0.into()),
                status: status.map(Into::into),
                page: page.resolve(wants_total(ctx))?,
            };
            let found = from_context::<Services>(ctx)?.webhook_deliveries(&admin, wanted).await?;
            Ok::<_, ApiError>(Some(found.into()))
        };
        for_admins(ctx, list).await
    }
}
