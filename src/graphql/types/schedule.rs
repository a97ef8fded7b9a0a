//! When something is open.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;

use crate::domain::local_time::{FIRST_DATE, LAST_DATE};
use crate::domain::schedule as domain;
use crate::graphql::arguments::date;
use crate::graphql::error::{ApiError, from_context};
use crate::graphql::loader::{DateOverridesKey, Loads};
use crate::graphql::scalar::{Date, DateTime, TimeZone, WallTime};
use crate::graphql::types::page::connection;
use crate::graphql::types::user_error::UserErrors;

/// When something is open: weekly windows, and dates that differ.
#[derive(Clone)]
pub struct Schedule(pub Arc<domain::Schedule>);

connection!(Schedule, ScheduleConnection, ScheduleEdge, "schedules");

impl From<Arc<domain::Schedule>> for Schedule {
    fn from(schedule: Arc<domain::Schedule>) -> Self {
        Self(schedule)
    }
}

/// When something is open: weekly windows, and dates that differ.
#[Object]
impl Schedule {
    /// Its id.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Whose it is.
    async fn organization_id(&self) -> ID {
        self.0.organization_id.as_str().into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The zone whose wall clock it follows.
    async fn time_zone(&self) -> TimeZone {
        self.0.time_zone.into()
    }

    /// The windows of an ordinary week, by weekday and start.
    async fn weekly_hours(&self) -> Vec<WeeklyWindow> {
        let weekly = Weekday::ALL.into_iter().zip(&self.0.weekly);
        weekly
            .flat_map(|(weekday, windows)| {
                windows.windows().iter().map(move |window| WeeklyWindow {
                    weekday,
                    start: window.start().into(),
                    end: window.end().into(),
                })
            })
            .collect()
    }

    /// Dates whose windows replace the weekly ones, in order; only those from `from` to `to` where given.
    async fn date_overrides(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first date to list.")] from: Option<Date>,
        #[graphql(desc = "The last date to list.")] to: Option<Date>,
    ) -> Result<Vec<DateOverride>, ApiError> {
        let read = |name: &str, given: Option<Date>| {
            given.map(|given| date(name, &given)).transpose().map_err(ApiError::bad_input)
        };
        let (from, to) = (read("from", from)?.unwrap_or(FIRST_DATE), read("to", to)?.unwrap_or(LAST_DATE));
        // Read after the schedule: where it has changed in between, `updatedAt` is the older one, and whoever expects
        // it is told that it is stale.
        let key = DateOverridesKey { schedule: self.0.id.clone(), dates: from..=to };
        let found = from_context::<Loads>(ctx)?.load(key).await?.unwrap_or_default();
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// A day of the week.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum Weekday {
    /// The first day of the week.
    Monday,
    /// The second day.
    Tuesday,
    /// The third day.
    Wednesday,
    /// The fourth day.
    Thursday,
    /// The fifth day.
    Friday,
    /// The sixth day.
    Saturday,
    /// The seventh day.
    Sunday,
}

impl Weekday {
    const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];
}

impl From<Weekday> for chrono::Weekday {
    fn from(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A span of wall time that is open every week.
#[derive(SimpleObject, Clone, Debug)]
pub struct WeeklyWindow {
    /// On which day of the week.
    weekday: Weekday,
    /// From when.
    start: WallTime,
    /// Until when; `24:00` is the end of the day.
    end: WallTime,
}

/// A span of wall time that is open on one date.
#[derive(SimpleObject, Clone, Debug)]
pub struct TimeWindow {
    /// From when.
    start: WallTime,
    /// Until when; `24:00` is the end of the day.
    end: WallTime,
}

/// A date that differs from its weekday.
#[derive(SimpleObject, Clone, Debug)]
pub struct DateOverride {
    /// The date.
    date: Date,
    /// What is open instead; empty: closed.
    windows: Vec<TimeWindow>,
    /// Why, for people.
    reason: Option<String>,
}

impl From<(NaiveDate, domain::DateOverride)> for DateOverride {
    fn from((date, domain::DateOverride { hours, reason }): (NaiveDate, domain::DateOverride)) -> Self {
        let window = |window: &domain::Window| TimeWindow { start: window.start().into(), end: window.end().into() };
        Self { date: date.into(), windows: hours.windows().iter().map(window).collect(), reason }
    }
}

/// A span of wall time that is to be open every week.
#[derive(InputObject)]
pub struct WeeklyWindowInput {
    /// On which day of the week.
    pub weekday: Weekday,
    /// From when, on the quarter hour.
    pub start: WallTime,
    /// Until when, on the quarter hour; `24:00` is the end of the day. A window that crosses midnight is given as two:
    /// one until `24:00`, and one from `00:00` of the next day. A booking may go from one into the other.
    pub end: WallTime,
}

/// A span of wall time that is to be open on one date.
#[derive(InputObject)]
pub struct TimeWindowInput {
    /// From when, on the quarter hour.
    pub start: WallTime,
    /// Until when, on the quarter hour; `24:00` is the end of the day.
    pub end: WallTime,
}

/// A date that is to differ from its weekday.
#[derive(InputObject)]
pub struct DateOverrideInput {
    /// The date.
    pub date: Date,
    /// What is open instead of the weekly windows, not overlapping, at most 24; empty: closed.
    pub windows: Vec<TimeWindowInput>,
    /// Why, for people; at most 500 characters.
    pub reason: Option<String>,
}

/// A schedule to make.
#[derive(InputObject)]
pub struct CreateScheduleInput {
    /// Its name; at most 120 characters.
    pub name: String,
    /// The zone whose wall clock it follows.
    pub time_zone: TimeZone,
    /// The windows of an ordinary week, at most 100, not overlapping within a day.
    pub weekly_hours: Vec<WeeklyWindowInput>,
    /// Dates that differ, each once; at most 1,000, with at most 4,000 windows.
    #[graphql(default)]
    pub date_overrides: Vec<DateOverrideInput>,
}

/// What to change of a schedule. A field that is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateScheduleInput {
    /// Which.
    pub id: ID,
    /// `updatedAt` as the caller last read it: refused as `STALE` if somebody else has changed the schedule since.
    pub expected_updated_at: Option<DateTime>,
    /// Its name; at most 120 characters.
    pub name: MaybeUndefined<String>,
    /// The zone whose wall clock it follows.
    pub time_zone: MaybeUndefined<TimeZone>,
    /// All the windows of an ordinary week, at most 100, not overlapping within a day.
    pub weekly_hours: MaybeUndefined<Vec<WeeklyWindowInput>>,
}

/// Which schedule to remove.
#[derive(InputObject)]
pub struct DeleteScheduleInput {
    /// Which.
    pub id: ID,
}

/// Dates that are to differ from their weekdays.
#[derive(InputObject)]
pub struct SetDateOverridesInput {
    /// On which schedule.
    pub schedule_id: ID,
    /// `updatedAt` as the caller last read it: refused as `STALE` if somebody else has changed the schedule since.
    pub expected_updated_at: Option<DateTime>,
    /// The dates, each once. A schedule has at most 1,000, with at most 4,000 windows.
    pub overrides: Vec<DateOverrideInput>,
}

/// Dates that are to be like their weekdays again.
#[derive(InputObject)]
pub struct RemoveDateOverridesInput {
    /// On which schedule.
    pub schedule_id: ID,
    /// `updatedAt` as the caller last read it: refused as `STALE` if somebody else has changed the schedule since.
    pub expected_updated_at: Option<DateTime>,
    /// The dates; those without an override are passed over.
    pub dates: Vec<Date>,
}

/// What a change of a schedule came to.
#[derive(SimpleObject)]
pub struct SchedulePayload {
    /// The schedule as it is now; null when it was not changed.
    pub schedule: Option<Schedule>,
    /// Why it was not changed; empty when it was.
    pub user_errors: UserErrors,
}
