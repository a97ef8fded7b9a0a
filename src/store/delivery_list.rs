//! Deliveries to webhooks, as admins see them, and what they do to them by hand.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::delivery::{self, Column};
use entity::delivery_attempt;
use entity::status::DeliveryStatus as Stored;
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QueryTrait};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError, Tx};
use crate::domain::delivery::DeliveryAttempt;
use crate::domain::delivery::PATIENCE;
use crate::domain::id::{DeliveryId, OrganizationId, WebhookId};
use crate::domain::webhook::{DeliveryStatus, WebhookDelivery, WebhookEvent};

/// How many attempts of one delivery are told: it can be sent again by hand any number of times.
pub const TOLD_ATTEMPTS: u32 = 50;

/// Which deliveries are wanted; those to webhooks only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Whose.
    pub organization_id: OrganizationId,
    /// To this webhook only.
    pub webhook_id: Option<WebhookId>,
    /// Of which this has become only.
    pub status: Option<DeliveryStatus>,
}

impl DeliveryFilter {
    fn condition(&self) -> Condition {
        let Self { organization_id, webhook_id, status } = self;
        Condition::all()
            .add(to_webhooks(organization_id))
            .add_option(webhook_id.as_ref().map(|id| Column::WebhookId.eq(id.as_str())))
            .add_option(status.map(|status| Column::Status.eq(stored(status))))
    }
}

impl Reader {
    /// A page of deliveries, the newest first: ids grow with time.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn webhook_deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<WebhookDelivery>, StoreError> {
        let mut select = delivery::Entity::find().filter(filter.condition()).into_query();
        page.narrow_newest_first(&mut select, (delivery::Entity, Column::Id));
        let found: Vec<delivery::Model> = self.models(&select).await?;
        Ok(page.page(found.into_iter().map(webhook_delivery).collect::<Result<_, _>>()?))
    }

    /// How many deliveries there are.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn webhook_delivery_count(&self, filter: &DeliveryFilter) -> Result<u64, StoreError> {
        self.count(delivery::Entity::find().filter(filter.condition())).await
    }

    /// What was tried for each of `deliveries`: the last [`TOLD_ATTEMPTS`], the oldest first. One statement.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delivery_attempts(
        &self,
        deliveries: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Vec<DeliveryAttempt>>, StoreError> {
        use delivery_attempt::Column as Attempt;
        let last = Expr::col((delivery::Entity, Column::Attempts)).sub(i64::from(TOLD_ATTEMPTS));
        let mut select = delivery_attempt::Entity::find()
            .filter(Attempt::DeliveryId.is_in(deliveries.iter().map(DeliveryId::as_str)))
            .filter(Expr::col((delivery_attempt::Entity, Attempt::Number)).gt(last))
            .order_by(Attempt::DeliveryId, Order::Asc)
            .order_by(Attempt::Number, Order::Asc)
            .into_query();
        select.inner_join(
            delivery::Entity,
            Expr::col((delivery::Entity, Column::Id)).equals((delivery_attempt::Entity, Attempt::DeliveryId)),
        );
        let mut attempts: HashMap<_, Vec<_>> = HashMap::with_capacity(deliveries.len());
        for row in self.models::<delivery_attempt::Model>(&select).await? {
            attempts.entry(DeliveryId::from(row.delivery_id.as_str())).or_default().push(attempt(&row)?);
        }
        Ok(attempts)
    }

    /// How many deliveries to `webhook` are pending whose event's id begins with `prefix`, which has no wildcards but `_`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn pending_deliveries_of(&self, webhook: &WebhookId, prefix: &str) -> Result<u64, StoreError> {
        let pending = delivery::Entity::find()
            .filter(Column::Lane.eq(webhook.as_str()))
            .filter(Column::Status.eq(Stored::Pending))
            .filter(
                Expr::col((delivery::Entity, Column::EventId))
                    .like(LikeExpr::new(format!("{}%", prefix.replace('_', "\\_"))).escape('\\')),
            );
        self.count(pending).await
    }
}

impl Tx {
    /// Reads a delivery to a webhook of `organization` and keeps others from changing it until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_webhook_delivery(
        &self,
        organization: &OrganizationId,
        id: &DeliveryId,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let mut select = delivery::Entity::find_by_id(id.as_str()).filter(to_webhooks(organization)).into_query();
        select.lock(LockType::Update);
        let rows: Vec<delivery::Model> = self.models(&select).await?;
        rows.into_iter().next().map(webhook_delivery).transpose()
    }

    /// Has a delivery, which is locked, tried at `now`. What has come to its end begins anew: it waits for nothing that
    /// comes before it, and nothing waits for it. What is being tried is left alone.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn redeliver(&self, id: &DeliveryId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let of_it = || {
            delivery::Entity::update_many()
                .col_expr(Column::DueAt, now.timestamp_millis().into())
                .filter(Column::Id.eq(id.as_str()))
        };
        let hasten = of_it().filter(Column::Status.eq(Stored::Pending)).filter(Column::Lease.is_null()).into_query();
        let renew = of_it()
            .col_expr(Column::Status, Expr::val(Stored::Pending))
            .col_expr(Column::RetryUntilAt, (now + PATIENCE).timestamp_millis().into())
            .col_expr(Column::Chain, Expr::val(None::<String>))
            .col_expr(Column::Lease, Expr::val(None::<String>))
            .col_expr(Column::FinishedAt, Expr::val(None::<i64>))
            .filter(Column::Status.ne(Stored::Pending))
            .into_query();
        self.execute(&hasten).await?;
        self.execute(&renew).await.map(|_| ())
    }
}

/// That a delivery goes to a webhook of `organization`. Said so that the partial indexes serve.
fn to_webhooks(organization: &OrganizationId) -> Condition {
    Condition::all().add(Column::OrganizationId.eq(organization.as_str())).add(Column::WebhookId.is_not_null())
}

fn stored(status: DeliveryStatus) -> Stored {
    match status {
        DeliveryStatus::Pending => Stored::Pending,
        DeliveryStatus::Delivered => Stored::Delivered,
        DeliveryStatus::Failed => Stored::Failed,
    }
}

fn webhook_delivery(row: delivery::Model) -> Result<WebhookDelivery, StoreError> {
    let event = WebhookEvent::named(&row.event);
    let (Some(webhook_id), Some(event)) = (row.webhook_id, event) else {
        return Err(StoreError::corrupt(format!("{} is a delivery to no webhook, or of no event", row.id)));
    };
    let (status, waits) = match row.status {
        Stored::Pending => (DeliveryStatus::Pending, row.lease.is_none()),
        Stored::Delivered => (DeliveryStatus::Delivered, false),
        Stored::Failed => (DeliveryStatus::Failed, false),
    };
    Ok(WebhookDelivery {
        id: row.id.into(),
        webhook_id: webhook_id.into(),
        event,
        event_id: row.event_id,
        status,
        attempts: convert::number(row.attempts)?,
        last_status_code: convert::optional_number(row.last_status_code)?,
        last_error: row.last_error,
        next_attempt_at: waits.then(|| convert::instant(row.due_at)).transpose()?,
        payload: row.payload,
        created_at: convert::instant(row.created_at)?,
    })
}

fn attempt(row: &delivery_attempt::Model) -> Result<DeliveryAttempt, StoreError> {
    Ok(DeliveryAttempt {
        number: convert::number(row.number)?,
        at: convert::instant(row.at)?,
        duration_millis: convert::number(row.duration_millis)?,
        status_code: convert::optional_number(row.status_code)?,
        error: row.error.clone(),
    })
}
