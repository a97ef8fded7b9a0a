//! Looking where to move a booking: its own time counts as free then, for whoever may move it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Services;
use crate::domain::access::Caller;
use crate::domain::availability::Occupancy;
use crate::domain::booking::Booking;
use crate::domain::catalogue::Resource;
use crate::domain::id::{BookingId, OrganizationId};
use crate::domain::transition::{Action, Decision, Doer};
use crate::store::{Reader, StoreError};

/// The booking that somebody wants to move.
#[derive(Clone, Debug)]
pub struct RescheduleContext {
    /// The booking.
    pub booking_id: BookingId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// Who looks; no part of what is asked.
    pub caller: Caller,
}

/// As a part of a question: what was given, with nothing of a token but what it is told from others by.
impl Serialize for RescheduleContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let token = self.management_token.as_ref().map(|token| Sha256::digest(token.expose_secret())[..].to_vec());
        (&self.booking_id, token).serialize(serializer)
    }
}

/// A booking that is looked at by somebody who may see it and wants to move it.
pub(super) struct OwnTime {
    booking: Booking,
    /// Whether they may move it now.
    movable: bool,
    /// When they no longer may, by the clock alone.
    until: Option<DateTime<Utc>>,
}

impl OwnTime {
    /// Lets what the booking occupies of `items` count as free, if it may be moved. When the clock ends that, if it
    /// does.
    pub(super) fn free_up<'a>(
        &self,
        occupancy: &mut Occupancy,
        items: impl Iterator<Item = (&'a Arc<Resource>, u32)>,
    ) -> Option<DateTime<Utc>> {
        if !self.movable || !free_up(occupancy, items, &self.booking) {
            return None;
        }
        self.until
    }

    /// How often the booking has changed: it may be movable now and was not before, with nothing else changed.
    pub(super) fn changes(&self) -> u64 {
        self.booking.revision.into()
    }

    /// Whose changes are watched.
    pub(super) fn watched(&self) -> (OrganizationId, BookingId) {
        (self.booking.organization_id.clone(), self.booking.id.clone())
    }
}

/// Lets what `booking` occupies of `items` count as free; whether that freed any.
pub(super) fn free_up<'a>(
    occupancy: &mut Occupancy,
    items: impl Iterator<Item = (&'a Arc<Resource>, u32)>,
    booking: &Booking,
) -> bool {
    let mut freed = false;
    for (resource, _) in items {
        if let Some(own) = booking.items.iter().find(|own| own.resource_id == resource.id) {
            freed |= occupancy.free_up(resource, own.quantity, booking.occupied);
        }
    }
    freed
}

impl Services {
    /// The booking that `context` names, as it is at `now`. `None` for whoever may not see it, just as if they had
    /// named none. Two statements; without a context none.
    pub(super) async fn own_time(
        &self,
        reader: &Reader,
        context: Option<&RescheduleContext>,
        now: DateTime<Utc>,
    ) -> Result<Option<OwnTime>, StoreError> {
        let Some(context) = context else { return Ok(None) };
        let Some(booking) = reader.booking(&context.booking_id).await? else { return Ok(None) };
        let token = context.management_token.as_ref().map(ExposeSecret::expose_secret);
        let Some(standing) = self.standing(&context.caller, &booking, token) else { return Ok(None) };
        let is_movable = |at: DateTime<Utc>| {
            matches!(booking.decide(Action::Reschedule, Doer::Person(standing), at), Ok(Decision::Happens(_)))
        };
        let movable = is_movable(now);
        // Nothing but its start ends it by the clock alone.
        let until = (movable && now < booking.start && !is_movable(booking.start)).then_some(booking.start);
        Ok(Some(OwnTime { booking, movable, until }))
    }
}
