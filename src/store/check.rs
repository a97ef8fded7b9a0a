//! Comparing what is stored with what follows from it: what is occupied with what bookings and blocks take, and where
//! bookings stand with what happened to them. Mending what can be mended is in `mending`.

mod bookings;
mod mending;
mod taken;

use chrono::{DateTime, Utc};
use entity::{occupancy, resource};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::capacity::from_on;
use super::convert;
use super::occupancy::occupied_day;
use super::{Reader, StoreError};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, Quantum, UtcDay};
use crate::domain::units::DayUnits;

pub use bookings::{BookingDifference, BookingFault};

/// How many rows are read at a time: what bounds the memory that a check needs.
const AT_A_TIME: u64 = 1000;

/// A day on which what is stored is not what the bookings and blocks say.
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
    /// The quanta of which more is taken than there is. What is over does not count where units are counted: there may
    /// have been more of them then.
    pub overbooked: DayMap,
    /// The ids of some of the bookings and blocks that take too much together.
    pub takers: Vec<String>,
}

impl OccupancyDifference {
    /// Whether what is stored is not what follows from bookings and blocks: what can be mended. (What is merely
    /// overbooked can not: somebody has to decide who gives way.)
    #[must_use]
    pub fn is_stored_wrong(&self) -> bool {
        self.stored != self.computed || self.stored_units != self.computed_units
    }
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
    /// Recomputes all that is occupied from the bookings that hold time and the blocks, and hands `report` each day that
    /// differs. In a snapshot, one resource at a time: the memory it needs grows with the days of one resource.
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
        let mut computed = self.taken_units(&checked.id, None).await?;
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
                if let Some(difference) = checked.difference(row.day, (row.map, row.units), units) {
                    report(self.with_takers(difference).await?);
                }
            }
        }
        for (day, units) in computed {
            let nothing = (DayMap::EMPTY, checked.counted.then(DayUnits::default));
            if let Some(difference) = checked.difference(day, nothing, units) {
                report(self.with_takers(difference).await?);
            }
        }
        Ok(())
    }

    /// The same with the bookings and blocks that take too much.
    async fn with_takers(&self, difference: OccupancyDifference) -> Result<OccupancyDifference, StoreError> {
        let takers = self.takers(&difference.resource_id, &difference.overbooked.spans(difference.day)).await?;
        Ok(OccupancyDifference { takers, ..difference })
    }
}

#[derive(FromQueryResult)]
struct Capacity {
    id: String,
    quantity: i32,
    counted: bool,
}

impl Checked {
    /// What is wrong with a day, if anything is. `units` are those that should be taken.
    fn difference(
        &self,
        day: UtcDay,
        (stored, stored_units): (DayMap, Option<DayUnits>),
        units: DayUnits,
    ) -> Option<OccupancyDifference> {
        let computed = units.full(self.capacity);
        let mut overbooked = units.short_of(0, self.capacity);
        if self.counted {
            overbooked = overbooked & from_on(day, self.now);
        }
        let computed_units = self.counted.then_some(units);
        let resource_id = self.id.clone();
        let takers = Vec::new();
        let difference = OccupancyDifference {
            resource_id,
            day,
            stored,
            computed,
            stored_units,
            computed_units,
            overbooked,
            takers,
        };
        (difference.is_stored_wrong() || !overbooked.is_empty()).then_some(difference)
    }
}
