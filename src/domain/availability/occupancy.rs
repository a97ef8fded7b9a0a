//! Occupied time as read from the store.

use std::collections::{BTreeMap, HashMap};

use crate::domain::catalogue::Resource;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{DayMap, Quantum, QuantumSpan, UtcDay};
use crate::domain::units::DayUnits;

use super::bitmap::Bitmap;
use super::width;

/// The occupied time of several resources over some days. A day that was not read counts as free.
#[derive(Clone, Debug, Default)]
pub struct Occupancy {
    resources: HashMap<ResourceId, BTreeMap<UtcDay, OccupiedDay>>,
}

#[derive(Clone, Debug)]
struct OccupiedDay {
    full: DayMap,
    units: Option<Box<DayUnits>>,
}

impl Occupancy {
    /// Takes in the row of `resource` for `day`: the quanta in which nothing of it is left and, for a pool, the units
    /// that are taken. Replaces what was known of that day.
    pub fn insert(&mut self, resource: ResourceId, day: UtcDay, full: DayMap, units: Option<DayUnits>) {
        let units = units.map(Box::new);
        self.resources.entry(resource).or_default().insert(day, OccupiedDay { full, units });
    }

    /// Lets `quantity` units of `resource` count as free throughout `span`; whether that freed any. A day on which not
    /// all of them are taken stays as it is, and one that was not read counts as free anyway.
    pub fn free_up(&mut self, resource: &Resource, quantity: u32, span: QuantumSpan) -> bool {
        let Some(days) = self.resources.get_mut(&resource.id) else { return false };
        let mut freed = false;
        for (day, quanta) in span.days() {
            freed |= days.get_mut(&day).is_some_and(|day| day.free_up(resource.quantity, quantity, quanta));
        }
        freed
    }

    /// Counts `quantity` units of `resource` as taken throughout `span`. They were free.
    pub fn take(&mut self, resource: &Resource, quantity: u32, span: QuantumSpan) {
        let days = self.resources.entry(resource.id.clone()).or_default();
        for (day, quanta) in span.days() {
            let occupied = days.entry(day).or_insert_with(|| OccupiedDay {
                full: DayMap::EMPTY,
                units: (resource.quantity > 1).then(Box::default),
            });
            occupied.take(resource.quantity, quantity, quanta);
        }
    }

    /// Whether `quantity` units of `resource` are free throughout `span`.
    #[must_use]
    pub fn is_free(&self, resource: &Resource, quantity: u32, span: QuantumSpan) -> bool {
        self.taken(resource, quantity, span).is_empty()
    }

    /// The parts of `span` in which fewer than `quantity` units of `resource` are left, in order and apart.
    #[must_use]
    pub fn taken(&self, resource: &Resource, quantity: u32, span: QuantumSpan) -> Vec<QuantumSpan> {
        if quantity > resource.quantity && !span.is_empty() {
            return vec![span];
        }
        let mut taken: Vec<QuantumSpan> = Vec::new();
        for (day, quanta) in span.days() {
            let Some(occupied) = self.day(&resource.id, day) else { continue };
            for part in (occupied.short_of(resource, quantity) & quanta).spans(day) {
                match taken.last_mut() {
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => taken.push(part),
                }
            }
        }
        taken
    }

    /// The units of a resource that are taken in `quantum`: of one without counters, 1 where it is occupied.
    #[must_use]
    pub fn units_taken(&self, resource: &ResourceId, quantum: Quantum) -> u32 {
        let Some(occupied) = self.day(resource, quantum.day()) else { return 0 };
        let number = width(quantum.0 - quantum.day().first_quantum().0);
        match &occupied.units {
            Some(units) => units.taken()[number].into(),
            None => u32::from(occupied.full.bits() >> number & 1 == 1),
        }
    }

    /// The quanta of `span` in which nothing of the resource is left, bit 0 its first.
    pub(super) fn full(&self, resource: &ResourceId, span: QuantumSpan) -> Bitmap {
        let mut full = Bitmap::new(width(span.len()));
        for (day, occupied) in self.days(resource, span) {
            full.set_day(occupied.full, day.first_quantum().0 - span.start.0);
        }
        full
    }

    /// The units of a pool that are taken in each quantum of `span`.
    pub(super) fn units(&self, pool: &Resource, span: QuantumSpan) -> Vec<u32> {
        let mut taken = vec![0; width(span.len())];
        for (day, occupied) in self.days(&pool.id, span) {
            let part = span.intersection(day.span());
            let here = taken.iter_mut().skip(width(part.start.0 - span.start.0)).take(width(part.len()));
            let first = width(part.start.0 - day.first_quantum().0);
            match &occupied.units {
                Some(units) => here.zip(&units.taken()[first..]).for_each(|(here, units)| *here = (*units).into()),
                None => {
                    for (number, here) in (part.start.0 - day.first_quantum().0..).zip(here) {
                        let is_full = u32::try_from(number).is_ok_and(|number| occupied.full.is_set(number));
                        *here = if is_full { pool.quantity } else { 0 };
                    }
                }
            }
        }
        taken
    }

    fn day(&self, resource: &ResourceId, day: UtcDay) -> Option<&OccupiedDay> {
        self.resources.get(resource)?.get(&day)
    }

    fn days(&self, resource: &ResourceId, span: QuantumSpan) -> impl Iterator<Item = (UtcDay, &OccupiedDay)> {
        let last = if span.is_empty() { span.start } else { span.end.plus(-1) };
        let days =
            self.resources.get(resource).into_iter().flat_map(move |days| days.range(span.start.day()..=last.day()));
        days.map(|(day, occupied)| (*day, occupied))
    }
}

impl OccupiedDay {
    fn free_up(&mut self, capacity: u32, quantity: u32, quanta: DayMap) -> bool {
        match &mut self.units {
            None if self.full & quanta == quanta => self.full = self.full & !quanta,
            None => return false,
            Some(units) => {
                let Some(left) = units.sub(quanta, quantity) else { return false };
                self.full = self.full & !(quanta & !left.full(capacity));
                **units = left;
            }
        }
        true
    }

    fn take(&mut self, capacity: u32, quantity: u32, quanta: DayMap) {
        match &mut self.units {
            None => self.full |= quanta,
            Some(units) => {
                if let Ok(more) = units.add(quanta, quantity, capacity) {
                    self.full = more.full(capacity);
                    **units = more;
                }
            }
        }
    }

    /// The quanta in which `resource` has fewer than `quantity` units left.
    fn short_of(&self, resource: &Resource, quantity: u32) -> DayMap {
        match &self.units {
            Some(units) if resource.quantity > 1 => units.short_of(quantity, resource.quantity),
            _ => self.full,
        }
    }
}
