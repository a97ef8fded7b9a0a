//! How many units resources have, while that is relied on and when it changes.
//!
//! A resource counts units in its rows of occupancy from when it first has more than one, and for good: so what has
//! been a pool can become one again, or be exclusive, without anything being lost, and its past days may hold more than
//! it has today. A bit is set exactly when no unit is left, whatever the quantity, so reading is one thing for all.
//!
//! Whoever takes time or lets it go locks the resource's row shared, and whoever changes its quantity exclusively:
//! between the two nothing is written by what the other no longer holds true.

use entity::{occupancy, resource};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QueryTrait};

use super::convert;
use super::occupancy::{ItemNeed, OccupiedDay, joined, occupied_day};
use super::{Reader, StoreError, Tx};
use crate::domain::booking::BookingItem;
use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::quantum::{DayMap, QUANTA_PER_DAY, Quantum, QuantumSpan, UtcDay};
use crate::domain::units::DayUnits;

impl Reader {
    /// When from `now` on more than `capacity` units of `resource` are taken, in order and apart.
    ///
    /// # Errors
    /// Faults of the database, as of all methods here.
    pub async fn occupied_beyond(
        &self,
        resource: &ResourceId,
        capacity: u32,
        now: Quantum,
    ) -> Result<Vec<QuantumSpan>, StoreError> {
        let mut beyond = Vec::new();
        for row in self.days_since(resource, now.day()).await? {
            let too_many = counted(&row).short_of(0, capacity) & from_on(row.day, now);
            beyond.extend(too_many.spans(row.day));
        }
        Ok(joined(beyond))
    }

    async fn days_since(&self, resource: &ResourceId, first: UtcDay) -> Result<Vec<OccupiedDay>, StoreError> {
        let select = occupancy::Entity::find()
            .filter(occupancy::Column::ResourceId.eq(resource.as_str()))
            .filter(occupancy::Column::Day.gte(first.0))
            .order_by(occupancy::Column::Day, Order::Asc)
            .into_query();
        let rows: Vec<occupancy::Model> = self.models(&select).await?;
        rows.into_iter().map(occupied_day).collect()
    }
}

impl Tx {
    /// Keeps the quantities of what `items` name from changing until the transaction ends, and says how each is taken
    /// and let go; what does not exist is left out. By id, and before any row of bookings or occupancy is locked.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_capacity(&self, items: &[BookingItem]) -> Result<Vec<ItemNeed>, StoreError> {
        let mut select = resource::Entity::find()
            .filter(resource::Column::Id.is_in(items.iter().map(|item| item.resource_id.as_str())))
            .order_by(resource::Column::Id, Order::Asc)
            .into_query();
        // SQLite has no row locks and needs none.
        select.lock(LockType::Share);
        let rows: Vec<resource::Model> = self.models(&select).await?;
        let found = |item: &BookingItem| rows.iter().find(|row| row.id == item.resource_id.as_str());
        items
            .iter()
            .filter_map(|item| Some((item, found(item)?)))
            .map(|(item, row)| {
                Ok(ItemNeed {
                    resource_id: item.resource_id.clone(),
                    capacity: convert::number(row.quantity)?,
                    quantity: item.quantity,
                    counted: row.counted,
                })
            })
            .collect()
    }

    /// Rewrites all days of `resource` for `capacity` units, its past ones as well. Its row is locked exclusively, and
    /// [`Reader::occupied_beyond`] has found nothing in the way.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn change_capacity(
        &self,
        organization: &OrganizationId,
        resource: &ResourceId,
        capacity: u32,
    ) -> Result<(), StoreError> {
        for row in self.days_since(resource, UtcDay(i32::MIN)).await? {
            let units = counted(&row);
            if row.units.is_none() || units.full(capacity) != row.map {
                self.save_units(resource, row.day, &units, capacity).await?;
            }
        }
        let update = resource::Entity::update_many()
            .col_expr(resource::Column::Quantity, convert::number::<u32, i32>(capacity)?.into())
            .col_expr(resource::Column::Counted, true.into())
            .filter(resource::Column::OrganizationId.eq(organization.as_str()))
            .filter(resource::Column::Id.eq(resource.as_str()))
            .into_query();
        self.execute(&update).await.map(|_| ())
    }
}

/// The units that are taken on a day, also where only bits are stored.
fn counted(row: &OccupiedDay) -> DayUnits {
    row.units.clone().unwrap_or_else(|| DayUnits::of_one(row.map))
}

/// The quanta of `day` that are not before `now`.
pub(super) fn from_on(day: UtcDay, now: Quantum) -> DayMap {
    DayMap::range(now.0 - day.first_quantum().0, QUANTA_PER_DAY)
}
