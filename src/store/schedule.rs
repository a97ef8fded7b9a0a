//! Schedules, with their windows and as many of their date overrides as are needed.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use entity::{date_override, date_override_window, schedule, schedule_window};
use sea_orm::sea_query::{Cond, Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, Insert, IntoActiveModel, QueryFilter, QueryTrait};

use super::convert;
use super::{Reader, StoreError, Tx};
use crate::domain::id::ScheduleId;
use crate::domain::schedule::{DateOverride, DayHours, Schedule, WallTime, Window};

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
        if schedules.is_empty() {
            return Ok(Schedules::new());
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
) -> Result<Schedules, StoreError> {
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
            let schedule = schedule(model, parts)?;
            Ok((schedule.id.clone(), Arc::new(schedule)))
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
        let weekly = (0..).zip(weekly).flat_map(|(weekday, hours)| {
            hours.windows().iter().map(move |window| schedule_window::Model {
                schedule_id: id.to_string(),
                weekday,
                start_quarter: window.start().quarters().into(),
                end_quarter: window.end().quarters().into(),
            })
        });
        self.insert_all(weekly.collect()).await?;
        self.insert_overrides(id, overrides).await?;
        self.catalogue_changed(organization_id).await
    }

    async fn insert_overrides(
        &self,
        id: &ScheduleId,
        overrides: &BTreeMap<NaiveDate, DateOverride>,
    ) -> Result<(), StoreError> {
        let dates = overrides.iter().map(|(date, date_override)| date_override::Model {
            schedule_id: id.to_string(),
            date: date.to_epoch_days(),
            reason: date_override.reason.clone(),
        });
        self.insert_all(dates.collect()).await?;
        let windows = overrides.iter().flat_map(|(date, date_override)| {
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
    pub(super) async fn insert_all<M, A>(&self, models: Vec<M>) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: sea_orm::ActiveModelTrait,
    {
        let models: Vec<A> = models.into_iter().map(IntoActiveModel::into_active_model).collect();
        for part in models.chunks(1000) {
            self.execute(&Insert::many(part.iter().cloned()).into_query()).await?;
        }
        Ok(())
    }
}
