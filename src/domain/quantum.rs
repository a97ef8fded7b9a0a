//! Quarter hours and what is made of them: spans and the 96-bit map of a UTC day.
//!
//! Everything that occupies time occupies whole quanta. UTC days have no gaps and no repeats, so nothing in
//! this module ever meets a clock change.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Length of a quantum in minutes.
pub const QUANTUM_MINUTES: i64 = 15;
/// Quanta in a UTC day.
pub const QUANTA_PER_DAY: i64 = 96;
/// Quanta in each of the two halves in which a day's map is stored.
pub const QUANTA_PER_HALF: u32 = 48;

const QUANTUM_MILLIS: i64 = QUANTUM_MINUTES * 60 * 1000;

/// How many whole quanta cover `minutes`.
#[must_use]
pub fn quanta_covering(minutes: u32) -> i64 {
    (i64::from(minutes) + QUANTUM_MINUTES - 1) / QUANTUM_MINUTES
}

/// One quarter hour, counted from 1970-01-01T00:00Z.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quantum(pub i64);

impl Quantum {
    /// The quantum in which `instant` lies.
    #[must_use]
    pub fn containing(instant: DateTime<Utc>) -> Self {
        Self(instant.timestamp_millis().div_euclid(QUANTUM_MILLIS))
    }

    /// The first quantum that starts at or after `instant`.
    #[must_use]
    pub fn at_or_after(instant: DateTime<Utc>) -> Self {
        Self::starting_at(instant).unwrap_or_else(|| Self::containing(instant).plus(1))
    }

    /// The quantum that starts exactly at `instant`, if one does.
    #[must_use]
    pub fn starting_at(instant: DateTime<Utc>) -> Option<Self> {
        let is_whole_millis = instant.timestamp_subsec_nanos().is_multiple_of(1_000_000);
        let is_whole_quantum = instant.timestamp_millis() % QUANTUM_MILLIS == 0;
        (is_whole_millis && is_whole_quantum).then(|| Self::containing(instant))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.saturating_mul(QUANTUM_MILLIS)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The UTC day in which it lies.
    #[must_use]
    pub fn day(self) -> UtcDay {
        // A quantum comes from an instant, and instants reach no further than i32 days.
        UtcDay(i32::try_from(self.0.div_euclid(QUANTA_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// The quantum that is `quanta` later (earlier, when negative).
    #[must_use]
    pub fn plus(self, quanta: i64) -> Self {
        Self(self.0 + quanta)
    }
}

/// A half-open run of quanta: `start` belongs to it, `end` does not. Neighbours that touch do not overlap.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuantumSpan {
    /// The first quantum.
    pub start: Quantum,
    /// The first quantum that no longer belongs to the span.
    pub end: Quantum,
}

impl QuantumSpan {
    /// From `start` up to, not including, `end`; empty when `end` does not come after `start`.
    #[must_use]
    pub fn new(start: Quantum, end: Quantum) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The smallest span that covers the instants from `start` to `end`: widened outward to the quarter hour.
    #[must_use]
    pub fn covering(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self::new(Quantum::containing(start), Quantum::at_or_after(end))
    }

    /// How many quanta.
    #[must_use]
    pub fn len(self) -> i64 {
        self.end.0 - self.start.0
    }

    /// Whether it has no quantum at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether the two have a quantum in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether all of `other` lies in this span.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// What the two have in common; empty when they do not overlap.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// Its first instant.
    #[must_use]
    pub fn start_at(self) -> DateTime<Utc> {
        self.start.start()
    }

    /// The first instant after it.
    #[must_use]
    pub fn end_at(self) -> DateTime<Utc> {
        self.end.start()
    }

    /// The UTC days that it touches, in order, each with the quanta of that day that belong to it.
    pub fn days(self) -> impl Iterator<Item = (UtcDay, DayMap)> {
        let first = self.start.day().0;
        let last = if self.is_empty() { first - 1 } else { self.end.plus(-1).day().0 };
        (first..=last).map(move |day| {
            let day = UtcDay(day);
            let part = self.intersection(day.span());
            let offset = day.first_quantum().0;
            (day, DayMap::range(part.start.0 - offset, part.end.0 - offset))
        })
    }
}

/// A UTC day, counted from 1970-01-01.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(pub i32);

impl UtcDay {
    /// The quantum at its midnight.
    #[must_use]
    pub fn first_quantum(self) -> Quantum {
        Quantum(i64::from(self.0) * QUANTA_PER_DAY)
    }

    /// All of its quanta.
    #[must_use]
    pub fn span(self) -> QuantumSpan {
        let first = self.first_quantum();
        QuantumSpan::new(first, first.plus(QUANTA_PER_DAY))
    }
}

/// The 96 quanta of a UTC day, one bit each: bit 0 is the quarter hour at midnight UTC.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DayMap(u128);

impl DayMap {
    /// No quantum.
    pub const EMPTY: Self = Self(0);
    /// All 96 quanta.
    pub const FULL: Self = Self((1 << QUANTA_PER_DAY) - 1);

    /// The quanta numbered `from` up to, not including, `to`; what lies outside 0 to 96 is left out.
    #[must_use]
    pub fn range(from: i64, to: i64) -> Self {
        let below = |bound: i64| -> u128 { (1 << bound.clamp(0, QUANTA_PER_DAY)) - 1 };
        Self(below(to) & !below(from))
    }

    /// From the two integers in which it is stored: the quanta before and from noon UTC.
    /// `None` when either has bits outside its 48.
    #[must_use]
    pub fn from_halves(before_noon: i64, from_noon: i64) -> Option<Self> {
        let half = |bits: i64| u64::try_from(bits).ok().filter(|bits| bits >> QUANTA_PER_HALF == 0);
        Some(Self(u128::from(half(before_noon)?) | u128::from(half(from_noon)?) << QUANTA_PER_HALF))
    }

    /// The two integers in which it is stored: the quanta before and from noon UTC.
    #[must_use]
    pub fn halves(self) -> (i64, i64) {
        const HALF: u128 = (1 << QUANTA_PER_HALF) - 1;
        let half = |bits: u128| i64::try_from(bits & HALF).unwrap_or(i64::MAX);
        (half(self.0), half(self.0 >> QUANTA_PER_HALF))
    }

    /// The map as the low 96 bits of an integer.
    #[must_use]
    pub fn bits(self) -> u128 {
        self.0
    }

    /// Whether no bit is set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether quantum `number` (0 to 95) is set.
    #[must_use]
    pub fn is_set(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    /// How many quanta are set.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The numbers of the quanta that are set, ascending.
    pub fn quanta(self) -> impl Iterator<Item = u32> {
        (0..96).filter(move |number| self.is_set(*number))
    }

    /// With the quantum `number` set.
    #[must_use]
    pub fn with(self, number: u32) -> Self {
        Self(self.0 | (1 << number)) & Self::FULL
    }

    /// Its runs of consecutive quanta as spans of `day`, in order.
    #[must_use]
    pub fn spans(self, day: UtcDay) -> Vec<QuantumSpan> {
        let mut rest = self.0;
        let mut spans = Vec::new();
        while rest != 0 {
            let from = rest.trailing_zeros();
            let length = (rest >> from).trailing_ones();
            let start = day.first_quantum().plus(i64::from(from));
            spans.push(QuantumSpan::new(start, start.plus(i64::from(length))));
            rest &= !Self::range(i64::from(from), i64::from(from + length)).0;
        }
        spans
    }
}

impl BitAnd for DayMap {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for DayMap {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for DayMap {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Not for DayMap {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0) & Self::FULL
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map() -> impl Strategy<Value = DayMap> {
        any::<[bool; 96]>().prop_map(|bits| {
            (0..).zip(bits).filter(|(_, set)| *set).fold(DayMap::EMPTY, |map, (number, _)| map.with(number))
        })
    }

    fn span() -> impl Strategy<Value = QuantumSpan> {
        (-400_i64..400, 0_i64..600)
            .prop_map(|(start, length)| QuantumSpan::new(Quantum(start), Quantum(start + length)))
    }

    proptest! {
        #[test]
        fn a_map_is_read_as_it_is_stored(map in map()) {
            let (before_noon, from_noon) = map.halves();
            prop_assert_eq!(DayMap::from_halves(before_noon, from_noon), Some(map));
        }

        #[test]
        fn the_days_of_a_span_add_up_to_it(span in span()) {
            let joined: Vec<Quantum> = span
                .days()
                .flat_map(|(day, map)| map.quanta().map(move |number| day.first_quantum().plus(number.into())))
                .collect();
            let expected: Vec<Quantum> = (span.start.0..span.end.0).map(Quantum).collect();
            prop_assert_eq!(joined, expected);
            prop_assert!(span.days().all(|(_, map)| !map.is_empty()));
        }

        #[test]
        fn the_spans_of_a_map_are_apart_and_hold_its_quanta(map in map(), day in -1_000_i32..60_000) {
            let day = UtcDay(day);
            let spans = map.spans(day);
            prop_assert!(spans.windows(2).all(|pair| pair[0].end < pair[1].start));
            let joined = spans.iter().flat_map(|span| span.days()).fold(DayMap::EMPTY, |map, (_, part)| map | part);
            prop_assert_eq!(joined, map);
        }

        #[test]
        fn an_instant_lies_in_its_quantum(
            quanta in -4_400_000_i64..4_500_000,
            millis in prop_oneof![Just(0), 0..QUANTUM_MILLIS],
        ) {
            let millis = quanta * QUANTUM_MILLIS + millis;
            let instant = DateTime::from_timestamp_millis(millis).unwrap();
            let quantum = Quantum::containing(instant);
            prop_assert!(quantum.start() <= instant && instant < quantum.plus(1).start());
            prop_assert!(quantum.day().span().contains(QuantumSpan::new(quantum, quantum.plus(1))));
            let next = Quantum::at_or_after(instant);
            prop_assert!(next.plus(-1).start() < instant && instant <= next.start());
            prop_assert_eq!(Quantum::starting_at(instant), (next == quantum).then_some(quantum));
            let finer = instant + chrono::TimeDelta::nanoseconds(1);
            prop_assert_eq!(Quantum::starting_at(finer), None);
            prop_assert_eq!(Quantum::at_or_after(finer), quantum.plus(1));
        }
    }

    #[test]
    fn halves_with_bits_beyond_their_48_are_refused() {
        assert_eq!(DayMap::from_halves(1 << 48, 0), None);
        assert_eq!(DayMap::from_halves(0, -1), None);
        assert_eq!(DayMap::FULL.halves(), ((1 << 48) - 1, (1 << 48) - 1));
    }

    #[test]
    fn spans_that_touch_do_not_overlap() {
        let span = |from, to| QuantumSpan::new(Quantum(from), Quantum(to));
        assert!(!span(0, 4).overlaps(span(4, 8)));
        assert!(span(0, 4).overlaps(span(3, 8)));
        assert!(span(0, 4).intersection(span(4, 8)).is_empty());
        assert_eq!(span(0, 4).hull(span(6, 8)), span(0, 8));
    }

    #[test]
    fn minutes_are_covered_by_whole_quanta() {
        assert_eq!([0, 1, 15, 16, 50].map(quanta_covering), [0, 1, 1, 2, 4]);
    }
}
