//! Schedules, with their windows and as many of their date overrides as are needed.

mod writing;

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use entity::{date_override, date_override_window, event_type, resource, schedule, schedule_window};
use sea_orm::sea_query::{Cond, Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait, Select};

use super::convert;
use super::page::{Page, PageRequest};
use super::{Reader, StoreError};
use crate::domain::id::{OrganizationId, ScheduleId};
use crate::domain::local_time::{FIRST_DATE, LAST_DATE};
use crate::domain::schedule::{DateOverride, DayHours, Schedule, WallTime, Window};

/// All dates for which there can be an override.
const ALL_DATES: RangeInclusive<NaiveDate> = FIRST_DATE..=LAST_DATE;

pub use writing::Deletion;

/// Schedules by their ids.
pub type Schedules = HashMap<ScheduleId, Arc<Schedule>>;

impl Reader {
    /// Those of `ids` that exist, with their overrides of `dates`.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedules(
        &self,
        ids: &[ScheduleId],
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<Schedules, StoreError> {
        if ids.is_empty() {
            return Ok(Schedules::new());
        }
        let among = |column: Expr| column.is_in(ids.iter().map(ScheduleId::as_str));
        self.schedules_where(among, dates).await
    }

    /// The schedules whose ids, in whatever column they stand, meet a condition. Three statements.
    pub(super) async fn schedules_where(
        &self,
        condition: impl Fn(Expr) -> Expr,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<Schedules, StoreError> {
        let id = Expr::col((schedule::Entity, schedule::Column::Id));
        let schedules: Vec<schedule::Model> =
            self.models(&schedule::Entity::find().filter(condition(id)).into_query()).await?;
        let complete = self.complete(schedules, condition, dates).await?;
        Ok(complete.into_iter().map(|schedule| (schedule.id.clone(), Arc::new(schedule))).collect())
    }

    /// A schedule of `organization`, with all its overrides.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedule(
        &self,
        organization: &OrganizationId,
        id: &ScheduleId,
    ) -> Result<Option<Schedule>, StoreError> {
        self.schedule_by(&select_one(organization, id)).await
    }

    /// A page of the schedules of `organization`, with all their overrides, by name and id.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedules_of(
        &self,
        organization: &OrganizationId,
        page: &PageRequest,
    ) -> Result<Page<Schedule>, StoreError> {
        let mut select = of_organization(organization).into_query();
        page.narrow(&mut select, (schedule::Entity, schedule::Column::Name), (schedule::Entity, schedule::Column::Id));
        let found = page.page(self.models::<schedule::Model>(&select).await?);
        let ids: Vec<String> = found.items.iter().map(|schedule| schedule.id.clone()).collect();
        let items = self.complete(found.items, |id| id.is_in(ids.iter().map(String::as_str)), &ALL_DATES).await?;
        Ok(Page { items, has_next: found.has_next, has_previous: found.has_previous })
    }

    /// How many schedules `organization` has.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedule_count(&self, organization: &OrganizationId) -> Result<u64, StoreError> {
        self.count(of_organization(organization)).await
    }

    /// What follows the schedule.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedule_use(
        &self,
        organization: &OrganizationId,
        id: &ScheduleId,
    ) -> Result<ScheduleUse, StoreError> {
        let resources = resource::Entity::find()
            .filter(resource::Column::OrganizationId.eq(organization.as_str()))
            .filter(resource::Column::ScheduleId.eq(id.as_str()));
        let event_types = event_type::Entity::find()
            .filter(event_type::Column::OrganizationId.eq(organization.as_str()))
            .filter(event_type::Column::ScheduleId.eq(id.as_str()));
        Ok(ScheduleUse { resources: self.count(resources).await?, event_types: self.count(event_types).await? })
    }

    async fn schedule_by(&self, select: &SelectStatement) -> Result<Option<Schedule>, StoreError> {
        let found: Vec<schedule::Model> = self.models(select).await?;
        let ids: Vec<String> = found.iter().map(|schedule| schedule.id.clone()).collect();
        let complete = self.complete(found, |id| id.is_in(ids.iter().map(String::as_str)), &ALL_DATES).await?;
        Ok(complete.into_iter().next())
    }

    /// `schedules` with their windows, and with their overrides of `dates`; `condition` is what their ids meet. Two
    /// statements.
    async fn complete(
        &self,
        schedules: Vec<schedule::Model>,
        condition: impl Fn(Expr) -> Expr,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<Vec<Schedule>, StoreError> {
        if schedules.is_empty() {
            return Ok(Vec::new());
        }
        let id = Expr::col((schedule_window::Entity, schedule_window::Column::ScheduleId));
        let windows: Vec<schedule_window::Model> =
            self.models(&schedule_window::Entity::find().filter(condition(id)).into_query()).await?;
        let overrides = self.overrides_where(&condition, dates).await?;
        assemble(schedules, windows, overrides)
    }

    async fn overrides_where(
        &self,
        condition: &impl Fn(Expr) -> Expr,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<Vec<Override>, StoreError> {
        use date_override_window::Column as OverrideWindow;
        let (from, to) = (dates.start().to_epoch_days(), dates.end().to_epoch_days());
        let id = Expr::col((date_override::Entity, date_override::Column::ScheduleId));
        let mut select: SelectStatement = date_override::Entity::find()
            .filter(condition(id))
            .filter(date_override::Column::Date.between(from, to))
            .into_query();
        select
            .column((date_override_window::Entity, OverrideWindow::StartQuarter))
            .column((date_override_window::Entity, OverrideWindow::EndQuarter))
            .left_join(
                date_override_window::Entity,
                Cond::all()
                    .add(
                        Expr::col((date_override_window::Entity, OverrideWindow::ScheduleId))
                            .equals((date_override::Entity, date_override::Column::ScheduleId)),
                    )
                    .add(
                        Expr::col((date_override_window::Entity, OverrideWindow::Date))
                            .equals((date_override::Entity, date_override::Column::Date)),
                    ),
            );
        self.models(&select).await
    }
}

fn of_organization(organization: &OrganizationId) -> Select<schedule::Entity> {
    schedule::Entity::find().filter(schedule::Column::OrganizationId.eq(organization.as_str()))
}

fn select_one(organization: &OrganizationId, id: &ScheduleId) -> SelectStatement {
    of_organization(organization).filter(schedule::Column::Id.eq(id.as_str())).into_query()
}

/// What follows a schedule.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ScheduleUse {
    /// How many resources.
    pub resources: u64,
    /// How many event types.
    pub event_types: u64,
}

/// A date override with one of its windows, or without any.
#[derive(sea_orm::FromQueryResult)]
struct Override {
    schedule_id: String,
    date: i32,
    reason: Option<String>,
    start_quarter: Option<i16>,
    end_quarter: Option<i16>,
}

#[derive(Default)]
struct Parts {
    weekly: [Vec<Window>; 7],
    overrides: BTreeMap<NaiveDate, (Option<String>, Vec<Window>)>,
}

fn assemble(
    schedules: Vec<schedule::Model>,
    windows: Vec<schedule_window::Model>,
    overrides: Vec<Override>,
) -> Result<Vec<Schedule>, StoreError> {
    let mut parts: HashMap<String, Parts> = HashMap::new();
    for row in windows {
        let weekday = usize::try_from(row.weekday).unwrap_or(usize::MAX);
        let day = parts.entry(row.schedule_id).or_default().weekly.get_mut(weekday);
        let day = day.ok_or_else(|| StoreError::corrupt(format!("there is no weekday {}", row.weekday)))?;
        day.push(window(row.start_quarter, row.end_quarter)?);
    }
    for row in overrides {
        let overrides = &mut parts.entry(row.schedule_id).or_default().overrides;
        let (_, windows) = overrides.entry(convert::date(row.date)?).or_insert_with(|| (row.reason, Vec::new()));
        if let (Some(start), Some(end)) = (row.start_quarter, row.end_quarter) {
            windows.push(window(start, end)?);
        }
    }
    schedules
        .into_iter()
        .map(|model| {
            let parts = parts.remove(&model.id).unwrap_or_default();
            schedule(model, parts)
        })
        .collect()
}

fn schedule(model: schedule::Model, parts: Parts) -> Result<Schedule, StoreError> {
    let mut weekly: [DayHours; 7] = Default::default();
    for (day, windows) in weekly.iter_mut().zip(parts.weekly) {
        *day = hours(windows)?;
    }
    let overrides = parts
        .overrides
        .into_iter()
        .map(|(date, (reason, windows))| Ok((date, DateOverride { hours: hours(windows)?, reason })))
        .collect::<Result<_, StoreError>>()?;
    Ok(Schedule {
        id: model.id.into(),
        organization_id: model.organization_id.into(),
        name: model.name,
        time_zone: convert::zone(&model.time_zone)?,
        weekly,
        overrides,
        created_at: convert::instant(model.created_at)?,
        updated_at: convert::instant(model.updated_at)?,
    })
}

fn window(start: i16, end: i16) -> Result<Window, StoreError> {
    let time = |quarter: i16| {
        WallTime::from_quarters(convert::number(quarter)?)
            .ok_or_else(|| StoreError::corrupt(format!("a day has no quarter hour {quarter}")))
    };
    Window::new(time(start)?, time(end)?).map_err(|error| StoreError::corrupt(error.to_string()))
}

fn hours(windows: Vec<Window>) -> Result<DayHours, StoreError> {
    DayHours::new(windows).map_err(|error| StoreError::corrupt(error.to_string()))
}
