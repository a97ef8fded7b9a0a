//! Claims: how a booking keeps its time free of new holds while its transaction runs.

use std::sync::Arc;

use super::Presence;
use super::board::{Board, Claimed, Held, Stage, Turn};
use super::hold::{ClaimRequest, HoldItem, HoldRefusal};
use super::room::{Stake, Tally, conflicts, quantum_at, runs};
use super::session::SessionKey;
use super::spans::SpanKey;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::domain::refusal::Conflict;

impl Presence {
    /// Claims a span of some resources for a booking that is about to be written: from now on nobody else can place a
    /// hold that it leaves no room for. Claims do not refuse each other; the database decides between them.
    ///
    /// # Errors
    ///
    /// The holds of other sessions that leave too few units, if the request does not go over holds.
    pub fn claim(self: &Arc<Self>, request: ClaimRequest<'_>) -> Result<Claim, Vec<Conflict>> {
        let session = request.session.map(|secret| self.pseudonyms.session(secret));
        let mut claim = Claim {
            presence: self.clone(),
            session,
            span: request.span,
            over_holds: request.over_holds,
            parts: Vec::with_capacity(request.items.len()),
        };
        let mut in_the_way = Vec::new();
        for item in request.items {
            match self.visit(&item.resource_id, |board, _| board.claim(item, &claim)) {
                Ok(key) => claim.parts.push(Part { item: item.clone(), key }),
                Err(conflicts) => in_the_way.extend(conflicts),
            }
        }
        if in_the_way.is_empty() { Ok(claim) } else { Err(in_the_way) }
    }
}

impl Presence {
    /// What of others' holds would stand in the way of a booking, without claiming anything: `occupied` gives the units
    /// that are taken of a pool in a quantum. Nothing but an answer: by the time that it is read it may be another.
    #[must_use]
    pub fn in_the_way(
        &self,
        request: ClaimRequest<'_>,
        occupied: impl Fn(&ResourceId, Quantum) -> u32,
    ) -> Vec<Conflict> {
        if request.over_holds {
            return Vec::new();
        }
        let session = request.session.map(|secret| self.pseudonyms.session(secret));
        let mut in_the_way = Vec::new();
        for item in request.items {
            let is_pool = item.capacity > 1;
            let units = |quantum| if is_pool { occupied(&item.resource_id, quantum) } else { 0 };
            // The registry calls nothing of others' while it holds a lock.
            let units: Vec<u32> = quanta(request.span).map(units).collect();
            let look =
                |board: &mut Board, _: &mut Turn<'_>| board.against(item, request.span, session, &units, |_| true);
            in_the_way.extend(self.visit_existing(&item.resource_id, look).unwrap_or_default());
        }
        in_the_way
    }
}

/// A booking under way. Dropping it ends the claim, as if there had been none.
#[must_use = "a claim ends when it is dropped"]
pub struct Claim {
    presence: Arc<Presence>,
    session: Option<SessionKey>,
    span: QuantumSpan,
    over_holds: bool,
    parts: Vec<Part>,
}

struct Part {
    item: HoldItem,
    key: SpanKey,
}

impl Claim {
    /// Whether the booking leaves room for what others hold of pools. Exclusive resources need no look: there the
    /// claim itself has told.
    ///
    /// Call it in the transaction, once the rows of the pools' days are locked: `occupied` gives the units that are
    /// taken of a pool in a quantum without the booking's own. Read without the lock, two bookings that cannot see
    /// each other could take together what a hold needs. It is asked only for pools and may be asked again, when the
    /// transaction is repeated.
    ///
    /// # Errors
    ///
    /// [`HoldRefusal::Held`] with the holds that leave too few units.
    pub fn check(&self, occupied: impl Fn(&ResourceId, Quantum) -> u32) -> Result<(), HoldRefusal> {
        if self.over_holds {
            return Ok(());
        }
        let mut in_the_way = Vec::new();
        for Part { item, key } in self.pools() {
            // The registry calls nothing of others' while it holds a lock.
            let occupied = self.occupied(item, &occupied);
            let check = |board: &mut Board, _: &mut Turn<'_>| board.check_claim(*key, item, self, &occupied);
            in_the_way.extend(self.presence.visit(&item.resource_id, check));
        }
        if in_the_way.is_empty() { Ok(()) } else { Err(HoldRefusal::Held(in_the_way)) }
    }

    /// Call it after the commit: ends the holds that the booking overrides, tells their watchers, and ends the claim.
    ///
    /// On an exclusive resource these are all holds that overlap. On a pool they are the session's own; those of others
    /// have room, for [`Claim::check`] has made sure. Only a booking that went over holds also ends those that no
    /// longer fit beside what is occupied, the last taken first: for it, `occupied` gives the units that are taken of a
    /// pool in a quantum, with the booking's own.
    pub fn booked(mut self, occupied: impl Fn(&ResourceId, Quantum) -> u32) {
        while let Some(part) = self.parts.pop() {
            let is_asked = self.over_holds && part.item.capacity > 1;
            let units = if is_asked { self.occupied(&part.item, &occupied) } else { Vec::new() };
            let booked = |board: &mut Board, turn: &mut Turn<'_>| board.booked(&part, &self, &units, turn);
            self.presence.visit_existing(&part.item.resource_id, booked);
        }
    }

    fn pools(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.item.capacity > 1)
    }

    fn occupied(&self, item: &HoldItem, occupied: impl Fn(&ResourceId, Quantum) -> u32) -> Vec<u32> {
        quanta(self.span).map(|quantum| occupied(&item.resource_id, quantum)).collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        for Part { item, key } in self.parts.drain(..) {
            self.presence.visit_existing(&item.resource_id, |board, _| board.claims.remove(key));
        }
    }
}

/// The quanta of `span`, in order.
pub(super) fn quanta(span: QuantumSpan) -> impl Iterator<Item = Quantum> {
    (span.start.0..span.end.0).map(Quantum)
}

impl Board {
    fn claim(&mut self, item: &HoldItem, claim: &Claim) -> Result<SpanKey, Vec<Conflict>> {
        if !claim.over_holds {
            let stakes: Vec<Stake> = self.held_by_others(claim.span, claim.session, |_| true).collect();
            if !stakes.is_empty() {
                let exceeded = Tally::of(&stakes, claim.span).exceeded(item.capacity, item.quantity, |_| 0);
                let in_the_way = conflicts(&item.resource_id, claim.span, &runs(claim.span, &exceeded), &stakes);
                if !in_the_way.is_empty() {
                    return Err(in_the_way);
                }
            }
        }
        let claimed = Claimed { session: claim.session, quantity: item.quantity, settled: claim.over_holds };
        Ok(self.claims.insert(claim.span, claimed))
    }

    /// From now on, holds that settle look at the claim; those that have settled are looked at here.
    ///
    /// What the session itself holds, it can have, whatever else there is: room was made for it when it was granted.
    /// For the rest, a hold that another booking has just taken over still counts, although it is occupied by now:
    /// until that claim has ended it looks fuller than it is, never emptier.
    fn check_claim(&mut self, key: SpanKey, item: &HoldItem, claim: &Claim, occupied: &[u32]) -> Vec<Conflict> {
        if let Some(claimed) = self.claims.get_mut(key) {
            claimed.settled = true;
        }
        self.against(item, claim.span, claim.session, occupied, Held::is_settled)
    }

    /// What sessions other than `me` hold in `span`, of what `counts`, that leaves too few units beside what is
    /// `occupied` there.
    fn against(
        &self,
        item: &HoldItem,
        span: QuantumSpan,
        me: Option<SessionKey>,
        occupied: &[u32],
        counts: impl Fn(&Held) -> bool,
    ) -> Vec<Conflict> {
        let stakes: Vec<Stake> = self.held_by_others(span, me, counts).collect();
        if stakes.is_empty() {
            return Vec::new();
        }
        let units = |index: usize| occupied.get(index).copied().unwrap_or(0);
        let mut exceeded = Tally::of(&stakes, span).exceeded(item.capacity, item.quantity, units);
        let own = self.granted_to(me, span, item.quantity);
        exceeded.retain(|index| !own.iter().any(|own| own.contains(quantum_at(span, *index))));
        conflicts(&item.resource_id, span, &runs(span, &exceeded), &stakes)
    }

    /// Where in `span` the session has been granted at least so many units.
    fn granted_to(&self, session: Option<SessionKey>, span: QuantumSpan, quantity: u32) -> Vec<QuantumSpan> {
        let enough = |held: &Held| Some(held.session) == session && held.quantity >= quantity && held.seen().is_some();
        self.holds.overlapping(span).filter(|(_, _, held)| enough(held)).map(|(_, span, _)| span).collect()
    }

    fn booked(&mut self, part: &Part, claim: &Claim, occupied: &[u32], turn: &mut Turn<'_>) {
        self.claims.remove(part.key);
        for (span, held) in self.holds.overlapping_mut(claim.span) {
            if let Stage::Unseen { settled: false, booked } = &mut held.stage {
                booked.push((span.intersection(claim.span), part.item.quantity));
            }
        }
        for key in self.overridden(part, claim, occupied) {
            self.end(key, turn.now, turn);
        }
    }

    /// The settled holds that the booking ends.
    fn overridden(&self, part: &Part, claim: &Claim, occupied: &[u32]) -> Vec<SpanKey> {
        let settled = self.holds.overlapping(claim.span).filter(|(_, _, held)| held.is_settled());
        if part.item.capacity <= 1 {
            return settled.map(|(key, _, _)| key).collect();
        }
        let (own, mut others): (Vec<_>, Vec<_>) = settled.partition(|(_, _, held)| Some(held.session) == claim.session);
        let mut overridden: Vec<SpanKey> = own.into_iter().map(|(key, _, _)| key).collect();
        if !claim.over_holds {
            return overridden;
        }

        // Who came first stays first.
        others.sort_by_key(|(key, _, held)| (held.taken(), *key));
        let mut standing: Vec<Stake> = Vec::new();
        for (key, span, held) in others {
            standing.push(self.stake(span, held));
            let units = |index: usize| occupied.get(index).copied().unwrap_or(0);
            let exceeded = Tally::of(&standing, claim.span).exceeded(part.item.capacity, 0, units);
            if !exceeded.is_empty() {
                standing.pop();
                overridden.push(key);
            }
        }
        overridden
    }
}
