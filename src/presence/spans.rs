//! An index of things by the span that they keep.

use std::collections::BTreeMap;

use crate::domain::quantum::{Quantum, QuantumSpan};

/// Names one entry of a [`SpanIndex`]; never used again once the entry is gone.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SpanKey {
    start: Quantum,
    serial: u64,
}

/// Things by their span. Finding what overlaps a span costs what lies near it, not what there is.
#[derive(Debug)]
pub(super) struct SpanIndex<T> {
    entries: BTreeMap<SpanKey, (QuantumSpan, T)>,
    /// No entry is longer: what starts earlier than this before a span cannot reach into it.
    longest: i64,
    next_serial: u64,
}

impl<T> Default for SpanIndex<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), longest: 0, next_serial: 0 }
    }
}

impl<T> SpanIndex<T> {
    pub(super) fn insert(&mut self, span: QuantumSpan, value: T) -> SpanKey {
        let key = SpanKey { start: span.start, serial: self.next_serial };
        self.next_serial += 1;
        self.longest = self.longest.max(span.len());
        self.entries.insert(key, (span, value));
        key
    }

    pub(super) fn get(&self, key: SpanKey) -> Option<(QuantumSpan, &T)> {
        self.entries.get(&key).map(|(span, value)| (*span, value))
    }

    pub(super) fn get_mut(&mut self, key: SpanKey) -> Option<&mut T> {
        self.entries.get_mut(&key).map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, key: SpanKey) -> Option<(QuantumSpan, T)> {
        let removed = self.entries.remove(&key);
        if self.entries.is_empty() {
            self.longest = 0;
        }
        removed
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SpanKey, QuantumSpan, &T)> {
        self.entries.iter().map(|(key, (span, value))| (*key, *span, value))
    }

    /// What overlaps `span`, by its start.
    pub(super) fn overlapping(&self, span: QuantumSpan) -> impl Iterator<Item = (SpanKey, QuantumSpan, &T)> {
        self.entries
            .range(self.reach(span))
            .filter(move |(_, (own, _))| own.overlaps(span))
            .map(|(key, (own, value))| (*key, *own, value))
    }

    /// The same, to be changed.
    pub(super) fn overlapping_mut(&mut self, span: QuantumSpan) -> impl Iterator<Item = (QuantumSpan, &mut T)> {
        let reach = self.reach(span);
        self.entries
            .range_mut(reach)
            .filter(move |(_, (own, _))| own.overlaps(span))
            .map(|(_, (own, value))| (*own, value))
    }

    fn reach(&self, span: QuantumSpan) -> std::ops::Range<SpanKey> {
        let bound = |start| SpanKey { start, serial: 0 };
        bound(span.start.plus(-self.longest))..bound(span.end.max(span.start))
    }
}
