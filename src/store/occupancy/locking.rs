//! Keeping others from changing what is occupied, where it is decided by what was read.

use std::collections::BTreeSet;

use entity::occupancy;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{FromQueryResult, Insert, IntoActiveModel, QueryTrait};

use super::{ItemNeed, OccupiedDay, occupied_day};
use crate::domain::quantum::UtcDay;
use crate::domain::units::DayUnits;
use crate::store::{StoreError, Tx};

/// Rows that are locked with one statement: the databases limit how many values one may have.
const ROWS_AT_ONCE: usize = 500;

impl Tx {
    /// Reads what is occupied of `items` on `days`, and keeps others from changing it until the transaction ends. Makes
    /// the rows that are missing, so that there is something to lock. In the order in which everybody visits rows; the
    /// capacities of all resources are locked already.
    ///
    /// One pass that makes or locks each row: with one that makes them and another that locks them, two writers could
    /// wait for each other.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_occupancy(
        &self,
        items: &[ItemNeed],
        days: &BTreeSet<UtcDay>,
    ) -> Result<Vec<OccupiedDay>, StoreError> {
        let mut items: Vec<&ItemNeed> = items.iter().collect();
        items.sort_by_key(|item| &item.resource_id);
        let rows: Vec<occupancy::ActiveModel> =
            items.into_iter().flat_map(|item| days.iter().map(|day| untaken(item, *day).into_active_model())).collect();
        let mut locked = Vec::with_capacity(rows.len());
        for rows in rows.chunks(ROWS_AT_ONCE) {
            use occupancy::Column;
            // Changes nothing, and so counts no change; but it locks the row's newest version, and returns it.
            let lock = OnConflict::columns([Column::ResourceId, Column::Day])
                .value(Column::Revision, Expr::col((occupancy::Entity, Column::Revision)))
                .to_owned();
            let mut insert = Insert::many(rows.iter().cloned()).on_conflict(lock).into_query();
            insert.returning_all();
            for row in self.rows(&insert).await? {
                locked.push(occupied_day(occupancy::Model::from_query_result(&row, "")?)?);
            }
        }
        Ok(locked)
    }
}

/// The row of a day of which nothing is taken.
fn untaken(item: &ItemNeed, day: UtcDay) -> occupancy::Model {
    occupancy::Model {
        resource_id: item.resource_id.to_string(),
        day: day.0,
        before_noon: 0,
        from_noon: 0,
        units: item.counted.then(|| DayUnits::default().to_bytes()),
        revision: 0,
    }
}
