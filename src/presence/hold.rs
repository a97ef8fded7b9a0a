//! What is asked of the registry of holds, and what it answers.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::session::{Holder, SessionSecret};
use crate::domain::id::{EventTypeId, ResourceId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::{Conflict, Refusal, UserError};

/// How much is asked of one resource, for a hold or a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldItem {
    /// The resource.
    pub resource_id: ResourceId,
    /// How many units it has; 1 for an exclusive resource.
    pub capacity: u32,
    /// How many of them are asked for.
    pub quantity: u32,
}

/// One of the spans that a heartbeat asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSlot {
    /// When it starts: with resource and session, what the hold is known by.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// What it keeps from others: from start to end, and the event type's buffers if it is for one.
    pub occupied: QuantumSpan,
    /// The last instant at which it can be booked: what can no longer be booked is no longer held.
    pub bookable_until: DateTime<Utc>,
}

/// A heartbeat that takes something.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    /// Who asks.
    pub session: SessionSecret,
    /// From where, to limit what one client can hold with sessions that it invents.
    pub address: IpAddr,
    /// What is to be held.
    pub item: HoldItem,
    /// What is to be held together with it, or not at all. No resource twice.
    pub add_ons: Vec<HoldItem>,
    /// When. Of several slots with the same start the last counts.
    pub slots: Vec<HoldSlot>,
    /// What it is held for.
    pub event_type_id: Option<EventTypeId>,
    /// What the session says to every viewer, at most 1 KiB (the caller checks).
    pub data: Option<Arc<Value>>,
}

/// A heartbeat as far as it can be judged without reading the catalogue.
#[derive(Copy, Clone, Debug)]
pub struct Renewal<'a> {
    /// Who asks.
    pub session: &'a SessionSecret,
    /// The resource.
    pub resource_id: &'a ResourceId,
    /// The units of it.
    pub quantity: u32,
    /// The add-ons, each with its units.
    pub add_ons: &'a [(ResourceId, u32)],
    /// The slots, each from start to end.
    pub slots: &'a [(DateTime<Utc>, DateTime<Utc>)],
    /// What it is held for.
    pub event_type_id: Option<&'a EventTypeId>,
    /// What the session says.
    pub data: Option<&'a Value>,
}

/// What a booking is about to take.
#[derive(Copy, Clone, Debug)]
pub struct ClaimRequest<'a> {
    /// The resources, each with the units asked for.
    pub items: &'a [HoldItem],
    /// What the booking will occupy, buffers included.
    pub span: QuantumSpan,
    /// Whose holds the booking may take over.
    pub session: Option<&'a SessionSecret>,
    /// Whether it goes over the holds of others: for staff.
    pub over_holds: bool,
}

/// What a session holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The session's public name on the resource (not the add-ons).
    pub holder: Holder,
    /// When the holds end unless renewed.
    pub expires_at: DateTime<Utc>,
    /// When they end however often they are renewed.
    pub renewable_until: DateTime<Utc>,
}

/// Why something cannot be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldRefusal {
    /// It is occupied.
    Taken(Vec<Conflict>),
    /// Another session holds it, or a booking of it is under way (then without a holder).
    Held(Vec<Conflict>),
    /// The session has held on the resource for as long as one may.
    LimitReached(ResourceId),
    /// More than one call, session or client address may hold, or than the server keeps at all.
    LimitExceeded(HoldLimit),
}

/// A limit on how much can be held at once.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum HoldLimit {
    /// Slots in a call.
    Slots,
    /// Quanta times units of a session.
    Session,
    /// Quantum-minutes of a client address on a resource.
    Address,
    /// Holds or sessions that the server keeps.
    Server,
}

impl From<HoldRefusal> for UserError {
    fn from(refusal: HoldRefusal) -> Self {
        match refusal {
            HoldRefusal::Taken(conflicts) => {
                Self::new(Refusal::SlotTaken, "It is booked. Choose another time.").because_of(conflicts)
            }
            HoldRefusal::Held(conflicts) => {
                Self::new(Refusal::SlotHeld, "Somebody else is holding it. Choose another time, or try again shortly.")
                    .because_of(conflicts)
            }
            HoldRefusal::LimitReached(_) => Self::new(
                Refusal::HoldLimitReached,
                "This session has held on the resource for as long as one may. Book it, or let go of everything there \
                 and come back later.",
            ),
            HoldRefusal::LimitExceeded(limit) => Self::new(
                Refusal::LimitExceeded,
                match limit {
                    HoldLimit::Slots => "These are more slots than one call may name. Ask for fewer.",
                    HoldLimit::Session => {
                        "This is more than one session may hold. Let go of something, or ask for less."
                    }
                    HoldLimit::Address => {
                        "Too much of this resource is or was held from your address. Let go of something, or wait some \
                         minutes."
                    }
                    HoldLimit::Server => "The server keeps as many holds as it can. Try again shortly.",
                },
            ),
        }
    }
}

/// A hold as everybody may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// What it keeps from others: from start to end, and the buffers.
    pub occupied: QuantumSpan,
    /// Whose it is.
    pub holder: Holder,
    /// How many units.
    pub quantity: u32,
    /// Since when the session has held all of it.
    pub since: DateTime<Utc>,
    /// When the session last said that it still wants it.
    pub updated_at: DateTime<Utc>,
    /// What its session said. Untrusted.
    pub data: Option<Arc<Value>>,
}

/// A hold that ran out because its session no longer sent heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RanOut {
    /// First instant of what was held.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// Units.
    pub quantity: u32,
    /// What it was held for.
    pub event_type_id: Option<EventTypeId>,
    /// The session's public name.
    pub holder: Holder,
    /// Since when it was held.
    pub since: DateTime<Utc>,
    /// When it ran out.
    pub at: DateTime<Utc>,
}
