//! How a hold comes onto the board: placed unseen, settled beside what is occupied, granted; and renewed, released.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::board::{Board, Held, Said, Seen, Session, Stage, Turn};
use super::hold::{HoldLimit, HoldRefusal, HoldSlot};
use super::limits::{Allowance, Budget, cost, weight};
use super::room::{Stake, Tally, add_units, conflict, conflicts, runs};
use super::session::{Holder, SessionKey};
use super::spans::SpanKey;
use crate::address::AddressGroup;
use crate::clock::Monotonic;
use crate::domain::id::{EventTypeId, ResourceId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::Conflict;

/// What a heartbeat asks of one resource.
pub(super) struct Ask<'a> {
    pub(super) resource: &'a ResourceId,
    pub(super) session: SessionKey,
    pub(super) holder: Holder,
    pub(super) address: AddressGroup,
    pub(super) capacity: u32,
    pub(super) quantity: u32,
    pub(super) slots: &'a [HoldSlot],
    pub(super) event_type_id: Option<&'a EventTypeId>,
    pub(super) taken_with: Option<&'a ResourceId>,
    pub(super) add_ons: &'a Arc<[ResourceId]>,
}

/// What was placed of it.
pub(super) struct Placed {
    pub(super) keys: Vec<SpanKey>,
    /// The weight of the session's holds that the placed ones will replace.
    pub(super) replaced: u32,
}

/// Until when a session holds.
#[derive(Copy, Clone)]
pub(super) struct Term {
    pub(super) expiry: Monotonic,
    pub(super) runs_out: Monotonic,
}

impl Term {
    /// The same, but no longer than until `latest`.
    fn at_most(self, latest: Monotonic) -> Self {
        Self { expiry: self.expiry.min(latest), runs_out: self.runs_out.min(latest) }
    }
}

/// What stands in the way of settling.
#[derive(Default)]
pub(super) struct Obstacles {
    pub(super) taken: Vec<Conflict>,
    pub(super) held: Vec<Conflict>,
    pub(super) limit_reached: Option<ResourceId>,
}

impl Obstacles {
    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.held.is_empty() && self.limit_reached.is_none()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.taken.extend(other.taken);
        self.held.extend(other.held);
        self.limit_reached = self.limit_reached.take().or(other.limit_reached);
    }
}

/// What a pure renewal names on one resource.
pub(super) struct Renewed<'a> {
    pub(super) session: SessionKey,
    pub(super) quantity: u32,
    pub(super) slots: &'a [(DateTime<Utc>, DateTime<Utc>)],
    pub(super) event_type_id: Option<&'a EventTypeId>,
    pub(super) taken_with: Option<&'a ResourceId>,
    /// What is held with it: none of an add-on.
    pub(super) add_ons: &'a [(ResourceId, u32)],
    pub(super) data: Option<&'a Value>,
}

impl Board {
    /// Places all slots unseen, or none.
    pub(super) fn place(&mut self, ask: &Ask<'_>, turn: &mut Turn<'_>) -> Result<Placed, HoldRefusal> {
        let in_the_way: Vec<Conflict> = ask.slots.iter().flat_map(|slot| self.in_the_way(ask, slot.occupied)).collect();
        if !in_the_way.is_empty() {
            return Err(HoldRefusal::Held(in_the_way));
        }
        let limit = turn.settings.renewable;
        let runs_out = self
            .sessions
            .get(&ask.session)
            .map_or(turn.now.plus(limit), |session| session.allowance.runs_out(turn.now, limit));
        if runs_out <= turn.now {
            return Err(HoldRefusal::LimitReached(ask.resource.clone()));
        }

        let left = runs_out.since(turn.now);
        let weights = ask.slots.iter().map(|slot| weight(slot.occupied, ask.quantity));
        let needed = weights.fold(0u64, |sum, weight| sum.saturating_add(cost(weight, left)));
        let (replaced, comes_back) = self.replaced_by(ask, turn.now);
        let room = self.budgets.get(&ask.address).unwrap_or(&Budget::default()).room(turn.now, turn.settings);
        if needed > room.saturating_add(comes_back) {
            return Err(HoldRefusal::LimitExceeded(HoldLimit::Address));
        }
        self.budgets.entry(ask.address).or_default().reserve(needed);

        let session = self.sessions.entry(ask.session).or_insert_with(|| Session {
            holder: ask.holder.clone(),
            data: None,
            starts: BTreeMap::new(),
            unseen: 0,
            allowance: Allowance::fresh(turn.now),
        });
        session.unseen += ask.slots.len();
        let unseen = |slot: &HoldSlot| unseen(ask, slot, left, turn);
        let keys = ask.slots.iter().map(|slot| self.holds.insert(slot.occupied, unseen(slot))).collect();
        Ok(Placed { keys, replaced })
    }

    /// The holds and claims of others that leave too few units of `span`.
    fn in_the_way(&self, ask: &Ask<'_>, span: QuantumSpan) -> Vec<Conflict> {
        let held = self.held_by_others(span, Some(ask.session), |_| true);
        let stakes: Vec<Stake> = held.chain(self.claimed_by_others(span, ask.session, |_| true)).collect();
        if stakes.is_empty() {
            return Vec::new();
        }
        let exceeded = Tally::of(&stakes, span).exceeded(ask.capacity, ask.quantity, |_| 0);
        conflicts(ask.resource, span, &runs(span, &exceeded), &stakes)
    }

    /// The weight of the holds that `ask` replaces, and what their end gives back to the address's budget.
    fn replaced_by(&self, ask: &Ask<'_>, now: Monotonic) -> (u32, u64) {
        let Some(session) = self.sessions.get(&ask.session) else { return (0, 0) };
        let keys = ask.slots.iter().filter_map(|slot| session.starts.get(&slot.start));
        let held = keys.filter_map(|key| self.holds.get(*key));
        held.fold((0, 0), |(replaced, comes_back), (span, held)| {
            let weight = weight(span, held.quantity);
            let used = held.seen().map_or(0, |seen| cost(weight, now.since(seen.taken)));
            let unused = if held.address == ask.address { held.reserved.saturating_sub(used) } else { 0 };
            (replaced + weight, comes_back + unused)
        })
    }

    /// Settles what was placed, if all of it fits beside what is `occupied` (units for each quantum of each key);
    /// else gives what stands in the way.
    pub(super) fn settle(
        &mut self,
        resource: &ResourceId,
        capacity: u32,
        placed: &[(SpanKey, Vec<u32>)],
        turn: &Turn<'_>,
    ) -> Result<(), Obstacles> {
        let mut obstacles = Obstacles::default();
        for (key, occupied) in placed {
            self.look_for_obstacles(resource, capacity, *key, occupied, turn, &mut obstacles);
        }
        if !obstacles.is_empty() {
            return Err(obstacles);
        }
        for (key, _) in placed {
            if let Some(Held { stage: Stage::Unseen { settled, .. }, .. }) = self.holds.get_mut(*key) {
                *settled = true;
            }
        }
        Ok(())
    }

    fn look_for_obstacles(
        &self,
        resource: &ResourceId,
        capacity: u32,
        key: SpanKey,
        occupied: &[u32],
        turn: &Turn<'_>,
        obstacles: &mut Obstacles,
    ) {
        let Some((span, held)) = self.holds.get(key) else { return };
        let (quantity, session) = (held.quantity, held.session);
        let without_room = |occupied: &[u32]| {
            let over: Vec<usize> =
                (0..occupied.len()).filter(|index| occupied[*index].saturating_add(quantity) > capacity).collect();
            runs(span, &over).into_iter().map(|run| conflict(resource, run, None)).collect::<Vec<_>>()
        };
        obstacles.taken.extend(without_room(occupied));

        let counted = self.with_bookings_meanwhile(key, occupied);
        obstacles.held.extend(without_room(&counted));
        let others = self.held_by_others(span, Some(session), Held::is_settled);
        let stakes: Vec<Stake> =
            others.chain(self.claimed_by_others(span, session, |claimed| claimed.settled)).collect();
        if !stakes.is_empty() {
            let units = |index: usize| counted.get(index).copied().unwrap_or(0);
            let exceeded = Tally::of(&stakes, span).exceeded(capacity, quantity, units);
            obstacles.held.extend(conflicts(resource, span, &runs(span, &exceeded), &stakes));
        }

        let limit = turn.settings.renewable;
        let has_run_out = |session: &Session| session.allowance.runs_out(turn.now, limit) <= turn.now;
        if self.sessions.get(&session).is_some_and(has_run_out) {
            obstacles.limit_reached = Some(resource.clone());
        }
    }

    /// `occupied` and the bookings that went through since `key` was placed. Some may be in both: then it looks fuller
    /// than it is for a moment, never emptier.
    fn with_bookings_meanwhile(&self, key: SpanKey, occupied: &[u32]) -> Vec<u32> {
        let mut counted = occupied.to_vec();
        if let Some((span, Held { stage: Stage::Unseen { booked, .. }, .. })) = self.holds.get(key) {
            for (part, units) in booked {
                add_units(&mut counted, span, *part, *units);
            }
        }
        counted
    }

    /// Grants what was settled; each hold replaces the session's one with the same start.
    pub(super) fn grant(&mut self, keys: &[SpanKey], data: Option<&Said>, turn: &mut Turn<'_>) -> Option<Term> {
        // A booking that goes over holds may have ended some of them by now: then there is nothing to grant.
        let placed: Vec<&Held> = keys.iter().map(|key| Some(self.holds.get(*key)?.1)).collect::<Option<_>>()?;
        let session = placed.first()?.session;
        let latest = placed.iter().map(|held| held.latest).min()?;
        for key in keys {
            self.grant_one(*key, turn);
        }
        let mine = self.sessions.get_mut(&session)?;
        if mine.data.as_ref() != data {
            mine.data = data.cloned();
            let all = mine.starts.values().filter_map(|key| self.holds.get(*key)).map(|(span, _)| span);
            turn.changed.extend(all);
        }
        let term = term(mine, turn).at_most(latest);
        self.due_by(term.expiry);
        Some(term)
    }

    fn grant_one(&mut self, key: SpanKey, turn: &mut Turn<'_>) {
        let Some((span, held)) = self.holds.get(key) else { return };
        let (session_key, start) = (held.session, held.start);
        let replaced = self.sessions.get(&session_key).and_then(|session| session.starts.get(&start)).copied();
        let old = replaced.and_then(|old| self.remove(old, turn.now, turn));
        let Some(session) = self.sessions.get_mut(&session_key) else { return };
        let Some(held) = self.holds.get_mut(key) else { return };

        let mut since = turn.wall;
        match old {
            Some((old_span, old)) => {
                if let Some(seen) = old.seen().filter(|_| old_span.contains(span) && held.quantity <= old.quantity) {
                    since = seen.since;
                }
                if (old_span, old.end, old.quantity) != (span, held.end, held.quantity) {
                    turn.changed.push(old_span.hull(span));
                }
            }
            None => turn.changed.push(span),
        }
        session.allowance.start(turn.now, turn.settings.renewable);
        session.starts.insert(start, key);
        session.unseen -= 1;
        let expiry = term(session, turn).at_most(held.latest).expiry;
        held.stage = Stage::Seen(Seen { taken: turn.now, expiry, since, updated_at: turn.wall });
    }

    /// Takes back what was placed and not granted.
    pub(super) fn undo(&mut self, keys: &[SpanKey], turn: &mut Turn<'_>) {
        for key in keys {
            if self.holds.get(*key).is_some_and(|(_, held)| held.seen().is_none()) {
                self.remove(*key, turn.now, turn);
            }
        }
    }

    /// Whether the session has just what is named.
    pub(super) fn is_renewal(&self, named: &Renewed<'_>) -> bool {
        self.renewed_keys(named).is_some()
    }

    /// Renews all that is named, if the session has just that.
    pub(super) fn renew(&mut self, named: &Renewed<'_>, turn: &Turn<'_>) -> Option<Term> {
        let keys = self.renewed_keys(named)?;
        let session = self.sessions.get(&named.session)?;
        let mut shortest = term(session, turn);
        for key in keys {
            let Some(Held { stage: Stage::Seen(seen), latest, .. }) = self.holds.get_mut(key) else { continue };
            shortest = shortest.at_most(*latest);
            seen.expiry = term(session, turn).at_most(*latest).expiry;
            seen.updated_at = turn.wall;
        }
        Some(shortest)
    }

    fn renewed_keys(&self, named: &Renewed<'_>) -> Option<Vec<SpanKey>> {
        let session = self.sessions.get(&named.session)?;
        if session.data.as_ref().map(|said| said.value.as_ref()) != named.data {
            return None;
        }
        let just_so = |held: &Held, end: DateTime<Utc>| {
            held.end == end
                && held.quantity == named.quantity
                && held.event_type_id.as_ref() == named.event_type_id
                && held.taken_with.as_ref() == named.taken_with
                && held.add_ons.len() == named.add_ons.len()
                && named.add_ons.iter().all(|(add_on, _)| held.add_ons.contains(add_on))
        };
        let key = |(start, end): &(DateTime<Utc>, DateTime<Utc>)| {
            let key = *session.starts.get(start)?;
            self.holds.get(key).filter(|(_, held)| just_so(held, *end)).map(|_| key)
        };
        named.slots.iter().map(key).collect()
    }

    /// Ends what `session` holds at `starts` (everywhere, without), or of it only what was `taken_with` a resource.
    pub(super) fn leave(
        &mut self,
        session: SessionKey,
        starts: Option<&[DateTime<Utc>]>,
        taken_with: Option<&ResourceId>,
        turn: &mut Turn<'_>,
    ) -> Vec<Held> {
        let Some(mine) = self.sessions.get(&session) else { return Vec::new() };
        let keys: Vec<SpanKey> = match starts {
            None => mine.starts.values().copied().collect(),
            Some(starts) => starts.iter().filter_map(|start| mine.starts.get(start)).copied().collect(),
        };
        let mut released = Vec::new();
        for key in keys {
            let with = |held: &Held| taken_with.is_none() || held.taken_with.as_ref() == taken_with;
            if self.holds.get(key).is_some_and(|(_, held)| with(held))
                && let Some((span, held)) = self.remove(key, turn.now, turn)
            {
                turn.changed.push(span);
                released.push(held);
            }
        }
        released
    }
}

fn unseen(ask: &Ask<'_>, slot: &HoldSlot, left: Duration, turn: &Turn<'_>) -> Held {
    // That instant included: it can be booked then.
    let bookable_for = slot.bookable_until - turn.wall + TimeDelta::milliseconds(1);
    Held {
        latest: turn.now.plus(bookable_for.to_std().unwrap_or_default()),
        session: ask.session,
        address: ask.address,
        start: slot.start,
        end: slot.end,
        quantity: ask.quantity,
        event_type_id: ask.event_type_id.cloned(),
        taken_with: ask.taken_with.cloned(),
        add_ons: ask.add_ons.clone(),
        reserved: cost(weight(slot.occupied, ask.quantity), left),
        stage: Stage::Unseen { settled: false, booked: Vec::new() },
    }
}

/// Until when a session holds what it takes or renews now.
fn term(session: &Session, turn: &Turn<'_>) -> Term {
    let runs_out = session.allowance.runs_out(turn.now, turn.settings.renewable);
    Term { expiry: turn.now.plus(turn.settings.ttl).min(runs_out), runs_out }
}
