//! Trying a webhook: it is told of something that has not happened, by the same way as of all that does.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Services;
use super::administration::{Administration, NotMade, unknown};
use super::booking::Outcome;
use super::selections::SelectionFault;
use super::webhook_deliveries::{as_it_is_now, switched_off};
use super::webhook_samples::{Sample, TEST_EVENT};
use crate::domain::access::Admin;
use crate::domain::delivery::{Lane, NewDelivery};
use crate::domain::id::{DeliveryId, WebhookId};
use crate::domain::news::BookingNews;
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::webhook::{Webhook, WebhookDelivery, WebhookEvent};
use crate::error::Error;
use crate::notify::webhook::payload::{booking_test_payload, hold_test_payload};

/// How many tests of one webhook may be on their way.
const MAX_TESTS: u64 = 10;

/// What a test tells.
struct Told {
    event: WebhookEvent,
    event_id: String,
    payload: String,
}

impl Services {
    /// Sends to a webhook what it could be told: of the last event if it wants that kind, else of one made up from the
    /// catalogue.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn send_test_webhook(
        &self,
        admin: &Admin,
        id: WebhookId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<WebhookDelivery>>, Error> {
        let Some(webhook) = self.own_webhook(admin, &id).await? else {
            return Ok(Err(vec![unknown("webhook", id.as_str(), &["id"])]));
        };
        if let Some(off) = switched_off(&webhook, "id") {
            return Ok(Err(vec![off]));
        }
        let told = match self.test_of(admin, &webhook, now).await? {
            Ok(told) => told,
            Err(refused) => return Ok(Err(vec![refused])),
        };
        let delivery = NewDelivery {
            id: DeliveryId::generate(self.parts().clock.unique()),
            organization_id: webhook.organization_id,
            lane: Lane::Webhook(webhook.id),
            chain: None,
            sequence: 0,
            event: told.event.name().to_owned(),
            event_id: told.event_id,
            payload: told.payload,
            created_at: now,
        };
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let send = move |administration: Administration| {
                let (id, delivery) = (id.clone(), delivery.clone());
                async move { administration.send_test(&id, &delivery).await }
            };
            let outcome = services.administer(&admin, now, send).await?;
            services.parts().wakes.deliveries.notify_one();
            as_it_is_now(outcome)
        })
        .await
    }

    /// What a test of `webhook` tells.
    async fn test_of(
        &self,
        admin: &Admin,
        webhook: &Webhook,
        now: DateTime<Utc>,
    ) -> Result<Result<Told, UserError>, Error> {
        let refused = |refusal, message: String| Ok(Err(UserError::new(refusal, message).at(["input", "id"])));
        let news = match self.sample_for(admin, webhook, now).await? {
            Some(Sample::Booking(news)) => *news,
            Some(Sample::Hold(hold)) => {
                let payload = hold_test_payload(&hold);
                return Ok(Ok(Told { event: WebhookEvent::PresenceTimeout, event_id: hold.id, payload }));
            }
            None => {
                let message = "There is nothing yet of which its selection could tell. Add a resource first.";
                return refused(Refusal::NotFound, message.to_owned());
            }
        };
        let BookingNews { event, .. } = &news;
        let (kind, event_id) = (event.transition.event.into(), event.id.clone());
        let payload = match &webhook.selection {
            None => booking_test_payload(&news),
            Some(selection) => match self.render_selection(selection, news.event).await {
                Ok(payload) => payload,
                Err(SelectionFault::Failed(fault)) => return Err(fault),
                Err(SelectionFault::Unusable(message)) => {
                    let message =
                        format!("Its selection is of no use any more: {message} Change it by `updateWebhook`.");
                    return refused(Refusal::Invalid, message);
                }
            },
        };
        Ok(Ok(Told { event: kind, event_id, payload }))
    }
}

impl Administration {
    /// Writes down what is to be delivered as a test of the webhook `id`.
    async fn send_test(&self, id: &WebhookId, delivery: &NewDelivery) -> Result<Option<WebhookDelivery>, NotMade> {
        // It may have gone, or been switched off, since it was looked at.
        let Some(webhook) = self.tx.lock_webhook(self.organization(), id).await? else {
            return Err(unknown("webhook", id.as_str(), &["id"]).into());
        };
        if let Some(off) = switched_off(&webhook, "id") {
            return Err(off.into());
        }
        if self.tx.pending_deliveries_of(id, TEST_EVENT).await? >= MAX_TESTS {
            let message = format!(
                "{MAX_TESTS} tests of it are on their way already. Look at `webhookDeliveries` for what becomes of them."
            );
            return Err(UserError::new(Refusal::LimitExceeded, message).at(["input", "id"]).into());
        }
        self.tx.insert_deliveries(&[delivery]).await?;
        Ok(self.tx.lock_webhook_delivery(self.organization(), &delivery.id).await?)
    }
}
