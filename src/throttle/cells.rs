//! What is remembered of each client for one budget: when it will be full again, and nothing else.

use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// Most clients that are remembered for one budget.
pub(super) const MOST: usize = 65_536;

/// What becomes of the clients for which there is no room.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// They share one budget.
    Share,
    /// They are not counted: another budget binds them.
    Pass,
}

/// One cell for each client.
pub(super) struct Cells<K: Eq + Hash> {
    own: DashMap<K, Nanos>,
    /// What the clients share for which there is no cell; `None`: they pass.
    shared: Option<Mutex<Option<Nanos>>>,
    /// Whether somebody has found no room since it was last asked.
    is_crowded: AtomicBool,
}

impl<K: Eq + Hash> Cells<K> {
    pub(super) fn new(beyond: Beyond) -> Self {
        let shared = match beyond {
            Beyond::Share => Some(Mutex::new(None)),
            Beyond::Pass => None,
        };
        Self { own: DashMap::new(), shared, is_crowded: AtomicBool::new(false) }
    }

    /// Whether somebody has found no room since the last call.
    pub(super) fn was_crowded(&self) -> bool {
        self.is_crowded.swap(false, Ordering::Relaxed)
    }
}

/// The cells as a limiter changes them. Clones share them.
#[derive(Clone)]
pub(super) struct Taking<K: Eq + Hash>(pub(super) Arc<Cells<K>>);

/// The cells as a limiter looks at them, without changing any.
#[derive(Clone)]
pub(super) struct Looking<K: Eq + Hash>(pub(super) Arc<Cells<K>>);

impl<K: Eq + Hash + Copy> StateStore for Taking<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Cells { own, shared, is_crowded } = &*self.0;
        if let Some(mut cell) = own.get_mut(key) {
            let (outcome, next) = decide(Some(*cell))?;
            *cell = next;
            return Ok(outcome);
        }
        // A few more than that get in at once at the worst: as many as there are threads.
        if own.len() < MOST {
            let cell = own.entry(*key);
            let before = match &cell {
                dashmap::Entry::Occupied(cell) => Some(*cell.get()),
                dashmap::Entry::Vacant(_) => None,
            };
            let (outcome, next) = decide(before)?;
            cell.insert(next);
            return Ok(outcome);
        }
        is_crowded.store(true, Ordering::Relaxed);
        let Some(shared) = shared else { return decide(None).map(|(outcome, _)| outcome) };
        let mut cell = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, next) = decide(*cell)?;
        *cell = Some(next);
        Ok(outcome)
    }
}

impl<K: Eq + Hash + Copy> ShrinkableKeyedStateStore<K> for Taking<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.own.retain(|_, cell| *cell > drop_below);
        // After a flood it would keep the room for all.
        if self.0.own.len() < MOST / 4 {
            self.0.own.shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.0.own.len()
    }

    fn is_empty(&self) -> bool {
        self.0.own.is_empty()
    }
}

impl<K: Eq + Hash + Copy> StateStore for Looking<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Cells { own, shared, .. } = &*self.0;
        let own_cell = own.get(key).map(|cell| *cell);
        let cell = match (own_cell, shared) {
            (None, Some(shared)) if own.len() >= MOST => *shared.lock().unwrap_or_else(PoisonError::into_inner),
            (cell, _) => cell,
        };
        decide(cell).map(|(outcome, _)| outcome)
    }
}
