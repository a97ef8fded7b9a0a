//! Deliveries: what is on its way to others, one queue for each lane.
//!
//! Whoever delivers leases a few: until the lease ends nobody else takes them, and if it ends without a word they are
//! anybody's again. Of what is chained only the first that is pending can be leased.

use chrono::{DateTime, Utc};
use entity::delivery::{self, Column};
use entity::delivery_attempt;
use entity::status::DeliveryStatus as Stored;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::delivery::{
    ABOUT_THE_DELIVERY, DeliveryAttempt, Lane, LeasedDelivery, NewDelivery, PATIENCE, Settled,
};
use crate::domain::id::DeliveryId;

/// How many rows one statement writes: SQLite takes no more than 32,766 values.
const ROWS_AT_A_TIME: usize = 500;
/// How many bytes of payloads.
const BYTES_AT_A_TIME: usize = 4 * 1024 * 1024;

impl Reader {
    /// The lanes on which something is pending, and when the first of it is due.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn pending_lanes(&self) -> Result<Vec<(Lane, DateTime<Utc>)>, StoreError> {
        let select = delivery::Entity::find()
            .select_only()
            .column(Column::Lane)
            .column_as(Column::DueAt.min(), "due_at")
            .filter(pending())
            .group_by(Column::Lane)
            .into_query();
        let rows = self.rows(&select).await?;
        let lanes = rows.iter().map(|row| {
            let lane: String = row.try_get("", "lane")?;
            Ok((Lane::named(&lane), convert::instant(row.try_get("", "due_at")?)?))
        });
        lanes.collect()
    }

    /// When the next of `lane` is due after `now`. What is due by then is not counted: it waits for what comes before it.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn next_due(&self, lane: &Lane, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let select = delivery::Entity::find()
            .select_only()
            .column_as(Column::DueAt.min(), "due_at")
            .filter(pending())
            .filter(Column::Lane.eq(lane.as_str()))
            .filter(Column::DueAt.gt(now.timestamp_millis()))
            .into_query();
        let rows = self.rows(&select).await?;
        let due = rows.first().map(|row| row.try_get::<Option<i64>>("", "due_at")).transpose()?;
        due.flatten().map(convert::instant).transpose()
    }

    /// Deliveries that came to their end before `before`, at most `count`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn finished_deliveries(&self, before: DateTime<Utc>, count: u64) -> Result<Vec<DeliveryId>, StoreError> {
        let select = delivery::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::FinishedAt.lt(before.timestamp_millis()))
            .limit(count)
            .into_query();
        self.rows(&select).await?.iter().map(|row| Ok(row.try_get::<String>("", "id")?.into())).collect()
    }
}

impl Tx {
    /// Adds what is to be delivered.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_deliveries(&self, deliveries: &[&NewDelivery]) -> Result<(), StoreError> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        for (delivery, left) in deliveries.iter().zip((0..deliveries.len()).rev()) {
            bytes += delivery.payload.len();
            some.push(model(delivery));
            if left == 0 || some.len() == ROWS_AT_A_TIME || bytes >= BYTES_AT_A_TIME {
                self.insert_all(std::mem::take(&mut some)).await?;
                bytes = 0;
            }
        }
        Ok(())
    }

    /// Leases the first `count` of what is due on `lane` at `now`, as `lease`, until `until`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lease_deliveries(
        &self,
        lane: &Lane,
        now: DateTime<Utc>,
        (lease, until): (&str, DateTime<Utc>),
        count: u64,
    ) -> Result<Vec<LeasedDelivery>, StoreError> {
        let before = Alias::new("before");
        let of_before = |column: Column| Expr::col((before.clone(), column));
        let waits_for = Query::select()
            .expr(Expr::val(1))
            .from_as(delivery::Entity, before.clone())
            .and_where(of_before(Column::Status).eq(Stored::Pending))
            .and_where(of_before(Column::Lane).equals((delivery::Entity, Column::Lane)))
            .and_where(of_before(Column::Chain).equals((delivery::Entity, Column::Chain)))
            .and_where(of_before(Column::Sequence).lt(Expr::col((delivery::Entity, Column::Sequence))))
            .to_owned();
        let mut select = delivery::Entity::find()
            .filter(pending())
            .filter(Column::Lane.eq(lane.as_str()))
            .filter(Column::DueAt.lte(now.timestamp_millis()))
            .filter(Condition::all().not().add(Expr::exists(waits_for)))
            .order_by(Column::DueAt, Order::Asc)
            .order_by(Column::Sequence, Order::Asc)
            .limit(count)
            .into_query();
        // What another worker is about to lease is left to it. SQLite has no row locks and needs none.
        select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let mut rows: Vec<delivery::Model> = self.models(&select).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        rows.sort_by_key(|row| row.sequence);
        let update = delivery::Entity::update_many()
            .col_expr(Column::DueAt, until.timestamp_millis().into())
            .col_expr(Column::Lease, lease.into())
            .filter(Column::Id.is_in(rows.iter().map(|row| row.id.as_str())))
            .into_query();
        self.execute(&update).await?;
        rows.into_iter().map(leased).collect()
    }

    /// Writes down what has become of what `lease` has leased. What the lease has lost meanwhile, or was removed, is
    /// left alone. Mails that have arrived are forgotten.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn settle_deliveries(
        &self,
        lease: &str,
        settled: &[(DeliveryId, Settled)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let held = self.still_leased(lease, settled.iter().map(|(id, _)| id)).await?;
        let settled: Vec<_> = settled
            .iter()
            .filter_map(|(id, settled)| held.iter().find(|row| row.id == id.as_str()).map(|row| (row, settled)))
            .collect();
        self.keep_attempts(&settled).await?;
        for (row, settled) in settled {
            let lane = Lane::named(&row.lane);
            if matches!(settled, Settled::Dropped) || lane == Lane::Mail && matches!(settled, Settled::Arrived(_)) {
                self.execute(&delivery::Entity::delete_by_id(row.id.as_str()).into_query()).await?;
                continue;
            }
            let (status, due_at) = match settled {
                Settled::Untried => (Stored::Pending, now),
                Settled::Again(_, at) => (Stored::Pending, *at),
                Settled::Arrived(_) => (Stored::Delivered, now),
                Settled::GivenUp(_) | Settled::Dropped => (Stored::Failed, now),
            };
            let mut update = delivery::Entity::update_many()
                .col_expr(Column::Status, Expr::val(status))
                .col_expr(Column::DueAt, due_at.timestamp_millis().into())
                .col_expr(Column::Lease, Expr::val(None::<String>))
                .filter(Column::Id.eq(row.id.as_str()));
            if let Some(DeliveryAttempt { number, status_code, error, .. }) = settled.attempt() {
                update = update
                    .col_expr(Column::Attempts, convert::number::<u32, i32>(*number)?.into())
                    .col_expr(Column::LastStatusCode, Expr::val(status_code.map(i32::from)))
                    .col_expr(Column::LastError, Expr::val(error.clone()));
            }
            if status != Stored::Pending {
                update = update.col_expr(Column::FinishedAt, now.timestamp_millis().into());
            }
            self.execute(&update.into_query()).await?;
        }
        Ok(())
    }

    /// Lets everything that waits on `lane` for another attempt be tried at `now`: the receiver is back. What was refused
    /// for what it is waits for its time.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn hasten_deliveries(&self, lane: &Lane, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let update = delivery::Entity::update_many()
            .col_expr(Column::DueAt, now.timestamp_millis().into())
            .filter(pending())
            .filter(Column::Lane.eq(lane.as_str()))
            .filter(Column::Lease.is_null())
            .filter(Column::DueAt.gt(now.timestamp_millis()));
        let update = match lane {
            Lane::Mail => update.filter(Column::LastStatusCode.is_null()),
            Lane::Webhook(_) => update.filter(
                Condition::any()
                    .add(Column::LastStatusCode.is_null())
                    .add(Column::LastStatusCode.is_not_in(ABOUT_THE_DELIVERY.map(i32::from))),
            ),
        };
        self.execute(&update.into_query()).await
    }

    /// Gives up what should have been given up before `before`, and is with nobody: nobody delivers it any more.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn give_up_deliveries(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let update = delivery::Entity::update_many()
            .col_expr(Column::Status, Expr::val(Stored::Failed))
            .col_expr(Column::LastError, Expr::val("Nothing was sent there any more."))
            .col_expr(Column::FinishedAt, now.timestamp_millis().into())
            .filter(pending())
            .filter(Column::RetryUntilAt.lt(before.timestamp_millis()))
            .filter(Column::DueAt.lt(now.timestamp_millis()))
            .into_query();
        self.execute(&update).await
    }

    /// Removes deliveries that have come to their end.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn delete_deliveries(&self, ids: &[DeliveryId]) -> Result<u64, StoreError> {
        let delete =
            delivery::Entity::delete_many().filter(Column::Id.is_in(ids.iter().map(DeliveryId::as_str))).into_query();
        self.execute(&delete).await
    }

    async fn still_leased(
        &self,
        lease: &str,
        ids: impl Iterator<Item = &DeliveryId>,
    ) -> Result<Vec<delivery::Model>, StoreError> {
        let mut select = delivery::Entity::find()
            .filter(Column::Id.is_in(ids.map(DeliveryId::as_str)))
            .filter(Column::Lease.eq(lease))
            .order_by(Column::Id, Order::Asc)
            .into_query();
        select.lock(LockType::Update);
        self.models(&select).await
    }

    /// Keeps what was tried, of webhooks: nobody can ask for what was tried of mails.
    async fn keep_attempts(&self, settled: &[(&delivery::Model, &Settled)]) -> Result<(), StoreError> {
        let of_webhooks = settled.iter().filter(|(row, _)| row.webhook_id.is_some());
        let attempts = of_webhooks.filter_map(|(row, settled)| Some((row, settled.attempt()?)));
        let attempts = attempts.map(|(row, attempt)| {
            let DeliveryAttempt { number, at, duration_millis, status_code, error } = attempt;
            Ok(delivery_attempt::Model {
                delivery_id: row.id.clone(),
                number: convert::number(*number)?,
                at: at.timestamp_millis(),
                duration_millis: convert::number(*duration_millis)?,
                status_code: status_code.map(i32::from),
                error: error.clone(),
            })
        });
        let attempts = attempts.collect::<Result<Vec<_>, StoreError>>()?;
        if attempts.is_empty() { Ok(()) } else { self.insert_all(attempts).await }
    }
}

fn pending() -> Expr {
    // Written out, so that both databases see that the partial indexes serve.
    Expr::cust(r#""deliveries"."status" = 'pending'"#)
}

fn model(delivery: &NewDelivery) -> delivery::Model {
    let NewDelivery { id, organization_id, lane, chain, sequence, event, event_id, payload, created_at } = delivery;
    delivery::Model {
        id: id.to_string(),
        organization_id: organization_id.to_string(),
        lane: lane.to_string(),
        webhook_id: lane.webhook().map(ToString::to_string),
        chain: chain.clone(),
        sequence: *sequence,
        event: event.clone(),
        event_id: event_id.clone(),
        payload: payload.clone(),
        status: Stored::Pending,
        attempts: 0,
        retry_until_at: (*created_at + PATIENCE).timestamp_millis(),
        due_at: created_at.timestamp_millis(),
        lease: None,
        last_status_code: None,
        last_error: None,
        created_at: created_at.timestamp_millis(),
        finished_at: None,
    }
}

fn leased(row: delivery::Model) -> Result<LeasedDelivery, StoreError> {
    Ok(LeasedDelivery {
        id: row.id.into(),
        organization_id: row.organization_id.into(),
        event: row.event,
        event_id: row.event_id,
        payload: row.payload,
        attempts: convert::number(row.attempts)?,
        retry_until: convert::instant(row.retry_until_at)?,
    })
}
