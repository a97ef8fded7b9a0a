//! Many who want the same at once: what can be had is given once, and nobody gets a fault.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::{Actor, Choices, EventTypeSpec, ResourceSpec, TestServer, at_once};

const RACERS: usize = 100;

/// Things that are always open, in UTC, and events from a quarter of an hour to three days long.
async fn studios() -> TestServer {
    let server = TestServer::start().await;
    let utc = |name: &str| ResourceSpec { zone: chrono_tz::UTC, ..ResourceSpec::named(name) };
    let pool = |name: &str, quantity: u32| ResourceSpec { quantity, ..utc(name) };
    server.resources([utc("a"), utc("b"), pool("p", 7), pool("q", 2)]).await;
    let everywhere = ["a", "b", "p", "q"];
    server.event_types([EventTypeSpec::named("any", &[60, 15, 120, 3 * 24 * 60], &everywhere)]).await;
    server
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn booking(resource: &str, start: DateTime<Utc>, minutes: i64) -> Value {
    json!({
        "resourceId": format!("res_{resource}"), "eventTypeId": "evt_any", "start": start, "durationMinutes": minutes,
    })
}

fn with(mut input: Value, name: &str, value: Value) -> Value {
    input[name] = value;
    input
}

/// Everybody books their own input at once; each answer by its input's place.
async fn race(server: &TestServer, inputs: Vec<Value>) -> Vec<Value> {
    let people = ["ada", "bob", "eve", "joan"].map(|name| server.customer(name));
    let count = inputs.len();
    let answers = at_once(count, |number| {
        let (person, input) = (people[number % people.len()].clone(), inputs[number].clone());
        async move { person.book(input).await }
    });
    answers.await
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

/// How often each came: the empty text stands for a booking.
fn codes(answers: &[Value]) -> BTreeMap<&str, usize> {
    answers.iter().fold(BTreeMap::new(), |mut codes, answer| {
        *codes.entry(code(answer)).or_default() += 1;
        codes
    })
}

/// Fails unless those who were given their time do not overlap, and everybody else overlaps one of them.
fn assert_shared_out(spans: &[(DateTime<Utc>, i64)], answers: &[Value]) {
    let overlap = |(a, a_minutes): (DateTime<Utc>, i64), (b, b_minutes): (DateTime<Utc>, i64)| {
        a < b + TimeDelta::minutes(b_minutes) && b < a + TimeDelta::minutes(a_minutes)
    };
    let won: Vec<usize> = (0..spans.len()).filter(|number| answers[*number]["booking"].is_object()).collect();
    for (number, span) in spans.iter().enumerate() {
        let in_the_way = won.iter().filter(|other| **other != number && overlap(spans[**other], *span)).count();
        if won.contains(&number) {
            assert_eq!(in_the_way, 0, "{span:?} is booked twice");
        } else {
            assert_eq!(code(&answers[number]), "SLOT_TAKEN", "{}", answers[number]);
            assert!(in_the_way > 0, "{span:?} was refused for nothing");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_who_book_the_same_hour_one_gets_it() {
    let server = studios().await;
    let answers = race(&server, vec![booking("a", instant("2026-12-02T12:00:00Z"), 60); RACERS]).await;
    assert_eq!(codes(&answers), BTreeMap::from([("", 1), ("SLOT_TAKEN", RACERS - 1)]));
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_sessions_that_want_the_same_hour_the_holder_gets_it() {
    let server = studios().await;
    let session = |number: usize| format!("session {number}, a secret of a session");
    let start = instant("2026-12-02T12:00:00Z");
    let hold = json!({
        "resourceId": "res_a", "eventTypeId": "evt_any", "sessionSecret": session(42),
        "slots": [{ "start": start, "durationMinutes": 60 }],
    });
    assert_eq!(server.anonymous().heartbeat(hold).await["granted"], true);
    let input = |number| with(booking("a", start, 60), "sessionSecret", json!(session(number)));
    let answers = race(&server, (0..RACERS).map(input).collect()).await;
    assert!(answers[42]["booking"].is_object(), "{}", answers[42]);
    for (_, answer) in answers.iter().enumerate().filter(|(number, _)| *number != 42) {
        assert!(matches!(code(answer), "SLOT_HELD" | "SLOT_TAKEN"), "{answer}");
    }
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_that_overlap_around_a_utc_midnight_are_shared_out() {
    let server = studios().await;
    let first = instant("2026-12-02T21:00:00Z");
    let mut choices = Choices::new(1);
    let spans: Vec<_> = (0..RACERS)
        .map(|_| {
            (first + TimeDelta::minutes(15 * i64::try_from(choices.below(20)).unwrap()), [60, 120][choices.below(2)])
        })
        .collect();
    let answers = race(&server, spans.iter().map(|(start, minutes)| booking("a", *start, *minutes)).collect()).await;
    assert_shared_out(&spans, &answers);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_of_several_days_are_shared_out() {
    let server = studios().await;
    let first = instant("2026-12-02T10:30:00Z");
    let mut choices = Choices::new(2);
    let spans: Vec<_> = (0..60)
        .map(|_| {
            let start = first + TimeDelta::hours(6 * i64::try_from(choices.below(60)).unwrap());
            (start, if choices.below(4) == 0 { 120 } else { 3 * 24 * 60 })
        })
        .collect();
    let answers = race(&server, spans.iter().map(|(start, minutes)| booking("a", *start, *minutes)).collect()).await;
    assert_shared_out(&spans, &answers);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_that_touch_all_succeed() {
    let server = studios().await;
    let first = instant("2026-12-02T15:00:00Z");
    let starts = (0..RACERS).map(|number| first + TimeDelta::minutes(15 * i64::try_from(number).unwrap()));
    let answers = race(&server, starts.map(|start| booking("a", start, 15)).collect()).await;
    assert_eq!(codes(&answers), BTreeMap::from([("", RACERS)]), "{answers:?}");
    let free = r#"{ isAvailable(resourceId: "res_a", start: "2026-12-02T15:00:00Z", end: "2026-12-03T16:00:00Z") }"#;
    assert_eq!(server.anonymous().ask(free, json!({})).await["isAvailable"], false);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_that_name_the_same_resources_in_opposite_order_are_shared_out() {
    let server = studios().await;
    // Each hour is wanted by several, some of whom begin with the one resource and some with the other.
    let orders = [("a", "b"), ("b", "a"), ("q", "b"), ("b", "q")];
    let first = instant("2026-12-02T20:00:00Z");
    let hour = |number: usize| first + TimeDelta::hours(i64::try_from(number / 10).unwrap());
    let inputs = (0..RACERS).map(|number| {
        let (primary, add_on) = orders[number % orders.len()];
        let input = booking(primary, hour(number), 60);
        with(input, "addOns", json!([{ "resourceId": format!("res_{add_on}") }]))
    });
    let answers = race(&server, inputs.collect()).await;
    // Everybody wants the second studio.
    let spans: Vec<_> = (0..RACERS).map(|number| (hour(number), 60)).collect();
    assert_shared_out(&spans, &answers);
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_gives_every_unit_that_it_has_and_no_more() {
    let server = studios().await;
    let start = instant("2026-12-02T23:30:00Z");
    let answers = race(&server, vec![booking("p", start, 60); RACERS]).await;
    assert_eq!(codes(&answers), BTreeMap::from([("", 7), ("SLOT_TAKEN", RACERS - 7)]));

    // Whoever wants several gets them while there are as many.
    let units = |number: usize| 1 + number % 4;
    let start = instant("2026-12-04T23:30:00Z");
    let inputs = (0..60).map(|number| with(booking("p", start, 60), "quantity", json!(units(number))));
    let answers = race(&server, inputs.collect()).await;
    let (won, lost): (Vec<usize>, Vec<usize>) = (0..60).partition(|number| answers[*number]["booking"].is_object());
    let taken: usize = won.into_iter().map(units).sum();
    assert!(taken <= 7, "{taken} of 7 units are taken");
    for number in lost {
        assert_eq!(code(&answers[number]), "SLOT_TAKEN");
        assert!(taken + units(number) > 7, "{} were refused while {taken} of 7 are taken", units(number));
    }
    server.assert_sound().await;
}

/// Books and cancels whatever comes, and says which of the bookings it has kept.
async fn book_and_cancel(actor: Actor, mut choices: Choices) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for _ in 0..20 {
        if !kept.is_empty() && choices.below(3) == 0 {
            let id = kept.swap_remove(choices.below(kept.len()));
            let cancelled = actor.cancel(json!({ "id": id })).await;
            assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
            continue;
        }
        let start =
            instant("2026-12-02T21:00:00Z") + TimeDelta::minutes(15 * i64::try_from(choices.below(24)).unwrap());
        let resources = ["a", "b", "p", "q"];
        let (primary, add_on) = (choices.below(4), choices.below(4));
        let mut input = booking(resources[primary], start, [15, 60, 120][choices.below(3)]);
        if primary != add_on {
            input["addOns"] = json!([{ "resourceId": format!("res_{}", resources[add_on]) }]);
        }
        let booked = actor.book(input).await;
        match booked["booking"]["id"].as_str() {
            Some(id) => kept.push(id.to_owned()),
            None => assert_eq!(code(&booked), "SLOT_TAKEN", "{booked}"),
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_bookings_and_cancels_what_is_occupied_is_what_is_booked() {
    let server = studios().await;
    let people = ["ada", "bob", "eve", "joan"].map(|name| server.customer(name));
    let kept = at_once(24, |number| book_and_cancel(people[number % 4].clone(), Choices::new(number))).await;
    server.assert_sound().await;

    let kept: Vec<String> = kept.into_iter().flatten().collect();
    assert!(!kept.is_empty());
    assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), kept.len());
    let staff = server.staff();
    let cancelled = at_once(kept.len(), |number| {
        let (staff, id) = (staff.clone(), kept[number].clone());
        async move { staff.cancel(json!({ "id": id })).await["booking"]["status"].clone() }
    });
    assert!(cancelled.await.iter().all(|status| status == "CANCELLED"));
    server.assert_sound().await;
    for resource in ["a", "b", "p", "q"] {
        let span = r#"start: "2026-12-02T12:00:00Z", end: "2026-12-03T12:00:00Z""#;
        let free = format!(r#"{{ isAvailable(resourceId: "res_{resource}", {span}) }}"#);
        assert_eq!(staff.ask(&free, json!({})).await["isAvailable"], true, "{resource} is free again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_many_cancel_at_once_lets_go_once() {
    let server = studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let booked = ada.book(booking("p", instant("2026-12-02T23:30:00Z"), 60)).await;
    let id = booked["booking"]["id"].clone();
    let cancelled = at_once(30, |number| {
        let (actor, id) = (if number % 2 == 0 { ada.clone() } else { staff.clone() }, id.clone());
        async move { actor.cancel(json!({ "id": id })).await }
    });
    for answer in cancelled.await {
        assert_eq!(answer["userErrors"], json!([]), "{answer}");
        assert_eq!(answer["booking"]["revision"], 2, "{answer}");
    }
    let history = "query ($id: ID!) { booking(id: $id) { history { event } } }";
    let read = ada.ask(history, json!({ "id": id })).await;
    assert_eq!(read["booking"]["history"], json!([{ "event": "CREATED" }, { "event": "CANCELLED" }]));
    server.assert_sound().await;
}

/// Makes fifty resources in one operation, which have nothing to do with anybody's booking.
async fn make_fifty(root: Actor, round: usize) {
    let field = |number: usize| {
        format!(
            r#"made{number}: createResource(input: {{
                slug: "made-{round}-{number}", name: "Made", timeZone: "UTC" }}) {{ userErrors {{ code }} }}"#
        )
    };
    let operation: String = (0..50).map(field).collect();
    let made = root.ask(&format!("mutation {{ {operation} }}"), json!({})).await;
    assert!(made.as_object().unwrap().values().all(|payload| payload["userErrors"] == json!([])), "{made}");
}

/// Books and holds one quarter hour after the other; each must be had.
async fn book_and_hold(actor: Actor, number: usize) {
    let first = instant("2026-12-03T12:00:00Z") + TimeDelta::days(i64::try_from(number).unwrap());
    for quarter in 0..24 {
        let start = first + TimeDelta::minutes(15 * quarter);
        let booked = actor.book(booking("a", start, 15)).await;
        assert_eq!(booked["userErrors"], json!([]), "{booked}");
        let hold = json!({
            "resourceId": "res_b", "sessionSecret": format!("session {number}, a secret of a session"),
            "slots": [{ "start": start, "durationMinutes": 15 }],
        });
        let answer = actor.heartbeat(hold).await;
        assert_eq!(answer["granted"], true, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_much_of_a_catalogue_keeps_nobody_from_booking_and_holding() {
    let server = studios().await;
    let root = server.signed_in("root", Role::Admin, "default");
    let people = ["ada", "bob", "eve"].map(|name| server.customer(name));
    at_once(7, |number| {
        let (root, person) = (root.clone(), people.get(number).cloned());
        async move {
            match person {
                Some(person) => book_and_hold(person, number).await,
                None => make_fifty(root, number).await,
            }
        }
    })
    .await;
    server.assert_sound().await;
}
