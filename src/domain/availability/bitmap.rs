//! A bitmap as long as is needed: one bit a quantum, or one bit a start.

use crate::domain::quantum::{DayMap, QUANTA_PER_DAY};

/// A word holds a whole [`DayMap`].
type Word = u128;
const WORD: usize = Word::BITS as usize;

/// Some number of bits, counted from 0. What is said about bits beyond them has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bitmap {
    /// In the last word, the bits beyond `len` are never set.
    words: Vec<Word>,
    len: usize,
}

impl Bitmap {
    /// `len` bits, none of them set.
    pub(super) fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(WORD)], len }
    }

    /// How many bits there are, set or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether `bit` is set.
    pub(super) fn is_set(&self, bit: usize) -> bool {
        self.words.get(bit / WORD).is_some_and(|word| word >> (bit % WORD) & 1 == 1)
    }

    /// How many bits are set.
    pub(super) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// The first bit that is set, from `from` on.
    pub(super) fn first_from(&self, from: usize) -> Option<usize> {
        let mut mask = Word::MAX << (from % WORD);
        for (number, word) in self.words.iter().enumerate().skip(from / WORD) {
            if word & mask != 0 {
                return Some(number * WORD + (word & mask).trailing_zeros() as usize);
            }
            mask = Word::MAX;
        }
        None
    }

    /// The bits that are set, ascending.
    pub(super) fn ones(&self) -> impl Iterator<Item = usize> {
        let some = |word: Word| (word != 0).then_some(word);
        self.words.iter().enumerate().flat_map(move |(number, &word)| {
            std::iter::successors(some(word), move |rest| some(rest & (rest - 1)))
                .map(move |rest| number * WORD + rest.trailing_zeros() as usize)
        })
    }

    /// Sets `bit`.
    pub(super) fn set(&mut self, bit: usize) {
        self.set_range(bit, bit + 1);
    }

    /// Sets the bits from `from` up to, not including, `to`.
    pub(super) fn set_range(&mut self, from: usize, to: usize) {
        let to = to.min(self.len);
        if from >= to {
            return;
        }
        for number in from / WORD..to.div_ceil(WORD) {
            let below = |bound: usize| match bound.saturating_sub(number * WORD) {
                bits if bits >= WORD => Word::MAX,
                bits => (1 << bits) - 1,
            };
            self.words[number] |= below(to) & !below(from);
        }
    }

    /// Sets the bits `from`, `from + step`, and so on, below `to`. `step` is at least 1.
    pub(super) fn set_every(&mut self, from: usize, to: usize, step: usize) {
        if step == 1 {
            self.set_range(from, to);
            return;
        }
        for bit in (from..to.min(self.len)).step_by(step) {
            self.words[bit / WORD] |= 1 << (bit % WORD);
        }
    }

    /// Sets the bits of `map`, whose first quantum is bit `offset` of this one; it may lie before the first.
    pub(super) fn set_day(&mut self, map: DayMap, offset: i64) {
        if offset <= -QUANTA_PER_DAY {
            return;
        }
        let (bits, start) = match usize::try_from(offset) {
            Ok(start) => (map.bits(), start),
            Err(_) => (map.bits() >> -offset, 0),
        };
        let (first, shift) = (start / WORD, start % WORD);
        if let Some(word) = self.words.get_mut(first) {
            *word |= bits << shift;
        }
        if shift > 0
            && let Some(word) = self.words.get_mut(first + 1)
        {
            *word |= bits >> (WORD - shift);
        }
        self.clear_beyond_len();
    }

    /// Sets each bit of which one of the `width` bits from it on is set: after it, a bit says whether anything in a
    /// span of `width` that begins there is set. `width` is at least 1.
    pub(super) fn look_ahead(&mut self, width: usize) {
        let mut covered = 1;
        while covered < width {
            let step = covered.min(width - covered);
            self.set_from_later(step);
            covered += step;
        }
    }

    /// Only the first `len` bits.
    pub(super) fn truncated(mut self, len: usize) -> Self {
        self.len = self.len.min(len);
        self.words.truncate(self.len.div_ceil(WORD));
        self.clear_beyond_len();
        self
    }

    /// Keeps the bits that are set in `other` too.
    pub(super) fn retain(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Clears the bits that are set in `other`.
    pub(super) fn remove(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Sets the bits that are set in `other`.
    pub(super) fn unite(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
        self.clear_beyond_len();
    }

    /// Sets each bit whose counterpart `distance` later is set.
    fn set_from_later(&mut self, distance: usize) {
        let (skip, shift) = (distance / WORD, distance % WORD);
        // Ascending: a word reads only itself and later ones, none of which has been changed yet.
        for number in 0..self.words.len().saturating_sub(skip) {
            let mut later = self.words[number + skip] >> shift;
            if shift > 0
                && let Some(next) = self.words.get(number + skip + 1)
            {
                later |= next << (WORD - shift);
            }
            self.words[number] |= later;
        }
    }

    fn clear_beyond_len(&mut self) {
        if let Some(last) = self.words.last_mut()
            && !self.len.is_multiple_of(WORD)
        {
            *last &= Word::MAX >> (WORD - self.len % WORD);
        }
    }
}
