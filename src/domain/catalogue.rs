//! What an organization offers: resources and the event types that can be booked on them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::id::{EventTypeId, OrganizationId, ResourceId, ScheduleId};

/// Something bookable: a studio, a room, a person, a pool of equal microphones.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// A readable name for addresses, unique in the organization.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What people should know about it.
    pub description: Option<String>,
    /// Free text to group by: `room`, `person`, `equipment`.
    pub kind: String,
    /// The zone in which its days are told.
    pub time_zone: Tz,
    /// 1 for an exclusive resource, more for a pool of interchangeable units.
    pub quantity: u32,
    /// False for what can only be booked together with something else.
    pub standalone: bool,
    /// Whether it is on offer at all.
    pub active: bool,
    /// When it is open; `None` means always.
    pub schedule_id: Option<ScheduleId>,
    /// Whatever the operator attaches.
    pub metadata: Option<Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What can be booked on a resource, and by which rules.
#[derive(Clone, Debug, PartialEq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// A readable name for addresses, unique in the organization.
    pub slug: String,
    /// Its name for people; a booking keeps the one it was made under.
    pub title: String,
    /// What people should know about it.
    pub description: Option<String>,
    /// The durations that can be booked, in minutes; the first is the default. Never empty.
    pub duration_options: Vec<u32>,
    /// Minutes between two starts; `None` means the shortest duration.
    pub interval_minutes: Option<u32>,
    /// Minutes that a booking occupies before its start.
    pub buffer_before_minutes: u32,
    /// Minutes that a booking occupies after its end.
    pub buffer_after_minutes: u32,
    /// Minutes between booking and start, at the least.
    pub min_notice_minutes: u32,
    /// How many local days ahead can be booked; `None` means any.
    pub max_days_ahead: Option<u32>,
    /// Whether staff confirm each booking.
    pub requires_confirmation: bool,
    /// Whether clients should show times in the resource's zone only.
    pub lock_time_zone: bool,
    /// Where it can take place, to choose from.
    pub locations: Vec<String>,
    /// Whether it is on offer at all.
    pub active: bool,
    /// Wins over the resource's own schedule.
    pub schedule_id: Option<ScheduleId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
