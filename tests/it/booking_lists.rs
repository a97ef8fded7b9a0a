//! Lists of bookings: who sees which, in what order, and which of them a filter lets through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::domain::access::Role;
use slotwise::domain::booking::{Booking, BookingStatus};

use crate::support::bookings::{ids, put};
use crate::support::studios::with;
use crate::support::{Actor, Choices, EventTypeSpec, ResourceSpec, TestServer};

const ORDERS: [&str; 4] = ["START_ASC", "START_DESC", "UPDATED_ASC", "UPDATED_DESC"];
const MINE: &str =
    "query ($from: DateTime, $to: DateTime, $status: [BookingStatus!], $order: BookingOrder! = START_ASC,
    $first: Int, $after: String) {
    myBookings(from: $from, to: $to, status: $status, orderBy: $order, first: $first, after: $after) {
        totalCount nodes { id status } pageInfo { hasNextPage endCursor } } }";

/// Three rooms and two event types, in two organizations. It is 2026-12-01T06:00Z.
async fn rooms() -> TestServer {
    let server = TestServer::start().await;
    server.resources(["a", "b", "c"].map(ResourceSpec::named)).await;
    server.event_types(["hour", "day"].map(|name| EventTypeSpec::named(name, &[60], &["a", "b", "c"]))).await;
    let elsewhere = |name: &str| ResourceSpec { organization: "elsewhere".to_owned(), ..ResourceSpec::named(name) };
    server.resources([elsewhere("x")]).await;
    let organization = "elsewhere".to_owned();
    server.event_types([EventTypeSpec { organization, ..EventTypeSpec::named("far", &[60], &["x"]) }]).await;
    server
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Bookings of all kinds within some weeks around now.
fn of_all_kinds(count: usize) -> Vec<Booking> {
    let mut choices = Choices::new(7);
    let first = instant("2026-11-10T00:00:00Z");
    let quarters = |choices: &mut Choices, most| TimeDelta::minutes(15 * i64::try_from(choices.below(most)).unwrap());
    (0..count)
        .map(|number| {
            let start = first + quarters(&mut choices, 4_000);
            let minutes = [15, 60, 60, 600, 44_640][choices.below(5)];
            let rooms = [&["a"][..], &["b"], &["a", "b"], &["c", "a"]][choices.below(4)];
            let mut booking = put(&format!("{number:04}"), rooms, &start.to_rfc3339(), minutes);
            booking.status = BookingStatus::ALL[choices.below(8)];
            booking.expires_at = (booking.status == BookingStatus::Provisional)
                .then(|| instant("2026-12-01T05:00:00Z") + quarters(&mut choices, 8));
            booking.updated_at = instant("2026-11-30T00:00:00Z") + quarters(&mut choices, 100);
            booking.event_type_id = ["evt_hour", "evt_day"][choices.below(2)].into();
            booking.booker.user_id = ["ada", "bob"].get(choices.below(3)).map(|id| (*id).into());
            booking.booker.email = ["Ada@Example.org", "ada@example.ORG", "bob@example.org", "ÄDA@example.org"]
                .get(choices.below(5))
                .map(ToString::to_string);
            booking.reference = ["one", "One", "two"].get(choices.below(5)).map(ToString::to_string);
            booking.series_id = ["ser_1", "ser_2"].get(choices.below(4)).map(|id| (*id).into());
            booking
        })
        .collect()
}

/// Whether a filter lets `booking` through: said as plainly as it can be.
fn passes(booking: &Booking, filter: &Value, now: DateTime<Utc>) -> bool {
    let text = |name: &str| filter[name].as_str();
    let time = |name: &str| text(name).map(instant);
    let lapsed = match booking.status {
        BookingStatus::Provisional => booking.expires_at.unwrap() <= now || booking.start <= now,
        BookingStatus::Pending => booking.start <= now,
        _ => false,
    };
    let status = if lapsed { "EXPIRED" } else { booking.status.name() };
    text("resourceId").is_none_or(|id| booking.items.iter().any(|item| item.resource_id.as_str() == id))
        && text("eventTypeId").is_none_or(|id| booking.event_type_id.as_str() == id)
        && text("seriesId").is_none_or(|id| booking.series_id.as_ref().is_some_and(|series| series.as_str() == id))
        && text("reference").is_none_or(|reference| booking.reference.as_deref() == Some(reference))
        && text("bookerEmail")
            .is_none_or(|email| booking.booker.email.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(email)))
        && filter["status"].as_array().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == status))
        && time("updatedSince").is_none_or(|since| booking.updated_at >= since)
        && time("from").is_none_or(|from| booking.end > from)
        && time("to").is_none_or(|to| booking.start < to)
}

/// What a list in this order is to be.
fn in_order(mut bookings: Vec<&Booking>, order: &str) -> Vec<String> {
    bookings.sort_by_key(|booking| {
        let at = if order.starts_with("START") { booking.start } else { booking.updated_at };
        (at, booking.id.clone())
    });
    if order.ends_with("DESC") {
        bookings.reverse();
    }
    bookings.iter().map(|booking| booking.id.as_str().trim_start_matches("bkg_").to_owned()).collect()
}

#[tokio::test]
async fn a_filter_lets_through_what_it_says_and_nothing_else() {
    let server = rooms().await;
    let bookings = of_all_kinds(190);
    server.put_bookings(&bookings).await;
    let staff = server.staff();
    let now = server.clock_now();
    let members = [
        ("resourceId", vec![json!("res_a"), json!("res_c"), json!("res_x"), json!("res_none")]),
        ("eventTypeId", vec![json!("evt_day"), json!("evt_far")]),
        ("seriesId", vec![json!("ser_1")]),
        ("reference", vec![json!("one"), json!("One"), json!("o")]),
        ("bookerEmail", vec![json!("ADA@example.org"), json!("äda@example.org"), json!("ÄDA@EXAMPLE.org")]),
        ("updatedSince", vec![json!("2026-11-30T12:00:00Z"), json!("2026-11-30T12:00:00.0001Z")]),
        ("from", vec![json!("2026-11-20T00:00:00Z"), json!("2026-12-10T07:30:00.0001Z")]),
        ("to", vec![json!("2026-12-15T00:00:00Z"), json!("2026-12-20T00:00:00.0001Z")]),
        (
            "status",
            vec![
                json!([]),
                json!(["EXPIRED"]),
                json!(["PENDING", "PROVISIONAL"]),
                json!(["CONFIRMED", "EXPIRED", "CONFIRMED"]),
                json!(["DECLINED", "CANCELLED", "COMPLETED", "NO_SHOW"]),
            ],
        ),
    ];
    let mut filters = vec![json!({})];
    for (name, values) in &members {
        filters.extend(values.iter().map(|value| json!({ *name: value })));
    }
    let mut choices = Choices::new(11);
    for _ in 0..60 {
        let mut filter = json!({});
        for (name, values) in &members {
            if choices.below(4) == 0 {
                filter[*name] = values[choices.below(values.len())].clone();
            }
        }
        filters.push(filter);
    }
    let mut found = 0;
    for (number, filter) in filters.iter().enumerate() {
        let order = ORDERS[number % 4];
        let page = staff.bookings(json!({ "filter": filter, "order": order, "first": 200 })).await;
        let wanted = bookings.iter().filter(|booking| passes(booking, filter, now)).collect();
        assert_eq!(ids(&page), in_order(wanted, order), "{filter} {order}");
        found += ids(&page).len();
    }
    assert!(found > 500, "the filters let nothing through: {found}");
}

#[tokio::test]
async fn touching_is_not_overlapping() {
    let server = rooms().await;
    server.put_bookings(&[put("one", &["a"], "2026-12-02T10:00:00Z", 60)]).await;
    server.put_bookings(&[put("long", &["b"], "2026-11-10T10:00:00Z", 44_640)]).await;
    let staff = server.staff();
    for (from, to, expected) in [
        (json!("2026-12-02T11:00:00Z"), Value::Null, vec!["long"]),
        (json!("2026-12-02T10:59:59.999Z"), Value::Null, vec!["long", "one"]),
        (Value::Null, json!("2026-12-02T10:00:00Z"), vec!["long"]),
        (Value::Null, json!("2026-12-02T10:00:00.001Z"), vec!["long", "one"]),
        (json!("2026-12-02T10:15:00Z"), json!("2026-12-02T10:30:00Z"), vec!["long", "one"]),
        (json!("2026-12-11T10:00:00Z"), Value::Null, vec![]),
        (json!("2026-12-11T09:59:00Z"), json!("2026-12-11T09:59:00.001Z"), vec!["long"]),
        (Value::Null, json!("2026-11-10T10:00:00Z"), vec![]),
    ] {
        let page = staff.bookings(json!({ "filter": { "from": from, "to": to } })).await;
        assert_eq!(ids(&page), expected, "{from} to {to}");
    }
}

#[tokio::test]
async fn what_has_lapsed_is_expired_for_everybody_although_nothing_has_written_that_down() {
    let server = rooms().await;
    let mut pending = put("pending", &["a"], "2026-12-01T08:00:00Z", 60);
    pending.status = BookingStatus::Pending;
    pending.booker.user_id = Some("ada".into());
    let provisional = Booking {
        status: BookingStatus::Provisional,
        expires_at: Some(instant("2026-12-01T06:00:01Z")),
        booker: pending.booker.clone(),
        ..put("provisional", &["a"], "2026-12-01T09:00:00Z", 60)
    };
    server.put_bookings(&[pending, provisional]).await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let statuses = async || {
        let mine = ada.ask(MINE, json!({})).await["myBookings"]["nodes"].clone();
        let all = staff.bookings(json!({})).await;
        let of = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|node| node["status"].as_str().unwrap().to_owned()).collect()
        };
        let nodes: Vec<Value> = all["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect();
        assert_eq!(of(&mine), of(&json!(nodes)));
        for (wanted, status) in [("EXPIRED", "EXPIRED"), ("PENDING", "PENDING"), ("PROVISIONAL", "PROVISIONAL")] {
            let page = staff.bookings(json!({ "filter": { "status": [wanted] } })).await;
            let expected = of(&mine).iter().filter(|seen| *seen == status).count();
            assert_eq!(ids(&page).len(), expected, "{wanted}");
        }
        of(&mine)
    };
    assert_eq!(statuses().await, ["PENDING", "PROVISIONAL"]);
    // The worker sleeps until what it knows of, which is nothing.
    server.clock.advance_to(instant("2026-12-01T06:00:01Z"));
    assert_eq!(statuses().await, ["PENDING", "EXPIRED"]);
}

#[tokio::test]
async fn each_sees_their_own_and_staff_see_all_of_their_organization() {
    const WHO: &str = "{ myBookings(first: 1) { nodes { history { by { userId } } } } }";
    let server = rooms().await;
    let mut all = of_all_kinds(60);
    let mut far = put("far", &["x"], "2026-12-02T10:00:00Z", 60);
    far.organization_id = "elsewhere".into();
    far.event_type_id = "evt_far".into();
    far.booker.user_id = Some("ada".into());
    all.push(far);
    server.put_bookings(&all).await;
    let mine = async |actor: &Actor, variables: Value| actor.ask(MINE, variables).await["myBookings"].clone();
    let own = |user: &str, organization: &str| -> Vec<&Booking> {
        let is_own = |booking: &&Booking| {
            booking.organization_id.as_str() == organization
                && booking.booker.user_id.as_ref().is_some_and(|id| id.as_str() == user)
        };
        all.iter().filter(is_own).collect()
    };
    for (subject, organization) in [("ada", "default"), ("bob", "default"), ("ada", "elsewhere"), ("eve", "default")] {
        for role in [Role::Customer, Role::Staff, Role::Admin] {
            let actor = server.signed_in(subject, role, organization);
            for order in ORDERS {
                let page = mine(&actor, json!({ "order": order, "first": 200 })).await;
                let expected = in_order(own(subject, organization), order);
                assert_eq!(ids(&page), expected, "{subject} of {organization}");
                assert_eq!(page["totalCount"], expected.len());
            }
        }
    }
    let ada = server.customer("ada");
    let filter =
        json!({ "from": "2026-11-20T00:00:00Z", "to": "2026-12-05T00:00:00Z", "status": ["CONFIRMED", "EXPIRED"] });
    let wanted = own("ada", "default").into_iter().filter(|booking| passes(booking, &filter, server.clock_now()));
    assert_eq!(
        ids(&mine(&ada, with(filter.clone(), json!({ "first": 200 }))).await),
        in_order(wanted.collect(), "START_ASC")
    );

    let far_staff = server.signed_in("staff", Role::Staff, "elsewhere");
    assert_eq!(ids(&far_staff.bookings(json!({})).await), ["far"]);
    assert_eq!(ids(&far_staff.bookings(json!({ "filter": { "resourceId": "res_a" } })).await), [""; 0]);
    assert_eq!(ids(&server.staff().bookings(json!({ "first": 200 })).await).len(), 60);
    // Who acted is for staff; in a list as anywhere.
    let who = ada.ask(WHO, json!({})).await;
    assert_eq!(who["myBookings"]["nodes"][0]["history"][0]["by"]["userId"], Value::Null);
}

/// Reads a list to its end, and lets `between` happen between two pages.
async fn read_all(actor: &Actor, order: &str, forward: bool, mut between: impl AsyncFnMut()) -> Vec<String> {
    let (mut read, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let variables = if forward {
            json!({ "order": order, "first": 41, "after": cursor })
        } else {
            json!({ "order": order, "last": 41, "before": cursor })
        };
        let page = actor.bookings(variables).await;
        let (end, more) = if forward { ("endCursor", "hasNextPage") } else { ("startCursor", "hasPreviousPage") };
        if forward {
            read.extend(ids(&page));
        } else {
            read.splice(0..0, ids(&page));
        }
        cursor = page["pageInfo"][end].clone();
        if page["pageInfo"][more] == false {
            return read;
        }
        between().await;
    }
}

#[tokio::test]
async fn pages_lose_and_repeat_nothing_while_other_bookings_come_and_change() {
    let server = rooms().await;
    let bookings = of_all_kinds(500);
    server.put_bookings(&bookings).await;
    let staff = server.staff();
    let mut choices = Choices::new(3);
    let mut made = 0;
    for (number, order) in ORDERS.into_iter().enumerate() {
        for forward in [true, false] {
            // The last hundred change while the list is read; the others do not.
            let change = async || {
                made += 1;
                let start =
                    instant("2026-11-10T00:00:00Z") + TimeDelta::hours(i64::try_from(choices.below(1_000)).unwrap());
                let new = put(&format!("new{made:04}"), &["b"], &start.to_rfc3339(), 60);
                server.put_bookings(&[new]).await;
                let (id, at) = (400 + choices.below(100), start.timestamp_millis());
                let change = format!("UPDATE bookings SET updated_at = {at} WHERE id = 'bkg_{id:04}'");
                server.execute_sql(&change).await;
            };
            let read = read_all(&staff, order, forward, change).await;
            let stays = |id: &String| id.starts_with('0') && id.as_str() < "0400";
            let read: Vec<String> = read.into_iter().filter(stays).collect();
            let expected: Vec<_> = in_order(bookings.iter().collect(), order).into_iter().filter(stays).collect();
            assert_eq!(read, expected, "{order}, {number}, forward: {forward}");
        }
    }
    assert!(made > 80, "{made}");
}

#[tokio::test]
async fn bookings_of_the_same_instant_are_told_apart_by_their_ids() {
    let server = rooms().await;
    let same: Vec<Booking> = (0..100).map(|id| put(&format!("{id:04}"), &["a"], "2026-12-02T10:00:00Z", 60)).collect();
    server.put_bookings(&same).await;
    for order in ORDERS {
        for forward in [true, false] {
            let read = read_all(&server.staff(), order, forward, async || {}).await;
            assert_eq!(read, in_order(same.iter().collect(), order), "{order}");
        }
    }
}

#[tokio::test]
async fn what_is_malformed_is_refused() {
    const ASK: &str = "query ($filter: BookingFilter, $order: BookingOrder! = START_ASC, $first: Int, $after: String) {
        bookings(filter: $filter, orderBy: $order, first: $first, after: $after) { nodes { id } } }";
    let server = rooms().await;
    server.put_bookings(&of_all_kinds(5)).await;
    let staff = server.staff();
    let cursor = staff.bookings(json!({ "first": 2 })).await["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let content = String::from_utf8(URL_SAFE_NO_PAD.decode(&cursor).unwrap()).unwrap();
    let parts: Value = serde_json::from_str(&content).unwrap();
    // The cursor itself is good, and what is made of it by hand is not, or finds nothing it should not.
    assert_eq!(ids(&staff.bookings(json!({ "first": 2, "after": cursor })).await).len(), 2);
    let forged = |value: Value, id: Value| URL_SAFE_NO_PAD.encode(json!([parts[0], value, id]).to_string());
    let huge = URL_SAFE_NO_PAD.encode(content.replacen(&parts[1].to_string(), "9223372036854775808", 1));
    for variables in [
        json!({ "after": "nonsense" }),
        json!({ "after": forged(json!("text"), json!("bkg_1")) }),
        json!({ "after": forged(json!(1.5), json!("bkg_1")) }),
        json!({ "after": forged(json!(null), json!("bkg_1")) }),
        json!({ "after": forged(json!(1), json!("bkg\u{0}")) }),
        json!({ "after": forged(json!(1), json!(1)) }),
        json!({ "after": huge }),
        json!({ "after": cursor, "order": "START_DESC" }),
        json!({ "after": cursor, "filter": { "from": "2026-11-01T00:00:00Z" } }),
        json!({ "first": 0 }),
        json!({ "first": 201 }),
        json!({ "filter": { "from": "2026-12-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" } }),
        json!({ "filter": { "from": "2026-12-02T00:00:00Z", "to": "2026-12-01T00:00:00Z" } }),
        json!({ "filter": { "from": "1999-12-31T00:00:00Z" } }),
        json!({ "filter": { "to": "2100-01-01T00:00:00Z" } }),
        json!({ "filter": { "updatedSince": "yesterday" } }),
        json!({ "filter": { "resourceId": "r".repeat(65) } }),
        json!({ "filter": { "eventTypeId": "r".repeat(65) } }),
        json!({ "filter": { "seriesId": "r".repeat(65) } }),
        json!({ "filter": { "reference": "r".repeat(121) } }),
        json!({ "filter": { "bookerEmail": "r".repeat(255) } }),
    ] {
        let answer = staff.send(ASK, variables.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{variables}: {}", answer.body);
        crate::support::assert_clear(answer.message());
    }
    // The first and the last number there are, which no booking has.
    for (value, found) in [(i64::MIN, 5), (i64::MAX, 0)] {
        let page = staff.bookings(json!({ "after": forged(json!(value), json!("")) })).await;
        assert_eq!(ids(&page).len(), found);
    }
    let ada = server.customer("ada");
    for variables in
        [json!({ "from": "2026-12-02T00:00:00Z", "to": "2026-12-01T00:00:00Z" }), json!({ "after": cursor })]
    {
        assert_eq!(ada.send(MINE, variables).await.code(), "BAD_USER_INPUT");
    }
    assert_eq!(server.anonymous().send(MINE, json!({})).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_page_of_two_hundred_with_all_that_hangs_on_them_costs_what_one_costs() {
    const LIST: &str = "query ($first: Int!, $filter: BookingFilter) { bookings(first: $first, filter: $filter) {
        nodes { id resource { id } addOns { resource { id } } eventType { id } history { at } } } }";
    const COUNTED: &str = "query ($first: Int!) { bookings(first: $first) { totalCount nodes { id } } }";
    let server = rooms().await;
    server.put_bookings(&of_all_kinds(250)).await;
    let staff = server.staff();
    let cost = async |query: &str, variables: Value| {
        staff.ask(query, variables.clone()).await;
        let (data, statements) = server.statements_of(staff.ask(query, variables)).await;
        (data["bookings"]["nodes"].as_array().unwrap().len(), statements)
    };
    let filter = json!({ "resourceId": "res_a", "status": ["EXPIRED", "CONFIRMED"], "from": "2026-11-01T00:00:00Z" });
    let (_, one) = cost(LIST, json!({ "first": 1 })).await;
    let (found, many) = cost(LIST, json!({ "first": 200 })).await;
    assert_eq!((found, many), (200, one));
    let (found, filtered) = cost(LIST, json!({ "first": 200, "filter": filter })).await;
    assert!(found > 10 && filtered == one, "{found}, {filtered}");
    let (_, counted) = cost(COUNTED, json!({ "first": 1 })).await;
    assert_eq!(cost(COUNTED, json!({ "first": 200 })).await.1, counted);
    assert!(one <= 9, "{one}");
}
