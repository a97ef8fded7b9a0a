//! What is occupied: reading it, and what units of a resource are. Taking time and letting it go is in `changing`, reading
//! for many at once in `together`.

mod changing;
mod locking;
mod together;

use std::collections::BTreeSet;

use entity::occupancy;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};

use super::convert;
use super::{Reader, StoreError};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, QuantumSpan, UtcDay};
use crate::domain::refusal::Conflict;
use crate::domain::units::DayUnits;
pub(super) use together::SharedReads;

/// What is occupied of a resource on one UTC day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OccupiedDay {
    /// The resource.
    pub resource_id: ResourceId,
    /// The day.
    pub day: UtcDay,
    /// The quanta in which no unit is left.
    pub map: DayMap,
    /// The units taken, of a resource that counts them: one that is a pool, or has been.
    pub units: Option<DayUnits>,
    /// Counts the row's changes, from 1. A day without a row has none, and nothing occupied.
    pub revision: u64,
}

/// Units of a resource that are to be taken or let go. Made by [`crate::store::Tx::lock_capacity`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemNeed {
    /// The resource.
    pub resource_id: ResourceId,
    /// How many units it has: 1 for an exclusive resource, more for a pool.
    pub capacity: u32,
    /// How many of them.
    pub quantity: u32,
    /// Whether its rows count units.
    pub(super) counted: bool,
}

impl ItemNeed {
    /// The same units for `span`.
    #[must_use]
    pub fn over(&self, span: QuantumSpan) -> Stretch {
        Stretch { need: self.clone(), span }
    }

    /// What of `wanted` cannot be had, given what is `stored`.
    fn short_in(&self, stored: Option<&OccupiedDay>, wanted: DayMap) -> DayMap {
        if self.quantity > self.capacity {
            return wanted;
        }
        match stored {
            Some(OccupiedDay { units: Some(units), .. }) => units.short_of(self.quantity, self.capacity) & wanted,
            Some(OccupiedDay { map, units: None, .. }) => *map & wanted,
            None => DayMap::EMPTY,
        }
    }
}

/// Units of a resource for a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which units.
    pub need: ItemNeed,
    /// For which span.
    pub span: QuantumSpan,
}

/// What came of trying to take time.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking {
    /// All of it is taken.
    Taken,
    /// Something is in the way. Part of it may have been taken: the transaction must be rolled back.
    Refused(Vec<Conflict>),
}

impl Reader {
    /// What is occupied on the UTC days that `span` touches, by resource and day. Days of which nothing has ever been
    /// occupied are left out.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn occupancy(&self, resources: &[ResourceId], span: QuantumSpan) -> Result<Vec<OccupiedDay>, StoreError> {
        use occupancy::Column;
        let Some((first, last)) = days_of(span).filter(|_| !resources.is_empty()) else { return Ok(Vec::new()) };
        let select = occupancy::Entity::find()
            .filter(Column::ResourceId.is_in(resources.iter().map(ResourceId::as_str)))
            .filter(Column::Day.between(first.0, last.0))
            .into_query();
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        let mut days = rows.into_iter().map(occupied_day).collect::<Result<Vec<_>, _>>()?;
        days.sort_by(|a, b| (&a.resource_id, a.day).cmp(&(&b.resource_id, b.day)));
        Ok(days)
    }
}

impl Reader {
    /// What is occupied on `days`, by resource and day. Days of which nothing has ever been occupied are left out. For
    /// days that lie apart: for a span see [`Reader::occupancy`].
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn occupancy_on(
        &self,
        resources: &[ResourceId],
        days: &BTreeSet<UtcDay>,
    ) -> Result<Vec<OccupiedDay>, StoreError> {
        use occupancy::Column;
        let select = occupancy::Entity::find()
            .filter(Column::ResourceId.is_in(resources.iter().map(ResourceId::as_str)))
            .filter(Column::Day.is_in(days.iter().map(|day| day.0)))
            .into_query();
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        rows.into_iter().map(occupied_day).collect()
    }
}

/// The first and the last day that `span` touches.
pub(super) fn days_of(span: QuantumSpan) -> Option<(UtcDay, UtcDay)> {
    (!span.is_empty()).then(|| (span.start.day(), span.end.plus(-1).day()))
}

pub(super) fn occupied_day(row: occupancy::Model) -> Result<OccupiedDay, StoreError> {
    let corrupt = || StoreError::corrupt(format!("occupancy of {} on UTC day {}", row.resource_id, row.day));
    Ok(OccupiedDay {
        map: DayMap::from_halves(row.before_noon, row.from_noon).ok_or_else(corrupt)?,
        units: row.units.as_deref().map(|bytes| DayUnits::from_bytes(bytes).ok_or_else(corrupt)).transpose()?,
        revision: convert::number(row.revision)?,
        day: UtcDay(row.day),
        resource_id: row.resource_id.into(),
    })
}

/// Spans in order, with those that touch joined: a day's end is no end.
pub(super) fn joined(spans: Vec<QuantumSpan>) -> Vec<QuantumSpan> {
    let mut joined: Vec<QuantumSpan> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => joined.push(span),
        }
    }
    joined
}
