//! Taking, renewing and releasing holds. For anyone, with a session secret of the client's own making.

use async_graphql::{Context, Object};

use crate::domain::refusal::UserError;
use crate::graphql::arguments::{count, instant, items};
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::execute::ClientAddress;
use crate::graphql::request::now;
use crate::graphql::types::presence::{HeartbeatInput, HeartbeatPayload, LeaveInput, LeavePayload};
use crate::graphql::types::user_error::UserErrors;
use crate::service::Services;
use crate::service::input::Problems;
use crate::service::own_time::RescheduleContext;
use crate::service::presence::{Heartbeat, Leave, SlotRequest};

/// Mutations of holds.
#[derive(Default)]
pub struct PresenceMutation;

#[Object]
impl PresenceMutation {
    /// Takes or renews all the slots, of the resource and of all add-ons, or none of them. What it grants, the same
    /// session's booking gets. Send it every `settings.heartbeatSeconds`; what is not renewed ends by itself.
    async fn heartbeat(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to hold.")] input: HeartbeatInput,
    ) -> Nullable<HeartbeatPayload> {
        Some(heartbeat(ctx, input).await)
    }

    /// Releases what the session holds on a resource.
    async fn leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to release.")] input: LeaveInput,
    ) -> Nullable<LeavePayload> {
        Some(leave(ctx, input))
    }
}

async fn heartbeat(ctx: &Context<'_>, mut input: HeartbeatInput) -> Result<HeartbeatPayload, ApiError> {
    let services = from_context::<Services>(ctx)?;
    let (address, now) = (from_context::<ClientAddress>(ctx)?.0, now(ctx)?);
    let reschedule = input.reschedule.take().map(|given| given.read(ctx)).transpose()?;
    let outcome = match read_heartbeat(input, reschedule) {
        Ok(heartbeat) => services.heartbeat(heartbeat, address, now).await?,
        Err(problems) => Err(problems),
    };
    let server_time = now.into();
    Ok(match outcome {
        Ok(granted) => HeartbeatPayload {
            granted: true,
            holder: Some(granted.holder.as_str().into()),
            expires_at: Some(granted.expires_at.into()),
            renewable_until: Some(granted.renewable_until.into()),
            server_time,
            user_errors: UserErrors::default(),
        },
        Err(errors) => HeartbeatPayload {
            granted: false,
            holder: None,
            expires_at: None,
            renewable_until: None,
            server_time,
            user_errors: errors.into(),
        },
    })
}

fn read_heartbeat(input: HeartbeatInput, reschedule: Option<RescheduleContext>) -> Result<Heartbeat, Vec<UserError>> {
    let mut problems = Problems::default();
    let mut slots = Vec::with_capacity(input.slots.len().min(crate::service::presence::MAX_SLOTS_PER_CALL));
    // One too many is enough to see that there are too many; the rest need not even be read.
    for (index, slot) in input.slots.iter().enumerate().take(crate::service::presence::MAX_SLOTS_PER_CALL + 1) {
        let index = index.to_string();
        let start = problems.take(&["slots", &index, "start"], instant("start", &slot.start));
        let duration = count("durationMinutes", slot.duration_minutes);
        let duration_minutes = problems.take(&["slots", &index, "durationMinutes"], duration);
        if let (Some(start), Some(duration_minutes)) = (start, duration_minutes) {
            slots.push(SlotRequest { start, duration_minutes });
        }
    }
    let quantity = problems.take(&["quantity"], count("quantity", input.quantity));
    let add_ons = problems.take(&["addOns"], items("addOns", &input.add_ons));
    problems.finish(match (quantity, add_ons) {
        (Some(quantity), Some(add_ons)) => Some(Heartbeat {
            resource_id: input.resource_id.0.into(),
            slots,
            quantity,
            add_ons,
            event_type_id: input.event_type_id.map(|id| id.0.into()),
            reschedule,
            session_secret: input.session_secret.into(),
            data: input.data.map(|data| data.0).filter(|data| !data.is_null()),
        }),
        _ => None,
    })
}

fn leave(ctx: &Context<'_>, input: LeaveInput) -> Result<LeavePayload, ApiError> {
    let mut problems = Problems::default();
    let starts = input.slots.map(|slots| {
        let read = slots.iter().take(crate::service::presence::MAX_SLOTS_PER_CALL + 1).enumerate();
        read.filter_map(|(index, slot)| problems.take(&["slots", &index.to_string()], instant("slots", slot))).collect()
    });
    let leave = Leave { resource_id: input.resource_id.0.into(), starts, session_secret: input.session_secret.into() };
    let outcome = match problems.finish(Some(leave)) {
        Ok(leave) => from_context::<Services>(ctx)?.leave(&leave),
        Err(problems) => Err(problems),
    };
    Ok(match outcome {
        Ok(released) => LeavePayload { released, user_errors: UserErrors::default() },
        Err(errors) => LeavePayload { released: 0, user_errors: errors.into() },
    })
}
