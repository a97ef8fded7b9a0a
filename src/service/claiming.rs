//! What making a booking and moving one have in common: the claim in the registry of holds, the look at what others
//! hold of pools, and finding out what became of a commit of which nobody heard.

use std::time::Duration;

use super::Services;
use super::facts;
use super::wanted::hold_item;
use crate::domain::availability::{Occupancy, Terms};
use crate::domain::booking::{Actor, Booking, BookingEvent, BookingEventType};
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::domain::refusal::UserError;
use crate::presence::{Claim, ClaimRequest, HoldItem, HoldRefusal, SessionSecret};
use crate::store::{ItemNeed, StoreError, Tx};

/// How often it is looked what became of a commit of which nobody heard.
const SETTLE_ATTEMPTS: u32 = 5;
/// How long before each look.
const SETTLE_PAUSE: Duration = Duration::from_millis(300);

impl Services {
    /// Claims `span` of everything that `terms` name, for a booking of `session` that is about to be written: from now
    /// on nobody else can hold it.
    ///
    /// # Errors
    /// `SlotHeld` with the holds of others, unless the booking goes over holds.
    pub(super) fn claim(
        &self,
        terms: &Terms,
        span: QuantumSpan,
        session: Option<&SessionSecret>,
        over_holds: bool,
    ) -> Result<Claim, UserError> {
        let items: Vec<HoldItem> = terms.items().map(hold_item).collect();
        let claimed = self.parts().presence.claim(ClaimRequest { items: &items, span, session, over_holds });
        claimed.map_err(|conflicts| held(HoldRefusal::Held(conflicts)))
    }

    /// Finds out what became of a change of `before` of whose commit nobody heard: what there is to tell, if it happened
    /// and nothing else has happened since. It is told by its line in the history: `event`, by `doer`.
    pub(super) async fn find_change(
        &self,
        before: &Booking,
        event: BookingEventType,
        doer: &Actor,
    ) -> Option<BookingEvent> {
        let (reader, id) = (&self.parts().store.reader(), &before.id);
        // The history has a line for each revision.
        let line = usize::try_from(before.revision).unwrap_or(usize::MAX);
        let look = || async {
            let transition = reader.histories(std::slice::from_ref(id)).await.ok()?.get(id)?.get(line)?.clone();
            Some((reader.booking(id).await.ok()??, transition))
        };
        let (after, transition) = self.find_out(look).await?;
        let is_it = after.revision == before.revision + 1 && transition.event == event && transition.by == *doer;
        is_it.then(|| BookingEvent::of_change(before, after, transition))
    }

    /// What `look` finds, which is asked while the database may still be about to end what it was told to commit.
    pub(super) async fn find_out<T, F: Future<Output = Option<T>>>(&self, look: impl Fn() -> F) -> Option<T> {
        let clock = self.clock();
        for _ in 0..SETTLE_ATTEMPTS {
            clock.sleep_until(clock.monotonic().plus(SETTLE_PAUSE)).await;
            if let Some(found) = look().await {
                return Some(found);
            }
        }
        None
    }
}

/// Refuses a booking that has taken `needs` for `span` in this transaction, unless it leaves room for what others hold
/// of pools. What is occupied of the pools then.
pub(super) async fn leave_room_for_holds<E: From<StoreError> + From<UserError>>(
    tx: &Tx,
    claim: &Claim,
    needs: &[ItemNeed],
    span: QuantumSpan,
) -> Result<Occupancy, E> {
    let pools = needs.iter().filter(|need| need.capacity > 1).map(|need| need.resource_id.clone());
    let pools: Vec<ResourceId> = pools.collect();
    let (occupancy, _) = facts::read_occupancy(tx, &pools, [span]).await?;
    // With the pools' rows locked nobody else's booking comes between this look and the commit.
    let before = |resource: &ResourceId, quantum: Quantum| {
        let own = needs.iter().find(|need| need.resource_id == *resource).map_or(0, |need| need.quantity);
        occupancy.units_taken(resource, quantum).saturating_sub(own)
    };
    claim.check(before).map_err(held)?;
    Ok(occupancy)
}

/// The refusal of a claim, as whoever books is told.
pub(super) fn held(refusal: HoldRefusal) -> UserError {
    UserError::from(refusal).at(["input", "start"])
}
