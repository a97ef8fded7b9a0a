//! Series, and the bookings that are part of them.

use entity::{booking, booking_series};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::booking::Booking;
use crate::domain::id::{BookingId, SeriesId};
use crate::domain::series::BookingSeries;

impl Reader {
    /// Those of `ids` that exist, in no particular order.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn series_by_ids(&self, ids: &[SeriesId]) -> Result<Vec<BookingSeries>, StoreError> {
        let select = booking_series::Entity::find()
            .filter(booking_series::Column::Id.is_in(ids.iter().map(SeriesId::as_str)))
            .into_query();
        let rows: Vec<booking_series::Model> = self.models(&select).await?;
        rows.into_iter().map(series).collect()
    }

    /// One series.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn series(&self, id: &SeriesId) -> Result<Option<BookingSeries>, StoreError> {
        Ok(self.series_by_ids(std::slice::from_ref(id)).await?.pop())
    }

    /// All bookings that are part of `series`, whatever has become of them, by start and id. Two statements.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn bookings_of_series(&self, series: &[SeriesId]) -> Result<Vec<Booking>, StoreError> {
        use booking::Column;
        let select = booking::Entity::find()
            .filter(Column::SeriesId.is_in(series.iter().map(SeriesId::as_str)))
            .order_by(Column::StartAt, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .into_query();
        self.with_items(self.models(&select).await?).await
    }
}

impl Tx {
    /// Adds a series. Its bookings are added one by one.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_series(&self, series: &BookingSeries) -> Result<(), StoreError> {
        let BookingSeries { id, organization_id, rrule, booker_user_id, skipped, created_at } = series;
        let skipped = serde_json::to_value(skipped)
            .map_err(|error| StoreError::corrupt(format!("what {id} skips cannot be stored: {error}")))?;
        self.insert(booking_series::Model {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            rrule: rrule.clone(),
            booker_user_id: booker_user_id.as_ref().map(ToString::to_string),
            skipped,
            created_at: created_at.timestamp_millis(),
        })
        .await
    }

    /// Reads bookings, by id, and keeps others from changing them until the transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_bookings(&self, ids: &[BookingId]) -> Result<Vec<Booking>, StoreError> {
        use booking::Column;
        let mut select = booking::Entity::find()
            .filter(Column::Id.is_in(ids.iter().map(BookingId::as_str)))
            .order_by(Column::Id, Order::Asc)
            .into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::Update);
        self.with_items(self.models(&select).await?).await
    }
}

fn series(row: booking_series::Model) -> Result<BookingSeries, StoreError> {
    let booking_series::Model { id, organization_id, rrule, booker_user_id, skipped, created_at } = row;
    Ok(BookingSeries {
        skipped: convert::list(skipped)?,
        id: id.into(),
        organization_id: organization_id.into(),
        rrule,
        booker_user_id: booker_user_id.map(Into::into),
        created_at: convert::instant(created_at)?,
    })
}
