//! Counting units: what others keep of a resource, and what is left.

use super::session::{Holder, SessionKey};
use super::spans::SpanKey;
use crate::domain::id::ResourceId;
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::Conflict;

/// Whose units are counted together.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A session: it counts the most that it holds, or what it is booking, not the sum of both.
    Session(SessionKey),
    /// A booking that belongs to no session.
    Booking(SpanKey),
}

/// Units that somebody keeps over a span.
pub(super) struct Stake {
    pub(super) owner: Owner,
    pub(super) span: QuantumSpan,
    pub(super) quantity: u32,
    /// The public name, for a hold; `None` for a booking under way.
    pub(super) holder: Option<Holder>,
}

/// Units that are kept in each quantum of a span.
pub(super) struct Tally {
    span: QuantumSpan,
    units: Vec<u32>,
}

impl Tally {
    /// Counts `stakes` over `span`.
    pub(super) fn of(stakes: &[Stake], span: QuantumSpan) -> Self {
        let mut stakes: Vec<&Stake> = stakes.iter().collect();
        stakes.sort_by_key(|stake| stake.owner);
        let mut tally = Self { span, units: vec![0; usize::try_from(span.len()).unwrap_or(0)] };
        for owned in stakes.chunk_by(|a, b| a.owner == b.owner) {
            tally.add_owner(owned);
        }
        tally
    }

    /// Adds one owner's stakes: of holds the most in a quantum, of bookings the sum, of the two the larger.
    fn add_owner(&mut self, owned: &[&Stake]) {
        let parts = owned.iter().map(|stake| stake.span.intersection(self.span)).filter(|part| !part.is_empty());
        let Some(hull) = parts.reduce(QuantumSpan::hull) else { return };
        let mut held = vec![0u32; usize::try_from(hull.len()).unwrap_or(0)];
        let mut booking = held.clone();
        for stake in owned {
            let range = range_in(hull, stake.span);
            if stake.holder.is_some() {
                held[range].iter_mut().for_each(|units| *units = (*units).max(stake.quantity));
            } else {
                booking[range].iter_mut().for_each(|units| *units = units.saturating_add(stake.quantity));
            }
        }
        let range = range_in(self.span, hull);
        for (units, (held, booking)) in self.units[range].iter_mut().zip(held.into_iter().zip(booking)) {
            *units = units.saturating_add(held.max(booking));
        }
    }

    /// The quanta, by their place in the span, in which something is kept and `asked` more, beside what is `occupied`
    /// there, would exceed `capacity`.
    pub(super) fn exceeded(&self, capacity: u32, asked: u32, occupied: impl Fn(usize) -> u32) -> Vec<usize> {
        let exceeds = |index: usize, units: u32| {
            units > 0 && units.saturating_add(occupied(index)).saturating_add(asked) > capacity
        };
        self.units
            .iter()
            .enumerate()
            .filter(|(index, units)| exceeds(*index, **units))
            .map(|(index, _)| index)
            .collect()
    }
}

/// Adds `units` to those quanta of `span`, counted in `counts`, that lie in `part`.
pub(super) fn add_units(counts: &mut [u32], span: QuantumSpan, part: QuantumSpan, units: u32) {
    counts[range_in(span, part)].iter_mut().for_each(|count| *count = count.saturating_add(units));
}

/// The quanta that `part` has in common with `span`, by their place in `span`.
fn range_in(span: QuantumSpan, part: QuantumSpan) -> std::ops::Range<usize> {
    let part = part.intersection(span);
    let place = |quanta: i64| usize::try_from(quanta).unwrap_or(0);
    if part.is_empty() { 0..0 } else { place(part.start.0 - span.start.0)..place(part.end.0 - span.start.0) }
}

/// The quantum at a place in `span`, as a span of its own.
pub(super) fn quantum_at(span: QuantumSpan, index: usize) -> QuantumSpan {
    let start = span.start.plus(i64::try_from(index).unwrap_or(0));
    QuantumSpan::new(start, start.plus(1))
}

/// The runs of consecutive `quanta` (places in `span`, ascending) as spans.
pub(super) fn runs(span: QuantumSpan, quanta: &[usize]) -> Vec<QuantumSpan> {
    quanta
        .chunk_by(|a, b| a + 1 == *b)
        .filter_map(|run| Some(quantum_at(span, *run.first()?).hull(quantum_at(span, *run.last()?))))
        .collect()
}

/// Those of `stakes` that keep something in `runs`, as conflicts, clipped to `asked`.
pub(super) fn conflicts(
    resource: &ResourceId,
    asked: QuantumSpan,
    runs: &[QuantumSpan],
    stakes: &[Stake],
) -> Vec<Conflict> {
    stakes
        .iter()
        .filter(|stake| runs.iter().any(|run| run.overlaps(stake.span)))
        .map(|stake| conflict(resource, stake.span.intersection(asked), stake.holder.as_ref()))
        .collect()
}

/// `span` of `resource` as a conflict.
pub(super) fn conflict(resource: &ResourceId, span: QuantumSpan, holder: Option<&Holder>) -> Conflict {
    Conflict {
        resource_id: resource.clone(),
        start: span.start_at(),
        end: span.end_at(),
        holder: holder.map(ToString::to_string),
    }
}
