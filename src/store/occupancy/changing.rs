//! Taking time, letting it go, and moving from one to the other.
//!
//! Why one conditional upsert is enough, on PostgreSQL at READ COMMITTED as on SQLite: `INSERT … ON CONFLICT DO UPDATE
//! … WHERE (stored & new) = 0` waits for whoever is inserting or changing the same row, then locks the row's newest
//! committed version and evaluates its condition on that one, not on the statement's snapshot. So of two writers that
//! want a bit in common the second sees the first's and changes no row. (At REPEATABLE READ it would be aborted
//! instead, and repeated for nothing.) On SQLite there is one writer at a time.
//!
//! Rows are visited in the order of (resource, day) by everybody, so writers wait for each other but never in a ring.

use std::collections::BTreeMap;

use entity::occupancy;
use sea_orm::sea_query::{Expr, ExprTrait, InsertStatement, LockType, OnConflict, UpdateStatement};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::{ItemNeed, OccupiedDay, Stretch, Taking, joined, occupied_day};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, QuantumSpan, UtcDay};
use crate::domain::refusal::Conflict;
use crate::domain::units::DayUnits;
use crate::store::{StoreError, Tx};

/// The rows that change, in the order in which everybody visits them.
type Rows = BTreeMap<(ResourceId, UtcDay), RowChange>;

/// What changes in one row.
struct RowChange {
    resource_id: ResourceId,
    day: UtcDay,
    capacity: u32,
    counted: bool,
    /// What is let go: quanta, and units in each.
    old: Vec<(DayMap, u32)>,
    /// What is taken.
    new: Vec<(DayMap, u32)>,
}

impl Tx {
    /// Takes `items` for all of `span`. No resource may be among them twice; their capacities are locked already.
    ///
    /// # Errors
    /// As [`Tx::change_occupancy`].
    pub async fn occupy(&self, items: &[ItemNeed], span: QuantumSpan) -> Result<Taking, StoreError> {
        let take: Vec<Stretch> = items.iter().map(|item| item.over(span)).collect();
        self.change_occupancy(&[], &take).await
    }

    /// Lets `items` go for all of `span`: exactly what was taken, all of which must be there.
    ///
    /// # Errors
    /// As [`Tx::change_occupancy`].
    pub async fn release(&self, items: &[ItemNeed], span: QuantumSpan) -> Result<(), StoreError> {
        let let_go: Vec<Stretch> = items.iter().map(|item| item.over(span)).collect();
        self.change_occupancy(&let_go, &[]).await.map(|_| ())
    }

    /// Lets `let_go` go, all of which must be taken, and takes `take`, for which what is let go counts as free. Visits
    /// each row once, in order. What is taken of an exclusive resource may not overlap itself; the capacities of all
    /// resources are locked already.
    ///
    /// # Errors
    /// Faults of the database, and [`StoreError::Corrupt`] when something that is to be let go is not taken, when
    /// something is taken twice, and when a resource has rows of the other kind, with counters or without. Then the
    /// transaction must be rolled back.
    pub async fn change_occupancy(&self, let_go: &[Stretch], take: &[Stretch]) -> Result<Taking, StoreError> {
        let rows = rows(let_go, take)?;
        for row in rows.values() {
            let done = if row.counted { self.change_units(row).await? } else { self.change_bits(row).await? };
            if !done {
                return self.refused(&rows, row, take).await;
            }
        }
        Ok(Taking::Taken)
    }

    /// Changes a row without counters; whether what is wanted could be had.
    async fn change_bits(&self, row: &RowChange) -> Result<bool, StoreError> {
        if row.new.iter().any(|(_, quantity)| *quantity > row.capacity) {
            return Ok(false);
        }
        let (old, new) = (union(&row.old), union(&row.new));
        let changed = match (old.is_empty(), new.is_empty()) {
            (true, _) => self.execute(&take_bits(row, new)).await?,
            (false, _) => self.execute(&exchange_bits(row, old, new)).await?,
        };
        if changed == 1 {
            return Ok(true);
        }
        // Only to tell what was not as it should be: nothing is decided by this.
        let stored = self.locked_day(&row.resource_id, row.day).await?.unwrap_or_else(|| nothing(row));
        if stored.map & old != old {
            return Err(row.corrupt("does not hold what is to be let go"));
        }
        Ok(false)
    }

    /// Changes a row with counters; whether what is wanted could be had.
    async fn change_units(&self, row: &RowChange) -> Result<bool, StoreError> {
        if row.old.is_empty() {
            // The row is made first, so that there is one to lock: of two writers one waits here for the other.
            self.make_row(&row.resource_id, row.day, true).await?;
        }
        let stored = self.locked_day(&row.resource_id, row.day).await?;
        let Some(mut units) = stored.and_then(|stored| stored.units) else {
            return Err(row.corrupt("counts no units"));
        };
        for (quanta, quantity) in &row.old {
            units = units.sub(*quanta, *quantity).ok_or_else(|| row.corrupt("does not hold what is to be let go"))?;
        }
        for (quanta, quantity) in &row.new {
            match units.add(*quanta, *quantity, row.capacity) {
                Ok(more) => units = more,
                Err(_) => return Ok(false),
            }
        }
        self.save_units(&row.resource_id, row.day, &units, row.capacity).await.map(|()| true)
    }

    /// What stands in the way from `at` on. What lies before was free, and now holds what this transaction took.
    async fn refused(&self, rows: &Rows, at: &RowChange, take: &[Stretch]) -> Result<Taking, StoreError> {
        let first = (&at.resource_id, at.day);
        let Some(hull) = take.iter().map(|stretch| stretch.span).reduce(QuantumSpan::hull) else {
            return Err(at.corrupt("refuses to let time go"));
        };
        let ids: Vec<ResourceId> = take.iter().map(|stretch| stretch.need.resource_id.clone()).collect();
        let stored = self.occupancy(&ids, hull).await?;
        let mut conflicts = Vec::new();
        for Stretch { need, span } in in_order(take) {
            let mut found: Vec<QuantumSpan> = Vec::new();
            for (day, wanted) in span.days().filter(|(day, _)| (&need.resource_id, *day) >= first) {
                let row = stored.iter().find(|row| row.day == day && row.resource_id == need.resource_id);
                let others = row.map(|row| without(row, rows.get(&(need.resource_id.clone(), day))));
                found.extend(need.short_in(others.as_ref(), wanted).spans(day));
            }
            let found = joined(found).into_iter();
            conflicts.extend(found.map(|span| Conflict::occupied(&need.resource_id, span)));
        }
        if conflicts.is_empty() {
            return Err(at.corrupt("refuses time that is free"));
        }
        Ok(Taking::Refused(conflicts))
    }

    /// Makes a row in which nothing is taken, unless there is one.
    pub(in crate::store) async fn make_row(
        &self,
        resource: &ResourceId,
        day: UtcDay,
        counted: bool,
    ) -> Result<(), StoreError> {
        self.execute(&make_row(resource, day, counted)).await.map(|_| ())
    }

    /// Reads a row, and keeps others from changing it until the transaction ends.
    pub(in crate::store) async fn locked_day(
        &self,
        resource: &ResourceId,
        day: UtcDay,
    ) -> Result<Option<OccupiedDay>, StoreError> {
        let mut select = occupancy::Entity::find_by_id((resource.to_string(), day.0)).into_query();
        select.lock(LockType::Update);
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        rows.into_iter().next().map(occupied_day).transpose()
    }

    /// Stores what is taken on a day of a resource that counts no units.
    pub(in crate::store) async fn save_bits(
        &self,
        resource: &ResourceId,
        day: UtcDay,
        map: DayMap,
    ) -> Result<(), StoreError> {
        let (before_noon, from_noon) = map.halves();
        let mut update = change(resource, day);
        update
            .value(occupancy::Column::BeforeNoon, before_noon)
            .value(occupancy::Column::FromNoon, from_noon)
            .value(occupancy::Column::Units, Option::<Vec<u8>>::None);
        self.execute(&update).await.map(|_| ())
    }

    /// Stores the units that are taken on a day of a resource with `capacity` units, and with them where none is left.
    pub(in crate::store) async fn save_units(
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

impl RowChange {
    fn corrupt(&self, what: &str) -> StoreError {
        StoreError::corrupt(format!("occupancy of {} on UTC day {} {what}", self.resource_id, self.day.0))
    }
}

/// The rows that `let_go` and `take` change.
fn rows(let_go: &[Stretch], take: &[Stretch]) -> Result<Rows, StoreError> {
    let mut rows = Rows::new();
    for Stretch { need, span } in let_go {
        for (day, quanta) in span.days() {
            row_of(&mut rows, need, day).old.push((quanta, need.quantity));
        }
    }
    for Stretch { need, span } in take {
        for (day, quanta) in span.days() {
            let row = row_of(&mut rows, need, day);
            if !need.counted && !(union(&row.new) & quanta).is_empty() {
                return Err(row.corrupt("is to be taken twice"));
            }
            row.new.push((quanta, need.quantity));
        }
    }
    Ok(rows)
}

fn row_of<'a>(rows: &'a mut Rows, need: &ItemNeed, day: UtcDay) -> &'a mut RowChange {
    rows.entry((need.resource_id.clone(), day)).or_insert_with(|| RowChange {
        resource_id: need.resource_id.clone(),
        day,
        capacity: need.capacity,
        counted: need.counted,
        old: Vec::new(),
        new: Vec::new(),
    })
}

/// What is stored in a row without what `change` lets go of it.
fn without(stored: &OccupiedDay, change: Option<&RowChange>) -> OccupiedDay {
    let mut stored = stored.clone();
    for (quanta, quantity) in change.into_iter().flat_map(|change| &change.old) {
        stored.map = stored.map & !*quanta;
        stored.units = stored.units.map(|units| units.sub(*quanta, *quantity).unwrap_or(units));
    }
    stored
}

fn nothing(row: &RowChange) -> OccupiedDay {
    OccupiedDay { resource_id: row.resource_id.clone(), day: row.day, map: DayMap::EMPTY, units: None, revision: 0 }
}

fn union(parts: &[(DayMap, u32)]) -> DayMap {
    parts.iter().fold(DayMap::EMPTY, |all, (quanta, _)| all | *quanta)
}

fn in_order(stretches: &[Stretch]) -> Vec<&Stretch> {
    let mut stretches: Vec<&Stretch> = stretches.iter().collect();
    stretches.sort_by_key(|stretch| (&stretch.need.resource_id, stretch.span.start));
    stretches
}

/// Sets the bits of a resource without counters, unless one of them is set: changes one row, or none.
fn take_bits(row: &RowChange, wanted: DayMap) -> InsertStatement {
    use occupancy::Column;
    let (before_noon, from_noon) = wanted.halves();
    let made = occupancy::Model {
        resource_id: row.resource_id.to_string(),
        day: row.day.0,
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
    Insert::one(made.into_active_model()).on_conflict(on_conflict).into_query()
}

/// Clears the bits `old` of a resource without counters, if all of them are set, and sets `new`, if none of these is set
/// by anything else: changes one row, or none.
fn exchange_bits(row: &RowChange, old: DayMap, new: DayMap) -> UpdateStatement {
    use occupancy::Column;
    let mut update = change(&row.resource_id, row.day);
    let (old, kept, new) = (old.halves(), (!old).halves(), new.halves());
    let halves = [(Column::BeforeNoon, old.0, kept.0, new.0), (Column::FromNoon, old.1, kept.1, new.1)];
    for (column, old, kept, new) in halves {
        update
            .value(column, stored(column).bit_and(kept).bit_or(new))
            .and_where(stored(column).bit_and(old).eq(old))
            .and_where(stored(column).bit_and(kept).bit_and(new).eq(0));
    }
    update.and_where(stored(Column::Units).is_null());
    update
}

/// A row in which nothing is taken, unless there is one.
fn make_row(resource: &ResourceId, day: UtcDay, counted: bool) -> InsertStatement {
    use occupancy::Column;
    let made = occupancy::Model {
        resource_id: resource.to_string(),
        day: day.0,
        before_noon: 0,
        from_noon: 0,
        units: counted.then(|| DayUnits::default().to_bytes()),
        revision: 0,
    };
    let on_conflict = OnConflict::columns([Column::ResourceId, Column::Day]).do_nothing().to_owned();
    Insert::one(made.into_active_model()).on_conflict(on_conflict).into_query()
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
