//! What the calendars show that others subscribe to.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use slotwise::domain::booking::{Booker, Booking, BookingStatus};

use crate::support::bookings::put;
use crate::support::calendars::{Said, calendar, fetch, name_of, read, said};
use crate::support::life::booked;
use crate::support::studios::{DAY, at, booking, studios, with};
use crate::support::{EventTypeSpec, ResourceSpec, TestServer};

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An hour that was made, or last changed, when the tests begin.
fn hour(id: &str, sequence: u32, start: &str, summary: &str) -> Said {
    let start = instant(start);
    Said {
        uid: format!("{id}@slotwise"),
        sequence,
        stamp: instant("2026-12-01T06:00:00Z"),
        start,
        end: start + Duration::from_hours(1),
        summary: summary.to_owned(),
        description: None,
        location: None,
        status: "CONFIRMED".to_owned(),
    }
}

/// A booking of Ada's that is put there.
fn of_ada(id: &str, start: &str, minutes: i64) -> Booking {
    let booker = Booker { user_id: Some("ada".into()), name: Some("Ada".into()), ..Booker::default() };
    Booking { booker, ..put(id, &["a"], start, minutes) }
}

#[tokio::test]
async fn what_somebody_books_moves_and_calls_off_is_in_the_calendar_that_they_subscribe_to() {
    let server = studios().await;
    let ada = server.customer("ada");
    let (_, url) = ada.feed(json!({ "details": true })).await;
    let empty = calendar(&url).await;
    assert_eq!((read(&empty), name_of(&empty).as_str()), (Vec::new(), "My bookings"));

    let made = ada.book(with(booking("a", "hour", 10), json!({ "location": "Back door, left; ring" }))).await;
    let (id, _) = booked(&made);
    server.customer("bob").book_it(booking("b", "hour", 10)).await;
    let mut expected = hour(&id, 1, &at(10), "hour, a");
    expected.location = Some("Back door, left; ring".to_owned());
    assert_eq!(said(&url).await, [expected.clone()]);

    server.clock.advance(Duration::from_mins(1));
    ada.change_it("rescheduleBooking", json!({ "id": id, "start": at(15) })).await;
    expected = Said { location: expected.location, ..hour(&id, 2, &at(15), "hour, a") };
    expected.stamp = instant("2026-12-01T06:01:00Z");
    assert_eq!(said(&url).await, [expected]);

    ada.change_it("cancelBooking", json!({ "id": id })).await;
    assert_eq!(calendar(&url).await, empty);
}

#[tokio::test]
async fn busy_times_say_when_and_nothing_else() {
    let server = studios().await;
    // A name that is no part of a hexadecimal number.
    let (zoe, staff) = (server.customer("zoe"), server.staff());
    let input = with(booking("a", "hour", 10), json!({ "location": "Back door", "reference": "REF-1" }));
    let (id, token) = booked(&zoe.book(input).await);
    let block = json!({ "resourceId": "res_a", "start": at(12), "end": at(13), "reason": "Painters" });
    let block = staff.run_well("createBlock", block).await["block"]["id"].clone();
    let mut uids = Vec::new();
    for (feed, times) in [
        (zoe.feed(json!({})).await, &[10][..]),
        (zoe.feed(json!({ "details": false })).await, &[10]),
        (staff.feed(json!({ "resourceId": "res_a" })).await, &[10, 12]),
        (staff.feed(json!({ "resourceId": "res_a" })).await, &[10, 12]),
    ] {
        let text = calendar(&feed.1).await;
        let unsaid =
            [&id[..], &id[4..], &token, "Back door", "REF-1", "hour", "zoe", "example.org", "Painters", "CREATED"];
        for unsaid in unsaid.into_iter().chain([block.as_str().unwrap()]) {
            assert!(!text.contains(unsaid), "{unsaid} in {text}");
        }
        assert_eq!(text.matches("CLASS:PRIVATE\r\n").count(), times.len());
        let told = read(&text);
        let starts: Vec<_> = told.iter().map(|told| told.start).collect();
        assert_eq!(starts, times.iter().map(|hour| instant(&at(*hour))).collect::<Vec<_>>());
        assert!(
            told.iter().all(|told| told.summary == "Busy" && told.description.is_none() && told.location.is_none())
        );
        uids.extend(told.into_iter().map(|told| told.uid));
    }
    // Nobody finds out from two calendars what is in both.
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), 6);
}

#[tokio::test]
async fn a_resource_s_calendar_says_who_comes_for_how_much_and_when_it_is_closed() {
    let server = studios().await;
    server
        .resources([ResourceSpec {
            quantity: 6, label: Some("Mikrofone, groß".into()), ..ResourceSpec::named("mics")
        }])
        .await;
    server.event_types([EventTypeSpec { interval: Some(60), ..EventTypeSpec::named("hire", &[60], &["mics"]) }]).await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (_, url) = staff.feed(json!({ "resourceId": "res_mics", "details": true })).await;
    let hired = booked(&ada.book(with(booking("mics", "hire", 10), json!({ "quantity": 3 }))).await).0;
    let add_ons = json!({ "addOns": [{ "resourceId": "res_mics", "quantity": 2 }] });
    let beside = booked(&server.customer("bob").book(with(booking("a", "hour", 11), add_ons)).await).0;
    let block = json!({
        "resourceId": "res_mics", "start": at(11), "end": at(12), "quantity": 4, "reason": "At the\nrepairer's",
    });
    let block = staff.run_well("createBlock", block).await["block"]["id"].as_str().unwrap().to_owned();
    let nothing_said = json!({ "resourceId": "res_mics", "start": at(14), "end": at(15) });
    let whole = staff.run_well("createBlock", nothing_said).await["block"]["id"].as_str().unwrap().to_owned();

    let text = calendar(&url).await;
    assert_eq!(name_of(&text), "Mikrofone, groß");
    let with_description = |said: Said, text: &str| Said { description: Some(text.to_owned()), ..said };
    let expected = [
        hour(&hired, 1, &at(10), "3 × hire, ada"),
        with_description(hour(&beside, 1, &at(11), "2 × hour, bob"), "a, 2 × Mikrofone, groß"),
        with_description(hour(&block, 1, &at(11), "Closed: At the repairer's"), "4 of 6"),
        with_description(hour(&whole, 1, &at(14), "Closed"), "6 of 6"),
    ];
    assert_eq!(in_order(read(&text)), in_order(expected.to_vec()));
    // Ada sees her own there, and nothing of the others.
    let (_, own) = ada.feed(json!({ "details": true })).await;
    assert_eq!(said(&own).await, [hour(&hired, 1, &at(10), "hire, Mikrofone, groß")]);
}

/// By start, and those that start together by what they are called.
fn in_order(mut said: Vec<Said>) -> Vec<Said> {
    said.sort_by(|one, other| (one.start, &one.summary).cmp(&(other.start, &other.summary)));
    said
}

#[tokio::test]
async fn what_takes_its_time_is_shown_and_what_has_let_it_go_is_not() {
    let server = studios().await;
    let statuses = BookingStatus::ALL;
    let mut bookings: Vec<_> = statuses
        .into_iter()
        .enumerate()
        .map(|(number, status)| {
            let id = status.name().to_lowercase();
            let mut booking = of_ada(&id, &format!("{DAY}T{:02}:00:00Z", 8 + number), 60);
            (booking.status, booking.expires_at) = (status, Some(instant("2026-12-02T00:00:00Z")));
            booking
        })
        .collect();
    // One that nobody has agreed to before it began.
    bookings.push(Booking { status: BookingStatus::Pending, ..of_ada("lapsed", "2026-12-01T05:00:00Z", 60) });
    server.put_bookings(&bookings).await;
    let (_, own) = server.customer("ada").feed(json!({ "details": true })).await;
    let (_, of_room) = server.staff().feed(json!({ "resourceId": "res_a", "details": true })).await;
    for url in [own, of_room] {
        let told = said(&url).await;
        let told: Vec<_> = told.iter().map(|told| (told.uid.as_str(), told.status.as_str())).collect();
        let expected = [
            ("bkg_pending@slotwise", "TENTATIVE"),
            ("bkg_confirmed@slotwise", "CONFIRMED"),
            ("bkg_completed@slotwise", "CONFIRMED"),
            ("bkg_no_show@slotwise", "CONFIRMED"),
        ];
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn times_are_right_across_clock_changes() {
    let server = studios().await;
    // Berlin's two half past twos, and the night that has none.
    let times = ["2027-03-28T00:30:00Z", "2027-03-28T01:00:00Z", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"];
    let bookings: Vec<_> = (0..).zip(times).map(|(number, start)| of_ada(&format!("{number}"), start, 60)).collect();
    server.put_bookings(&bookings).await;
    let (_, url) = server.customer("ada").feed(json!({ "details": true })).await;
    let told = said(&url).await;
    let spans: Vec<_> = told.iter().map(|told| (told.start, told.end)).collect();
    assert_eq!(spans, bookings.iter().map(|booking| (booking.start, booking.end)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_calendar_shows_a_month_back_and_a_year_ahead_by_whole_days() {
    let server = studios().await;
    let spans = [
        ("over", "2026-10-30T23:00:00Z", 60),
        ("first", "2026-10-30T23:30:00Z", 60),
        ("midnight", "2026-11-30T23:30:00Z", 60),
        ("last", "2027-12-02T23:45:00Z", 60),
        ("far", "2027-12-03T00:00:00Z", 60),
    ];
    server.put_bookings(&spans.map(|(id, start, minutes)| of_ada(id, start, minutes))).await;
    let (_, url) = server.customer("ada").feed(json!({ "details": true })).await;
    let ids = async || -> Vec<String> {
        let told = said(&url).await;
        told.iter().map(|told| told.uid.trim_start_matches("bkg_").trim_end_matches("@slotwise").to_owned()).collect()
    };
    assert_eq!(ids().await, ["first", "midnight", "last"]);
    // Not a letter changes before the day does.
    let tag = fetch(&url).await.header("etag").to_owned();
    server.clock.advance(Duration::from_hours(17) + Duration::from_mins(59));
    assert_eq!(fetch(&url).await.header("etag"), tag);
    server.clock.advance(Duration::from_mins(1));
    assert_eq!(ids().await, ["midnight", "last", "far"]);
}

/// Puts as many bookings of Ada's there, one a minute from `start` on.
async fn put_many(server: &TestServer, prefix: &str, start: &str, count: u32) {
    let first = instant(start).timestamp_millis();
    let minute = 60_000;
    let quantum = first / 900_000;
    server
        .execute_sql(&format!(
            "INSERT INTO bookings (id, organization_id, status, start_at, end_at, occupied_from, occupied_to, time_zone, \
             title, event_type_id, booker_user_id, revision, created_at, updated_at) \
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1) \
             SELECT 'bkg_{prefix}' || (10000 + i), 'default', 'confirmed', {first} + i * {minute}, \
             {first} + (i + 5) * {minute}, {quantum}, {quantum} + 1 + (i + 5) / 15, 'UTC', 'Many', 'evt_hour', 'ada', 1, \
             {first}, {first} FROM n"
        ))
        .await;
    server
        .execute_sql(&format!(
            "INSERT INTO booking_items (booking_id, position, organization_id, resource_id, quantity) \
             SELECT id, 0, 'default', 'res_a', 1 FROM bookings WHERE id LIKE 'bkg_{prefix}%'"
        ))
        .await;
}

#[tokio::test]
async fn of_too_many_the_soonest_and_the_latest_are_shown_and_the_cost_stays_the_same() {
    let server = studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let (_, own) = ada.feed(json!({ "details": true })).await;
    let (_, of_room) = staff.feed(json!({ "resourceId": "res_a", "details": true })).await;
    server
        .put_bookings(&[of_ada("back", "2026-11-30T10:00:00Z", 60), of_ada("ahead", "2026-12-01T10:00:00Z", 60)])
        .await;
    // The feed; its owner; what is ahead and what is back, each with its items; the names. Of a room also itself and blocks.
    for (url, statements) in [(&own, 7), (&of_room, 9)] {
        assert_eq!(server.statements_of(fetch(url)).await.1, statements);
    }
    put_many(&server, "p", "2026-11-10T00:00:00Z", 1_010).await;
    put_many(&server, "f", "2026-12-10T00:00:00Z", 4_010).await;
    for (url, statements) in [(&own, 7), (&of_room, 9)] {
        let (fetched, cost) = server.statements_of(fetch(url)).await;
        assert_eq!(cost, statements);
        let told = read(&fetched.text);
        assert_eq!(told.len(), 5_000);
        let uids: Vec<_> = [0, 999, 1_000, 4_999].map(|place: usize| told[place].uid.as_str()).into();
        let expected = ["bkg_p10011@slotwise", "bkg_back@slotwise", "bkg_ahead@slotwise", "bkg_f13998@slotwise"];
        assert_eq!(uids, expected);
    }
    // What opens nothing costs one look.
    assert_eq!(server.statements_of(fetch(&own.replace(".ics", "x.ics"))).await.1, 1);
}

#[tokio::test]
async fn long_and_foreign_texts_arrive_whole() {
    let server = TestServer::start().await;
    let label = "Größter Übungsraum 日本語 🎸".repeat(4);
    server.resources([ResourceSpec { label: Some(label.clone()), ..ResourceSpec::named("a") }]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    let location = "Hinterhof\\links; „dritte“ Tür, ".repeat(16).trim().to_owned();
    let ada = server.customer("ada");
    let (id, _) = booked(&ada.book(with(booking("a", "hour", 10), json!({ "location": location }))).await);
    let (_, url) = ada.feed(json!({ "details": true })).await;
    let expected = Said { location: Some(location), ..hour(&id, 1, &at(10), &format!("hour, {label}")) };
    assert_eq!(said(&url).await, [expected]);
    let (_, of_room) = server.staff().feed(json!({ "resourceId": "res_a" })).await;
    assert_eq!(name_of(&calendar(&of_room).await), label);
}

#[tokio::test]
async fn a_guest_s_name_is_no_link_and_breaks_out_of_no_line() {
    let server = studios().await;
    let (_, url) = server.staff().feed(json!({ "resourceId": "res_a", "details": true })).await;
    let booker = |name: &str| json!({ "booker": { "name": name, "email": "g@example.org" } });
    let typed = "x\\nEND:VEVENT http://evil.example; a, b";
    let made = server.staff().book(with(booking("a", "hour", 10), booker(typed))).await;
    assert_eq!(made["userErrors"], Value::Array(Vec::new()), "{made}");
    let told = said(&url).await;
    assert_eq!(told[0].summary, "hour, x\\nEND: VEVENT http: //evil. example; a, b");
}
