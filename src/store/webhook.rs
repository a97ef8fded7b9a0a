//! Webhooks.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::webhook::{self, Column};
use sea_orm::ActiveValue::NotSet;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, Order, QueryFilter, QueryOrder, QueryTrait,
};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::{OrganizationId, WebhookId};
use crate::domain::webhook::{Webhook, WebhookEvent};

impl Reader {
    /// One webhook, whoever's it is.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn webhook(&self, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        let rows: Vec<webhook::Model> = self.models(&webhook::Entity::find_by_id(id.as_str()).into_query()).await?;
        rows.into_iter().next().map(webhook).transpose()
    }

    /// All webhooks of `organizations`, by id. One that cannot be read is left out: a newer server may have written it.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn webhooks_of(&self, organizations: &[OrganizationId]) -> Result<Vec<Webhook>, StoreError> {
        let select = webhook::Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(OrganizationId::as_str)))
            .order_by(Column::Id, Order::Asc)
            .into_query();
        let rows: Vec<webhook::Model> = self.models(&select).await?;
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    /// The organizations of which an active webhook wants to be told of `event`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn organizations_told_of(&self, event: WebhookEvent) -> Result<BTreeSet<OrganizationId>, StoreError> {
        let select = webhook::Entity::find().filter(Column::Active.eq(true)).into_query();
        let rows: Vec<webhook::Model> = self.models(&select).await?;
        let told = rows.into_iter().filter_map(readable).filter(|webhook| webhook.events.contains(&event));
        Ok(told.map(|webhook| webhook.organization_id).collect())
    }
}

impl Tx {
    /// Reads a webhook of `organization` and keeps others from changing it until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_webhook(
        &self,
        organization: &OrganizationId,
        id: &WebhookId,
    ) -> Result<Option<Webhook>, StoreError> {
        let mut select = webhook::Entity::find_by_id(id.as_str())
            .filter(Column::OrganizationId.eq(organization.as_str()))
            .into_query();
        select.lock(LockType::Update);
        let rows: Vec<webhook::Model> = self.models(&select).await?;
        rows.into_iter().next().map(webhook).transpose()
    }

    /// Writes down since when nothing has arrived at a webhook; `None`: something has.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn note_failing(&self, id: &WebhookId, since: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        // Of failures the first one counts.
        let is_news =
            if since.is_some() { Column::FailingSinceAt.is_null() } else { Column::FailingSinceAt.is_not_null() };
        let update = webhook::Entity::update_many()
            .col_expr(Column::FailingSinceAt, Expr::val(since.map(|since| since.timestamp_millis())))
            .filter(Column::Id.eq(id.as_str()))
            .filter(is_news)
            .into_query();
        self.execute(&update).await.map(|_| ())
    }

    /// Switches a webhook off. Whether it was on.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn switch_off_webhook(&self, id: &WebhookId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let update = webhook::Entity::update_many()
            .col_expr(Column::Active, false.into())
            .col_expr(Column::UpdatedAt, at.timestamp_millis().into())
            .filter(Column::Id.eq(id.as_str()))
            .filter(Column::Active.eq(true))
            .into_query();
        Ok(self.execute(&update).await? == 1)
    }

    /// Writes down what has changed of a webhook, which is locked.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let changed = webhook::ActiveModel {
            id: NotSet,
            organization_id: NotSet,
            created_at: NotSet,
            ..model(webhook)?.into_active_model().reset_all()
        };
        let update =
            webhook::Entity::update_many().set(changed).filter(Column::Id.eq(webhook.id.as_str())).into_query();
        self.execute(&update).await.map(|_| ())
    }

    /// Removes a webhook, with all that was or is to be delivered to it.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), StoreError> {
        self.execute(&webhook::Entity::delete_by_id(id.as_str()).into_query()).await.map(|_| ())
    }

    /// Adds a webhook. Its organization exists.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        self.insert(model(webhook)?).await
    }
}

/// `row` as a webhook, if it is one.
fn readable(row: webhook::Model) -> Option<Webhook> {
    let id = row.id.clone();
    let read = webhook(row);
    if let Err(fault) = &read {
        tracing::error!(webhook = id, error = fault.describe(), "a webhook cannot be read, and is passed over");
    }
    read.ok()
}

pub(super) fn webhook(row: webhook::Model) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        id: row.id.into(),
        organization_id: row.organization_id.into(),
        url: row.url,
        events: read(row.events)?,
        selection: row.selection,
        description: row.description,
        active: row.active,
        secret: convert::number(row.secret_version)?,
        retired_secrets: read(row.retired_secrets)?,
        failing_since: row.failing_since_at.map(convert::instant).transpose()?,
        created_at: convert::instant(row.created_at)?,
        updated_at: convert::instant(row.updated_at)?,
    })
}

pub(super) fn model(webhook: &Webhook) -> Result<webhook::Model, StoreError> {
    let Webhook {
        id,
        organization_id,
        url,
        events,
        selection,
        description,
        active,
        secret,
        retired_secrets,
        failing_since,
        created_at,
        updated_at,
    } = webhook;
    Ok(webhook::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        url: url.clone(),
        events: written(events)?,
        selection: selection.clone(),
        description: description.clone(),
        active: *active,
        secret_version: convert::number(*secret)?,
        retired_secrets: written(retired_secrets)?,
        failing_since_at: failing_since.map(|since| since.timestamp_millis()),
        created_at: created_at.timestamp_millis(),
        updated_at: updated_at.timestamp_millis(),
    })
}

fn read<T: serde::de::DeserializeOwned>(stored: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(stored).map_err(|error| StoreError::corrupt(error.to_string()))
}

fn written(value: &impl serde::Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::corrupt(error.to_string()))
}
