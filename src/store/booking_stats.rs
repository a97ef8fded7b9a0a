//! What the bookings of a span come to, added up by the database: a statement each, however many there are.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{block, booking, booking_item, status};
use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, Iterable, QueryFilter, QuerySelect, QueryTrait};

use super::booking::status;
use super::booking_list::{books, not_lapsed, overlaps};
use super::{Reader, StoreError, convert};
use crate::domain::booking::BookingStatus;
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::local_time::InstantSpan;
use crate::domain::quantum::{QUANTUM_MINUTES, Quantum, QuantumSpan};

/// The milliseconds of a quantum.
const QUANTUM_MILLIS: i64 = QUANTUM_MINUTES * 60 * 1000;
/// How much more than itself a booking occupies at either end: a day of buffer at the most, and some of a quantum.
const AROUND: TimeDelta = TimeDelta::days(2);
/// No block is longer.
const LONGEST_BLOCK: TimeDelta = TimeDelta::days(367);

/// Which bookings are added up.
#[derive(Clone, Debug)]
pub struct StatsFilter {
    /// Of this organization.
    pub organization_id: OrganizationId,
    /// Of this resource only, as primary resource or add-on.
    pub resource_id: Option<ResourceId>,
    /// What overlaps this, in whole milliseconds.
    pub span: InstantSpan,
    /// As they are seen at this instant.
    pub now: DateTime<Utc>,
}

/// A span in which some units of a resource are out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedTime {
    /// The resource.
    pub resource_id: ResourceId,
    /// How many of its units.
    pub quantity: u32,
    /// When.
    pub span: QuantumSpan,
}

#[derive(FromQueryResult)]
struct StatusRow {
    status: status::BookingStatus,
    bookings: i64,
    lapsed: i64,
}

#[derive(FromQueryResult)]
struct OccupiedRow {
    resource_id: String,
    unit_millis: i64,
}

#[derive(FromQueryResult)]
struct BlockRow {
    resource_id: String,
    quantity: i32,
    occupied_from: i64,
    occupied_to: i64,
}

impl Reader {
    /// How many bookings overlap the span, by where they stand; none of what there are none of.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn bookings_by_status(&self, filter: &StatsFilter) -> Result<HashMap<BookingStatus, u64>, StoreError> {
        let StatsFilter { organization_id, resource_id, span, now } = filter;
        let column = |column: booking::Column| Expr::col((booking::Entity, column));
        let lapsed = Expr::case(column(booking::Column::LapsesAt).lte(now.timestamp_millis()), 1_i64).finally(0_i64);
        let select = Query::select()
            .column((booking::Entity, booking::Column::Status))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("bookings"))
            .expr_as(whole(Func::sum(lapsed).into()), Alias::new("lapsed"))
            .from(booking::Entity)
            .and_where(column(booking::Column::OrganizationId).eq(organization_id.as_str()))
            .cond_where(overlaps(Some(span.start), Some(span.end)))
            .cond_where(Condition::all().add_option(resource_id.as_ref().map(books)))
            .group_by_col((booking::Entity, booking::Column::Status))
            .to_owned();
        let mut counts = HashMap::new();
        for StatusRow { status: stored, bookings, lapsed } in self.models(&select).await? {
            for (status, count) in [(status(stored), bookings - lapsed), (BookingStatus::Expired, lapsed)] {
                if count > 0 {
                    *counts.entry(status).or_default() += convert::number::<i64, u64>(count)?;
                }
            }
        }
        Ok(counts)
    }

    /// How long each resource is occupied in the span by bookings, buffers included, times its units, in milliseconds;
    /// nothing of a resource that is not.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn occupied_millis(&self, filter: &StatsFilter) -> Result<HashMap<ResourceId, i64>, StoreError> {
        let rows: Vec<OccupiedRow> = self.models(&occupied(filter)).await?;
        Ok(rows.into_iter().map(|row| (row.resource_id.into(), row.unit_millis)).collect())
    }

    /// What is blocked of the span, at most `count` blocks.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn blocked_time(&self, filter: &StatsFilter, count: u64) -> Result<Vec<BlockedTime>, StoreError> {
        use block::Column;
        let StatsFilter { organization_id, resource_id, span, now: _ } = filter;
        let quanta = span.covering();
        let select = block::Entity::find()
            .select_only()
            .columns([Column::ResourceId, Column::Quantity, Column::OccupiedFrom, Column::OccupiedTo])
            .filter(Column::OrganizationId.eq(organization_id.as_str()))
            .filter(Condition::all().add_option(resource_id.as_ref().map(|id| Column::ResourceId.eq(id.as_str()))))
            .filter(Column::OccupiedFrom.lt(quanta.end.0))
            .filter(Column::OccupiedTo.gt(quanta.start.0))
            // These follow from those above, and are what the indexes can use.
            .filter(Column::StartAt.gt((span.start - LONGEST_BLOCK).timestamp_millis()))
            .filter(Column::StartAt.lt((span.end + AROUND).timestamp_millis()))
            .limit(count)
            .into_query();
        let rows: Vec<BlockRow> = self.models(&select).await?;
        let blocked = |row: BlockRow| {
            Ok(BlockedTime {
                resource_id: row.resource_id.into(),
                quantity: convert::number(row.quantity)?,
                span: QuantumSpan::new(Quantum(row.occupied_from), Quantum(row.occupied_to)),
            })
        };
        rows.into_iter().map(blocked).collect()
    }
}

fn occupied(filter: &StatsFilter) -> SelectStatement {
    use booking::Column;
    let StatsFilter { organization_id, resource_id, span, now } = filter;
    let (quanta, from, to) = (span.covering(), span.start.timestamp_millis(), span.end.timestamp_millis());
    let column = |column: Column| Expr::col((booking::Entity, column));
    let item = |column: booking_item::Column| Expr::col((booking_item::Entity, column));
    let start = || column(Column::OccupiedFrom).mul(QUANTUM_MILLIS);
    let end = || column(Column::OccupiedTo).mul(QUANTUM_MILLIS);
    let clipped_start = Expr::case(start().gt(from), start()).finally(from);
    let clipped_end = Expr::case(end().lt(to), end()).finally(to);
    let millis = Expr::expr(clipped_end).sub(clipped_start);
    let holding = status::BookingStatus::iter().filter(|stored| status(*stored).holds_time());
    Query::select()
        .column((booking_item::Entity, booking_item::Column::ResourceId))
        .expr_as(whole(Func::sum(item(booking_item::Column::Quantity).mul(millis)).into()), Alias::new("unit_millis"))
        .from(booking::Entity)
        .inner_join(booking_item::Entity, item(booking_item::Column::BookingId).equals((booking::Entity, Column::Id)))
        .and_where(column(Column::OrganizationId).eq(organization_id.as_str()))
        .and_where(Column::Status.is_in(holding))
        .cond_where(not_lapsed(*now))
        .and_where(column(Column::OccupiedFrom).lt(quanta.end.0))
        .and_where(column(Column::OccupiedTo).gt(quanta.start.0))
        // Follows from those above, and is what the index can use.
        .cond_where(overlaps(Some(span.start - AROUND), Some(span.end + AROUND)))
        .cond_where(
            Condition::all()
                .add_option(resource_id.as_ref().map(|id| item(booking_item::Column::ResourceId).eq(id.as_str()))),
        )
        .group_by_col((booking_item::Entity, booking_item::Column::ResourceId))
        .to_owned()
}

/// A sum as the whole number that it is: PostgreSQL adds whole numbers up to one of any size.
fn whole(sum: Expr) -> Expr {
    sum.cast_as(Alias::new("bigint"))
}
