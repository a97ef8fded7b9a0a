//! How far bookings have been looked at for reminders: a place in the order of their starts. Whoever moves it on holds
//! the row's lock, so of several servers on one database only one reminds of a booking.

use chrono::{DateTime, Utc};
use entity::status::BookingStatus as Stored;
use entity::{booking, reminder_mark};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::BookingId;

/// The one row's id.
const ROW: i32 = 1;

/// Up to where bookings have been looked at, in the order of their starts and ids: up to this one and with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReminderMark {
    /// When the booking starts.
    pub start: DateTime<Utc>,
    /// Its id; none at all comes before all that start then.
    pub id: BookingId,
}

impl ReminderMark {
    /// Before all bookings that start at `start`, and after all that start earlier.
    #[must_use]
    pub fn before(start: DateTime<Utc>) -> Self {
        Self { start, id: BookingId::from("") }
    }
}

impl Reader {
    /// Confirmed bookings with an address to write to, that start after `mark` and before `until`: the first `count`, in
    /// the order of marks.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn to_be_reminded(
        &self,
        mark: &ReminderMark,
        until: DateTime<Utc>,
        count: u64,
    ) -> Result<Vec<ReminderMark>, StoreError> {
        use booking::Column;
        let at = mark.start.timestamp_millis();
        let select = booking::Entity::find()
            .select_only()
            .columns([Column::Id, Column::StartAt])
            // The first two say nothing more than the third, and bound what is read of the index.
            .filter(Column::StartAt.gte(at))
            .filter(Column::StartAt.lt(until.timestamp_millis()))
            .filter(Column::StartAt.gt(at).or(Column::Id.gt(mark.id.as_str())))
            .filter(Column::Status.eq(Stored::Confirmed))
            .filter(Column::BookerEmail.is_not_null())
            .order_by(Column::StartAt, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .limit(count)
            .into_query();
        let rows = self.rows(&select).await?;
        let marks = rows.iter().map(|row| {
            let (id, start): (String, i64) = (row.try_get("", "id")?, row.try_get("", "start_at")?);
            Ok(ReminderMark { start: convert::instant(start)?, id: id.into() })
        });
        marks.collect()
    }
}

impl Tx {
    /// The mark, locked; `first` becomes it where there is none yet.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_reminder_mark(&self, first: &ReminderMark) -> Result<ReminderMark, StoreError> {
        let row = reminder_mark::ActiveModel {
            id: Set(ROW),
            looked_until_at: Set(first.start.timestamp_millis()),
            looked_until_id: Set(stored(first)),
        };
        let there = OnConflict::column(reminder_mark::Column::Id).do_nothing().to_owned();
        self.execute(&reminder_mark::Entity::insert(row).on_conflict(there).into_query()).await?;
        let mut select = reminder_mark::Entity::find_by_id(ROW).into_query();
        select.lock(LockType::Update);
        let rows: Vec<reminder_mark::Model> = self.models(&select).await?;
        let row = rows.into_iter().next().ok_or_else(|| StoreError::corrupt("there is no mark for reminders"))?;
        Ok(ReminderMark {
            start: convert::instant(row.looked_until_at)?,
            id: row.looked_until_id.unwrap_or_default().into(),
        })
    }

    /// Moves the mark, which this transaction has locked, on to `mark`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn save_reminder_mark(&self, mark: &ReminderMark) -> Result<(), StoreError> {
        use reminder_mark::Column;
        let update = reminder_mark::Entity::update_many()
            .col_expr(Column::LookedUntilAt, mark.start.timestamp_millis().into())
            .col_expr(Column::LookedUntilId, Expr::val(stored(mark)))
            .filter(Column::Id.eq(ROW))
            .into_query();
        self.execute(&update).await.map(|_| ())
    }
}

/// The id of `mark` as it is stored: none at all is null.
fn stored(mark: &ReminderMark) -> Option<String> {
    Some(mark.id.to_string()).filter(|id| !id.is_empty())
}
