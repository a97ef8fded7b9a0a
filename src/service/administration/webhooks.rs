//! Webhooks: making, changing and removing them, and exchanging their secrets.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;

use super::webhook_fields::{WebhookFields, audit_fields};
use super::{Administration, Change, Given, NotMade, require_unchanged, unknown};
use crate::domain::access::Admin;
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::delivery::Lane;
use crate::domain::id::WebhookId;
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::webhook::{ROTATION_OVERLAP, RetiredSecret, SecretVersion, Webhook, WebhookEvent};
use crate::error::Error;
use crate::notify::webhook::signature::secret_text;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::Problems;

/// How many webhooks an organization may have.
const MAX_WEBHOOKS: usize = 20;
/// How many secrets of before may sign at a time: each is one signature more in every request.
const MAX_RETIRED: usize = 4;

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct CreateWebhook {
    /// Where events are sent.
    pub url: String,
    /// Which.
    pub events: Vec<WebhookEvent>,
    /// What makes up the payload of booking events; `None`: the default payload.
    pub selection: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anything is sent.
    pub active: bool,
}

/// What is to change of a webhook; `Change::To(None)` stands for null.
#[derive(Clone, Debug)]
pub struct UpdateWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// When it last changed, as far as the caller knows.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// Where events are sent.
    pub url: Change<Option<String>>,
    /// Which.
    pub events: Change<Option<Vec<WebhookEvent>>>,
    /// What makes up the payload of booking events; null: the default payload.
    pub selection: Change<Option<String>>,
    /// What it is for.
    pub description: Change<Option<String>>,
    /// Whether anything is sent.
    pub active: Change<Option<bool>>,
}

/// A webhook, with its secret: whoever makes or exchanges that is shown it, once.
#[derive(Debug)]
pub struct WebhookWithSecret {
    /// The webhook.
    pub webhook: Arc<Webhook>,
    /// Its secret, as the Standard Webhooks specification writes it: `whsec_…`.
    pub secret: SecretString,
}

impl Services {
    /// All webhooks of the admin's organization, the oldest first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn webhooks(&self, admin: &Admin) -> Result<Vec<Arc<Webhook>>, Error> {
        let found = self.parts().store.reader().webhooks_of(std::slice::from_ref(admin.organization())).await?;
        Ok(found.into_iter().map(Arc::new).collect())
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn create_webhook(
        &self,
        admin: &Admin,
        request: CreateWebhook,
        now: DateTime<Utc>,
    ) -> Result<Outcome<WebhookWithSecret>, Error> {
        let mut problems = Problems::default();
        let fields = WebhookFields::of_new(self, request, &mut problems).await;
        let id = WebhookId::generate(self.parts().clock.unique());
        let create = move |administration: Administration| {
            let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
            async move { administration.create_webhook(id, fields, problems).await }
        };
        Ok(self.administer(admin, now, create).await?.map(|webhook| self.with_secret(webhook)))
    }

    /// Changes some fields of a webhook. What is on its way goes to the new address, as it was written down. One that is
    /// sent elsewhere or switched on is told at once what waited for another attempt.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn update_webhook(
        &self,
        admin: &Admin,
        request: UpdateWebhook,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Webhook>>, Error> {
        let mut problems = Problems::default();
        let (id, expected, fields) = WebhookFields::of_update(self, request, &mut problems).await;
        let (services, admin) = (self.clone(), admin.clone());
        self.to_its_end(async move {
            let update = move |administration: Administration| {
                let (id, fields, problems) = (id.clone(), fields.clone(), problems.clone());
                async move { administration.update_webhook(&id, expected, fields, problems).await }
            };
            let outcome = services.administer(&admin, now, update).await?;
            if outcome.is_ok() {
                services.parts().wakes.deliveries.notify_one();
            }
            Ok(outcome)
        })
        .await
    }

    /// Gives a webhook another secret. The one before signs, too, for a day.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn rotate_webhook_secret(
        &self,
        admin: &Admin,
        id: WebhookId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<WebhookWithSecret>, Error> {
        let rotate = move |administration: Administration| {
            let id = id.clone();
            async move { administration.rotate_webhook_secret(&id).await }
        };
        Ok(self.administer(admin, now, rotate).await?.map(|webhook| self.with_secret(webhook)))
    }

    /// Removes a webhook, with all that was or is to be delivered to it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`.
    pub async fn delete_webhook(
        &self,
        admin: &Admin,
        id: WebhookId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<WebhookId>, Error> {
        let delete = move |administration: Administration| {
            let id = id.clone();
            async move { administration.delete_webhook(id).await }
        };
        self.administer(admin, now, delete).await
    }

    fn with_secret(&self, webhook: Arc<Webhook>) -> WebhookWithSecret {
        let secret = self.parts().key.webhook_secret(&webhook.id, webhook.secret);
        WebhookWithSecret { webhook, secret: SecretString::from(secret_text(&secret)) }
    }
}

/// The first secret of a webhook.
const FIRST_SECRET: SecretVersion = 1;

impl Administration {
    async fn create_webhook(
        &self,
        id: WebhookId,
        fields: WebhookFields,
        mut problems: Problems,
    ) -> Result<Arc<Webhook>, NotMade> {
        // Nobody else adds one meanwhile: the catalogue is locked.
        if self.tx.webhooks_of(std::slice::from_ref(self.organization())).await?.len() >= MAX_WEBHOOKS {
            let message = format!("An organization has at most {MAX_WEBHOOKS} webhooks. Delete one first.");
            problems.refuse(UserError::new(Refusal::LimitExceeded, message).at(["input"]));
        }
        problems.into_result()?;
        let webhook = fields.applied_to(Webhook {
            id,
            organization_id: self.organization().clone(),
            url: String::new(),
            events: [].into(),
            selection: None,
            description: None,
            active: true,
            secret: FIRST_SECRET,
            retired_secrets: Vec::new(),
            failing_since: None,
            created_at: self.now(),
            updated_at: self.now(),
        });
        self.tx.insert_webhook(&webhook).await?;
        self.record_webhook(AuditAction::Created, &webhook.id, &AuditFields::new(), &audit_fields(&webhook)).await?;
        Ok(Arc::new(webhook))
    }

    async fn update_webhook(
        &self,
        id: &WebhookId,
        expected: Option<DateTime<Utc>>,
        fields: WebhookFields,
        mut problems: Problems,
    ) -> Result<Arc<Webhook>, NotMade> {
        let Some(before) = self.tx.lock_webhook(self.organization(), id).await? else {
            return Err(problems.and(unknown("webhook", id.as_str(), &["id"])));
        };
        if let Err(stale) = require_unchanged(expected, before.updated_at) {
            problems.refuse(stale);
        }
        problems.into_result()?;
        let after = fields.applied_to(before.clone());
        if after == before {
            return Ok(Arc::new(before));
        }
        let after = Webhook { updated_at: self.later_than(before.updated_at), ..after };
        self.tx.save_webhook(&after).await?;
        if after.active && (!before.active || after.url != before.url) {
            self.tx.hasten_deliveries(&Lane::Webhook(id.clone()), self.now()).await?;
        }
        self.record_webhook(AuditAction::Updated, id, &audit_fields(&before), &audit_fields(&after)).await?;
        Ok(Arc::new(after))
    }

    async fn rotate_webhook_secret(&self, id: &WebhookId) -> Result<Arc<Webhook>, NotMade> {
        let Some(before) = self.tx.lock_webhook(self.organization(), id).await? else {
            return Err(unknown("webhook", id.as_str(), &["id"]).into());
        };
        let now = self.now();
        let mut retired_secrets = before.retired_secrets.clone();
        retired_secrets.retain(|retired| now < retired.until);
        if retired_secrets.len() >= MAX_RETIRED {
            return Err(rotated_too_often(&retired_secrets).into());
        }
        retired_secrets.push(RetiredSecret { version: before.secret, until: now + ROTATION_OVERLAP });
        let after = Webhook {
            secret: before.secret + 1,
            retired_secrets,
            updated_at: self.later_than(before.updated_at),
            ..before.clone()
        };
        self.tx.save_webhook(&after).await?;
        self.record_webhook(AuditAction::Updated, id, &audit_fields(&before), &audit_fields(&after)).await?;
        Ok(Arc::new(after))
    }

    async fn delete_webhook(&self, id: WebhookId) -> Result<WebhookId, NotMade> {
        let Some(webhook) = self.tx.lock_webhook(self.organization(), &id).await? else {
            return Err(unknown("webhook", id.as_str(), &["id"]).into());
        };
        self.tx.delete_webhook(&id).await?;
        self.record_webhook(AuditAction::Deleted, &id, &audit_fields(&webhook), &AuditFields::new()).await?;
        Ok(id)
    }

    async fn record_webhook(
        &self,
        action: AuditAction,
        id: &WebhookId,
        before: &AuditFields,
        after: &AuditFields,
    ) -> Result<(), NotMade> {
        Ok(self.record(action, AuditEntity::Webhook, id.as_str(), before, after).await?)
    }
}

/// The refusal of one more secret while so many sign.
fn rotated_too_often(retired: &[RetiredSecret]) -> UserError {
    let first = retired.iter().map(|retired| retired.until).min().unwrap_or_default();
    let first = first.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let message = format!(
        "{MAX_RETIRED} secrets of before still sign, each for a day. Exchange it again from {first} on; to have nothing \
         signed with them any more, delete the webhook and make another one."
    );
    UserError::new(Refusal::LimitExceeded, message).at(["input", "id"])
}
