//! Adding, changing and removing schedules.

use chrono::NaiveDate;
use entity::{date_override, date_override_window, schedule, schedule_window};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::{ALL_DATES, select_one};
use crate::domain::id::{OrganizationId, ScheduleId};
use crate::domain::schedule::{DateOverride, DayHours, Schedule};
use crate::store::{StoreError, Tx};

/// How many rows or values a statement is given at the most: the databases limit it.
const VALUES_AT_ONCE: usize = 1000;

impl Tx {
    /// Adds a schedule with its windows and overrides. Its organization exists already.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn insert_schedule(&self, schedule: &Schedule) -> Result<(), StoreError> {
        let Schedule { id, organization_id, name, time_zone, weekly, overrides, created_at, updated_at } = schedule;
        self.insert(schedule::Model {
            id: id.to_string(),
            organization_id: organization_id.to_string(),
            name: name.clone(),
            time_zone: time_zone.name().to_owned(),
            created_at: created_at.timestamp_millis(),
            updated_at: updated_at.timestamp_millis(),
        })
        .await?;
        self.insert_windows(id, weekly).await?;
        self.insert_overrides(id, overrides.iter()).await?;
        self.catalogue_changed(organization_id).await
    }

    /// A schedule of `organization`, with all its overrides, which nobody else changes, removes or begins to refer to
    /// until this transaction ends.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn lock_schedule(
        &self,
        organization: &OrganizationId,
        id: &ScheduleId,
    ) -> Result<Option<Schedule>, StoreError> {
        let mut select = select_one(organization, id);
        // SQLite has no row locks and needs none.
        select.lock(LockType::Update);
        let found = self.models(&select).await?;
        Ok(self.complete(found, Some(&ALL_DATES)).await?.into_iter().next())
    }

    /// Makes the schedule `before`, which is locked, into `after`: the same schedule with other contents.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn update_schedule(&self, before: &Schedule, after: &Schedule) -> Result<(), StoreError> {
        // Id, organization and the time of its making stay; of the overrides, only those that differ are touched.
        let Schedule { id, organization_id, name, time_zone, weekly, overrides: _, created_at: _, updated_at } = after;
        let update = schedule::Entity::update_many()
            .col_expr(schedule::Column::Name, Expr::val(name.as_str()))
            .col_expr(schedule::Column::TimeZone, Expr::val(time_zone.name()))
            .col_expr(schedule::Column::UpdatedAt, Expr::val(updated_at.timestamp_millis()))
            .filter(schedule::Column::OrganizationId.eq(organization_id.as_str()))
            .filter(schedule::Column::Id.eq(id.as_str()))
            .into_query();
        self.execute(&update).await?;
        if *weekly != before.weekly {
            let windows = schedule_window::Entity::delete_many()
                .filter(schedule_window::Column::ScheduleId.eq(id.as_str()))
                .into_query();
            self.execute(&windows).await?;
            self.insert_windows(id, weekly).await?;
        }
        self.remove_overrides(id, before.overrides_unlike(after)).await?;
        self.insert_overrides(id, after.overrides_unlike(before)).await?;
        self.catalogue_changed(organization_id).await
    }

    /// Removes a schedule with its windows and overrides.
    ///
    /// # Errors
    /// Faults of the database; one that [`StoreError::breaks_reference`] when something follows it.
    pub async fn delete_schedule(&self, organization: &OrganizationId, id: &ScheduleId) -> Result<(), StoreError> {
        let delete = schedule::Entity::delete_many()
            .filter(schedule::Column::OrganizationId.eq(organization.as_str()))
            .filter(schedule::Column::Id.eq(id.as_str()))
            .into_query();
        self.execute(&delete).await?;
        self.catalogue_changed(organization).await
    }

    async fn insert_windows(&self, id: &ScheduleId, weekly: &[DayHours; 7]) -> Result<(), StoreError> {
        let weekly = (0..).zip(weekly).flat_map(|(weekday, hours)| {
            hours.windows().iter().map(move |window| schedule_window::Model {
                schedule_id: id.to_string(),
                weekday,
                start_quarter: window.start().quarters().into(),
                end_quarter: window.end().quarters().into(),
            })
        });
        self.insert_all(weekly.collect()).await
    }

    async fn remove_overrides<'a>(
        &self,
        id: &ScheduleId,
        overrides: impl Iterator<Item = (&'a NaiveDate, &'a DateOverride)>,
    ) -> Result<(), StoreError> {
        let dates: Vec<i32> = overrides.map(|(date, _)| date.to_epoch_days()).collect();
        for dates in dates.chunks(VALUES_AT_ONCE) {
            let delete = date_override::Entity::delete_many()
                .filter(date_override::Column::ScheduleId.eq(id.as_str()))
                .filter(date_override::Column::Date.is_in(dates.iter().copied()))
                .into_query();
            self.execute(&delete).await?;
        }
        Ok(())
    }

    async fn insert_overrides<'a>(
        &self,
        id: &ScheduleId,
        overrides: impl Iterator<Item = (&'a NaiveDate, &'a DateOverride)> + Clone,
    ) -> Result<(), StoreError> {
        let dates = overrides.clone().map(|(date, date_override)| date_override::Model {
            schedule_id: id.to_string(),
            date: date.to_epoch_days(),
            reason: date_override.reason.clone(),
        });
        self.insert_all(dates.collect()).await?;
        let windows = overrides.flat_map(|(date, date_override)| {
            date_override.hours.windows().iter().map(|window| date_override_window::Model {
                schedule_id: id.to_string(),
                date: date.to_epoch_days(),
                start_quarter: window.start().quarters().into(),
                end_quarter: window.end().quarters().into(),
            })
        });
        self.insert_all(windows.collect()).await
    }

    /// Adds any number of rows, a thousand with each statement: the databases limit how many values one may have.
    pub(in crate::store) async fn insert_all<M, A>(&self, models: Vec<M>) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: sea_orm::ActiveModelTrait,
    {
        let models: Vec<A> = models.into_iter().map(IntoActiveModel::into_active_model).collect();
        for part in models.chunks(VALUES_AT_ONCE) {
            self.execute(&Insert::many(part.iter().cloned()).into_query()).await?;
        }
        Ok(())
    }
}
