//! The same booking again and again: what is booked, what is told, and what is left behind.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::studios::{refusal, secret, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer, at_once};

const KEY: &str = "a key of 16 characters or more";
const WEEKS: &str = "FREQ=WEEKLY;COUNT=4";

/// Rooms and microphones that are always open, by the hour, and a quarter of an hour that has to be confirmed.
async fn rooms() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    let mics = ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") };
    server.resources([ResourceSpec::named("a"), ResourceSpec::named("b"), mics]).await;
    let all = ["a", "b", "mics"];
    server
        .event_types([
            EventTypeSpec::named("hour", &[60], &all),
            EventTypeSpec { requires_confirmation: true, ..EventTypeSpec::named("asked", &[60], &all) },
            EventTypeSpec { max_days_ahead: Some(15), ..EventTypeSpec::named("near", &[60], &all) },
        ])
        .await;
    server
}

/// An hour on `resource` from ten in Berlin on a date.
fn ten(resource: &str, date: &str) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "eventTypeId": "evt_hour", "start": format!("{date}T09:00:00Z") })
}

fn series(booking: Value, rrule: &str) -> Value {
    let mut input = json!({ "rrule": rrule });
    input["booking"] = booking;
    input
}

async fn repeat(actor: &Actor, input: Value) -> Value {
    const REPEAT: &str = "mutation ($input: CreateBookingSeriesInput!) { createBookingSeries(input: $input) {
        managementToken series { id rrule }
        occurrences { start end booking { id status start series { id } }
            userErrors { code field conflicts { resourceId start end holder } } }
        userErrors { code message field } } }";
    actor.ask(REPEAT, json!({ "input": input })).await["createBookingSeries"].clone()
}

/// The same, where nothing may be refused.
async fn repeated(actor: &Actor, input: Value) -> Value {
    let payload = repeat(actor, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    assert!(payload["series"].is_object(), "{payload}");
    payload
}

async fn cancel_series(actor: &Actor, input: Value) -> Value {
    const CANCEL: &str = "mutation ($input: CancelBookingSeriesInput!) { cancelBookingSeries(input: $input) {
        cancelled { id start status cancellationReason history { event reason by { kind } } }
        userErrors { code field } } }";
    actor.ask(CANCEL, json!({ "input": input })).await["cancelBookingSeries"].clone()
}

/// The starts of some bookings or occurrences.
fn starts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["start"].as_str().unwrap()).collect()
}

/// What came of each occurrence: the status of its booking, or the code of its refusal; nothing where it could be had.
fn outcomes(payload: &Value) -> Vec<&str> {
    let outcome = |occurrence: &Value| -> String {
        let status = occurrence["booking"]["status"].as_str();
        status.or(occurrence["userErrors"][0]["code"].as_str()).unwrap_or_default().to_owned()
    };
    payload["occurrences"].as_array().unwrap().iter().map(|found| &*outcome(found).leak()).collect()
}

fn count(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

/// How many bookings the series has that was made.
async fn kept(server: &TestServer, payload: &Value) -> usize {
    let id = payload["series"]["id"].as_str().unwrap();
    let found = server.store.reader().bookings_of_series(&[id.into()]).await.unwrap();
    found.len()
}

#[tokio::test]
async fn ten_oclock_stays_ten_oclock_when_the_clock_changes() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let made = repeated(&ada, series(ten("a", "2027-03-14"), WEEKS)).await;
    let expected = ["2027-03-14T09:00:00Z", "2027-03-21T09:00:00Z", "2027-03-28T08:00:00Z", "2027-04-04T08:00:00Z"];
    assert_eq!(starts(&made["occurrences"]), expected);
    assert_eq!(outcomes(&made), ["CONFIRMED"; 4]);
    assert!(
        made["occurrences"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["booking"]["series"] == json!({ "id": made["series"]["id"] }))
    );
    for start in expected {
        let again = ada.book(with(ten("a", "2027-01-01"), json!({ "start": start }))).await;
        assert_eq!(refusal(&again), "SLOT_TAKEN", "at {start}");
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn all_or_nothing_books_nothing_and_tells_of_every_occurrence() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    bob.book_it(ten("a", "2026-12-14")).await;
    bob.book_it(ten("a", "2026-12-28")).await;
    let refused = repeat(&ada, series(ten("a", "2026-12-07"), WEEKS)).await;
    assert_eq!(outcomes(&refused), ["", "SLOT_TAKEN", "", "SLOT_TAKEN"]);
    assert_eq!((refusal(&refused), &refused["userErrors"][0]["field"]), ("SLOT_TAKEN", &json!(["input", "rrule"])));
    assert!(refused["userErrors"][0]["message"].as_str().unwrap().starts_with("2 of the 4 "), "{refused}");
    assert_eq!((&refused["series"], &refused["managementToken"]), (&Value::Null, &Value::Null));
    let conflict = &refused["occurrences"][1]["userErrors"][0];
    assert_eq!(conflict["field"], json!(["input", "booking", "start"]));
    assert_eq!(
        conflict["conflicts"][0],
        json!({ "resourceId": "res_a", "start": "2026-12-14T09:00:00Z", "end": "2026-12-14T10:00:00Z", "holder": null })
    );
    ada.book_it(ten("a", "2026-12-07")).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn conflicts_are_left_out_where_that_is_asked_for() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    bob.book_it(ten("a", "2026-12-14")).await;
    let skip = |date: &str, rule: &str| with(series(ten("a", date), rule), json!({ "onConflict": "SKIP_CONFLICTS" }));
    let made = repeated(&ada, skip("2026-12-07", WEEKS)).await;
    assert_eq!(outcomes(&made), ["CONFIRMED", "SLOT_TAKEN", "CONFIRMED", "CONFIRMED"]);
    assert_eq!(kept(&server, &made).await, 3);
    let none = repeat(&ada, skip("2026-12-07", "FREQ=WEEKLY;COUNT=2")).await;
    assert_eq!((outcomes(&none), refusal(&none)), (vec!["SLOT_TAKEN"; 2], "SLOT_TAKEN"));
    assert_eq!(none["series"], Value::Null);
    // What is too far ahead is a conflict of one; what is wrong with the whole is none.
    let near = with(
        skip("2026-12-08", WEEKS),
        json!({ "booking": with(ten("b", "2026-12-08"), json!({ "eventTypeId": "evt_near" })) }),
    );
    assert_eq!(outcomes(&repeated(&ada, near).await), ["CONFIRMED", "CONFIRMED", "TOO_FAR_AHEAD", "TOO_FAR_AHEAD"]);
    let whole = with(
        skip("2026-12-08", WEEKS),
        json!({ "booking": with(ten("b", "2026-12-08"), json!({ "durationMinutes": 30 })) }),
    );
    let whole = repeat(&ada, whole).await;
    assert_eq!((refusal(&whole), count(&whole["occurrences"])), ("DURATION_NOT_OFFERED", 0));
    assert_eq!(whole["userErrors"][0]["field"], json!(["input", "booking", "durationMinutes"]));
    server.assert_sound().await;
}

#[tokio::test]
async fn occurrences_do_not_overlap_each_other_but_share_a_pool() {
    let server = rooms().await;
    server.event_types([EventTypeSpec::named("days", &[2 * 24 * 60], &["a", "mics"])]).await;
    let ada = server.customer("ada");
    let long = |resource: &str, units: u32| {
        let booking = with(ten(resource, "2026-12-07"), json!({ "eventTypeId": "evt_days", "quantity": units }));
        with(series(booking, "FREQ=DAILY;COUNT=4"), json!({ "onConflict": "SKIP_CONFLICTS" }))
    };
    let alone = repeated(&ada, long("a", 1)).await;
    assert_eq!(outcomes(&alone), ["CONFIRMED", "SLOT_TAKEN", "CONFIRMED", "SLOT_TAKEN"]);
    assert_eq!(outcomes(&repeated(&ada, long("mics", 1)).await), ["CONFIRMED"; 4]);
    assert_eq!(
        outcomes(&repeated(&ada, long("mics", 1)).await),
        ["CONFIRMED", "SLOT_TAKEN", "CONFIRMED", "SLOT_TAKEN"]
    );
    server.assert_sound().await;
}

#[tokio::test]
async fn add_ons_are_booked_with_every_occurrence() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    bob.book_it(with(ten("mics", "2026-12-21"), json!({ "quantity": 2 }))).await;
    let bundle = with(ten("a", "2026-12-07"), json!({ "addOns": [{ "resourceId": "res_mics", "quantity": 2 }] }));
    let skip = with(series(bundle, WEEKS), json!({ "onConflict": "SKIP_CONFLICTS" }));
    assert_eq!(outcomes(&repeated(&ada, skip).await), ["CONFIRMED", "CONFIRMED", "SLOT_TAKEN", "CONFIRMED"]);
    let refused = bob.book(with(ten("mics", "2026-12-28"), json!({ "quantity": 2 }))).await;
    assert_eq!(refusal(&refused), "SLOT_TAKEN");
    server.assert_sound().await;
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_leaves_nothing() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    bob.book_it(ten("a", "2026-12-14")).await;
    let hold = json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "sessionSecret": secret("bob"),
        "slots": [{ "start": "2026-12-21T09:00:00Z", "durationMinutes": 60 }] });
    bob.hold(hold).await;
    let asked = |date: &str, members: Value| {
        let booking = with(ten("a", date), json!({ "idempotencyKey": KEY }));
        with(series(booking, WEEKS), members)
    };
    for policy in ["ALL_OR_NOTHING", "SKIP_CONFLICTS"] {
        let input = asked("2026-12-07", json!({ "onConflict": policy, "dryRun": true }));
        let dry = repeat(&ada, input).await;
        assert_eq!(outcomes(&dry), ["", "SLOT_TAKEN", "SLOT_HELD", ""], "{dry}");
        assert_eq!((&dry["series"], &dry["managementToken"]), (&Value::Null, &Value::Null));
        assert_eq!(dry["userErrors"].as_array().unwrap().is_empty(), policy == "SKIP_CONFLICTS", "{dry}");
    }
    let free = repeat(&ada, asked("2027-02-01", json!({ "dryRun": true }))).await;
    assert_eq!((outcomes(&free), &free["userErrors"]), (vec![""; 4], &json!([])));
    // No row, no key, and nothing in anybody's way.
    let rows = server
        .store
        .reader()
        .occupancy(
            &["res_a".into()],
            slotwise::domain::quantum::QuantumSpan::covering(
                "2026-12-01T00:00:00Z".parse().unwrap(),
                "2027-04-01T00:00:00Z".parse().unwrap(),
            ),
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "only what bob has booked");
    ada.book_it(with(ten("b", "2026-12-07"), json!({ "idempotencyKey": KEY }))).await;
    assert_eq!(outcomes(&repeated(&bob, series(ten("a", "2027-02-01"), WEEKS)).await), ["CONFIRMED"; 4]);
}

#[tokio::test]
async fn the_holds_of_others_stand_in_the_way_and_ones_own_end() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let hold = |date: &str, session: &str| {
        json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "sessionSecret": secret(session),
            "slots": [{ "start": format!("{date}T09:00:00Z"), "durationMinutes": 60 }] })
    };
    let mine = |date: &str| with(ten("a", date), json!({ "sessionSecret": secret("ada") }));
    ada.hold(hold("2026-12-07", "ada")).await;
    ada.hold(hold("2026-12-14", "somebody")).await;
    let refused = repeat(&ada, series(mine("2026-12-07"), WEEKS)).await;
    assert_eq!(outcomes(&refused), ["", "SLOT_HELD", "", ""]);
    assert!(refused["occurrences"][1]["userErrors"][0]["conflicts"][0]["holder"].is_string(), "{refused}");
    // A refused one claims nothing any longer.
    ada.hold(hold("2026-12-21", "another")).await;
    let skip = with(series(mine("2026-12-07"), WEEKS), json!({ "onConflict": "SKIP_CONFLICTS" }));
    assert_eq!(outcomes(&repeated(&ada, skip).await), ["CONFIRMED", "SLOT_HELD", "SLOT_HELD", "CONFIRMED"]);
    let holds = "{ datePresence(resourceId: \"res_a\", date: \"2026-12-07\") { holds { start } } }";
    assert_eq!(ada.ask(holds, json!({})).await["datePresence"]["holds"], json!([]));
    server.assert_sound().await;
}

#[tokio::test]
async fn what_has_lapsed_is_in_nobodys_way() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let asked = with(ten("a", "2026-12-01"), json!({ "eventTypeId": "evt_asked" }));
    assert_eq!(bob.book(asked).await["booking"]["status"], "PENDING");
    let half_past = with(ten("a", "2026-12-01"), json!({ "start": "2026-12-01T09:30:00Z" }));
    let dry = with(series(half_past.clone(), WEEKS), json!({ "dryRun": true }));
    assert_eq!(outcomes(&repeat(&ada, dry.clone()).await), ["SLOT_TAKEN", "", "", ""]);
    // Its start passes before anybody has confirmed it.
    server.clock.advance_to("2026-12-01T09:15:00Z".parse().unwrap());
    assert_eq!(outcomes(&repeat(&ada, dry).await), [""; 4]);
    assert_eq!(outcomes(&repeated(&ada, series(half_past, WEEKS)).await), ["CONFIRMED"; 4]);
    server.assert_sound().await;
}

#[tokio::test]
async fn what_needs_to_be_confirmed_is_pending_unless_staff_book() {
    let server = rooms().await;
    let asked = |resource: &str| with(ten(resource, "2026-12-07"), json!({ "eventTypeId": "evt_asked" }));
    assert_eq!(outcomes(&repeated(&server.customer("ada"), series(asked("a"), WEEKS)).await), ["PENDING"; 4]);
    assert_eq!(outcomes(&repeated(&server.staff(), series(asked("b"), WEEKS)).await), ["CONFIRMED"; 4]);
}

#[tokio::test]
async fn a_repeated_call_gets_the_series_as_it_is_now() {
    let server = rooms().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    bob.book_it(ten("a", "2026-12-14")).await;
    let key = json!({ "idempotencyKey": KEY });
    let input =
        with(series(with(ten("a", "2026-12-07"), key.clone()), WEEKS), json!({ "onConflict": "SKIP_CONFLICTS" }));
    let first = repeated(&ada, input.clone()).await;
    let third = first["occurrences"][2]["booking"]["id"].clone();
    ada.cancel(json!({ "id": third })).await;
    let again = repeated(&ada, input.clone()).await;
    assert_eq!(outcomes(&again), ["CONFIRMED", "SLOT_TAKEN", "CANCELLED", "CONFIRMED"]);
    assert_eq!((&again["series"], &again["managementToken"]), (&first["series"], &first["managementToken"]));
    assert_eq!(starts(&again["occurrences"]), starts(&first["occurrences"]));

    for other in [
        with(input.clone(), json!({ "rrule": "FREQ=WEEKLY;COUNT=5" })),
        with(input.clone(), json!({ "onConflict": "ALL_OR_NOTHING" })),
        with(input.clone(), json!({ "booking": with(ten("b", "2026-12-07"), key.clone()) })),
    ] {
        let refused = repeat(&ada, other).await;
        assert_eq!(refusal(&refused), "IDEMPOTENCY_MISMATCH");
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", "booking", "idempotencyKey"]));
    }
    assert_eq!(refusal(&ada.book(with(ten("a", "2026-12-07"), key.clone())).await), "IDEMPOTENCY_MISMATCH");
    bob.book_it(with(ten("b", "2026-12-07"), key.clone())).await;
    let of_single = repeat(&bob, series(with(ten("b", "2026-12-07"), key), "FREQ=WEEKLY;COUNT=1")).await;
    assert_eq!(refusal(&of_single), "IDEMPOTENCY_MISMATCH");
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_make_one_series() {
    let server = rooms().await;
    let ada = server.customer("ada");
    let answers = at_once(20, |_| {
        let ada = ada.clone();
        let booking = with(ten("a", "2026-12-07"), json!({ "idempotencyKey": KEY }));
        async move { repeated(&ada, series(booking, WEEKS)).await }
    })
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    server.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn series_that_want_the_same_times_from_both_ends_share_them_out() {
    let server = rooms().await;
    let people = ["ada", "bob", "eve", "joan"].map(|name| server.customer(name));
    for (round, policy) in ["ALL_OR_NOTHING", "SKIP_CONFLICTS"].into_iter().enumerate() {
        let month = if round == 0 { "02" } else { "03" };
        let answers = at_once(12, |number| {
            let person = people[number % 4].clone();
            // Add-ons in either order, and days from either end.
            let (primary, add_on) = if number % 2 == 0 { ("a", "b") } else { ("b", "a") };
            let (day, rule) =
                [("01", "FREQ=DAILY;COUNT=20"), ("20", "FREQ=DAILY;COUNT=8"), ("03", "FREQ=DAILY;INTERVAL=3;COUNT=6")]
                    [number % 3];
            let booking = with(
                ten(primary, &format!("2027-{month}-{day}")),
                json!({ "addOns": [{ "resourceId": format!("res_{add_on}") }] }),
            );
            let input = with(series(booking, rule), json!({ "onConflict": policy }));
            async move {
                if number % 4 == 3 {
                    let single = with(ten(primary, &format!("2027-{month}-09")), json!({}));
                    return (true, person.book(single).await);
                }
                (false, repeat(&person, input).await)
            }
        })
        .await;
        let mut taken = BTreeSet::new();
        for (is_single, answer) in &answers {
            let booked: Vec<&str> = if *is_single {
                answer["booking"]["start"].as_str().into_iter().collect()
            } else {
                let all = answer["occurrences"].as_array().unwrap();
                all.iter().filter_map(|one| one["booking"]["start"].as_str()).collect()
            };
            for start in booked {
                // A single booking takes one room only.
                assert!(*is_single || taken.insert(start.to_owned()), "{start} is booked twice");
            }
            let errors = answer["userErrors"].as_array().unwrap();
            assert!(errors.iter().all(|error| error["code"] == "SLOT_TAKEN"), "{answer}");
        }
        assert!(!taken.is_empty());
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn what_cannot_be_a_series_is_refused_early() {
    let server = rooms().await;
    let ada = server.customer("ada");
    for (date, rule, code, field) in [
        ("2026-12-07", "FREQ=HOURLY;COUNT=3", "INVALID", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=DAILY", "INVALID", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=DAILY;COUNT=105", "LIMIT_EXCEEDED", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=DAILY;UNTIL=20281231", "LIMIT_EXCEEDED", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=YEARLY;COUNT=90", "INVALID", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=DAILY;UNTIL=20261206", "INVALID", json!(["input", "rrule"])),
        ("2026-12-07", "FREQ=WEEKLY;BYDAY=TU;COUNT=3", "INVALID", json!(["input", "booking", "start"])),
    ] {
        let refused = repeat(&ada, series(ten("a", date), rule)).await;
        assert_eq!((refusal(&refused), &refused["userErrors"][0]["field"]), (code, &field), "{rule}: {refused}");
    }
    let both = with(series(ten("a", "2026-12-07"), "FREQ=DAILY"), json!({}));
    let both = with(both, json!({ "booking": with(ten("a", "2026-12-07"), json!({ "quantity": 0 })) }));
    assert_eq!(count(&repeat(&ada, both).await["userErrors"]), 2, "all that is wrong is told together");

    let names: Vec<String> = (0..19).map(|number| format!("extra{number:02}")).collect();
    server.resources(names.iter().map(|name| ResourceSpec::named(name))).await;
    server.event_types([EventTypeSpec::named("month", &[31 * 24 * 60], &["a"])]).await;
    let add_ons: Vec<_> = names.iter().map(|name| json!({ "resourceId": format!("res_{name}") })).collect();
    let huge = with(ten("a", "2026-12-07"), json!({ "eventTypeId": "evt_month", "addOns": add_ons }));
    let refused = repeat(&ada, series(huge, "FREQ=WEEKLY;INTERVAL=5;COUNT=10")).await;
    assert_eq!(refusal(&refused), "LIMIT_EXCEEDED", "{refused}");
}

#[tokio::test]
async fn one_token_opens_the_series_and_all_of_its_bookings() {
    const SERIES: &str = "query ($id: ID!, $token: String) { bookingSeries(id: $id, managementToken: $token) {
        id rrule bookings(first: 3) { totalCount pageInfo { hasNextPage endCursor } nodes { id start } } } }";
    const BOOKING: &str = "query ($id: ID!, $token: String) { booking(id: $id, managementToken: $token) {
        id series { id bookings { totalCount } } } }";
    let server = rooms().await;
    let guest = server.anonymous();
    let details = json!({ "booker": { "name": "Grace", "email": "grace@example.org" } });
    let made = repeated(&guest, series(with(ten("a", "2026-12-07"), details.clone()), WEEKS)).await;
    let (id, token) = (&made["series"]["id"], &made["managementToken"]);
    let first = &made["occurrences"][0]["booking"]["id"];
    let single = guest.book(with(ten("b", "2026-12-07"), details)).await;

    let seen = guest.ask(SERIES, json!({ "id": id, "token": token })).await["bookingSeries"].clone();
    assert_eq!((&seen["rrule"], &seen["bookings"]["totalCount"]), (&json!(WEEKS), &json!(4)));
    assert_eq!((count(&seen["bookings"]["nodes"]), &seen["bookings"]["pageInfo"]["hasNextPage"]), (3, &json!(true)));
    let seen = guest.ask(BOOKING, json!({ "id": first, "token": token })).await["booking"].clone();
    assert_eq!(seen["series"], json!({ "id": id, "bookings": { "totalCount": 4 } }));

    // The token of one booking opens that one only, and does not tell of the series that it is part of.
    let (alone, own) = (&single["booking"]["id"], &single["managementToken"]);
    let sql =
        format!("UPDATE bookings SET series_id = '{}' WHERE id = '{}'", id.as_str().unwrap(), alone.as_str().unwrap());
    server.execute_sql(&sql).await;
    let seen = guest.ask(BOOKING, json!({ "id": alone, "token": own })).await["booking"].clone();
    assert_eq!(seen, json!({ "id": alone, "series": null }));
    let seen = guest.ask(BOOKING, json!({ "id": alone, "token": token })).await["booking"].clone();
    assert_eq!(seen["series"]["id"], *id);
    let second = &made["occurrences"][1]["booking"]["id"];
    for wrong in [Value::Null, own.clone(), json!("")] {
        assert_eq!(guest.ask(SERIES, json!({ "id": id, "token": wrong })).await["bookingSeries"], Value::Null);
        assert_eq!(guest.ask(BOOKING, json!({ "id": second, "token": wrong })).await["booking"], Value::Null);
        let refused = cancel_series(&guest, json!({ "id": id, "managementToken": wrong })).await;
        assert_eq!((refusal(&refused), &refused["cancelled"]), ("NOT_FOUND", &json!([])));
    }
    let elsewhere = server.signed_in("staff", Role::Staff, "elsewhere");
    assert_eq!(elsewhere.ask(SERIES, json!({ "id": id })).await["bookingSeries"], Value::Null);
    assert_eq!(server.staff().ask(SERIES, json!({ "id": id })).await["bookingSeries"]["id"], *id);
    let in_address = guest.get(SERIES, json!({ "id": id, "token": token })).await;
    assert_eq!(in_address.code(), "BAD_USER_INPUT");

    let cancelled = guest.cancel(json!({ "id": second, "managementToken": token })).await;
    assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
    server.assert_sound().await;
}

#[tokio::test]
async fn cancelling_a_series_leaves_what_has_started_and_what_is_over() {
    let server = rooms().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    let bundle = with(ten("a", "2026-12-07"), json!({ "addOns": [{ "resourceId": "res_mics", "quantity": 2 }] }));
    let made = repeated(&ada, series(bundle, "FREQ=WEEKLY;COUNT=6")).await;
    let id = &made["series"]["id"];
    ada.cancel(json!({ "id": made["occurrences"][2]["booking"]["id"] })).await;
    server.clock.advance_to("2026-12-14T09:00:00Z".parse().unwrap());

    let from = json!({ "id": id, "from": "2027-01-11T09:00:00Z", "reason": "ill" });
    let cancelled = cancel_series(&ada, from.clone()).await;
    assert_eq!(starts(&cancelled["cancelled"]), ["2027-01-11T09:00:00Z"]);
    let one = &cancelled["cancelled"][0];
    assert_eq!((&one["status"], &one["cancellationReason"]), (&json!("CANCELLED"), &json!("ill")));
    assert_eq!(one["history"][1], json!({ "event": "CANCELLED", "reason": "ill", "by": { "kind": "USER" } }));
    assert_eq!(cancel_series(&ada, from).await, json!({ "cancelled": [], "userErrors": [] }));

    // What has started: never by the booker, by staff only from when they say.
    let early = json!({ "id": id, "from": "2026-12-01T00:00:00Z" });
    let rest = cancel_series(&staff, json!({ "id": id })).await;
    assert_eq!(starts(&rest["cancelled"]), ["2026-12-28T09:00:00Z", "2027-01-04T09:00:00Z"]);
    assert_eq!(cancel_series(&ada, early.clone()).await["cancelled"], json!([]));
    let begun = cancel_series(&staff, early).await;
    assert_eq!(starts(&begun["cancelled"]), ["2026-12-07T09:00:00Z", "2026-12-14T09:00:00Z"]);
    for date in ["2026-12-28", "2027-01-04", "2027-01-11"] {
        ada.book_it(with(ten("mics", date), json!({ "quantity": 3 }))).await;
    }
    server.assert_sound().await;
}
