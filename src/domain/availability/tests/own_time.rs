//! Freeing up what something occupies that is to be moved.

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{Listing, Occupancy};
use super::occupy;
use super::scenario::{Scenario, scenario};
use crate::domain::catalogue::Resource;
use crate::domain::local_time::local_day;
use crate::domain::quantum::{DayMap, QuantumSpan};
use crate::domain::units::DayUnits;

fn items(scenario: &Scenario) -> Vec<Resource> {
    scenario.terms.items().map(|(resource, _)| resource.as_ref().clone()).collect()
}

/// What each quantum of a resource has taken, far around the day.
fn taken(scenario: &Scenario, resource: &Resource, occupancy: &Occupancy) -> Vec<u32> {
    let first = local_day(scenario.zone, scenario.date).covering().start;
    let around = QuantumSpan::new(first.plus(-300), first.plus(600));
    // The bits and the counters say the same.
    let full = occupancy.taken(resource, 1, around);
    let quanta = around.start.0..around.end.0;
    let units = quanta.map(|quantum| {
        let quantum = crate::domain::quantum::Quantum(quantum);
        let units = occupancy.units_taken(&resource.id, quantum);
        let is_full = full.iter().any(|span| span.start <= quantum && quantum < span.end);
        assert_eq!(is_full, units == resource.quantity, "{quantum:?} of {}", resource.id);
        units
    });
    units.collect()
}

proptest! {
    #[test]
    fn what_is_freed_up_is_as_if_it_had_never_been_taken(scenario in scenario(), chosen in any::<Index>()) {
        prop_assume!(!scenario.booked.is_empty());
        let items = items(&scenario);
        let chosen = chosen.index(scenario.booked.len());
        let mut never_taken = Occupancy::default();
        for (number, (item, span, units)) in scenario.booked.iter().enumerate() {
            if number != chosen {
                occupy(&mut never_taken, &items[*item], *span, *units);
            }
        }
        let (item, span, units) = scenario.booked[chosen];
        let mut freed = scenario.occupancy.clone();
        prop_assert!(freed.free_up(&items[item], units, span));
        for resource in &items {
            prop_assert_eq!(taken(&scenario, resource, &freed), taken(&scenario, resource, &never_taken));
        }
        let starts = local_day(scenario.zone, scenario.date).starts();
        let offered = |occupancy| scenario.terms.day(starts, occupancy, scenario.now, Listing::All).slots;
        prop_assert_eq!(offered(&freed), offered(&never_taken));
    }

    #[test]
    fn what_is_not_taken_cannot_be_freed_up(scenario in scenario(), item in 0_usize..3, from in -100_i64..250) {
        let items = items(&scenario);
        let resource = &items[item % items.len()];
        let first = local_day(scenario.zone, scenario.date).covering().start;
        let quantum = QuantumSpan::new(first.plus(from), first.plus(from + 1));
        prop_assume!(scenario.occupancy.units_taken(&resource.id, quantum.start) < resource.quantity);
        let mut same = scenario.occupancy.clone();
        prop_assert!(!same.free_up(resource, resource.quantity, quantum));
        prop_assert_eq!(taken(&scenario, resource, &same), taken(&scenario, resource, &scenario.occupancy));
    }
}

#[test]
fn what_was_a_pool_and_is_exclusive_now_is_freed_up_by_its_counters() {
    let was_pool = super::resource("a", chrono_tz::UTC, 1);
    let day = super::quantum("2026-12-02T00:00:00Z").day();
    let (units, both) = (DayUnits::of_one(DayMap::range(40, 44)), DayMap::range(40, 48));
    // Of the first hour two units are taken: more than there are today.
    let units = units.add(both, 1, 2).unwrap();
    let mut occupancy = Occupancy::default();
    occupancy.insert(was_pool.id.clone(), day, units.full(1), Some(units));
    let span = |from: &str, to: &str| super::span(&format!("2026-12-02T{from}:00Z"), &format!("2026-12-02T{to}:00Z"));
    assert!(occupancy.free_up(&was_pool, 1, span("10:00", "12:00")));
    assert_eq!(occupancy.taken(&was_pool, 1, day.span()), [span("10:00", "11:00")]);
    assert!(!occupancy.free_up(&was_pool, 1, span("10:00", "12:00")), "the rest is somebody else's");
}
