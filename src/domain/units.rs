//! How many units of a resource are taken in each quantum of a UTC day: of a pool, and of what has been one.

use super::quantum::DayMap;

/// Quanta in a day, as a length.
const QUANTA: usize = 96;

/// The units that are taken in each of the 96 quanta of a UTC day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayUnits([u16; QUANTA]);

impl Default for DayUnits {
    fn default() -> Self {
        Self([0; QUANTA])
    }
}

impl DayUnits {
    /// Length of the stored form in bytes.
    pub const STORED_BYTES: usize = 2 * QUANTA;

    /// Of a resource with one unit, which is taken in the quanta of `occupied`.
    #[must_use]
    pub fn of_one(occupied: DayMap) -> Self {
        let mut units = Self::default();
        for (number, taken) in (0..).zip(&mut units.0) {
            *taken = u16::from(occupied.is_set(number));
        }
        units
    }

    /// From the form in which it is stored: 96 counters of two bytes, the low byte first.
    /// `None` when it has another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::STORED_BYTES] = bytes.try_into().ok()?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut units = Self::default();
        for (taken, pair) in units.0.iter_mut().zip(pairs) {
            *taken = u16::from_le_bytes(*pair);
        }
        Some(units)
    }

    /// The form in which it is stored; see [`DayUnits::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|taken| taken.to_le_bytes()).collect()
    }

    /// The units taken in each quantum, from midnight UTC.
    #[must_use]
    pub fn taken(&self) -> &[u16; QUANTA] {
        &self.0
    }

    /// With `units` more taken in each of `quanta`.
    ///
    /// # Errors
    /// The quanta in which fewer than `units` of `capacity` are left, if there are any.
    pub fn add(&self, quanta: DayMap, units: u32, capacity: u32) -> Result<Self, DayMap> {
        let short = self.short_of(units, capacity) & quanta;
        if !short.is_empty() {
            return Err(short);
        }
        self.changed(quanta, |taken| u16::try_from(u32::from(taken) + units).ok()).ok_or(quanta)
    }

    /// With `units` fewer taken in each of `quanta`; `None` when there are not that many in all of them.
    #[must_use]
    pub fn sub(&self, quanta: DayMap, units: u32) -> Option<Self> {
        let units = u16::try_from(units).ok()?;
        self.changed(quanta, |taken| taken.checked_sub(units))
    }

    /// The quanta in which fewer than `units` of `capacity` are left.
    #[must_use]
    pub fn short_of(&self, units: u32, capacity: u32) -> DayMap {
        self.quanta_where(|taken| taken.saturating_add(units) > capacity)
    }

    /// The quanta in which none of `capacity` is left: what the bitmap holds.
    #[must_use]
    pub fn full(&self, capacity: u32) -> DayMap {
        self.quanta_where(|taken| taken >= capacity)
    }

    fn quanta_where(&self, test: impl Fn(u32) -> bool) -> DayMap {
        (0..).zip(&self.0).filter(|(_, taken)| test(u32::from(**taken))).fold(DayMap::EMPTY, |map, (n, _)| map.with(n))
    }

    fn changed(&self, quanta: DayMap, change: impl Fn(u16) -> Option<u16>) -> Option<Self> {
        let mut units = self.clone();
        for (number, taken) in (0..).zip(&mut units.0) {
            if quanta.is_set(number) {
                *taken = change(*taken)?;
            }
        }
        Some(units)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units() -> impl Strategy<Value = DayUnits> {
        prop::collection::vec(0_u16..6, QUANTA).prop_map(|taken| DayUnits(taken.try_into().unwrap()))
    }

    fn quanta() -> impl Strategy<Value = DayMap> {
        (0_i64..96, 0_i64..=96).prop_map(|(from, to)| DayMap::range(from, to))
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_again(taken in prop::collection::vec(any::<u16>(), QUANTA)) {
            let units = DayUnits(taken.try_into().unwrap());
            let stored = units.to_bytes();
            prop_assert_eq!(stored.len(), DayUnits::STORED_BYTES);
            prop_assert_eq!(DayUnits::from_bytes(&stored), Some(units));
            prop_assert_eq!(DayUnits::from_bytes(&stored[1..]), None);
        }

        #[test]
        fn units_are_added_where_they_are_left_and_taken_off_again(
            units in units(),
            quanta in quanta(),
            more in 1_u32..4,
        ) {
            match units.add(quanta, more, 6) {
                Ok(after) => {
                    for (number, (before, after)) in (0..).zip(units.taken().iter().zip(after.taken())) {
                        let added = if quanta.is_set(number) { more } else { 0 };
                        prop_assert_eq!(u32::from(*after), u32::from(*before) + added);
                        prop_assert_eq!(DayMap::is_set(DayUnits::full(&units, 6), number), u32::from(*before) == 6);
                    }
                    prop_assert_eq!(after.sub(quanta, more), Some(units));
                }
                Err(short) => {
                    prop_assert!(!short.is_empty());
                    prop_assert_eq!(short, units.short_of(more, 6) & quanta);
                }
            }
        }
    }

    #[test]
    fn what_is_occupied_of_one_unit_is_counted_and_stays_so_when_there_are_more_and_then_one_again() {
        for occupied in [DayMap::EMPTY, DayMap::FULL, DayMap::range(0, 1), DayMap::range(40, 96)] {
            let units = DayUnits::of_one(occupied);
            assert_eq!((units.full(1), units.short_of(0, 1)), (occupied, DayMap::EMPTY));
            assert_eq!(units.full(2), DayMap::EMPTY);
            assert_eq!(units.sub(occupied, 1), Some(DayUnits::default()));
            let more = units.add(occupied, 1, 2).unwrap();
            assert_eq!((more.full(2), more.full(1)), (occupied, occupied));
            // More than one unit has by now: told, and let go all the same.
            assert_eq!(more.short_of(0, 1), occupied);
            assert_eq!(more.sub(occupied, 1), Some(units));
        }
    }

    #[test]
    fn more_than_was_taken_cannot_be_taken_off() {
        let morning = DayMap::range(0, 48);
        let units = DayUnits::default().add(morning, 2, 5).unwrap();
        assert_eq!(units.sub(morning, 3), None);
        assert_eq!(units.sub(DayMap::range(40, 50), 1), None);
        assert_eq!(units.sub(morning, 2), Some(DayUnits::default()));
    }

    #[test]
    fn a_pool_is_full_where_nothing_is_left() {
        let morning = DayMap::range(0, 48);
        let units = DayUnits::default().add(morning, 5, 5).unwrap();
        assert_eq!(units.full(5), morning);
        assert_eq!(units.add(DayMap::range(47, 50), 1, 5), Err(DayMap::range(47, 48)));
    }
}
