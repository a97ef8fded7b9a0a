//! What is remembered of each client for one budget: when it will be full again, and nothing else.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// Most clients that are remembered for one budget. Those beyond share one.
pub(super) const MOST: usize = 65_536;

/// One cell for each client.
pub(super) struct Cells<K: Eq + Hash> {
    own: DashMap<K, Nanos>,
    /// What the clients share for which there is no cell.
    shared: Mutex<Option<Nanos>>,
}

impl<K: Eq + Hash> Default for Cells<K> {
    fn default() -> Self {
        Self { own: DashMap::new(), shared: Mutex::new(None) }
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
        let Cells { own, shared } = &*self.0;
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
        let Cells { own, shared } = &*self.0;
        let own_cell = own.get(key).map(|cell| *cell);
        let cell = match own_cell {
            None if own.len() >= MOST => *shared.lock().unwrap_or_else(PoisonError::into_inner),
            cell => cell,
        };
        decide(cell).map(|(outcome, _)| outcome)
    }
}
