//! What an answer costs before and after the database: laying out the grid, and finding what is free of it.
//!
//! `cargo bench --bench domain`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up should stop")]

use std::hint::black_box;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Europe::Berlin;
use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::domain::availability::{Listing, Occupancy, Policy, Request, Terms};
use slotwise::domain::catalogue::Resource;
use slotwise::domain::id::{OrganizationId, ResourceId, ScheduleId};
use slotwise::domain::local_time::local_day;
use slotwise::domain::quantum::QuantumSpan;
use slotwise::domain::schedule::{DayHours, OpenHours, Schedule, Window};

const QUESTION: &str = "2027-06-15";

fn date() -> NaiveDate {
    QUESTION.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2027-06-01T09:30:00Z".parse().unwrap()
}

fn studio() -> Resource {
    Resource {
        id: ResourceId::from("res_0190f5e2b7c87d2f9d3a4b5c6d7e8f90"),
        organization_id: OrganizationId::fallback(),
        slug: "studio-a".to_owned(),
        name: "Studio A".to_owned(),
        description: None,
        kind: "room".to_owned(),
        time_zone: Berlin,
        quantity: 1,
        standalone: true,
        active: true,
        schedule_id: None,
        metadata: None,
        created_at: now(),
        updated_at: now(),
    }
}

/// Open every day from 09:00 to 22:00.
fn nine_to_ten() -> OpenHours {
    let window = Window::new("09:00".parse().unwrap(), "22:00".parse().unwrap()).unwrap();
    OpenHours::Scheduled(Arc::new(Schedule {
        id: ScheduleId::from("sch_hours"),
        organization_id: OrganizationId::fallback(),
        name: "Hours".to_owned(),
        time_zone: Berlin,
        weekly: std::array::from_fn(|_| DayHours::new(vec![window]).unwrap()),
        overrides: std::collections::BTreeMap::new(),
        created_at: now(),
        updated_at: now(),
    }))
}

fn terms(open: OpenHours, duration_minutes: u32, interval_minutes: u32) -> Terms {
    Terms::resolve(Request {
        resource: Arc::new(studio()),
        event_type: None,
        linked: false,
        open,
        duration_minutes: Some(duration_minutes),
        interval_minutes: Some(interval_minutes),
        quantity: 1,
        add_ons: Vec::new(),
    })
    .unwrap()
}

fn starts(days_later: u64) -> QuantumSpan {
    local_day(Berlin, date() + Days::new(days_later)).starts()
}

/// Four bookings on each day.
fn occupancy(days: u64) -> Occupancy {
    let mut occupancy = Occupancy::default();
    let span = starts(0).hull(starts(days - 1));
    for (day, quanta) in span.days() {
        let booked = [(28, 36), (44, 48), (56, 60), (70, 76)];
        let booked = booked.map(|(from, to)| slotwise::domain::quantum::DayMap::range(from, to));
        let full = booked.into_iter().fold(slotwise::domain::quantum::DayMap::EMPTY, |map, part| map | part);
        occupancy.insert(studio().id, day, full & quanta, None);
    }
    occupancy
}

fn one_day(c: &mut Criterion, name: &str, terms: &Terms) {
    let (starts, occupancy, now) = (starts(0), occupancy(1), now());
    let mut group = c.benchmark_group(name);
    group.bench_function("grid from the schedule", |b| b.iter(|| black_box(terms).grid(black_box(starts))));
    let grid = terms.grid(starts);
    group.bench_function("count from maps", |b| b.iter(|| grid.count(black_box(&occupancy), black_box(now))));
    group.bench_function("slots from maps", |b| {
        b.iter(|| grid.offer(black_box(&occupancy), black_box(now), Listing::Offered));
    });
    group.bench_function("slots from maps, unavailable too", |b| {
        b.iter(|| grid.offer(black_box(&occupancy), black_box(now), Listing::All));
    });
    group.bench_function("all of it", |b| {
        b.iter(|| black_box(terms).day(black_box(starts), &occupancy, now, Listing::Offered));
    });
    group.bench_function("check of one start", |b| {
        let start = starts.start.plus(40).start();
        b.iter(|| black_box(terms).check(black_box(start), &occupancy, now, Policy::Public));
    });
    group.finish();
}

fn days(c: &mut Criterion) {
    one_day(c, "day of 60 minutes, 09-22", &terms(nine_to_ten(), 60, 60));
    one_day(c, "day of 60 minutes every 15, always open", &terms(OpenHours::Always(Berlin), 60, 15));
}

fn months(c: &mut Criterion) {
    let mut group = c.benchmark_group("month of 60 minutes, 09-22");
    let terms = terms(nine_to_ten(), 60, 60);
    for length in [31_u64, 93] {
        let (occupancy, now) = (occupancy(length), now());
        group.bench_function(format!("{length} days, all of it"), |b| {
            b.iter(|| {
                let counts = (0..length).map(|day| black_box(&terms).day_count(starts(day), &occupancy, now).0);
                counts.sum::<u32>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, days, months);
criterion_main!(benches);
