//! The examples of the rules, worked out by hand.

use chrono_tz::{America, Asia, Europe, Pacific, Tz};

use super::super::{Listing, Occupancy, Policy, Request, Terms};
use super::{
    EventType, add_on, at, daily, date, event_type, every_15, hours, occupy, offered, quantum, request, resource,
    schedule, scheduled, span, under,
};
use crate::domain::local_time::local_day;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::{DateOverride, DayHours, OpenHours};

/// The starts on a local day of `zone` with these hours daily, every 15 minutes.
fn starts(zone: Tz, windows: &str, duration: u32, day: &str) -> Vec<String> {
    let terms = Terms::resolve(every_15(request(resource("studio", zone, 1), daily(zone, windows), duration)));
    offered(&terms.unwrap(), zone, day, &Occupancy::default())
}

#[test]
fn a_clock_change_does_not_join_what_is_apart_on_the_wall() {
    let windows = "00:00-02:30 03:00-05:00";
    assert_eq!(starts(Europe::Berlin, windows, 120, "2027-03-28"), ["27T23:00Z", "28T01:00Z"]);
}

#[test]
fn in_spring_the_missing_hour_cannot_be_booked() {
    assert_eq!(starts(Europe::Berlin, "01:00-04:00", 120, "2027-03-28"), ["28T00:00Z"]);
    assert_eq!(starts(America::New_York, "01:00-04:00", 120, "2027-03-14"), ["14T06:00Z"]);
}

#[test]
fn in_autumn_the_repeated_hour_can_be_booked_twice_over() {
    assert_eq!(starts(Europe::Berlin, "01:00-04:00", 240, "2027-10-31"), ["30T23:00Z"]);
    assert_eq!(starts(Europe::Berlin, "02:00-03:00", 60, "2027-10-31").len(), 5);
}

#[test]
fn a_tuesday_is_the_schedules_tuesday() {
    let weekly = std::array::from_fn(|day| if day == 1 { hours("09:00-11:00") } else { DayHours::default() });
    let open = scheduled(schedule(Pacific::Auckland, weekly));
    let terms = Terms::resolve(request(resource("studio", Pacific::Auckland, 1), open, 60)).unwrap();
    let free = Occupancy::default();
    assert_eq!(offered(&terms, Pacific::Auckland, "2027-06-15", &free), ["14T21:00Z", "14T22:00Z"]);
    for closed in ["2027-06-14", "2027-06-16"] {
        assert!(offered(&terms, Pacific::Auckland, closed, &free).is_empty());
    }
    // For Los Angeles the same starts are on Monday.
    assert_eq!(offered(&terms, America::Los_Angeles, "2027-06-14", &free), ["14T21:00Z", "14T22:00Z"]);
}

#[test]
fn a_question_in_another_zone_sees_the_resources_own_grid() {
    let zone = Asia::Kolkata;
    let terms = Terms::resolve(request(resource("studio", zone, 1), OpenHours::Always(zone), 60)).unwrap();
    let starts = offered(&terms, Europe::London, "2027-01-10", &Occupancy::default());
    assert_eq!(starts.len(), 24);
    assert_eq!(starts[0], "10T00:30Z");
}

#[test]
fn an_always_open_resource_takes_bookings_over_days_and_begins_its_grid_anew_at_midnight() {
    let zone = Europe::Berlin;
    let every_7_hours = Request {
        interval_minutes: Some(420),
        ..request(resource("studio", zone, 1), OpenHours::Always(zone), 3 * 1440)
    };
    let terms = Terms::resolve(every_7_hours).unwrap();
    let starts = offered(&terms, zone, "2027-06-15", &Occupancy::default());
    assert_eq!(starts, ["14T22:00Z", "15T05:00Z", "15T12:00Z", "15T19:00Z"]);
    assert_eq!(offered(&terms, zone, "2027-06-16", &Occupancy::default())[0], "15T22:00Z");
}

#[test]
fn windows_that_touch_across_midnight_are_one_run() {
    let zone = Europe::Berlin;
    let open = daily(zone, "00:00-02:00 22:00-24:00");
    let terms = Terms::resolve(every_15(request(resource("studio", zone, 1), open, 240))).unwrap();
    assert_eq!(offered(&terms, zone, "2027-06-15", &Occupancy::default()), ["15T20:00Z"]);
}

#[test]
fn a_skipped_date_joins_its_neighbours_only_when_it_is_open() {
    // Apia had no 2011-12-30.
    let zone = Pacific::Apia;
    let mut open = schedule(zone, std::array::from_fn(|_| hours("00:00-24:00")));
    let starts_with = |open: &super::Schedule| {
        let terms = Terms::resolve(request(resource("studio", zone, 1), scheduled(open.clone()), 1440)).unwrap();
        offered(&Terms { interval_minutes: 360, ..terms }, zone, "2011-12-29", &Occupancy::default()).len()
    };
    assert_eq!(starts_with(&open), 4);
    open.overrides.insert(date("2011-12-30"), DateOverride::default());
    assert_eq!(starts_with(&open), 1);
}

#[test]
fn an_override_replaces_the_whole_date() {
    let zone = Europe::Berlin;
    let mut open = schedule(zone, std::array::from_fn(|_| hours("09:00-17:00")));
    open.overrides.insert(date("2027-06-15"), DateOverride { hours: hours("20:00-21:00"), reason: None });
    let terms = Terms::resolve(request(resource("studio", zone, 1), scheduled(open), 60)).unwrap();
    assert_eq!(offered(&terms, zone, "2027-06-15", &Occupancy::default()), ["15T18:00Z"]);
}

#[test]
fn buffers_may_reach_outside_what_is_open_but_not_into_what_is_occupied() {
    let zone = Europe::Berlin;
    let with_buffers = EventType { buffer_before_minutes: 20, buffer_after_minutes: 30, ..event_type(&[60]) };
    let studio = resource("studio", zone, 1);
    let terms = Terms::resolve(under(with_buffers, request(studio.clone(), daily(zone, "09:00-12:00"), 60))).unwrap();
    let mut occupancy = Occupancy::default();
    assert_eq!(offered(&terms, zone, "2027-06-15", &occupancy), ["15T07:00Z", "15T08:00Z", "15T09:00Z"]);
    occupy(&mut occupancy, &studio, span("2027-06-15T06:15:00Z", "2027-06-15T06:30:00Z"), 1);
    assert_eq!(offered(&terms, zone, "2027-06-15", &occupancy).len(), 3, "it ends where the buffer begins");
    occupy(&mut occupancy, &studio, span("2027-06-15T10:15:00Z", "2027-06-15T10:30:00Z"), 1);
    assert_eq!(offered(&terms, zone, "2027-06-15", &occupancy), ["15T07:00Z", "15T08:00Z"]);
    assert_eq!(
        terms.occupied_by(quantum("2027-06-15T07:00:00Z")),
        span("2027-06-15T06:30:00Z", "2027-06-15T08:30:00Z")
    );
}

#[test]
fn an_add_on_must_be_open_and_free_throughout() {
    let zone = Europe::Berlin;
    let engineer = resource("engineer", zone, 1);
    let asked = Request {
        add_ons: vec![add_on(engineer.clone(), daily(zone, "10:15-13:00"), 1)],
        ..request(resource("studio", zone, 1), daily(zone, "09:00-22:00"), 60)
    };
    let terms = Terms::resolve(asked).unwrap();
    let mut occupancy = Occupancy::default();
    assert_eq!(offered(&terms, zone, "2027-06-15", &occupancy), ["15T09:00Z", "15T10:00Z"]);
    occupy(&mut occupancy, &engineer, span("2027-06-15T09:45:00Z", "2027-06-15T10:00:00Z"), 1);
    assert_eq!(offered(&terms, zone, "2027-06-15", &occupancy), ["15T10:00Z"]);
    let refusal = terms.check(at("2027-06-15T09:00:00Z"), &occupancy, at("2027-06-01T00:00:00Z"), Policy::Public);
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.refusal, Refusal::SlotTaken);
    assert_eq!(refusal.conflicts.len(), 1);
    assert_eq!(refusal.conflicts[0].resource_id, engineer.id);
    assert_eq!(refusal.conflicts[0].start, at("2027-06-15T09:45:00Z"));
}

#[test]
fn a_pool_offers_what_it_has_left_at_its_fullest() {
    let zone = Europe::Berlin;
    let pool = resource("microphones", zone, 5);
    let asked = Request { quantity: 2, ..request(pool.clone(), daily(zone, "09:00-12:00"), 60) };
    let terms = Terms::resolve(asked).unwrap();
    let mut occupancy = Occupancy::default();
    occupy(&mut occupancy, &pool, span("2027-06-15T07:00:00Z", "2027-06-15T08:15:00Z"), 3);
    occupy(&mut occupancy, &pool, span("2027-06-15T08:00:00Z", "2027-06-15T08:15:00Z"), 1);
    let day = local_day(zone, date("2027-06-15")).starts();
    let slots = terms.day(day, &occupancy, at("2027-01-01T00:00:00Z"), Listing::All).slots;
    let told: Vec<_> = slots.iter().map(|slot| (slot.remaining, slot.unavailable)).collect();
    assert_eq!(told, [(2, None), (1, Some(Refusal::SlotTaken)), (5, None)]);
}

#[test]
fn more_units_than_there_are_can_never_be_had() {
    let zone = Europe::Berlin;
    let asked = Request { quantity: 6, ..request(resource("mics", zone, 5), daily(zone, "09:00-12:00"), 60) };
    let terms = Terms::resolve(asked).unwrap();
    let day = local_day(zone, date("2027-06-15")).starts();
    let now = at("2027-06-15T07:30:00Z");
    let free = Occupancy::default();
    let all = terms.day(day, &free, now, Listing::All);
    let told: Vec<_> = all.slots.iter().map(|slot| slot.unavailable).collect();
    assert_eq!(told, [Refusal::InThePast, Refusal::NotEnoughUnits, Refusal::NotEnoughUnits].map(Some));
    let offered = terms.day(day, &free, now, Listing::Offered);
    assert_eq!((offered.slots.len(), offered.valid_until), (0, None));
}

#[test]
fn a_start_is_offered_to_the_very_instant_of_its_limit() {
    let zone = Europe::Berlin;
    let with_rules = EventType { min_notice_minutes: 120, max_days_ahead: Some(1), ..event_type(&[60]) };
    let terms = Terms::resolve(under(with_rules, request(resource("studio", zone, 1), daily(zone, "09:00-11:00"), 60)));
    let terms = terms.unwrap();
    let free = Occupancy::default();
    let day = local_day(zone, date("2027-06-15")).starts();
    let answer = |now: &str| {
        let offer = terms.day(day, &free, at(now), Listing::All);
        (
            offer.slots.iter().map(|slot| slot.unavailable).collect::<Vec<_>>(),
            offer.valid_until.map(|at| at.to_string()),
        )
    };
    let far = vec![Some(Refusal::TooFarAhead); 2];
    assert_eq!(answer("2027-06-13T21:59:59.999Z"), (far, Some("2027-06-13 22:00:00 UTC".to_owned())));
    assert_eq!(answer("2027-06-15T05:00:00Z"), (vec![None, None], Some("2027-06-15 05:00:00.001 UTC".to_owned())));
    assert_eq!(
        answer("2027-06-15T05:00:00.001Z"),
        (vec![Some(Refusal::TooSoon), None], Some("2027-06-15 06:00:00.001 UTC".to_owned()))
    );
    let past = vec![Some(Refusal::InThePast); 2];
    assert_eq!(answer("2027-06-15T08:00:00.001Z"), (past, None));
}

#[test]
fn staff_may_ignore_the_schedule_but_not_what_is_occupied() {
    let zone = Europe::Berlin;
    let with_rules = EventType { min_notice_minutes: 120, max_days_ahead: Some(1), ..event_type(&[60]) };
    let studio = resource("studio", zone, 1);
    let terms = Terms::resolve(under(with_rules, request(studio.clone(), daily(zone, "09:00-11:00"), 60))).unwrap();
    let mut occupancy = Occupancy::default();
    occupy(&mut occupancy, &studio, span("2027-06-01T10:00:00Z", "2027-06-01T10:15:00Z"), 1);
    let now = at("2027-06-15T12:00:00Z");
    let check = |start: &str| terms.check(at(start), &occupancy, now, Policy::Staff).map_err(|error| error.refusal);
    assert_eq!(check("2030-01-01T02:45:00Z"), Ok(()));
    assert_eq!(check("2027-05-15T12:00:00Z"), Ok(()));
    assert_eq!(check("2027-05-15T11:45:00Z"), Err(Refusal::InThePast));
    assert_eq!(check("2027-06-15T12:01:00Z"), Err(Refusal::Invalid));
    assert_eq!(check("2027-06-01T09:15:00Z"), Err(Refusal::SlotTaken));
    assert_eq!(check("2027-06-01T09:00:00Z"), Ok(()));
}

#[test]
fn any_start_needs_no_grid_but_open_hours() {
    let zone = Europe::Berlin;
    let studio = resource("studio", zone, 1);
    let terms = Terms::resolve(request(studio.clone(), daily(zone, "09:00-12:00"), 70)).unwrap();
    let mut occupancy = Occupancy::default();
    occupy(&mut occupancy, &studio, span("2027-06-16T08:00:00Z", "2027-06-16T08:15:00Z"), 1);
    let now = at("2027-06-15T06:00:00Z");
    let check = |start: &str| terms.check(at(start), &occupancy, now, Policy::AnyStart).map_err(|error| error.refusal);
    assert_eq!(check("2027-06-15T08:15:00Z"), Ok(()));
    assert_eq!(check("2027-06-15T08:45:00Z"), Ok(()));
    assert_eq!(check("2027-06-15T08:51:00Z"), Err(Refusal::OutsideSchedule));
    assert_eq!(check("2027-06-14T08:15:00Z"), Err(Refusal::InThePast));
    assert_eq!(check("2027-06-16T07:03:00Z"), Err(Refusal::SlotTaken));
    assert_eq!(check("2027-06-16T08:15:00Z"), Ok(()));
}
