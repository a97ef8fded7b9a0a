//! The outbox: what happened and has not been shared out yet among those who are to be told. Each row is what one
//! transaction did; see [`Tx::put_out`](super::Tx).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::outbox::{self, Column};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::OrganizationId;
use crate::domain::news::News;

/// One row of the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Counts the rows. Of two about one booking the later one has the larger number.
    pub number: i64,
    /// Whose news.
    pub organization_id: OrganizationId,
    /// What happened; `None` where it cannot be read.
    pub news: Option<News>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Reader {
    /// The first `count` rows of the outbox, apart from those that are `passed_over`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn outbox(&self, count: u64, passed_over: &BTreeSet<i64>) -> Result<Vec<OutboxRow>, StoreError> {
        let mut select = outbox::Entity::find().order_by(Column::Id, Order::Asc).limit(count);
        if !passed_over.is_empty() {
            select = select.filter(Column::Id.is_not_in(passed_over.iter().copied()));
        }
        let rows: Vec<outbox::Model> = self.models(&select.into_query()).await?;
        rows.into_iter()
            .map(|row| {
                let news = serde_json::from_str(&row.news);
                if let Err(error) = &news {
                    tracing::error!(row = row.id, %error, "what happened cannot be read: nobody is told of it by this server");
                }
                Ok(OutboxRow {
                    number: row.id,
                    organization_id: row.organization_id.into(),
                    news: news.ok(),
                    at: convert::instant(row.created_at)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Adds to the outbox what happened at `at`. What happens to bookings gets there by itself.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_news(
        &self,
        organization: &OrganizationId,
        news: &News,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let news = serde_json::to_string(news).map_err(|error| StoreError::corrupt(error.to_string()))?;
        let row = outbox::ActiveModel {
            id: NotSet,
            organization_id: Set(organization.to_string()),
            news: Set(news),
            created_at: Set(at.timestamp_millis()),
        };
        self.execute(&outbox::Entity::insert(row).into_query()).await.map(|_| ())
    }

    /// Takes rows off the outbox. The numbers of those that were there: the others somebody else has taken.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn take_from_outbox(&self, numbers: &[i64]) -> Result<Vec<i64>, StoreError> {
        // In order, so that two who take the same rows never wait for each other in a circle.
        let mut select = outbox::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.is_in(numbers.iter().copied()))
            .order_by(Column::Id, Order::Asc)
            .into_query();
        select.lock(LockType::Update);
        let rows = self.rows(&select).await?;
        let there = rows.iter().map(|row| Ok(row.try_get::<i64>("", "id")?)).collect::<Result<Vec<_>, StoreError>>()?;
        if !there.is_empty() {
            let delete = outbox::Entity::delete_many().filter(Column::Id.is_in(there.iter().copied())).into_query();
            self.execute(&delete).await?;
        }
        Ok(there)
    }
}
