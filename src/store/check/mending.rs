//! Mending what a check has found, one thing in one transaction, while others go on booking.
//!
//! Why a row of occupancy can be recomputed on a live database: whoever takes time or lets it go changes the row of
//! that day and the booking or block in one transaction. Here the row is locked first, and only then, in later
//! statements, bookings and blocks are read. At READ COMMITTED each statement sees what was committed before it began.
//! A writer that was before us on the row has committed both of its changes by then, or neither. One that has not come
//! to the row yet waits for us there, and so cannot have committed either: it finds the row as it should be, and takes
//! or lets go from there. So what is read is what the row should say, and nothing that belongs to the row can change
//! before we commit. The resource's row is locked shared before, as everybody does who takes time: so it goes on
//! counting units, or not, and has as many as we read. On SQLite there is one writer at a time.

use chrono::{DateTime, Utc};
use entity::booking;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};

use super::bookings::{BookingFault, Standing, standings};
use crate::domain::booking::BookingItem;
use crate::domain::id::{BookingId, ResourceId};
use crate::domain::quantum::UtcDay;
use crate::store::{StoreError, Tx};

impl Tx {
    /// Makes the row of `resource` for `day` say what bookings and blocks take, unless it does already. Whether it has
    /// been changed.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn mend_occupancy(&self, resource: &ResourceId, day: UtcDay) -> Result<bool, StoreError> {
        let item = BookingItem { resource_id: resource.clone(), quantity: 0 };
        // It may have been removed meanwhile, with all its rows.
        let Some(locked) = self.lock_capacity(&[item]).await?.pop() else { return Ok(false) };
        // There has to be a row to lock.
        self.make_row(resource, day, locked.counted).await?;
        let Some(stored) = self.locked_day(resource, day).await? else {
            return Err(StoreError::corrupt(format!("occupancy of {resource} on UTC day {} is gone", day.0)));
        };
        let units = self.taken_units(resource, Some(day)).await?.remove(&day).unwrap_or_default();
        let map = units.full(locked.capacity);
        if locked.counted {
            if stored.map == map && stored.units.as_ref() == Some(&units) {
                return Ok(false);
            }
            self.save_units(resource, day, &units, locked.capacity).await?;
        } else {
            if stored.map == map && stored.units.is_none() {
                return Ok(false);
            }
            self.save_bits(resource, day, map).await?;
        }
        Ok(true)
    }

    /// Makes a booking lapse when it should, unless it does already. Whether it has been changed; its revision stays as
    /// it is, since nothing has happened to it.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn mend_lapse(&self, id: &BookingId) -> Result<bool, StoreError> {
        let mut select = standings().filter(booking::Column::Id.eq(id.as_str())).into_query();
        select.lock(LockType::Update);
        let Some(locked) = self.models::<Standing>(&select).await?.pop() else { return Ok(false) };
        let Some(BookingFault::Lapse { computed, .. }) = locked.lapse_fault()? else { return Ok(false) };
        let update = booking::Entity::update_many()
            .col_expr(booking::Column::LapsesAt, computed.map(|at: DateTime<Utc>| at.timestamp_millis()).into())
            .filter(booking::Column::Id.eq(id.as_str()))
            .into_query();
        self.execute(&update).await?;
        Ok(true)
    }
}
