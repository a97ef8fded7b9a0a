//! What is open at once: counted while it is, whatever way it ends.

use std::sync::Arc;
use std::time::Duration;

use dashmap::{DashMap, Entry};

use super::meter::RetryAfter;
use crate::address::AddressGroup;

/// When to ask again for a place. Nobody knows when one becomes free; soon, where people come and go.
pub const TRY_AGAIN: RetryAfter = RetryAfter::new(Duration::from_secs(10));

/// There is no place left for this client; [`TRY_AGAIN`] tells when to ask again.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// How many it may have.
    pub most: usize,
}

/// How many things of one kind each client has open: only clients that have any are remembered.
#[derive(Debug)]
pub(super) struct Places {
    taken: DashMap<AddressGroup, usize>,
    most: usize,
}

impl Places {
    /// `most` for each client.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { taken: DashMap::new(), most })
    }

    /// One more for `client`.
    pub(super) fn take(self: &Arc<Self>, client: AddressGroup) -> Result<Place, Full> {
        match self.taken.entry(client) {
            Entry::Occupied(taken) if *taken.get() >= self.most => return Err(Full { most: self.most }),
            Entry::Occupied(mut taken) => *taken.get_mut() += 1,
            Entry::Vacant(none) => {
                none.insert(1);
            }
        }
        Ok(Place { places: Arc::clone(self), client })
    }

    fn give_back(&self, client: AddressGroup) {
        if let Entry::Occupied(mut taken) = self.taken.entry(client) {
            if *taken.get() <= 1 {
                taken.remove();
            } else {
                *taken.get_mut() -= 1;
            }
        }
    }

    /// How many clients have something open.
    #[cfg(test)]
    pub(super) fn clients(&self) -> usize {
        self.taken.len()
    }
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub struct Place {
    places: Arc<Places>,
    client: AddressGroup,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.give_back(self.client);
    }
}
