//! Random questions: any zone, any schedule, near clock changes more often than chance would have it.

use chrono::{DateTime, Days, NaiveDate, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::super::{AddOnRequest, Occupancy, Request, Terms};
use super::{add_on, event_type, occupy, request, resource, schedule, scheduled, under};
use crate::domain::catalogue::EventType;
use crate::domain::local_time::{FIRST_DATE, LAST_DATE, local_day};
use crate::domain::quantum::QuantumSpan;
use crate::domain::schedule::{DateOverride, DayHours, OpenHours, WallTime, Window};

/// A question about one local day, and the state of the world.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) terms: Terms,
    pub(super) occupancy: Occupancy,
    /// The same as a list: the item's number, what is occupied, and how many units.
    pub(super) booked: Vec<(usize, QuantumSpan, u32)>,
    /// The zone whose day `date` is.
    pub(super) zone: Tz,
    pub(super) date: NaiveDate,
    pub(super) now: DateTime<Utc>,
}

pub(super) fn zone() -> impl Strategy<Value = Tz> {
    any::<Index>().prop_map(|index| *index.get(&TZ_VARIANTS))
}

/// A date; every other one within two days of a clock change of `zone`, if there is one in the year after it.
pub(super) fn date_near_change(zone: Tz) -> impl Strategy<Value = NaiveDate> {
    let days = LAST_DATE.signed_duration_since(FIRST_DATE).num_days().unsigned_abs();
    (0..=days, any::<bool>(), 0_u64..5).prop_map(move |(day, near, later)| {
        let date = FIRST_DATE + Days::new(day);
        let offset = |date: NaiveDate| zone.offset_from_utc_date(&date).fix();
        let change = date.iter_days().take(365).find(|other| offset(*other) != offset(date));
        let near_change = change.filter(|_| near).map(|change| change - Days::new(3) + Days::new(later));
        near_change.unwrap_or(date).clamp(FIRST_DATE, LAST_DATE - Days::new(60))
    })
}

fn day_hours() -> BoxedStrategy<DayHours> {
    let quarters: Vec<u8> = (0..=96).collect();
    let edges = prop_oneof![Just(vec![]), Just(vec![0, 96]), Just(vec![0]), Just(vec![96])];
    // Neighbours among the cuts are windows or pauses, so that some windows touch.
    let cut = (subsequence(quarters, 1..8), edges, any::<[bool; 10]>()).prop_map(|(mut cuts, edges, open)| {
        cuts.extend(edges);
        cuts.sort_unstable();
        cuts.dedup();
        let times: Vec<WallTime> = cuts.into_iter().filter_map(WallTime::from_quarters).collect();
        let windows = times.windows(2).zip(open).filter(|(_, open)| *open);
        DayHours::new(windows.map(|(pair, _)| Window::new(pair[0], pair[1]).unwrap()).collect()).unwrap()
    });
    prop_oneof![
        5 => cut,
        2 => Just(DayHours::new(vec![Window::WHOLE_DAY]).unwrap()),
        1 => Just(DayHours::default()),
    ]
    .boxed()
}

fn open_hours(zone: Tz, date: NaiveDate) -> BoxedStrategy<OpenHours> {
    let overrides = prop::collection::btree_map(0_u64..8, day_hours(), 0..4);
    let scheduled = (prop::array::uniform7(day_hours()), overrides).prop_map(move |(weekly, overrides)| {
        let mut schedule = schedule(zone, weekly);
        schedule.overrides = overrides
            .into_iter()
            .map(|(day, hours)| (date - Days::new(3) + Days::new(day), DateOverride { hours, reason: None }))
            .collect();
        scheduled(schedule)
    });
    prop_oneof![4 => scheduled, 1 => Just(OpenHours::Always(zone))].boxed()
}

fn minutes_up_to(most: u32) -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 3 => 0..=most.min(200), 1 => 0..=most]
}

fn duration() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 5_u32..=300, 1 => 5_u32..=5_000, 1 => 5_u32..=44_640]
}

fn session() -> BoxedStrategy<EventType> {
    let horizon = prop_oneof![2 => Just(None), 3 => (0_u32..6).prop_map(Some), 1 => (0_u32..400).prop_map(Some)];
    let interval = prop_oneof![Just(None), (1_u32..12).prop_map(|quarters| Some(quarters * 15))];
    (duration(), minutes_up_to(1_440), minutes_up_to(1_440), minutes_up_to(30_000), horizon, interval)
        .prop_map(|(duration, before, after, notice, max_days_ahead, interval_minutes)| EventType {
            buffer_before_minutes: before,
            buffer_after_minutes: after,
            min_notice_minutes: notice,
            max_days_ahead,
            interval_minutes,
            ..event_type(&[duration])
        })
        .boxed()
}

fn capacity() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(1_u32), 1 => 2_u32..6]
}

/// The resource asked for and how it is open, the zone of the question, and the date.
fn place() -> BoxedStrategy<(Tz, OpenHours, Tz, NaiveDate)> {
    let zones = (zone(), zone(), zone(), any::<[bool; 2]>());
    zones
        .prop_flat_map(|(own, hours, asked, [same_hours, same_question])| {
            // Most resources are open and asked about in their own zone.
            let hours = if same_hours { own } else { hours };
            let asked = if same_question { hours } else { asked };
            date_near_change(hours)
                .prop_flat_map(move |date| (Just(own), open_hours(hours, date), Just(asked), Just(date)))
        })
        .boxed()
}

fn asked() -> BoxedStrategy<(Request, Tz, NaiveDate)> {
    place()
        .prop_flat_map(|(own, open, zone, date)| {
            let extra = (zone_of_add_on(own), capacity(), 1_u32..4)
                .prop_flat_map(move |(zone, capacity, units)| (open_hours(zone, date), Just((zone, capacity, units))));
            let add_ons = prop_oneof![2 => Just(vec![]).boxed(), 1 => prop::collection::vec(extra, 1..3).boxed()];
            let quarters = prop_oneof![Just(None), (1_u32..10).prop_map(Some)];
            (capacity(), units(), duration(), quarters, prop::option::weighted(0.7, session()), add_ons).prop_map(
                move |(capacity, (units, one_too_many), duration, quarters, session, add_ons)| {
                    let plain = request(resource("primary", own, capacity), open.clone(), duration);
                    let quantity = units.min(capacity) + u32::from(one_too_many);
                    let add_ons = add_ons.into_iter().zip(["first", "second"]);
                    let add_ons: Vec<AddOnRequest> = add_ons
                        .map(|((open, (zone, capacity, units)), id)| {
                            add_on(resource(id, zone, capacity), open, units.min(capacity))
                        })
                        .collect();
                    let plain = Request { quantity, add_ons, ..plain };
                    let request = match session {
                        Some(session) => under(session, Request { duration_minutes: None, ..plain }),
                        None => Request { interval_minutes: quarters.map(|quarters| quarters * 15), ..plain },
                    };
                    (request, zone, date)
                },
            )
        })
        .boxed()
}

/// Units to ask for, and whether to ask for one more than there are, or than that.
fn units() -> impl Strategy<Value = (u32, bool)> {
    (1_u32..4, prop::bool::weighted(0.1))
}

fn zone_of_add_on(own: Tz) -> impl Strategy<Value = Tz> {
    prop_oneof![2 => Just(own).boxed(), 1 => zone().boxed()]
}

/// How far the present is from the day's first instant, in milliseconds, before notice and horizon are taken off.
fn present() -> impl Strategy<Value = (i64, i64)> {
    let millis = prop_oneof![Just(0_i64), Just(1), Just(-1), -900_000_i64..900_000];
    let quarters = prop_oneof![3 => -150_i64..150, 1 => -2_000_i64..2_000];
    (0_i64..3, (quarters, millis).prop_map(|(quarters, millis)| quarters * 900_000 + millis))
}

prop_compose! {
    pub(super) fn scenario()(
        (request, zone, date) in asked(),
        bookings in prop::collection::vec((0_usize..3, -100_i64..250, 1_i64..12, 1_u32..4), 0..14),
        (limit, millis) in present(),
    ) -> Scenario {
        let terms = Terms::resolve(request).unwrap();
        let day = local_day(zone, date);
        let first = day.covering().start;
        let (mut occupancy, mut booked) = (Occupancy::default(), Vec::new());
        let items: Vec<_> = terms.items().map(|(resource, _)| resource.as_ref().clone()).collect();
        for (item, from, length, units) in bookings {
            let Some(resource) = items.get(item) else { continue };
            let span = QuantumSpan::new(first.plus(from), first.plus(from + length));
            let units = units.min(resource.quantity);
            if occupancy.is_free(resource, units, span) {
                occupy(&mut occupancy, resource, span, units);
                booked.push((item, span, units));
            }
        }
        // Near the day, near the limit of its notice, or near where the horizon reaches it.
        let rules = terms.event_type.clone();
        let back = match limit {
            0 => TimeDelta::zero(),
            1 => TimeDelta::minutes(rules.map_or(0, |rules| rules.min_notice_minutes).into()),
            _ => TimeDelta::days(rules.and_then(|rules| rules.max_days_ahead).unwrap_or(0).into()),
        };
        let now = day.start - back + TimeDelta::milliseconds(millis);
        Scenario { terms, occupancy, booked, zone, date, now }
    }
}
