//! Ending the holds that a resource has no longer room for, once it has fewer units.

use std::collections::HashSet;

use super::Presence;
use super::board::{Board, Held, Turn};
use super::claim::quanta;
use super::room::{Stake, Tally};
use super::session::SessionKey;
use super::spans::SpanKey;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan};

impl Presence {
    /// From the first to the last quantum that is held of `resource`, if anything is.
    #[must_use]
    pub fn held_span(&self, resource: &ResourceId) -> Option<QuantumSpan> {
        let hull =
            |board: &mut Board, _: &mut Turn<'_>| board.holds.iter().map(|(_, span, _)| span).reduce(QuantumSpan::hull);
        self.visit_existing(resource, hull).flatten()
    }

    /// Ends the holds of `resource` that no longer fit beside what is `occupied`, the last taken first, now that it has
    /// `capacity` units: others would be kept out by what cannot be booked. `span` is what [`Presence::held_span`] gave;
    /// `occupied` gives the units that are taken in a quantum of it.
    pub fn fit(
        &self,
        resource: &ResourceId,
        capacity: u32,
        span: QuantumSpan,
        occupied: impl Fn(&ResourceId, Quantum) -> u32,
    ) {
        // The registry calls nothing of others' while it holds a lock.
        let occupied: Vec<u32> = quanta(span).map(|quantum| occupied(resource, quantum)).collect();
        let units = |quantum: Quantum| {
            let place = usize::try_from(quantum.0 - span.start.0).ok();
            place.and_then(|place| occupied.get(place)).copied().unwrap_or(0)
        };
        self.visit_existing(resource, |board, turn| {
            for key in board.crowded_out(capacity, units) {
                board.end(key, turn.now, turn);
            }
        });
    }

    /// Ends all holds of a `resource` that is gone.
    pub fn end_all(&self, resource: &ResourceId) {
        self.visit_existing(resource, |board, turn| {
            let settled = board.holds.iter().filter(|(_, _, held)| held.is_settled());
            for key in settled.map(|(key, _, _)| key).collect::<Vec<SpanKey>>() {
                board.end(key, turn.now, turn);
            }
        });
    }
}

impl Board {
    /// The settled holds that leave too few units for those that were taken before them. A hold that is being booked is
    /// left to its booking, and may be occupied by now: it counts as that, and not as a hold too.
    fn crowded_out(&self, capacity: u32, occupied: impl Fn(Quantum) -> u32) -> Vec<SpanKey> {
        let counts = |span: QuantumSpan, held: &Held| held.is_settled() && !self.is_being_booked(span, held.session);
        let mut settled: Vec<_> = self.holds.iter().filter(|(_, span, held)| counts(*span, held)).collect();
        // Who came first stays first.
        settled.sort_by_key(|(key, _, held)| (held.taken(), *key));
        let mut standing: HashSet<SpanKey> = HashSet::with_capacity(settled.len());
        let mut crowded_out = Vec::new();
        for (key, span, _) in settled {
            standing.insert(key);
            let beside = self.holds.overlapping(span).filter(|(key, _, _)| standing.contains(key));
            let stakes: Vec<Stake> = beside.map(|(_, span, held)| self.stake(span, held)).collect();
            let units = |index: usize| occupied(span.start.plus(i64::try_from(index).unwrap_or(i64::MAX)));
            if !Tally::of(&stakes, span).exceeded(capacity, 0, units).is_empty() {
                standing.remove(&key);
                crowded_out.push(key);
            }
        }
        crowded_out
    }

    /// Whether `session` is booking somewhere in `span`, and may have committed.
    fn is_being_booked(&self, span: QuantumSpan, session: SessionKey) -> bool {
        self.claims.overlapping(span).any(|(_, _, claimed)| claimed.settled && claimed.session == Some(session))
    }
}
