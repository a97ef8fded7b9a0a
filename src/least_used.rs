//! What is kept in memory as long as there is room: the least used goes first.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// Values by their keys, each with what it weighs, in bytes; together they never weigh more than a limit. Shared by
/// whoever asks: values are handed out as clones, and what has to go is dropped without the lock.
#[derive(Debug)]
pub struct LeastUsed<K: Hash + Eq, V>(Mutex<Room<K, V>>);

impl<K: Hash + Eq, V: Clone> LeastUsed<K, V> {
    /// Nothing yet, and never more than `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Mutex::new(Room::new(most)))
    }

    /// The value of `key`, which has been used now.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.room().get(key).cloned()
    }

    /// Whether there is a value of `key`, which counts as no use of it.
    pub fn contains(&self, key: &K) -> bool {
        self.room().peek(key).is_some()
    }

    /// Keeps `value`, which weighs so much, in the place of what there was of `key`, unless it is more than all may weigh.
    pub fn keep(&self, key: K, value: V, weight: usize) {
        let gone = self.room().keep(key, value, weight);
        drop(gone);
    }

    /// Forgets the value of `key` if it is the one that is meant: somebody may have put a newer one there.
    pub fn forget_if<Q>(&self, key: &Q, is_meant: impl FnOnce(&V) -> bool)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut room = self.room();
        let gone = if room.peek(key).is_some_and(is_meant) { room.forget(key) } else { None };
        drop(room);
        drop(gone);
    }

    fn room(&self) -> MutexGuard<'_, Room<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept, for one at a time.
#[derive(Debug)]
struct Room<K: Hash + Eq, V> {
    by_key: LruCache<K, (V, usize)>,
    weight: usize,
    most: usize,
}

impl<K: Hash + Eq, V> Room<K, V> {
    fn new(most: usize) -> Self {
        Self { by_key: LruCache::unbounded(), weight: 0, most }
    }

    fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.by_key.get(key).map(|(value, _)| value)
    }

    fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.by_key.peek(key).map(|(value, _)| value)
    }

    /// What had to go for it, `value` itself if it is too heavy.
    #[must_use]
    fn keep(&mut self, key: K, value: V, weight: usize) -> Vec<V> {
        if weight > self.most {
            return self.forget(&key).into_iter().chain([value]).collect();
        }
        let mut gone = Vec::new();
        self.weight += weight;
        if let Some((_, (before, lighter))) = self.by_key.push(key, (value, weight)) {
            self.weight -= lighter;
            gone.push(before);
        }
        while self.weight > self.most
            && let Some((_, (least, lighter))) = self.by_key.pop_lru()
        {
            self.weight -= lighter;
            gone.push(least);
        }
        gone
    }

    fn forget<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (value, weight) = self.by_key.pop(key)?;
        self.weight -= weight;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_never_weighs_more_than_the_limit_and_the_least_used_goes_first() {
        let mut kept: Room<&str, u8> = Room::new(10);
        let nothing: [u8; 0] = [];
        assert_eq!(kept.keep("a", 1, 4), nothing);
        assert_eq!(kept.keep("b", 2, 4), nothing);
        assert_eq!(kept.get(&"a"), Some(&1));
        assert_eq!(kept.peek(&"b"), Some(&2), "which is no use");
        assert_eq!(kept.keep("c", 3, 4), [2]);
        assert_eq!(kept.keep("c", 4, 6), [3], "the one before has gone with its weight");
        assert_eq!(kept.keep("d", 5, 10), [1, 4]);
        assert_eq!(kept.keep("e", 6, 11), [6], "what is heavier than all may be is not kept");
        assert_eq!(kept.keep("d", 7, 11), [5, 7], "nor is what was there before");
        assert_eq!(kept.keep("d", 8, 10), nothing);
        assert_eq!(kept.forget(&"d"), Some(8));
        assert_eq!(kept.keep("f", 7, 10), nothing, "what was forgotten weighs nothing");
    }

    #[test]
    fn only_the_value_that_is_meant_is_forgotten() {
        let kept = LeastUsed::new(10);
        kept.keep("a", 1, 4);
        kept.forget_if(&"a", |value| *value == 2);
        assert!(kept.contains(&"a") && kept.get("a") == Some(1));
        kept.forget_if(&"a", |value| *value == 1);
        assert!(!kept.contains(&"a") && kept.get("a").is_none());
    }
}
