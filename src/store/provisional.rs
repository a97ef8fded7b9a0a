//! The places that a caller has for provisional bookings: so many and no more, however many are asked for at once.

use chrono::{DateTime, Utc};
use entity::provisional_slot;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::{Reader, StoreError, Tx};
use crate::domain::id::BookingId;

/// A place that is wanted for a provisional booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionalPlace {
    /// Whose it is: a keyed hash.
    pub caller: String,
    /// What takes it.
    pub booking_id: BookingId,
    /// When that lapses. From then on the place is free again, whether or not anything has noticed.
    pub until: DateTime<Utc>,
}

impl Reader {
    /// How many places of `caller` are taken at `now`.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn provisional_slots_taken(&self, caller: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        use provisional_slot::Column;
        let taken = provisional_slot::Entity::find()
            .filter(Column::Caller.eq(caller))
            .filter(Column::UntilAt.gt(now.timestamp_millis()));
        self.count(taken).await
    }
}

impl Tx {
    /// Takes a place for a booking that has been inserted, of the `places` that each caller has; `false` when none is
    /// free at `now`. The last thing in its transaction, so that whoever waits for the same places holds up nobody
    /// else: they are tried in one order, and a place that is being taken or freed is waited for.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn take_provisional_slot(
        &self,
        place: &ProvisionalPlace,
        places: i16,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        use provisional_slot::Column;
        for slot in 1..=places {
            let row = provisional_slot::Model {
                caller: place.caller.clone(),
                slot,
                booking_id: place.booking_id.to_string(),
                until_at: place.until.timestamp_millis(),
            };
            let is_over = Expr::col((provisional_slot::Entity, Column::UntilAt)).lte(now.timestamp_millis());
            let on_conflict = OnConflict::columns([Column::Caller, Column::Slot])
                .update_columns([Column::BookingId, Column::UntilAt])
                .action_and_where(is_over)
                .to_owned();
            let insert = Insert::one(row.into_active_model()).on_conflict(on_conflict).into_query();
            if self.execute(&insert).await? == 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Frees the place of a booking that is not provisional any more, unless another one has it by now. The last thing
    /// in its transaction.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn free_provisional_slot(&self, booking: &BookingId) -> Result<(), StoreError> {
        let delete = provisional_slot::Entity::delete_many()
            .filter(provisional_slot::Column::BookingId.eq(booking.as_str()))
            .into_query();
        self.execute(&delete).await.map(|_| ())
    }

    /// Forgets the places that are free since before `now`; how many.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn prune_provisional_slots(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = provisional_slot::Entity::delete_many()
            .filter(provisional_slot::Column::UntilAt.lte(now.timestamp_millis()))
            .into_query();
        self.execute(&delete).await
    }
}
