//! Heartbeats: a placement that is published or undone, renewals, and leaving.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::Presence;
use super::board::{Board, Said, Turn};
use super::claim::quanta;
use super::hold::{Granted, HoldItem, HoldLimit, HoldRefusal, HoldRequest, HoldSlot, Renewal};
use super::limits::weight;
use super::session::{Holder, SessionKey, SessionSecret};
use super::spans::SpanKey;
use super::taking::{Ask, Obstacles, Renewed, Term};
use crate::address::AddressGroup;
use crate::clock::Monotonic;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan};

impl Presence {
    /// Renews what a heartbeat names, if its session holds all of it with the same end, units, event type, add-ons
    /// and data; otherwise changes nothing and gives `None`. Reads nothing but the registry, and tells nobody.
    #[must_use]
    pub fn renew(&self, renewal: Renewal<'_>) -> Option<Granted> {
        if renewal.slots.is_empty() || renewal.slots.len() > self.settings.max_slots_per_call {
            return None;
        }
        let session = self.pseudonyms.session(renewal.session);
        let named = |quantity: u32, taken_with, add_ons| Renewed {
            session,
            quantity,
            slots: renewal.slots,
            event_type_id: renewal.event_type_id,
            taken_with,
            add_ons,
            data: renewal.data,
        };
        let primary = named(renewal.quantity, None, renewal.add_ons);
        let add_ons = renewal
            .add_ons
            .iter()
            .map(|(add_on, quantity)| (add_on, named(*quantity, Some(renewal.resource_id), &[][..])));
        let all: Vec<(&ResourceId, Renewed<'_>)> = iter::once((renewal.resource_id, primary)).chain(add_ons).collect();

        let is_held = |(resource, named): &(&ResourceId, Renewed<'_>)| {
            self.visit_existing(resource, |board, _| board.is_renewal(named)).unwrap_or(false)
        };
        // One board's renewal is all or nothing by itself.
        if all.len() > 1 && !all.iter().all(is_held) {
            return None;
        }
        let renew = |(resource, named): &(&ResourceId, Renewed<'_>)| {
            self.visit_existing(resource, |board, turn| board.renew(named, turn)).flatten()
        };
        let terms: Vec<Term> = all.iter().map(renew).collect::<Option<_>>()?;
        Some(self.granted(self.pseudonyms.holder(renewal.resource_id, renewal.session), terms))
    }

    /// Places holds unseen: from now on they keep others out. All of them, or none.
    ///
    /// To hold something: place it, read what is occupied then, and publish the placement. In this order, so that a
    /// booking either finds the hold, or is found by it.
    ///
    /// # Errors
    ///
    /// [`HoldRefusal::Held`] with the other sessions' holds, and the bookings under way, that leave too few units;
    /// else a limit. What the session holds already stays as it is.
    pub fn place(self: &Arc<Self>, request: HoldRequest) -> Result<Placement, HoldRefusal> {
        if request.slots.len() > self.settings.max_slots_per_call {
            return Err(HoldRefusal::LimitExceeded(HoldLimit::Slots));
        }
        let slots = last_of_each_start(&request.slots);
        self.check_size(&request, &slots)?;
        let session = self.pseudonyms.session(&request.session);
        let primary = request.item.resource_id.clone();
        let add_ons: Arc<[ResourceId]> = request.add_ons.iter().map(|item| item.resource_id.clone()).collect();
        let no_add_ons: Arc<[ResourceId]> = Arc::new([]);

        // Of two heartbeats that want the same things, the one that is first on the first resource gets them all.
        let mut items: Vec<HoldItem> = iter::once(request.item).chain(request.add_ons).collect();
        items.sort_by(|a, b| a.resource_id.cmp(&b.resource_id));
        let mut placement = Placement {
            presence: self.clone(),
            holder: self.pseudonyms.holder(&primary, &request.session),
            said: request.data.map(|value| Said { bytes: value.to_string().len(), value }),
            parts: Vec::with_capacity(items.len()),
        };
        let (mut in_the_way, mut limit, mut replaced) = (Vec::new(), None, 0);
        for item in items {
            let is_primary = item.resource_id == primary;
            let ask = Ask {
                resource: &item.resource_id,
                session,
                holder: self.pseudonyms.holder(&item.resource_id, &request.session),
                address: AddressGroup::of(request.address),
                capacity: item.capacity,
                quantity: item.quantity,
                slots: &slots,
                event_type_id: request.event_type_id.as_ref(),
                taken_with: (!is_primary).then_some(&primary),
                add_ons: if is_primary { &add_ons } else { &no_add_ons },
            };
            match self.visit(&item.resource_id, |board, turn| board.place(&ask, turn)) {
                Ok(placed) => {
                    let weights = slots.iter().map(|slot| weight(slot.occupied, item.quantity));
                    self.count_held(session, &item.resource_id, weights.sum());
                    replaced += placed.replaced;
                    let keys = placed.keys.into_iter().zip(slots.iter().map(|slot| slot.occupied)).collect();
                    placement.parts.push(Part { resource: item.resource_id, capacity: item.capacity, keys });
                }
                Err(HoldRefusal::Held(conflicts)) => in_the_way.extend(conflicts),
                Err(other) => limit = Some(other),
            }
        }
        if !in_the_way.is_empty() {
            return Err(HoldRefusal::Held(in_the_way));
        }
        if let Some(limit) = limit {
            return Err(limit);
        }
        self.check_session_total(session, replaced)?;
        Ok(placement)
    }

    /// Ends what the session holds on `resource`: the holds with the given starts, or without any all of them; and of
    /// add-ons, what was taken together with them. Gives how many holds of `resource` have ended.
    pub fn leave(&self, resource: &ResourceId, starts: Option<&[DateTime<Utc>]>, session: &SessionSecret) -> usize {
        let session = self.pseudonyms.session(session);
        let leave = |resource: &ResourceId, starts: Option<&[DateTime<Utc>]>, taken_with: Option<&ResourceId>| {
            self.visit_existing(resource, |board, turn| board.leave(session, starts, taken_with, turn))
                .unwrap_or_default()
        };
        let released = leave(resource, starts, None);
        let mut add_ons: BTreeMap<&ResourceId, Vec<DateTime<Utc>>> = BTreeMap::new();
        for held in &released {
            for add_on in held.add_ons.iter() {
                add_ons.entry(add_on).or_default().push(held.start);
            }
        }
        for (add_on, starts) in add_ons {
            leave(add_on, Some(&starts), Some(resource));
        }
        released.len()
    }

    /// Refuses what is too much, whoever asks.
    fn check_size(&self, request: &HoldRequest, slots: &[HoldSlot]) -> Result<(), HoldRefusal> {
        let items = || iter::once(&request.item).chain(&request.add_ons);
        let weights = items().flat_map(|item| slots.iter().map(|slot| weight(slot.occupied, item.quantity)));
        if weights.fold(0, u32::saturating_add) > self.settings.max_quanta_per_session {
            return Err(HoldRefusal::LimitExceeded(HoldLimit::Session));
        }
        if self.has_room_for(items().count() * slots.len()) {
            Ok(())
        } else {
            Err(HoldRefusal::LimitExceeded(HoldLimit::Server))
        }
    }

    fn check_session_total(&self, session: SessionKey, replaced: u32) -> Result<(), HoldRefusal> {
        let fits = |total: u32| total.saturating_sub(replaced) <= self.settings.max_quanta_per_session;
        if fits(self.held_weight(session)) {
            return Ok(());
        }
        // Some of it may have run out without anybody having looked.
        for resource in self.held_resources(session) {
            self.tend(&resource);
        }
        if fits(self.held_weight(session)) { Ok(()) } else { Err(HoldRefusal::LimitExceeded(HoldLimit::Session)) }
    }

    /// What the client is told; of several resources' terms the shortest counts.
    fn granted(&self, holder: Holder, terms: Vec<Term>) -> Granted {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let furthest = Term { expiry: now.plus(self.settings.ttl), runs_out: now.plus(self.settings.renewable) };
        let shortest = terms
            .into_iter()
            .fold(furthest, |a, b| Term { expiry: a.expiry.min(b.expiry), runs_out: a.runs_out.min(b.runs_out) });
        let at = |point: Monotonic| {
            let left = i64::try_from(point.since(now).as_millis()).unwrap_or(i64::MAX);
            TimeDelta::try_milliseconds(left).and_then(|left| wall.checked_add_signed(left)).unwrap_or(wall)
        };
        Granted { holder, expires_at: at(shortest.expiry), renewable_until: at(shortest.runs_out) }
    }
}

/// Holds that keep others out but are not seen yet. Dropping it undoes them.
#[must_use = "a placement is undone when it is dropped"]
pub struct Placement {
    presence: Arc<Presence>,
    /// The session's public name on the resource (not the add-ons).
    holder: Holder,
    said: Option<Said>,
    parts: Vec<Part>,
}

struct Part {
    resource: ResourceId,
    capacity: u32,
    keys: Vec<(SpanKey, QuantumSpan)>,
}

impl Placement {
    /// Grants the holds, if all of them fit beside what is occupied, and tells the watchers of their days.
    ///
    /// `occupied` gives the units that are taken of a resource in a quantum, as read from the store **after** the
    /// placement was made. Of two placements that want the last unit of a pool, the first to get here has it.
    ///
    /// # Errors
    ///
    /// [`HoldRefusal::Taken`] with what is occupied, [`HoldRefusal::Held`] with the holds and bookings under way that
    /// leave too few units beside that, or a limit. The holds are undone then, and the session's others left alone.
    pub fn publish(mut self, occupied: impl Fn(&ResourceId, Quantum) -> u32) -> Result<Granted, HoldRefusal> {
        let mut obstacles = Obstacles::default();
        for Part { resource, capacity, keys } in &self.parts {
            // The registry calls nothing of others' while it holds a lock.
            let units = |span: QuantumSpan| quanta(span).map(|quantum| occupied(resource, quantum)).collect();
            let placed: Vec<(SpanKey, Vec<u32>)> = keys.iter().map(|(key, span)| (*key, units(*span))).collect();
            let settle = |board: &mut Board, turn: &mut Turn<'_>| board.settle(resource, *capacity, &placed, turn);
            if let Some(Err(more)) = self.presence.visit_existing(resource, settle) {
                obstacles.add(more);
            }
        }
        obstacles.into_result()?;

        let mut terms = Vec::with_capacity(self.parts.len());
        while let Some(Part { resource, keys, .. }) = self.parts.pop() {
            let keys: Vec<SpanKey> = keys.into_iter().map(|(key, _)| key).collect();
            let grant = |board: &mut Board, turn: &mut Turn<'_>| board.grant(&keys, self.said.as_ref(), turn);
            let Some(term) = self.presence.visit_existing(&resource, grant).flatten() else {
                // A booking went over it. What of the other resources was granted already runs out by itself.
                self.presence.visit_existing(&resource, |board, turn| board.undo(&keys, turn));
                return Err(HoldRefusal::Held(Vec::new()));
            };
            terms.push(term);
        }
        Ok(self.presence.granted(self.holder.clone(), terms))
    }
}

impl Drop for Placement {
    fn drop(&mut self) {
        for Part { resource, keys, .. } in self.parts.drain(..) {
            let keys: Vec<SpanKey> = keys.into_iter().map(|(key, _)| key).collect();
            self.presence.visit_existing(&resource, |board, turn| board.undo(&keys, turn));
        }
    }
}

impl Obstacles {
    /// The refusal that the obstacles make, the first in the order of reasons.
    fn into_result(self) -> Result<(), HoldRefusal> {
        if !self.taken.is_empty() {
            Err(HoldRefusal::Taken(self.taken))
        } else if !self.held.is_empty() {
            Err(HoldRefusal::Held(self.held))
        } else if let Some(resource) = self.limit_reached {
            Err(HoldRefusal::LimitReached(resource))
        } else {
            Ok(())
        }
    }
}

fn last_of_each_start(slots: &[HoldSlot]) -> Vec<HoldSlot> {
    let by_start: BTreeMap<DateTime<Utc>, &HoldSlot> = slots.iter().map(|slot| (slot.start, slot)).collect();
    by_start.into_values().cloned().collect()
}
