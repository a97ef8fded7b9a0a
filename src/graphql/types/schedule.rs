//! When something is open.

use async_graphql::{Enum, ID, Object, SimpleObject};
use std::sync::Arc;

use crate::domain::schedule as domain;
use crate::error::Error;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::{Date, DateTime, TimeZone, WallTime};

/// When something is open: weekly windows, and dates that differ.
#[derive(Clone)]
pub struct Schedule(pub Arc<domain::Schedule>);

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
    fn date_overrides(
        &self,
        #[graphql(desc = "The first date to list.")] from: Option<Date>,
        #[graphql(desc = "The last date to list.")] to: Option<Date>,
    ) -> Result<Vec<DateOverride>, ApiError> {
        let parse = |date: Option<Date>, name: &str| {
            date.map(|date| date.0).transpose().map_err(|text| {
                ApiError::from(Error::BadInput(format!("`{name}` must be a date like `2026-12-24`, not `{text}`.")))
            })
        };
        let (from, to) = (parse(from, "from")?, parse(to, "to")?);
        let wanted = self
            .0
            .overrides
            .iter()
            .filter(|(date, _)| from.is_none_or(|from| **date >= from) && to.is_none_or(|to| **date <= to));
        Ok(wanted
            .map(|(date, day)| DateOverride {
                date: (*date).into(),
                windows: day
                    .hours
                    .windows()
                    .iter()
                    .map(|window| TimeWindow { start: window.start().into(), end: window.end().into() })
                    .collect(),
                reason: day.reason.clone(),
            })
            .collect())
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
