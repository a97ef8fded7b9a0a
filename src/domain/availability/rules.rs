//! What stands in the way of a start that fits: the clock, and what is occupied.

use chrono::{DateTime, Utc};

use crate::domain::catalogue::Resource;
use crate::domain::local_time::{days_after, first_instant, local_date};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::Refusal;

use super::bitmap::Bitmap;
use super::occupancy::Occupancy;
use super::terms::Terms;
use super::width;

/// What the clock refuses at one `now`.
#[derive(Copy, Clone, Debug)]
pub(super) struct ClockRules {
    pub(super) now: DateTime<Utc>,
    /// What starts before this is refused for its notice.
    pub(super) soon_before: DateTime<Utc>,
    /// What starts from this on is beyond the horizon: the first instant of the local day after it.
    pub(super) far_from: Option<DateTime<Utc>>,
}

impl ClockRules {
    pub(super) fn new(terms: &Terms, now: DateTime<Utc>) -> Self {
        let zone = terms.primary.time_zone;
        let far_from = terms
            .max_days_ahead()
            .map(|days| first_instant(zone, days_after(local_date(zone, now), days.saturating_add(1))));
        Self { now, soon_before: now + terms.notice(), far_from }
    }

    /// Why `start` comes at the wrong time, if it does.
    pub(super) fn refusal(&self, start: DateTime<Utc>) -> Option<Refusal> {
        if start < self.now {
            Some(Refusal::InThePast)
        } else if start < self.soon_before {
            Some(Refusal::TooSoon)
        } else if self.far_from.is_some_and(|far| start >= far) {
            Some(Refusal::TooFarAhead)
        } else {
            None
        }
    }
}

/// What is occupied in the way of each start of a span, buffers included.
pub(super) struct Load {
    /// The starts for which one of the items has too few units left; a bit for each.
    pub(super) taken: Bitmap,
    primary: ItemLoad,
}

impl Load {
    /// Of all items, for the starts in `starts`.
    pub(super) fn read(terms: &Terms, starts: QuantumSpan, occupancy: &Occupancy) -> Self {
        let primary = ItemLoad::read(terms, &terms.primary, starts, occupancy);
        let mut taken = primary.short_of(terms.quantity);
        for add_on in &terms.add_ons {
            taken.unite(&ItemLoad::read(terms, &add_on.resource, starts, occupancy).short_of(add_on.quantity));
        }
        Self { taken, primary }
    }

    /// How many units of the primary resource are free throughout from the start `bit`.
    pub(super) fn remaining(&self, bit: usize) -> u32 {
        match &self.primary {
            ItemLoad::Exclusive { taken } => u32::from(!taken.is_set(bit)),
            ItemLoad::Pool { capacity, most_taken } => {
                capacity.saturating_sub(most_taken.get(bit).copied().unwrap_or(0))
            }
        }
    }
}

/// What is occupied of one item.
enum ItemLoad {
    /// The starts for which it is taken.
    Exclusive { taken: Bitmap },
    /// For each start, the most units that are taken at any one time.
    Pool { capacity: u32, most_taken: Vec<u32> },
}

impl ItemLoad {
    fn read(terms: &Terms, resource: &Resource, starts: QuantumSpan, occupancy: &Occupancy) -> Self {
        // The first quantum that a start occupies has the start's own number in the span that is needed.
        let needed = terms.occupancy_needed(starts);
        let occupied = width(terms.quanta_occupied());
        let count = width(starts.len());
        if resource.quantity == 1 {
            let mut taken = occupancy.full(&resource.id, needed);
            taken.look_ahead(occupied);
            Self::Exclusive { taken: taken.truncated(count) }
        } else {
            let mut most_taken = occupancy.units(resource, needed);
            look_ahead(&mut most_taken, occupied);
            most_taken.truncate(count);
            Self::Pool { capacity: resource.quantity, most_taken }
        }
    }

    /// The starts for which fewer than `quantity` units are left.
    fn short_of(&self, quantity: u32) -> Bitmap {
        match self {
            Self::Exclusive { taken } => taken.clone(),
            Self::Pool { capacity, most_taken } => {
                let mut short = Bitmap::new(most_taken.len());
                for (bit, taken) in most_taken.iter().enumerate() {
                    if taken.saturating_add(quantity) > *capacity {
                        short.set(bit);
                    }
                }
                short
            }
        }
    }
}

/// Puts in each place the greatest of the `width` numbers from it on, as [`Bitmap::look_ahead`] does with bits.
fn look_ahead(numbers: &mut [u32], width: usize) {
    let mut covered = 1;
    while covered < width {
        let step = covered.min(width - covered);
        // Ascending: what is read lies further on and has not been changed yet.
        for place in step..numbers.len() {
            numbers[place - step] = numbers[place - step].max(numbers[place]);
        }
        covered += step;
    }
}
