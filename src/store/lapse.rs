//! Bookings whose time to be confirmed has run out.

use chrono::{DateTime, Utc};
use entity::{booking, booking_item};
use sea_orm::sea_query::ExprTrait;
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
    /// Bookings that lapse, or have lapsed already, and when: the first `count` after `after`, in order.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn next_lapses(
        &self,
        after: Option<&(DateTime<Utc>, BookingId)>,
        count: u64,
    ) -> Result<Vec<(DateTime<Utc>, BookingId)>, StoreError> {
        use booking::Column;
        let beyond = |(at, id): &(DateTime<Utc>, BookingId)| {
            let at = at.timestamp_millis();
            // The first condition says nothing more than the second, and lets the index be used.
            let later = Column::LapsesAt.gt(at).or(Column::LapsesAt.eq(at).and(Column::Id.gt(id.as_str())));
            Column::LapsesAt.gte(at).and(later)
        };
        let select = booking::Entity::find()
            .select_only()
            .columns([Column::Id, Column::LapsesAt])
            .filter(after.map_or_else(|| Column::LapsesAt.is_not_null(), beyond))
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
