//! What is occupied: taking time, letting it go, and reading it.
//!
//! Why one conditional upsert is enough, on PostgreSQL at READ COMMITTED as on SQLite: `INSERT … ON CONFLICT DO UPDATE
//! … WHERE (stored & new) = 0` waits for whoever is inserting or changing the same row, then locks the row's newest
//! committed version and evaluates its condition on that one, not on the statement's snapshot. So of two writers that
//! want a bit in common the second sees the first's and changes no row. (At REPEATABLE READ it would be aborted
//! instead, and repeated for nothing.) On SQLite there is one writer at a time.
//!
//! Rows are visited in the order of (resource, day) by everybody, so writers wait for each other but never in a ring.

use entity::occupancy;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, UpdateStatement};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, QuantumSpan, UtcDay};
use crate::domain::refusal::Conflict;
use crate::domain::units::DayUnits;

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

/// Units of a resource that are to be taken or let go. Made by [`Tx::lock_capacity`].
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

    /// What is in the way of taking `items` for all of `span`, within `span`, passing over the rows before `from`.
    pub(super) async fn conflicts(
        &self,
        items: &[ItemNeed],
        span: QuantumSpan,
        from: Option<(&ResourceId, UtcDay)>,
    ) -> Result<Vec<Conflict>, StoreError> {
        let ids: Vec<ResourceId> = items.iter().map(|item| item.resource_id.clone()).collect();
        let stored = self.occupancy(&ids, span).await?;
        let mut conflicts = Vec::new();
        for item in items {
            let mut found: Vec<QuantumSpan> = Vec::new();
            for (day, wanted) in span.days() {
                if from.is_some_and(|from| (&item.resource_id, day) < from) {
                    continue;
                }
                let row = stored.iter().find(|row| row.day == day && row.resource_id == item.resource_id);
                found.extend(item.short_in(row, wanted).spans(day));
            }
            conflicts.extend(joined(found).into_iter().map(|span| Conflict {
                resource_id: item.resource_id.clone(),
                start: span.start_at(),
                end: span.end_at(),
                holder: None,
            }));
        }
        Ok(conflicts)
    }
}

impl Tx {
    /// Takes `items` for all of `span`. No resource may be among them twice; their capacities are locked already.
    ///
    /// # Errors
    /// Faults of the database, and [`StoreError::Corrupt`] when a resource has rows of the other kind, with counters or
    /// without.
    pub async fn occupy(&self, items: &[ItemNeed], span: QuantumSpan) -> Result<Taking, StoreError> {
        let items = in_order(items);
        for item in &items {
            for (day, wanted) in span.days() {
                let taken = if item.counted {
                    self.take_units(item, day, wanted).await?
                } else {
                    item.quantity <= item.capacity && self.execute(&take_exclusive(item, day, wanted)).await? == 1
                };
                if taken {
                    continue;
                }
                // What lies before was free, and now holds what this transaction took.
                let conflicts = self.conflicts(&items, span, Some((&item.resource_id, day))).await?;
                if conflicts.is_empty() {
                    return Err(corrupt_day(item, day, "refuses time that is free"));
                }
                return Ok(Taking::Refused(conflicts));
            }
        }
        Ok(Taking::Taken)
    }

    /// Lets `items` go for all of `span`: exactly what was taken, all of which must be there.
    ///
    /// # Errors
    /// Faults of the database, and [`StoreError::Corrupt`] when any of it is not taken. Then the transaction must be
    /// rolled back.
    pub async fn release(&self, items: &[ItemNeed], span: QuantumSpan) -> Result<(), StoreError> {
        for item in in_order(items) {
            for (day, held) in span.days() {
                let released = if item.counted {
                    self.release_units(&item, day, held).await?
                } else {
                    self.execute(&release_exclusive(&item, day, held)).await? == 1
                };
                if !released {
                    return Err(corrupt_day(&item, day, "does not hold what a booking is to let go"));
                }
            }
        }
        Ok(())
    }

    /// Takes counted units on one day; whether they could be had.
    async fn take_units(&self, item: &ItemNeed, day: UtcDay, wanted: DayMap) -> Result<bool, StoreError> {
        // The row is made first, so that there is one to lock: of two writers one waits here for the other.
        self.execute(&make_counted_row(item, day)).await?;
        let row = self.locked_day(item, day).await?;
        let Some(units) = row.as_ref().and_then(|row| row.units.as_ref()) else {
            return Err(corrupt_day(item, day, "counts no units"));
        };
        match units.add(wanted, item.quantity, item.capacity) {
            Ok(units) => self.save_units(&item.resource_id, day, &units, item.capacity).await.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Lets counted units go on one day; whether there were as many.
    async fn release_units(&self, item: &ItemNeed, day: UtcDay, held: DayMap) -> Result<bool, StoreError> {
        let row = self.locked_day(item, day).await?;
        match row.and_then(|row| row.units).and_then(|units| units.sub(held, item.quantity)) {
            Some(units) => self.save_units(&item.resource_id, day, &units, item.capacity).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn locked_day(&self, item: &ItemNeed, day: UtcDay) -> Result<Option<OccupiedDay>, StoreError> {
        let mut select = occupancy::Entity::find_by_id((item.resource_id.to_string(), day.0)).into_query();
        select.lock(LockType::Update);
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        rows.into_iter().next().map(occupied_day).transpose()
    }

    /// Stores the units that are taken on a day of a resource with `capacity` units, and with them where none is left.
    pub(super) async fn save_units(
        &self,
        resource: &ResourceId,
        day: UtcDay,
        units: &DayUnits,
        capacity: u32,
    ) -> Result<(), StoreError> {
        let (before_noon, from_noon) = units.full(capacity).halves();
        let mut update = change(resource, day);
        update
            .value(occupancy::Column::BeforeNoon, before_noon)
            .value(occupancy::Column::FromNoon, from_noon)
            .value(occupancy::Column::Units, units.to_bytes());
        self.execute(&update).await.map(|_| ())
    }
}

/// Sets the bits of a resource without counters, unless one of them is set: changes one row, or none.
fn take_exclusive(item: &ItemNeed, day: UtcDay, wanted: DayMap) -> sea_orm::sea_query::InsertStatement {
    use occupancy::Column;
    let (before_noon, from_noon) = wanted.halves();
    let row = occupancy::Model {
        resource_id: item.resource_id.to_string(),
        day: day.0,
        before_noon,
        from_noon,
        units: None,
        revision: 1,
    };
    let free = |column: Column, bits: i64| stored(column).bit_and(bits).eq(0);
    let on_conflict = OnConflict::columns([Column::ResourceId, Column::Day])
        .value(Column::BeforeNoon, stored(Column::BeforeNoon).bit_or(before_noon))
        .value(Column::FromNoon, stored(Column::FromNoon).bit_or(from_noon))
        .value(Column::Revision, stored(Column::Revision).add(1))
        .action_and_where(free(Column::BeforeNoon, before_noon))
        .action_and_where(free(Column::FromNoon, from_noon))
        .action_and_where(stored(Column::Units).is_null())
        .to_owned();
    Insert::one(row.into_active_model()).on_conflict(on_conflict).into_query()
}

/// Clears the bits of a resource without counters, if all of them are set: changes one row, or none.
fn release_exclusive(item: &ItemNeed, day: UtcDay, held: DayMap) -> UpdateStatement {
    use occupancy::Column;
    let (before_noon, from_noon) = held.halves();
    let (keep_before_noon, keep_from_noon) = (!held).halves();
    let mut update = change(&item.resource_id, day);
    update
        .value(Column::BeforeNoon, stored(Column::BeforeNoon).bit_and(keep_before_noon))
        .value(Column::FromNoon, stored(Column::FromNoon).bit_and(keep_from_noon))
        .and_where(stored(Column::BeforeNoon).bit_and(before_noon).eq(before_noon))
        .and_where(stored(Column::FromNoon).bit_and(from_noon).eq(from_noon))
        .and_where(stored(Column::Units).is_null());
    update
}

/// A row with counters and nothing taken, unless there is one.
fn make_counted_row(item: &ItemNeed, day: UtcDay) -> sea_orm::sea_query::InsertStatement {
    use occupancy::Column;
    let row = occupancy::Model {
        resource_id: item.resource_id.to_string(),
        day: day.0,
        before_noon: 0,
        from_noon: 0,
        units: Some(DayUnits::default().to_bytes()),
        revision: 0,
    };
    let on_conflict = OnConflict::columns([Column::ResourceId, Column::Day]).do_nothing().to_owned();
    Insert::one(row.into_active_model()).on_conflict(on_conflict).into_query()
}

/// A change of one row, which counts it.
fn change(resource: &ResourceId, day: UtcDay) -> UpdateStatement {
    use occupancy::Column;
    occupancy::Entity::update_many()
        .col_expr(Column::Revision, stored(Column::Revision).add(1))
        .filter(Column::ResourceId.eq(resource.as_str()))
        .filter(Column::Day.eq(day.0))
        .into_query()
}

fn stored(column: occupancy::Column) -> Expr {
    Expr::col((occupancy::Entity, column))
}

fn in_order(items: &[ItemNeed]) -> Vec<ItemNeed> {
    let mut items = items.to_vec();
    items.sort_by(|a, b| a.resource_id.cmp(&b.resource_id));
    items
}

fn corrupt_day(item: &ItemNeed, day: UtcDay, what: &str) -> StoreError {
    StoreError::corrupt(format!("occupancy of {} on UTC day {} {what}", item.resource_id, day.0))
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
