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

/// Of how many schedules the overrides are read with one statement: what a row takes while it is read is many times
/// what is kept of it.
const SCHEDULES_AT_ONCE: usize = 50;

/// Schedules by their ids.
pub type Schedules = HashMap<ScheduleId, Arc<Schedule>>;

/// Overrides by their dates.
pub type DateOverrides = BTreeMap<NaiveDate, DateOverride>;

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
        self.schedules_where(among(ids.iter().map(ScheduleId::as_str)), dates).await
    }

    /// Those of `ids` that exist, without their overrides.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedules_without_overrides(&self, ids: &[ScheduleId]) -> Result<Vec<Schedule>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(ScheduleId::as_str);
        self.complete(self.models(&schedule::Entity::find().filter(among(ids)(id_column())).into_query()).await?, None)
            .await
    }

    /// The overrides of these schedules on `dates`, where they have any. A statement for every
    /// `SCHEDULES_AT_ONCE` of them.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn date_overrides(
        &self,
        ids: &[ScheduleId],
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<HashMap<ScheduleId, DateOverrides>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(SCHEDULES_AT_ONCE) {
            let overrides = self.overrides_where(&among(ids.iter().map(ScheduleId::as_str)), dates).await?;
            found.extend(by_schedule(overrides)?);
        }
        Ok(found.into_iter().map(|(id, overrides)| (ScheduleId::from(id), overrides)).collect())
    }

    /// The schedules whose ids, in whatever column they stand, meet a condition. Three statements.
    pub(super) async fn schedules_where(
        &self,
        condition: impl Fn(Expr) -> Expr,
        dates: &RangeInclusive<NaiveDate>,
    ) -> Result<Schedules, StoreError> {
        let schedules: Vec<schedule::Model> =
            self.models(&schedule::Entity::find().filter(condition(id_column())).into_query()).await?;
        let complete = self.complete_where(schedules, condition, Some(dates)).await?;
        Ok(complete.into_iter().map(|schedule| (schedule.id.clone(), Arc::new(schedule))).collect())
    }

    /// A schedule of `organization`, without its overrides.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn schedule(
        &self,
        organization: &OrganizationId,
        id: &ScheduleId,
    ) -> Result<Option<Schedule>, StoreError> {
        let found = self.models(&select_one(organization, id)).await?;
        Ok(self.complete(found, None).await?.into_iter().next())
    }

    /// A page of the schedules of `organization`, without their overrides, by name and id.
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
        let items = self.complete(found.items, None).await?;
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

    /// `schedules` with their windows, and with their overrides of `dates`, where any are wanted.
    async fn complete(
        &self,
        schedules: Vec<schedule::Model>,
        dates: Option<&RangeInclusive<NaiveDate>>,
    ) -> Result<Vec<Schedule>, StoreError> {
        let ids: Vec<String> = schedules.iter().map(|schedule| schedule.id.clone()).collect();
        self.complete_where(schedules, among(ids.iter().map(String::as_str)), dates).await
    }

    /// The same, where `condition` is what the ids of `schedules` meet. A statement for the windows and one for the
    /// overrides.
    async fn complete_where(
        &self,
        schedules: Vec<schedule::Model>,
        condition: impl Fn(Expr) -> Expr,
        dates: Option<&RangeInclusive<NaiveDate>>,
    ) -> Result<Vec<Schedule>, StoreError> {
        if schedules.is_empty() {
            return Ok(Vec::new());
        }
        let id = Expr::col((schedule_window::Entity, schedule_window::Column::ScheduleId));
        let windows: Vec<schedule_window::Model> =
            self.models(&schedule_window::Entity::find().filter(condition(id)).into_query()).await?;
        let overrides = match dates {
            Some(dates) => self.overrides_where(&condition, dates).await?,
            None => Vec::new(),
        };
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

/// The condition that an id is one of `ids`.
fn among<'a>(ids: impl Iterator<Item = &'a str> + Clone) -> impl Fn(Expr) -> Expr {
    move |column| column.is_in(ids.clone())
}

fn id_column() -> Expr {
    Expr::col((schedule::Entity, schedule::Column::Id))
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

fn assemble(
    schedules: Vec<schedule::Model>,
    windows: Vec<schedule_window::Model>,
    overrides: Vec<Override>,
) -> Result<Vec<Schedule>, StoreError> {
    let mut weeks: HashMap<String, [Vec<Window>; 7]> = HashMap::new();
    for row in windows {
        let weekday = usize::try_from(row.weekday).unwrap_or(usize::MAX);
        let day = weeks.entry(row.schedule_id).or_default().get_mut(weekday);
        let day = day.ok_or_else(|| StoreError::corrupt(format!("there is no weekday {}", row.weekday)))?;
        day.push(window(row.start_quarter, row.end_quarter)?);
    }
    let mut overrides = by_schedule(overrides)?;
    schedules
        .into_iter()
        .map(|model| {
            let (week, overrides) = (weeks.remove(&model.id), overrides.remove(&model.id));
            schedule(model, week.unwrap_or_default(), overrides.unwrap_or_default())
        })
        .collect()
}

/// The reason of an override and its windows.
type Parts = (Option<String>, Vec<Window>);

/// The overrides of each schedule, by its id.
fn by_schedule(rows: Vec<Override>) -> Result<HashMap<String, DateOverrides>, StoreError> {
    let mut parts: HashMap<String, BTreeMap<NaiveDate, Parts>> = HashMap::new();
    for row in rows {
        let dates = parts.entry(row.schedule_id).or_default();
        let (_, windows) = dates.entry(convert::date(row.date)?).or_insert_with(|| (row.reason, Vec::new()));
        if let (Some(start), Some(end)) = (row.start_quarter, row.end_quarter) {
            windows.push(window(start, end)?);
        }
    }
    let date_override =
        |(date, (reason, windows))| Ok::<_, StoreError>((date, DateOverride { hours: hours(windows)?, reason }));
    parts
        .into_iter()
        .map(|(id, dates)| Ok((id, dates.into_iter().map(date_override).collect::<Result<_, _>>()?)))
        .collect()
}

fn schedule(model: schedule::Model, week: [Vec<Window>; 7], overrides: DateOverrides) -> Result<Schedule, StoreError> {
    let mut weekly: [DayHours; 7] = Default::default();
    for (day, windows) in weekly.iter_mut().zip(week) {
        *day = hours(windows)?;
    }
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
