//! Comparing what is occupied with what the bookings say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{booking, booking_item, occupancy, resource};
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, Iterable, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::booking::status;
use super::capacity::from_on;
use super::convert;
use super::occupancy::occupied_day;
use super::{Reader, StoreError};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, Quantum, QuantumSpan, UtcDay};
use crate::domain::units::DayUnits;

/// How many rows are read at a time: what bounds the memory that a check needs.
const AT_A_TIME: u64 = 1000;
/// More units than any resource has, to count what bookings take even where they take too much.
const NO_LIMIT: u32 = u16::MAX as u32;

/// A day on which what is stored is not what the bookings say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OccupancyDifference {
    /// The resource.
    pub resource_id: ResourceId,
    /// The day.
    pub day: UtcDay,
    /// The map that is stored.
    pub stored: DayMap,
    /// The map as it should be.
    pub computed: DayMap,
    /// The counters that are stored, if there are any.
    pub stored_units: Option<DayUnits>,
    /// The counters as they should be; `None` for a resource that counts no units.
    pub computed_units: Option<DayUnits>,
    /// The quanta of which bookings take more than there is. What is over does not count where units are counted:
    /// there may have been more of them then.
    pub overbooked: DayMap,
}

/// One resource that is checked.
struct Checked {
    id: ResourceId,
    capacity: u32,
    counted: bool,
    /// From where on what it counts has to fit into its capacity.
    now: Quantum,
}

impl Reader {
    /// Recomputes all that is occupied from the bookings that hold time, and hands `report` each day that differs. In
    /// a snapshot, one resource at a time: the memory it needs grows with the days of one resource.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn check_occupancy(
        &self,
        now: DateTime<Utc>,
        mut report: impl FnMut(OccupancyDifference) + Send,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let select = resource::Entity::find()
                .select_only()
                .columns([resource::Column::Id, resource::Column::Quantity, resource::Column::Counted])
                .filter(resource::Column::Id.gt(after.as_str()))
                .order_by(resource::Column::Id, Order::Asc)
                .limit(AT_A_TIME)
                .into_query();
            let resources: Vec<Capacity> = self.models(&select).await?;
            let Some(last) = resources.last() else { return Ok(()) };
            after.clone_from(&last.id);
            for resource in resources {
                let checked = Checked {
                    id: resource.id.into(),
                    capacity: convert::number(resource.quantity)?,
                    counted: resource.counted,
                    now: Quantum::containing(now),
                };
                self.check_resource(&checked, &mut report).await?;
            }
        }
    }

    async fn check_resource(
        &self,
        checked: &Checked,
        report: &mut (impl FnMut(OccupancyDifference) + Send),
    ) -> Result<(), StoreError> {
        let mut computed = self.computed_units(&checked.id).await?;
        let mut after = i32::MIN;
        loop {
            let select = occupancy::Entity::find()
                .filter(occupancy::Column::ResourceId.eq(checked.id.as_str()))
                .filter(occupancy::Column::Day.gt(after))
                .order_by(occupancy::Column::Day, Order::Asc)
                .limit(AT_A_TIME)
                .into_query();
            let rows: Vec<occupancy::Model> = self.models(&select).await?;
            let Some(last) = rows.last() else { break };
            after = last.day;
            for row in rows {
                let row = occupied_day(row)?;
                let units = computed.remove(&row.day).unwrap_or_default();
                report_unless_equal(checked, row.day, (row.map, row.units), &units, report);
            }
        }
        for (day, units) in computed {
            let nothing = (DayMap::EMPTY, checked.counted.then(DayUnits::default));
            report_unless_equal(checked, day, nothing, &units, report);
        }
        Ok(())
    }

    /// How many units of `resource` the bookings that hold time take on each day.
    async fn computed_units(&self, resource: &ResourceId) -> Result<BTreeMap<UtcDay, DayUnits>, StoreError> {
        let mut days: BTreeMap<UtcDay, DayUnits> = BTreeMap::new();
        let mut after = (i64::MIN, String::new());
        loop {
            let taken: Vec<TakenTime> = self.models(&taken_time(resource, &after)).await?;
            let Some(last) = taken.last() else { return Ok(days) };
            after = (last.occupied_from, last.id.clone());
            for row in taken {
                let span = QuantumSpan::new(Quantum(row.occupied_from), Quantum(row.occupied_to));
                for (day, map) in span.days() {
                    let units = days.entry(day).or_default();
                    *units = units
                        .add(map, convert::number(row.quantity)?, NO_LIMIT)
                        .map_err(|_| StoreError::corrupt(format!("booking {} takes too many units", row.id)))?;
                }
            }
        }
    }
}

#[derive(FromQueryResult)]
struct Capacity {
    id: String,
    quantity: i32,
    counted: bool,
}

/// A span that a booking takes of a resource.
#[derive(FromQueryResult)]
struct TakenTime {
    id: String,
    occupied_from: i64,
    occupied_to: i64,
    quantity: i32,
}

/// The next of the spans that bookings take of `resource`, by their start and the booking's id.
fn taken_time(resource: &ResourceId, after: &(i64, String)) -> SelectStatement {
    let holding = entity::status::BookingStatus::iter().filter(|stored| status(*stored).holds_time());
    let column = |column: booking::Column| Expr::col((booking::Entity, column));
    let mut select = booking::Entity::find()
        .select_only()
        .columns([booking::Column::Id, booking::Column::OccupiedFrom, booking::Column::OccupiedTo])
        .filter(booking::Column::Status.is_in(holding))
        .order_by(booking::Column::OccupiedFrom, Order::Asc)
        .order_by(booking::Column::Id, Order::Asc)
        .limit(AT_A_TIME)
        .into_query();
    select
        .column((booking_item::Entity, booking_item::Column::Quantity))
        .inner_join(
            booking_item::Entity,
            Expr::col((booking_item::Entity, booking_item::Column::BookingId))
                .equals((booking::Entity, booking::Column::Id)),
        )
        .and_where(booking_item::Column::ResourceId.eq(resource.as_str()))
        .and_where(
            Expr::tuple([column(booking::Column::OccupiedFrom), column(booking::Column::Id)])
                .gt(Expr::tuple([after.0.into(), after.1.as_str().into()])),
        );
    select
}

fn report_unless_equal(
    checked: &Checked,
    day: UtcDay,
    (stored, stored_units): (DayMap, Option<DayUnits>),
    units: &DayUnits,
    report: &mut impl FnMut(OccupancyDifference),
) {
    let computed = units.full(checked.capacity);
    let computed_units = checked.counted.then(|| units.clone());
    let mut overbooked = units.short_of(0, checked.capacity);
    if checked.counted {
        overbooked = overbooked & from_on(day, checked.now);
    }
    if stored != computed || stored_units != computed_units || !overbooked.is_empty() {
        let resource_id = checked.id.clone();
        report(OccupancyDifference { resource_id, day, stored, computed, stored_units, computed_units, overbooked });
    }
}
