//! When things are open: what admins change of it, and what staff see.

mod form;
mod shown;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;

use super::{Administration, Change, NotMade, require_unchanged, unknown};
use crate::domain::access::{Admin, Staff};
use crate::domain::audit::{AuditAction, AuditEntity, AuditFields};
use crate::domain::id::ScheduleId;
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::schedule::{Schedule, WallTime};
use crate::error::Error;
use crate::service::Services;
use crate::service::booking::Outcome;
use crate::service::input::{Given, Problems};
use crate::service::page::{Cursors, Page, PageRequest};
use crate::store::{Place, Reader, ScheduleUse};
use form::{NewSchedule, ScheduleChanges};

/// Date overrides of a schedule at the most.
const MAX_OVERRIDES: usize = 1000;
/// Windows that these have together at the most: whoever changes a schedule reads all of them.
const MAX_OVERRIDE_WINDOWS: usize = 4000;
/// Schedules of an organization at the most.
const MAX_SCHEDULES: u64 = 1000;

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

/// Dates that are to differ from their weekdays.
#[derive(Clone, Debug)]
pub struct SetDateOverrides {
    /// On which schedule.
    pub schedule_id: ScheduleId,
    /// When it had last changed when the caller read it.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// The dates, in any order.
    pub overrides: Vec<GivenOverride>,
}

/// Dates that are to be like their weekdays again.
#[derive(Clone, Debug)]
pub struct RemoveDateOverrides {
    /// On which schedule.
    pub schedule_id: ScheduleId,
    /// When it had last changed when the caller read it.
    pub expected_updated_at: Option<Given<DateTime<Utc>>>,
    /// The dates, in any order.
    pub dates: Vec<Given<NaiveDate>>,
}

impl Services {
    /// A schedule of the organization, without its overrides.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn schedule(&self, staff: &Staff, id: &ScheduleId) -> Result<Arc<Schedule>, Error> {
        let read = |reader: Arc<Reader>| async move { reader.schedule(staff.organization(), id).await };
        let found = self.parts().store.snapshot(read).await?;
        found.map(Arc::new).ok_or_else(|| Error::not_found("schedule", id.as_str()))
    }

    /// The schedules of the organization, by name, without their overrides.
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
        Ok(cursors.page(found, total, |schedule| Place::by_text(&schedule.name, schedule.id.as_str())))
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
        let mut problems = Problems::default();
        let new = form::new_schedule(request, &mut problems);
        self.administer(admin, now, move |administration| create(administration, new.clone(), problems.clone())).await
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
        let mut problems = Problems::default();
        let id = request.id.clone();
        let (expected, ScheduleChanges { name, time_zone, weekly }) = form::changes(request, &mut problems);
        let changing = Changing { id, field: "id", expected, problems };
        let change = move |schedule: &mut Schedule, _: &mut Problems| {
            schedule.name = name.clone().applied_to(schedule.name.clone());
            schedule.time_zone = time_zone.applied_to(schedule.time_zone);
            schedule.weekly = weekly.clone().applied_to(schedule.weekly.clone());
        };
        self.change_schedule(admin, changing, change, now).await
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
        request: SetDateOverrides,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let SetDateOverrides { schedule_id: id, expected_updated_at, overrides } = request;
        let mut problems = Problems::default();
        let expected = problems.expected_updated_at(expected_updated_at);
        let overrides = form::overrides(&mut problems, "overrides", overrides);
        let changing = Changing { id, field: "scheduleId", expected, problems };
        let change = move |schedule: &mut Schedule, problems: &mut Problems| {
            schedule.overrides.extend(overrides.clone());
            let windows = schedule.overrides.values().map(|of_date| of_date.hours.windows().len()).sum();
            if let Err(too_many) = require_room("overrides", schedule.overrides.len(), windows) {
                problems.refuse(too_many);
            }
        };
        self.change_schedule(admin, changing, change, now).await
    }

    /// Removes the overrides of some dates of a schedule, where there are any: its week holds on them again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn remove_date_overrides(
        &self,
        admin: &Admin,
        request: RemoveDateOverrides,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let RemoveDateOverrides { schedule_id: id, expected_updated_at, dates } = request;
        let mut problems = Problems::default();
        let expected = problems.expected_updated_at(expected_updated_at);
        let dates = form::dates(&mut problems, "dates", dates);
        let changing = Changing { id, field: "scheduleId", expected, problems };
        let change = move |schedule: &mut Schedule, _: &mut Problems| {
            schedule.overrides.retain(|date, _| !dates.contains(date));
        };
        self.change_schedule(admin, changing, change, now).await
    }

    /// Applies `change` to a schedule as it is. `change` may be run again; what it refuses is reported together with
    /// what was wrong already.
    async fn change_schedule(
        &self,
        admin: &Admin,
        changing: Changing,
        change: impl Fn(&mut Schedule, &mut Problems) + Send + Sync + 'static,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Arc<Schedule>>, Error> {
        let change = Arc::new(change);
        self.administer(admin, now, move |administration| {
            let (changing, change) = (changing.clone(), Arc::clone(&change));
            async move { changing.make(&administration, &*change).await }
        })
        .await
    }
}

async fn create(
    administration: Administration,
    new: Option<NewSchedule>,
    mut problems: Problems,
) -> Result<Arc<Schedule>, NotMade> {
    let (tx, now) = (&administration.tx, administration.now());
    if tx.schedule_count(administration.organization()).await? >= MAX_SCHEDULES {
        problems.refuse(too_many_schedules());
    }
    let NewSchedule { name, time_zone, weekly, overrides } = problems.finish(new)?;
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
    tx.insert_schedule(&schedule).await?;
    record(&administration, AuditAction::Created, &schedule.id, &AuditFields::new(), &shown::whole(&schedule)).await?;
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
    tx.delete_schedule(organization, &id).await.map_err(|fault| {
        // The lock keeps others from referring to it by now; if something does all the same, the database knows.
        if fault.breaks_reference() { in_use("something").into() } else { NotMade::from(fault) }
    })?;
    record(&administration, AuditAction::Deleted, &id, &shown::whole(&schedule), &AuditFields::new()).await?;
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

/// Refuses what would leave a schedule with too many `dates` that differ, or too many `windows` on them; the dates that
/// are given stand in `field`.
fn require_room(field: &str, dates: usize, windows: usize) -> Result<(), UserError> {
    let message = if dates > MAX_OVERRIDES {
        format!("A schedule has at most {MAX_OVERRIDES} date overrides. Remove those that have passed, or set fewer.")
    } else if windows > MAX_OVERRIDE_WINDOWS {
        format!(
            "The date overrides of a schedule have at most {MAX_OVERRIDE_WINDOWS} windows together. Remove those that \
             have passed, or join windows."
        )
    } else {
        return Ok(());
    };
    Err(UserError::new(Refusal::LimitExceeded, message).at(["input", field]))
}

fn too_many_schedules() -> UserError {
    let message =
        format!("An organization has at most {MAX_SCHEDULES} schedules. Delete those that nothing follows any more.");
    UserError::new(Refusal::LimitExceeded, message).at(["input"])
}

/// A change of one schedule.
#[derive(Clone)]
struct Changing {
    id: ScheduleId,
    /// The field of the input that names it.
    field: &'static str,
    /// When it had last changed when the caller read it.
    expected: Option<DateTime<Utc>>,
    /// What is wrong with the form of what was given.
    problems: Problems,
}

impl Changing {
    /// Applies `change` to the schedule as it is, with nobody else changing it meanwhile. A change that makes no
    /// difference is none.
    async fn make(
        self,
        administration: &Administration,
        change: &(impl Fn(&mut Schedule, &mut Problems) + Sync),
    ) -> Result<Arc<Schedule>, NotMade> {
        let Self { id, field, expected, mut problems } = self;
        let tx = &administration.tx;
        let Some(before) = tx.lock_schedule(administration.organization(), &id).await? else {
            return Err(problems.and(unknown("schedule", id.as_str(), &[field])));
        };
        if let Err(stale) = require_unchanged(expected, before.updated_at) {
            problems.refuse(stale);
        }
        let mut after = before.clone();
        change(&mut after, &mut problems);
        problems.into_result()?;
        if after == before {
            return Ok(Arc::new(before));
        }
        after.updated_at = administration.later_than(before.updated_at);
        tx.update_schedule(&before, &after).await?;
        let (was, is) = shown::both(&before, &after);
        record(administration, AuditAction::Updated, &id, &was, &is).await?;
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
