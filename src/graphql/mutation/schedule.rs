//! When things are open, as admins set it.

use std::sync::Arc;

use async_graphql::{Context, Object};

use super::{change, deleted};
use crate::domain::access::Admin;
use crate::domain::schedule as domain;
use crate::graphql::arguments::{date, instant, time_zone, wall_time};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::for_admins;
use crate::graphql::request::now;
use crate::graphql::scalar::{DateTime, WallTime};
use crate::graphql::types::deleted::DeletePayload;
use crate::graphql::types::schedule::{
    CreateScheduleInput, DateOverrideInput, DeleteScheduleInput, RemoveDateOverridesInput, Schedule, SchedulePayload,
    SetDateOverridesInput, UpdateScheduleInput, WeeklyWindowInput,
};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::administration::Given;
use crate::service::administration::schedules::{
    CreateSchedule, GivenOverride, GivenWeeklyWindow, GivenWindow, RemoveDateOverrides, SetDateOverrides,
    UpdateSchedule,
};
use crate::service::booking::Outcome;

/// Mutations of schedules.
#[derive(Default)]
pub struct ScheduleMutation;

#[Object]
impl ScheduleMutation {
    /// Makes a schedule, which resources and event types can then follow. For admins.
    async fn create_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to make.")] input: CreateScheduleInput,
    ) -> Nullable<SchedulePayload> {
        let create = |admin: Admin| async move {
            let request = CreateSchedule {
                name: input.name,
                time_zone: time_zone("timeZone", &input.time_zone),
                weekly_hours: weekly_windows(&input.weekly_hours),
                date_overrides: overrides(input.date_overrides),
            };
            Ok::<_, ApiError>(Some(payload(
                from_context::<Services>(ctx)?.create_schedule(&admin, request, now(ctx)?).await?,
            )))
        };
        for_admins(ctx, create).await
    }

    /// Changes a schedule: what is offered from now on follows it. Bookings that are there stay as they are. For
    /// admins.
    async fn update_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateScheduleInput,
    ) -> Nullable<SchedulePayload> {
        let update = |admin: Admin| async move {
            let request = UpdateSchedule {
                id: input.id.0.into(),
                expected_updated_at: expected(input.expected_updated_at),
                name: change(input.name),
                time_zone: change(input.time_zone.map_value(|given| time_zone("timeZone", &given))),
                weekly_hours: change(input.weekly_hours.map_value(|given| weekly_windows(&given))),
            };
            Ok::<_, ApiError>(Some(payload(
                from_context::<Services>(ctx)?.update_schedule(&admin, request, now(ctx)?).await?,
            )))
        };
        for_admins(ctx, update).await
    }

    /// Removes a schedule that no resource and no event type follows; otherwise it is refused as `IN_USE`. For admins.
    async fn delete_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to remove.")] input: DeleteScheduleInput,
    ) -> Nullable<DeletePayload> {
        let delete = |admin: Admin| async move {
            let services = from_context::<Services>(ctx)?;
            let outcome = services.delete_schedule(&admin, input.id.0.into(), now(ctx)?).await?;
            Ok::<_, ApiError>(Some(deleted(outcome.map(|id| id.as_str().into()))))
        };
        for_admins(ctx, delete).await
    }

    /// Sets the overrides of the given dates: they are open as given, or closed, whatever their weekdays are. Overrides
    /// of other dates stay, and bookings that are there stay as they are. For admins.
    async fn set_date_overrides(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which dates to set.")] input: SetDateOverridesInput,
    ) -> Nullable<SchedulePayload> {
        let set = |admin: Admin| async move {
            let request = SetDateOverrides {
                schedule_id: input.schedule_id.0.into(),
                expected_updated_at: expected(input.expected_updated_at),
                overrides: overrides(input.overrides),
            };
            Ok::<_, ApiError>(Some(payload(
                from_context::<Services>(ctx)?.set_date_overrides(&admin, request, now(ctx)?).await?,
            )))
        };
        for_admins(ctx, set).await
    }

    /// Removes the overrides of the given dates: they are like their weekdays again. For admins.
    async fn remove_date_overrides(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which dates to remove.")] input: RemoveDateOverridesInput,
    ) -> Nullable<SchedulePayload> {
        let remove = |admin: Admin| async move {
            let request = RemoveDateOverrides {
                schedule_id: input.schedule_id.0.into(),
                expected_updated_at: expected(input.expected_updated_at),
                dates: input.dates.iter().map(|given| date("dates", given)).collect(),
            };
            Ok::<_, ApiError>(Some(payload(
                from_context::<Services>(ctx)?.remove_date_overrides(&admin, request, now(ctx)?).await?,
            )))
        };
        for_admins(ctx, remove).await
    }
}

fn payload(outcome: Outcome<Arc<domain::Schedule>>) -> SchedulePayload {
    match outcome {
        Ok(schedule) => SchedulePayload { schedule: Some(Schedule(schedule)), user_errors: UserErrors::default() },
        Err(errors) => SchedulePayload { schedule: None, user_errors: errors.into() },
    }
}

fn expected(updated_at: Option<DateTime>) -> Option<Given<chrono::DateTime<chrono::Utc>>> {
    updated_at.map(|expected| instant("expectedUpdatedAt", &expected))
}

fn window(start: &WallTime, end: &WallTime) -> GivenWindow {
    GivenWindow { start: wall_time("start", start), end: wall_time("end", end) }
}

fn weekly_windows(given: &[WeeklyWindowInput]) -> Vec<GivenWeeklyWindow> {
    let weekly = |WeeklyWindowInput { weekday, start, end }: &WeeklyWindowInput| GivenWeeklyWindow {
        weekday: (*weekday).into(),
        window: window(start, end),
    };
    given.iter().map(weekly).collect()
}

fn overrides(given: Vec<DateOverrideInput>) -> Vec<GivenOverride> {
    let of_date = |input: DateOverrideInput| GivenOverride {
        date: date("date", &input.date),
        windows: input.windows.iter().map(|given| window(&given.start, &given.end)).collect(),
        reason: input.reason,
    };
    given.into_iter().map(of_date).collect()
}
