//! Blocks: time in which something is out of service.

use chrono::{DateTime, TimeDelta, Utc};

use super::booking::Actor;
use super::id::{BlockId, OrganizationId, ResourceId};
use super::quantum::QuantumSpan;

/// The longest block.
pub const MAX_BLOCK: TimeDelta = TimeDelta::days(366);

/// A span in which a resource, or units of it, are out of service. It occupies time as a booking does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its id.
    pub id: BlockId,
    /// Whose resource.
    pub organization_id: OrganizationId,
    /// Of which resource.
    pub resource_id: ResourceId,
    /// Units of it: 1 for an exclusive resource.
    pub quantity: u32,
    /// First instant.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// What it occupies: the same, widened outward to the quarter hour.
    pub occupied: QuantumSpan,
    /// Why, for staff.
    pub reason: Option<String>,
    /// Who made it.
    pub created_by: Actor,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
