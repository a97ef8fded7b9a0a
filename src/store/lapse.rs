//! Bookings whose time to be confirmed has run out.

use chrono::{DateTime, Utc};
use entity::{booking, booking_item};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::convert;
use super::{Reader, StoreError};
use crate::domain::id::{BookingId, ResourceId};
use crate::domain::quantum::QuantumSpan;

#[derive(FromQueryResult)]
struct Lapse {
    id: String,
    lapses_at: Option<i64>,
}

impl Reader {
    /// The `count` bookings that lapse next, or have lapsed already, the first of them first, and when.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn next_lapses(&self, count: u64) -> Result<Vec<(DateTime<Utc>, BookingId)>, StoreError> {
        use booking::Column;
        let select = booking::Entity::find()
            .select_only()
            .columns([Column::Id, Column::LapsesAt])
            .filter(Column::LapsesAt.is_not_null())
            .order_by(Column::LapsesAt, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .limit(count)
            .into_query();
        let rows: Vec<Lapse> = self.models(&select).await?;
        let lapses = rows.into_iter().filter_map(|row| Some((row.lapses_at?, row.id)));
        lapses.map(|(at, id)| Ok((convert::instant(at)?, id.into()))).collect()
    }

    /// Bookings that have lapsed at `now` and still occupy some of `span` of one of `resources`, at most `count`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lapsed_in(
        &self,
        resources: &[ResourceId],
        span: QuantumSpan,
        now: DateTime<Utc>,
        count: u64,
    ) -> Result<Vec<BookingId>, StoreError> {
        use booking::Column;
        let on_these = booking_item::Entity::find()
            .select_only()
            .column(booking_item::Column::BookingId)
            .filter(booking_item::Column::ResourceId.is_in(resources.iter().map(ResourceId::as_str)))
            .into_query();
        let select = booking::Entity::find()
            .select_only()
            .columns([Column::Id, Column::LapsesAt])
            // No status is looked at: only what waits to be confirmed lapses.
            .filter(Column::LapsesAt.lte(now.timestamp_millis()))
            .filter(Column::OccupiedFrom.lt(span.end.0))
            .filter(Column::OccupiedTo.gt(span.start.0))
            .filter(Column::Id.in_subquery(on_these))
            .order_by(Column::Id, Order::Asc)
            .limit(count)
            .into_query();
        let rows: Vec<Lapse> = self.models(&select).await?;
        Ok(rows.into_iter().map(|row| row.id.into()).collect())
    }
}
