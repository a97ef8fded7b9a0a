//! Who holds what right now.

use async_graphql::{ID, InputObject, Json, SimpleObject};

use crate::graphql::scalar::{Date, DateTime, Revision, TimeZone};
use crate::graphql::types::booking_input::BookingItemInput;
use crate::graphql::types::reschedule_input::RescheduleContext;
use crate::graphql::types::user_error::UserErrors;
use crate::service::presence as service;

/// Everyone's active holds on one local day of a resource. Volatile, and the same answer for every viewer.
#[derive(SimpleObject, Clone, Debug)]
pub struct DatePresence {
    /// Equal exactly when resource, day and zone are.
    id: ID,
    /// The resource that was asked about.
    resource_id: ID,
    /// The day. A hold across midnight is in both days.
    date: Date,
    /// The zone whose day it is.
    time_zone: TimeZone,
    /// Grows with every change of the day's holds, across restarts too.
    revision: Revision,
    /// In chronological order.
    holds: Vec<Hold>,
}

/// One session's temporary claim on one slot. It ends by `leave`, by a booking, or when its heartbeats stop.
#[derive(SimpleObject, Clone, Debug)]
pub struct Hold {
    /// First instant of the slot.
    start: DateTime,
    /// First instant after the slot.
    end: DateTime,
    /// From when it keeps others away: `start`, less the event type's buffer where it was taken for one.
    occupied_from: DateTime,
    /// Until when it keeps others away: `end`, and the event type's buffer where it was taken for one.
    occupied_to: DateTime,
    /// The session's pseudonym, the same for all its holds on this resource. It cannot renew or release them.
    holder: ID,
    /// Units of a pool; 1 for an exclusive resource.
    quantity: u32,
    /// When it was taken.
    since: DateTime,
    /// The last heartbeat when this answer was made. Renewals are not sent to watchers, every end of a hold is: a
    /// client never has to expire a hold itself.
    updated_at: DateTime,
    /// What its session says about itself. Untrusted: show it as text only.
    data: Option<Json<serde_json::Value>>,
}

impl From<crate::presence::Hold> for Hold {
    fn from(hold: crate::presence::Hold) -> Self {
        Self {
            start: hold.start.into(),
            end: hold.end.into(),
            occupied_from: hold.occupied.start_at().into(),
            occupied_to: hold.occupied.end_at().into(),
            holder: hold.holder.as_str().into(),
            quantity: hold.quantity,
            since: hold.since.into(),
            updated_at: hold.updated_at.into(),
            data: hold.data.map(|data| Json((*data).clone())),
        }
    }
}

impl From<service::DatePresence> for DatePresence {
    fn from(answer: service::DatePresence) -> Self {
        Self {
            id: answer.id.into(),
            resource_id: answer.resource_id.as_str().into(),
            date: answer.date.into(),
            time_zone: answer.time_zone.into(),
            revision: Revision(answer.revision),
            holds: answer.holds.into_iter().map(Into::into).collect(),
        }
    }
}

/// What to hold.
#[derive(InputObject)]
pub struct HeartbeatInput {
    /// The resource to hold.
    pub resource_id: ID,
    /// The slots to hold: all of them are held afterwards, or none is. At most 100.
    pub slots: Vec<HoldSlotInput>,
    /// Units of a pool.
    #[graphql(default = 1)]
    pub quantity: i32,
    /// Further resources to hold for the same time, together with the resource or not at all.
    #[graphql(default)]
    pub add_ons: Vec<BookingItemInput>,
    /// What it is held for: its buffers are held too, and the slots must be on offer.
    pub event_type_id: Option<ID>,
    /// While a booking is being moved, its own time counts as free for this hold.
    pub reschedule: Option<RescheduleContext>,
    /// A secret that the client makes up for its session, 16 to 128 characters, such as a UUID. Whoever knows it can
    /// renew, release and book what it holds.
    #[graphql(secret)]
    pub session_secret: String,
    /// Shown to every viewer of the day; at most 1 KiB.
    pub data: Option<Json<serde_json::Value>>,
}

/// One slot to hold.
#[derive(InputObject)]
pub struct HoldSlotInput {
    /// Its first instant, on the quarter hour.
    pub start: DateTime,
    /// How long it is.
    pub duration_minutes: i32,
}

/// What a heartbeat came to.
#[derive(SimpleObject, Clone, Debug)]
pub struct HeartbeatPayload {
    /// True when every slot is held by this session now.
    pub granted: bool,
    /// This session's pseudonym on the resource: the `holder` of its holds.
    pub holder: Option<ID>,
    /// When the holds end unless another heartbeat comes.
    pub expires_at: Option<DateTime>,
    /// When they end however often they are renewed.
    pub renewable_until: Option<DateTime>,
    /// The server's clock, to measure one's own against.
    pub server_time: DateTime,
    /// Why the slots are not held; empty when they are.
    pub user_errors: UserErrors,
}

/// What to release.
#[derive(InputObject)]
pub struct LeaveInput {
    /// The resource to release.
    pub resource_id: ID,
    /// The starts to release; left out: everything that the session holds on the resource. Add-ons that were held
    /// with it go with it.
    pub slots: Option<Vec<DateTime>>,
    /// The secret under which it is held.
    #[graphql(secret)]
    pub session_secret: String,
}

/// What was released.
#[derive(SimpleObject, Clone, Debug)]
pub struct LeavePayload {
    /// How many holds ended, those of add-ons not counted.
    pub released: u32,
    /// Why nothing was released; empty when the input was in order, even if nothing was held.
    pub user_errors: UserErrors,
}
