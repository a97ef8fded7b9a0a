//! Keys under which callers book, so that a repeated call finds what the first one made.

use chrono::{DateTime, Utc};
use entity::idempotency_key;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::OrganizationId;

/// A booking that was asked for under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Where it was asked for.
    pub organization_id: OrganizationId,
    /// Whose key it is: a user's, or a guest's session's. Different owners never meet.
    pub owner: String,
    /// The key, as the caller made it.
    pub key: String,
    /// A hash of what was asked for.
    pub fingerprint: [u8; 32],
    /// The id of what came of it: a booking, or a series.
    pub made: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What came of trying to take a key.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTaking {
    /// It is this transaction's.
    Taken,
    /// Somebody was first.
    Exists(IdempotencyRecord),
}

impl Reader {
    /// What `owner` asked for under `key`, unless that was before `not_before`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn idempotency_record(
        &self,
        organization: &OrganizationId,
        owner: &str,
        key: &str,
        not_before: DateTime<Utc>,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        use idempotency_key::Column;
        let select = idempotency_key::Entity::find()
            .filter(Column::OrganizationId.eq(organization.as_str()))
            .filter(Column::Owner.eq(owner))
            .filter(Column::Key.eq(key))
            .filter(Column::CreatedAt.gte(not_before.timestamp_millis()))
            .into_query();
        let rows: Vec<idempotency_key::Model> = self.models(&select).await?;
        rows.into_iter().next().map(record).transpose()
    }
}

impl Tx {
    /// Takes a key, also one that was last used before `not_before`. The first thing in its transaction: a twin waits
    /// here, before it has locked anything else, and then finds what the first one made.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn take_idempotency_key(
        &self,
        record: &IdempotencyRecord,
        not_before: DateTime<Utc>,
    ) -> Result<KeyTaking, StoreError> {
        use idempotency_key::Column;
        let IdempotencyRecord { organization_id, owner, key, fingerprint, made, created_at } = record;
        let row = idempotency_key::Model {
            organization_id: organization_id.to_string(),
            owner: owner.clone(),
            key: key.clone(),
            fingerprint: fingerprint.to_vec(),
            made_id: made.clone(),
            created_at: created_at.timestamp_millis(),
        };
        let is_old = Expr::col((idempotency_key::Entity, Column::CreatedAt)).lt(not_before.timestamp_millis());
        let on_conflict = OnConflict::columns([Column::OrganizationId, Column::Owner, Column::Key])
            .update_columns([Column::Fingerprint, Column::MadeId, Column::CreatedAt])
            .action_and_where(is_old)
            .to_owned();
        let insert = Insert::one(row.into_active_model()).on_conflict(on_conflict).into_query();
        if self.execute(&insert).await? == 1 {
            return Ok(KeyTaking::Taken);
        }
        match self.idempotency_record(organization_id, owner, key, not_before).await? {
            Some(first) => Ok(KeyTaking::Exists(first)),
            // The refused insert has locked the row, so it cannot have gone.
            None => Err(StoreError::corrupt("an idempotency key is taken and is not there")),
        }
    }

    /// Forgets the keys that were last used before `before`; how many.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn prune_idempotency_keys(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = idempotency_key::Entity::delete_many()
            .filter(idempotency_key::Column::CreatedAt.lt(before.timestamp_millis()))
            .into_query();
        self.execute(&delete).await
    }
}

fn record(row: idempotency_key::Model) -> Result<IdempotencyRecord, StoreError> {
    Ok(IdempotencyRecord {
        organization_id: row.organization_id.into(),
        owner: row.owner,
        key: row.key,
        fingerprint: row
            .fingerprint
            .try_into()
            .map_err(|_| StoreError::corrupt("a fingerprint does not have 32 bytes"))?,
        made: row.made_id,
        created_at: convert::instant(row.created_at)?,
    })
}
