//! What holds of every question.

use chrono::{Days, TimeDelta};
use proptest::prelude::*;

use super::super::{Listing, OfferedSlot, Policy};
use super::model;
use super::scenario::{Scenario, scenario};
use crate::domain::local_time::local_day;
use crate::domain::quantum::{Quantum, QuantumSpan};
use crate::domain::refusal::Refusal;

impl Scenario {
    fn starts(&self) -> QuantumSpan {
        local_day(self.zone, self.date).starts()
    }

    fn slots(&self, listing: Listing) -> Vec<OfferedSlot> {
        self.terms.day(self.starts(), &self.occupancy, self.now, listing).slots
    }

    fn refusal(&self, start: chrono::DateTime<chrono::Utc>) -> Option<Refusal> {
        self.terms.check(start, &self.occupancy, self.now, Policy::Public).err().map(|error| error.refusal)
    }
}

proptest! {
    #[test]
    fn the_list_is_what_the_rules_say(scenario in scenario()) {
        let all = scenario.slots(Listing::All);
        prop_assert_eq!(&all, &model::all(&scenario));

        let mut offered = all;
        offered.retain(|slot| slot.unavailable.is_none());
        prop_assert_eq!(&scenario.slots(Listing::Offered), &offered);
        let (count, valid_until) = scenario.terms.day_count(scenario.starts(), &scenario.occupancy, scenario.now);
        prop_assert_eq!(count as usize, offered.len());
        let offer = scenario.terms.day(scenario.starts(), &scenario.occupancy, scenario.now, Listing::Offered);
        prop_assert_eq!(valid_until, offer.valid_until);
    }

    #[test]
    fn a_start_passes_the_check_exactly_when_it_is_offered(scenario in scenario(), off in 1_i64..900_000) {
        let all = scenario.slots(Listing::All);
        prop_assert!(all.is_sorted_by(|one, next| one.start < next.start), "in order, and none twice");
        let span = scenario.starts();
        for quantum in (span.start.0..span.end.0).map(Quantum) {
            let start = quantum.start();
            let expected = match all.iter().find(|slot| slot.start == start) {
                Some(slot) => slot.unavailable,
                None => Some(Refusal::OutsideSchedule),
            };
            prop_assert_eq!(scenario.refusal(start), expected, "at {}", start);
            let off_grid = start + TimeDelta::milliseconds(off);
            prop_assert_eq!(scenario.refusal(off_grid), Some(Refusal::OutsideSchedule));
        }
    }

    #[test]
    fn what_is_in_the_way_lies_within_what_was_asked(scenario in scenario()) {
        for slot in scenario.slots(Listing::All) {
            let checked = scenario.terms.check(slot.start, &scenario.occupancy, scenario.now, Policy::Public);
            let Err(error) = checked else { continue };
            prop_assert!(!error.message.is_empty());
            let needs_conflicts = matches!(error.refusal, Refusal::SlotTaken | Refusal::NotEnoughUnits);
            prop_assert_eq!(!error.conflicts.is_empty(), needs_conflicts);
            let occupied = scenario.terms.occupied_from(slot.start);
            for conflict in error.conflicts {
                prop_assert!(occupied.start_at() <= conflict.start && conflict.start < conflict.end);
                prop_assert!(conflict.end <= occupied.end_at());
            }
        }
    }

    #[test]
    fn days_in_any_zone_add_up_to_their_span(scenario in scenario(), days in 1_u64..6) {
        let Scenario { terms, occupancy, zone, date, now, .. } = &scenario;
        let mut by_day = Vec::new();
        for date in date.iter_days().take(usize::try_from(days).unwrap()) {
            by_day.extend(terms.day(local_day(*zone, date).starts(), occupancy, *now, Listing::All).slots);
        }
        let span = local_day(*zone, *date).starts().hull(local_day(*zone, *date + Days::new(days - 1)).starts());
        prop_assert_eq!(by_day, terms.day(span, occupancy, *now, Listing::All).slots);
    }

    #[test]
    fn only_what_is_said_to_be_needed_is_read(scenario in scenario()) {
        // Whatever is occupied outside of what is needed makes no difference.
        let needed = scenario.terms.occupancy_needed(scenario.starts());
        let mut elsewhere = scenario.clone();
        let before = QuantumSpan::new(needed.start.plus(-96), needed.start);
        let after = QuantumSpan::new(needed.end, needed.end.plus(96));
        for (resource, _) in scenario.terms.items() {
            for far in [before, after] {
                if elsewhere.occupancy.is_free(resource, 1, far) {
                    super::occupy(&mut elsewhere.occupancy, resource, far, 1);
                }
            }
        }
        prop_assert_eq!(elsewhere.slots(Listing::All), scenario.slots(Listing::All));
    }

    #[test]
    fn the_answer_changes_when_it_says_so_and_not_before(
        scenario in scenario(),
        all in any::<bool>(),
        thousandths in prop::collection::vec(0_i64..1_000, 6),
    ) {
        let listing = if all { Listing::All } else { Listing::Offered };
        let Scenario { terms, occupancy, now, .. } = &scenario;
        let grid = terms.grid(scenario.starts());
        let at = |now| grid.offer(occupancy, now, listing);
        let present = at(*now);
        // For the next ten years, when the answer says that it stands for good.
        let until = present.valid_until.unwrap_or(*now + TimeDelta::days(4_000));
        prop_assert!(until > *now);
        let last = (until - *now).num_milliseconds() - 1;
        for millis in thousandths.into_iter().map(|part| last / 1_000 * part).chain([last.min(1), last]) {
            let instant = *now + TimeDelta::milliseconds(millis);
            let later = at(instant);
            prop_assert_eq!(&later.slots, &present.slots, "at {}", instant);
            prop_assert_eq!(later.valid_until, present.valid_until, "at {}", instant);
        }
        if present.valid_until.is_some() {
            prop_assert_ne!(at(until).slots, present.slots);
        } else {
            prop_assert_eq!(at(until).slots, present.slots);
        }
    }
}
