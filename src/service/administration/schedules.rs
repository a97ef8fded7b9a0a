//! When things are open: what admins change of it, and what staff see.

mod form;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::{Administration, Change, NotMade, require_unchanged, unknown};
use crate::domain::access::{Admin, Staff};
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::id::ScheduleId;
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::schedule::{DateOverride, DayHours, Schedule, WallTime, Window};
use crate::error::Error;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::Given;
use crate::service::page::{Cursors, Page, PageRequest};
use crate::store::{Deletion, Place, Reader, ScheduleUse};
use form::{NewSchedule, ScheduleChanges};

/// Date overrides of a schedule at the most.
const MAX_OVERRIDES: usize = 1000;
/// Names of the days of the week, Monday first, as the API has them.
const WEEKDAYS: [&str; 7] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/// Overrides by their dates.
type Overrides = BTreeMap<NaiveDate, DateOverride>;

/// A window as it was given.
#[derive(Clone, Debug)]
pub struct GivenWindow {
    /// From when.
    pub start: Given<WallTime>,
    /// Until when.
    pub end: Given<WallTime>,
}

/// A window of every week as it was given.
#[derive(Clone, Debug)]
pub struct GivenWeeklyWindow {
    /// On which day.
    pub weekday: Weekday,
    /// When.
    pub window: GivenWindow,
}

/// A date override as it was given.
#[derive(Clone, Debug)]
pub struct GivenOverride {
    /// Which date.
    pub date: Given<NaiveDate>,
    /// What is open instead of the weekly windows; nothing: closed.
    pub windows: Vec<GivenWindow>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A schedule to be made.
#[derive(Clone, Debug)]
pub struct CreateSchedule {
    /// Its name.
    pub name: String,
    /// The zone whose wall clock it follows.
    pub time_zone: Given<Tz>,
    /// The windows of an ordinary week, in any order.
    pub weekly_hours: Vec<GivenWeeklyWindow>,
    /// Dates that differ, in any order.
    pub date_overrides: Vec<GivenOverride>,
}

/// What is to change of a schedule.
#[derive(Clone, Debug)]
pub struct UpdateSchedule {
    /// Which.
    pub id: ScheduleId,
    /// When it had last changed when the caller read it.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// Its name.
    pub name: Change<Option<String>>,
    /// The zone whose wall clock it follows.
    pub time_zone: Change<Option<Given<Tz>>>,
    /// The windows of an ordinary week, in any order.
    pub weekly_hours: Change<Option<Vec<GivenWeeklyWindow>>>,
}

impl Services {
    /// A schedule of the organization.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn schedule(&self, staff: &Staff, id: &ScheduleId) -> Result<Arc<Schedule>, Error> {
        let read = |reader: Arc<Reader>| async move { reader.schedule(staff.organization(), id).await };
        let found = self.parts().store.snapshot(read).await?;
        found.map(Arc::new).ok_or_else(|| Error::not_found("schedule", id.as_str()))
    }

    /// The schedules of the organization, by name.
    ///
    /// # Errors
    /// `BadInput` for a cursor of another list.
    pub async fn schedules(&self, staff: &Staff, page: PageRequest) -> Result<Page<Arc<Schedule>>, Error> {
        let organization = staff.organization();
        let cursors = Cursors::of(format!("schedules {organization:?}"));
        let part = &cursors.part(&page)?;
        let read = |reader: Arc<Reader>| async move { reader.schedules_of(organization, part).await };
        let store = &self.parts().store;
        let found = store.snapshot(read).await?;
        let total = if page.wants_total { Some(store.reader().schedule_count(organization).await?) } else { None };
        Ok(cursors.page(found, total, |schedule| Place { text: schedule.name.clone(), id: schedule.id.to_string() }))
    }

    /// Makes a schedule.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`, as of all methods here.
    pub async fn create_schedule(
        &self,
        admin: &Admin,
        request: CreateSchedule,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let new = match form::new_schedule(request) {
            Ok(new) => new,
            Err(problems) => return Ok(Err(problems)),
        };
        self.administer(admin, now, move |administration| create(administration, new.clone())).await
    }

    /// Changes what a schedule is called, its zone, and the windows of its week.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn update_schedule(
        &self,
        admin: &Admin,
        request: UpdateSchedule,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let id = request.id.clone();
        let (expected, changes) = match form::changes(request) {
            Ok(changes) => changes,
            Err(problems) => return Ok(Err(problems)),
        };
        self.administer(admin, now, move |administration| {
            let (id, ScheduleChanges { name, time_zone, weekly }) = (id.clone(), changes.clone());
            async move {
                let change = Changing { id: &id, field: "id", expected };
                change
                    .make(&administration, |schedule| {
                        schedule.name = name.applied_to(schedule.name.clone());
                        schedule.time_zone = time_zone.applied_to(schedule.time_zone);
                        schedule.weekly = weekly.applied_to(schedule.weekly.clone());
                        Ok(())
                    })
                    .await
            }
        })
        .await
    }

    /// Removes a schedule that nothing follows.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn delete_schedule(
        &self,
        admin: &Admin,
        id: ScheduleId,
        now: DateTime<Utc>,
    ) -> Result<Outcome<ScheduleId>, Error> {
        self.administer(admin, now, move |administration| delete(administration, id.clone())).await
    }

    /// Sets the overrides of some dates of a schedule; those of other dates stay.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn set_date_overrides(
        &self,
        admin: &Admin,
        id: ScheduleId,
        overrides: Vec<GivenOverride>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let overrides = match form::date_overrides("overrides", overrides) {
            Ok(overrides) => overrides,
            Err(problems) => return Ok(Err(problems)),
        };
        self.administer(admin, now, move |administration| {
            let (id, overrides) = (id.clone(), overrides.clone());
            async move {
                let change = Changing { id: &id, field: "scheduleId", expected: None };
                change
                    .make(&administration, |schedule| {
                        schedule.overrides.extend(overrides);
                        if schedule.overrides.len() > MAX_OVERRIDES {
                            return Err(too_many_overrides("overrides"));
                        }
                        Ok(())
                    })
                    .await
            }
        })
        .await
    }

    /// Removes the overrides of some dates of a schedule, where there are any: its week holds on them again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn remove_date_overrides(
        &self,
        admin: &Admin,
        id: ScheduleId,
        dates: Vec<Given<NaiveDate>>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let dates: BTreeSet<NaiveDate> = match form::dates("dates", dates) {
            Ok(dates) => dates,
            Err(problems) => return Ok(Err(problems)),
        };
        self.administer(admin, now, move |administration| {
            let (id, dates) = (id.clone(), dates.clone());
            async move {
                let change = Changing { id: &id, field: "scheduleId", expected: None };
                change
                    .make(&administration, |schedule| {
                        schedule.overrides.retain(|date, _| !dates.contains(date));
                        Ok(())
                    })
                    .await
            }
        })
        .await
    }
}

async fn create(administration: Administration, new: NewSchedule) -> Result<Arc<Schedule>, NotMade> {
    let (tx, now) = (&administration.tx, administration.now());
    let NewSchedule { name, time_zone, weekly, overrides } = new;
    let schedule = Schedule {
        id: ScheduleId::generate(administration.clock.unique()),
        organization_id: administration.organization().clone(),
        name,
        time_zone,
        weekly,
        overrides,
        created_at: now,
        updated_at: now,
    };
    // It may be the first thing that this organization has.
    tx.ensure_organization(&schedule.organization_id, now).await?;
    tx.insert_schedule(&schedule).await?;
    let (before, after) = (AuditFields::new(), shown(&schedule, &schedule.overrides));
    record(&administration, AuditAction::Created, &schedule.id, &before, &after).await?;
    Ok(Arc::new(schedule))
}

async fn delete(administration: Administration, id: ScheduleId) -> Result<ScheduleId, NotMade> {
    let (tx, organization) = (&administration.tx, administration.organization());
    let found = tx.lock_schedule(organization, &id).await?;
    let schedule = found.ok_or_else(|| unknown("schedule", id.as_str(), &["id"]))?;
    let ScheduleUse { resources, event_types } = tx.schedule_use(organization, &id).await?;
    if resources + event_types > 0 {
        let users = [counted(resources, "resource"), counted(event_types, "event type")];
        let users: Vec<String> = users.into_iter().flatten().collect();
        return Err(in_use(&users.join(" and ")).into());
    }
    // The lock keeps others from referring to it by now; if something does all the same, the database knows.
    if tx.delete_schedule(organization, &id).await? == Deletion::InUse {
        return Err(in_use("something").into());
    }
    let (before, after) = (shown(&schedule, &schedule.overrides), AuditFields::new());
    record(&administration, AuditAction::Deleted, &id, &before, &after).await?;
    Ok(id)
}

/// `2 resources`, unless there are none.
fn counted(number: u64, noun: &str) -> Option<String> {
    let plural = if number == 1 { "" } else { "s" };
    (number > 0).then(|| format!("{number} {noun}{plural}"))
}

fn in_use(users: &str) -> UserError {
    let message = format!("This schedule is used by {users}. Give them another schedule, or none, and delete it then.");
    UserError::new(Refusal::InUse, message).at(["input", "id"])
}

fn too_many_overrides(field: &str) -> UserError {
    let message =
        format!("A schedule has at most {MAX_OVERRIDES} date overrides. Remove those that have passed, or set fewer.");
    UserError::new(Refusal::LimitExceeded, message).at(["input", field])
}

/// A change of one schedule.
struct Changing<'a> {
    id: &'a ScheduleId,
    /// The field of the input that names it.
    field: &'a str,
    /// When it had last changed when the caller read it.
    expected: Option<DateTime<Utc>>,
}

impl Changing<'_> {
    /// Applies `change` to the schedule as it is, with nobody else changing it meanwhile. A change that makes no
    /// difference is none.
    async fn make(
        &self,
        administration: &Administration,
        change: impl FnOnce(&mut Schedule) -> Result<(), UserError>,
    ) -> Result<Arc<Schedule>, NotMade> {
        let tx = &administration.tx;
        let found = tx.lock_schedule(administration.organization(), self.id).await?;
        let before = found.ok_or_else(|| unknown("schedule", self.id.as_str(), &[self.field]))?;
        require_unchanged(self.expected, before.updated_at)?;
        let mut after = before.clone();
        change(&mut after)?;
        if after == before {
            return Ok(Arc::new(before));
        }
        after.updated_at = administration.later_than(before.updated_at);
        tx.update_schedule(&before, &after).await?;
        let was = shown(&before, before.overrides_unlike(&after));
        let is = shown(&after, after.overrides_unlike(&before));
        record(administration, AuditAction::Updated, self.id, &was, &is).await?;
        Ok(Arc::new(after))
    }
}

async fn record(
    administration: &Administration,
    action: AuditAction,
    id: &ScheduleId,
    before: &AuditFields,
    after: &AuditFields,
) -> Result<(), NotMade> {
    Ok(administration.record(action, AuditEntity::Schedule, id.as_str(), before, after).await?)
}

/// A schedule as the audit log shows it, with these of its overrides, by their dates.
fn shown<'a>(
    schedule: &Schedule,
    overrides: impl IntoIterator<Item = (&'a NaiveDate, &'a DateOverride)>,
) -> AuditFields {
    // What somebody adds to a schedule shows in the log, or is left out here on purpose.
    let Schedule { id: _, organization_id: _, name, time_zone, weekly, overrides: _, created_at: _, updated_at: _ } =
        schedule;
    let mut fields = AuditFields::new();
    fields.insert("name".to_owned(), json!(name));
    fields.insert("timeZone".to_owned(), json!(time_zone.name()));
    fields.insert("weeklyHours".to_owned(), shown_week(weekly));
    let overrides: Map<String, Value> =
        overrides.into_iter().map(|(date, date_override)| (date.to_string(), shown_override(date_override))).collect();
    if !overrides.is_empty() {
        fields.insert("dateOverrides".to_owned(), overrides.into());
    }
    fields
}

fn shown_week(weekly: &[DayHours; 7]) -> Value {
    let window = |weekday: &str, window: &Window| json!({ "weekday": weekday, "start": window.start().to_string(), "end": window.end().to_string() });
    let days = WEEKDAYS.into_iter().zip(weekly);
    days.flat_map(|(weekday, hours)| hours.windows().iter().map(move |of_day| window(weekday, of_day))).collect()
}

fn shown_override(date_override: &DateOverride) -> Value {
    let DateOverride { hours, reason } = date_override;
    let windows: Vec<Value> = hours
        .windows()
        .iter()
        .map(|window| json!({ "start": window.start().to_string(), "end": window.end().to_string() }))
        .collect();
    json!({ "windows": windows, "reason": reason })
}
