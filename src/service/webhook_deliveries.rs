//! What has become of what webhooks were told, and telling them again.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Services;
use super::administration::{Administration, unknown};
use super::booking::Outcome;
use super::page::{Cursors, Page, PageRequest};
use crate::domain::access::Admin;
use crate::domain::delivery::DeliveryAttempt;
use crate::domain::id::{DeliveryId, WebhookId};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::webhook::{DeliveryStatus, Webhook, WebhookDelivery};
use crate::error::{Error, Internal};
use crate::store::{DeliveryFilter, Place};

/// A part of the deliveries to webhooks, the newest first.
#[derive(Clone, Debug)]
pub struct DeliveryList {
    /// Only those to this webhook.
    pub webhook_id: Option<WebhookId>,
    /// Only those of which this has become.
    pub status: Option<DeliveryStatus>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl Services {
    /// Deliveries to the webhooks of the admin's organization, the newest first.
    ///
    /// # Errors
    /// `NotFound` for a webhook that is not the organization's, `BadInput` for a cursor of another list.
    pub async fn webhook_deliveries(
        &self,
        admin: &Admin,
        list: DeliveryList,
    ) -> Result<Page<Arc<WebhookDelivery>>, Error> {
        let DeliveryList { webhook_id, status, page } = list;
        let organization_id = admin.organization().clone();
        let cursors = Cursors::of(format!("deliveries {organization_id:?} {webhook_id:?} {status:?}"));
        let part = cursors.part(&page)?;
        let reader = self.parts().store.reader();
        if let Some(id) = &webhook_id {
            self.own_webhook(admin, id).await?.ok_or_else(|| Error::not_found("webhook", id.as_str()))?;
        }
        let filter = DeliveryFilter { organization_id, webhook_id, status };
        let found = reader.webhook_deliveries(&filter, &part).await?;
        let total = if page.wants_total { Some(reader.webhook_delivery_count(&filter).await?) } else { None };
        Ok(cursors.page(found, total, |delivery| Place::of_id(delivery.id.as_str())))
    }

    /// What was tried for each delivery: the last 50 attempts, the oldest first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn load_delivery_attempts(
        &self,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Vec<DeliveryAttempt>>, Error> {
        Ok(self.parts().store.reader().delivery_attempts(ids).await?)
    }

    /// Sends a delivery again: what has come to its end begins anew, and what waits for another attempt is tried at
    /// once.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn redeliver_webhook(
        &self,
        admin: &Admin,
        id: DeliveryId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<WebhookDelivery>>, Error> {
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let redeliver = move |administration: Administration| {
                let id = id.clone();
                async move {
                    let (tx, organization) = (&administration.tx, administration.organization());
                    let Some(delivery) = tx.lock_webhook_delivery(organization, &id).await? else {
                        return Err(unknown("delivery", id.as_str(), &["deliveryId"]).into());
                    };
                    let webhook = tx.webhook(&delivery.webhook_id).await?;
                    if let Some(off) = webhook.as_ref().and_then(|webhook| switched_off(webhook, "deliveryId")) {
                        return Err(off.into());
                    }
                    tx.redeliver(&id, administration.now()).await?;
                    Ok(tx.lock_webhook_delivery(organization, &id).await?)
                }
            };
            let outcome = services.administer(&admin, now, redeliver).await?;
            services.parts().wakes.deliveries.notify_one();
            as_it_is_now(outcome)
        })
        .await
    }

    /// A webhook, if it is the admin's organization's.
    pub(super) async fn own_webhook(&self, admin: &Admin, id: &WebhookId) -> Result<Option<Webhook>, Error> {
        let found = self.parts().store.reader().webhook(id).await?;
        Ok(found.filter(|webhook| webhook.organization_id == *admin.organization()))
    }
}

/// The delivery, which was read again after it was written.
pub(super) fn as_it_is_now(outcome: Outcome<Option<WebhookDelivery>>) -> Result<Outcome<Arc<WebhookDelivery>>, Error> {
    let outcome = outcome.map(|delivery| delivery.ok_or_else(|| Internal::new("a delivery went while it was locked")));
    match outcome {
        Ok(delivery) => Ok(Ok(Arc::new(delivery?))),
        Err(refused) => Ok(Err(refused)),
    }
}

/// The refusal to send something to a webhook that is switched off, named by the field `field` of the input.
pub(super) fn switched_off(webhook: &Webhook, field: &str) -> Option<UserError> {
    if webhook.active {
        return None;
    }
    let message = "The webhook is switched off, and nothing is sent to it. Switch it on, with `active: true` in \
                   `updateWebhook`, and try again.";
    Some(UserError::new(Refusal::IllegalTransition, message).at(["input", field]))
}
