//! Holding: what binds whom, and who hears of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::studios::{DAY, at, booking, hold, secret, starts_of, studios, with};
use crate::support::{Actor, Subprotocol};

const PRESENCE: &str = r#"subscription ($resource: ID!) {
    presenceChanged(resourceId: $resource, date: "2026-12-02") { revision holds { start end holder } } }"#;
const HOURS: &str = r#"subscription ($resource: ID!) {
    daySlotsChanged(resourceId: $resource, date: "2026-12-02", eventTypeId: "evt_hour") { revision slots { start } } }"#;
const MONTH: &str = r#"subscription ($resource: ID!) {
    monthAvailabilityChanged(resourceId: $resource, from: "2026-12-01", to: "2026-12-31", eventTypeId: "evt_hour") {
        revision days { date slotCount } } }"#;

#[tokio::test]
async fn a_hold_keeps_others_from_every_start_that_overlaps_it() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let granted = ada.heartbeat(hold("a", "hour", 13, 60, "ada")).await;
    assert_eq!(granted["granted"], true, "{granted}");

    for hour in 9..=13 {
        let refused = bob.heartbeat(hold("a", "session", hour, 300, "bob")).await;
        assert_eq!(refused["userErrors"][0]["code"], "SLOT_HELD", "at {hour}: {refused}");
        let conflict = &refused["userErrors"][0]["conflicts"][0];
        assert_eq!((&conflict["start"], &conflict["end"]), (&json!(at(13)), &json!(at(14))));
        assert_eq!(conflict["holder"], granted["holder"]);
    }
    assert_eq!(bob.heartbeat(hold("a", "session", 14, 300, "bob")).await["granted"], true);
    // Stable and volatile never mix: the list still offers what is held.
    let sessions = format!(r#"resourceId: "res_a", date: "{DAY}", eventTypeId: "evt_session""#);
    assert!(bob.starts(&sessions).await.contains(&at(13)));
}

#[tokio::test]
async fn a_hold_that_is_left_or_runs_out_frees_its_time_before_the_eyes_of_watchers() {
    for subprotocol in Subprotocol::BOTH {
        let server = studios().await;
        let (ada, bob) = (server.anonymous(), server.anonymous());
        let mut watch = bob.watch_with(subprotocol, PRESENCE, json!({ "resource": "res_a" })).await;
        assert_eq!(watch.next().await["holds"], json!([]));

        server.pass_a_moment();
        let held = ada.hold(hold("a", "hour", 13, 60, "ada")).await;
        let seen = watch.next().await;
        assert_eq!(seen["holds"], json!([{ "start": at(13), "end": at(14), "holder": held["holder"] }]));

        server.pass_a_moment();
        let left = ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await;
        assert_eq!(left["released"], 1);
        assert_eq!(watch.next().await["holds"], json!([]));

        server.pass_a_moment();
        ada.hold(hold("a", "hour", 13, 60, "ada")).await;
        assert_eq!(watch.next().await["holds"][0]["start"], at(13));
        server.clock.advance(Duration::from_millis(9_999));
        assert_eq!(starts_of(&bob.holds("a").await), [at(13)]);
        server.clock.advance(Duration::from_millis(1));
        assert_eq!(watch.next().await["holds"], json!([]));
        bob.hold(hold("a", "hour", 13, 60, "bob")).await;
    }
}

/// Everything that can be asked about a resource's day and month.
async fn answers_about(resource: &str, actor: &Actor) -> Value {
    const ALL: &str = r#"query ($resource: ID!) {
        daySlots(resourceId: $resource, date: "2026-12-02", eventTypeId: "evt_hour", includeUnavailable: true) {
            id revision validUntil slots { start end remaining unavailable } }
        monthAvailability(resourceId: $resource, from: "2026-12-01", to: "2026-12-31", eventTypeId: "evt_hour") {
            id revision validUntil days { date available slotCount } }
        datePresence(resourceId: $resource, date: "2026-12-02") { id revision holds { start end holder } }
        presence(resourceId: $resource, slot: "2026-12-02T12:00:00Z") { start } }"#;
    actor.ask(ALL, json!({ "resource": resource })).await
}

#[tokio::test]
async fn what_happens_on_one_resource_changes_nothing_on_another() {
    let server = studios().await;
    let (ada, bob) = (server.customer("ada"), server.anonymous());
    let before = answers_about("res_b", &bob).await;
    let b = || json!({ "resource": "res_b" });
    let (mut presence, mut hours) = (bob.watch(PRESENCE, b()).await, bob.watch(HOURS, b()).await);
    let mut month = bob.watch(MONTH, b()).await;
    let (_, first_hours, first_month) = (presence.next().await, hours.next().await, month.next().await);
    server.pass_a_moment();

    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    ada.book_it(booking("a", "session", 14)).await;
    let held = ada.book_it(with(booking("a", "hour", 13), json!({ "sessionSecret": secret("ada") }))).await;
    ada.cancel(json!({ "id": held["booking"]["id"] })).await;
    assert_eq!(answers_about("res_b", &bob).await, before);

    // What each watcher hears of next is what happens to its own resource: nothing came before it.
    ada.hold(hold("b", "hour", 20, 60, "ada")).await;
    assert_eq!(starts_of(&presence.next().await["holds"]), [at(20)]);
    ada.book_it(booking("b", "hour", 10)).await;
    let without_ten: Vec<_> =
        starts_of(&first_hours["slots"]).into_iter().filter(|start| *start != at(10)).map(ToOwned::to_owned).collect();
    assert_eq!(starts_of(&hours.next().await["slots"]), without_ten);
    let fewer = first_month["days"][1]["slotCount"].as_i64().unwrap() - 1;
    assert_eq!(month.next().await["days"][1], json!({ "date": DAY, "slotCount": fewer }));
}

#[tokio::test]
async fn a_hold_is_seen_by_everyone_alike_and_its_holder_goes_by_one_name_on_a_resource() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.customer("bob"));
    let on_a = ada.hold(with(hold("a", "hour", 13, 60, "ada"), json!({ "data": { "name": "Ada", "step": 2 } }))).await;
    let again_on_a = ada.hold(hold("a", "rehearsal", 17, 120, "ada")).await;
    let on_b = ada.hold(hold("b", "hour", 13, 60, "ada")).await;
    let of_bob = bob.hold(hold("a", "hour", 10, 60, "bob")).await;
    assert_eq!(on_a["holder"], again_on_a["holder"]);
    assert_ne!(on_a["holder"], on_b["holder"]);
    assert_ne!(on_a["holder"], of_bob["holder"]);

    let seen = bob.holds("a").await;
    assert_eq!(starts_of(&seen), [at(10), at(13), at(17)]);
    assert_eq!(seen, ada.holds("a").await);
    assert_eq!((&seen[0]["holder"], &seen[1]["holder"]), (&of_bob["holder"], &on_a["holder"]));
    assert_eq!(seen[2]["holder"], on_a["holder"]);
    assert_eq!((&seen[1]["since"], &seen[1]["quantity"]), (&json!("2026-12-01T06:00:00Z"), &json!(1)));
    assert_eq!(starts_of(&bob.holds("b").await), [at(13)]);
}

#[tokio::test]
async fn what_a_session_says_is_shown_with_all_its_holds_on_the_resource_and_replaced_by_what_it_says_next() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    ada.hold(with(hold("a", "hour", 13, 60, "ada"), json!({ "data": { "name": "Ada" } }))).await;
    assert_eq!(bob.holds("a").await[0]["data"], json!({ "name": "Ada" }));
    ada.hold(with(hold("a", "hour", 15, 60, "ada"), json!({ "data": ["step", 2] }))).await;
    let holds = bob.holds("a").await;
    assert_eq!((&holds[0]["data"], &holds[1]["data"]), (&json!(["step", 2]), &json!(["step", 2])));
    assert_eq!(bob.holds("b").await, json!([]));
}

#[tokio::test]
async fn the_holds_that_cover_an_instant_are_told() {
    const HOLDING: &str = "query ($slot: DateTime!) { presence(resourceId: \"res_a\", slot: $slot) { start end } }";
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    ada.hold(hold("a", "rehearsal", 13, 120, "ada")).await;
    let cover = json!([{ "start": at(13), "end": at(15) }]);
    for (slot, holds) in [
        ("2026-12-02T11:59:59.999Z", json!([])),
        ("2026-12-02T12:00:00Z", cover.clone()),
        ("2026-12-02T14:59:59+01:00", cover),
        ("2026-12-02T14:00:00Z", json!([])),
    ] {
        assert_eq!(bob.ask(HOLDING, json!({ "slot": slot })).await["presence"], holds, "at {slot}");
    }
}

#[tokio::test]
async fn a_session_s_secret_is_in_no_answer() {
    const HEARTBEAT: &str = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) {
        granted holder userErrors { code message field conflicts { holder } } } }";
    const BOOK: &str = "mutation ($input: CreateBookingInput!) { createBooking(input: $input) {
        booking { id history { by { kind userId } } } managementToken userErrors { code message field } } }";
    const LEAVE: &str = "mutation ($input: LeaveInput!) { leave(input: $input) { released userErrors { message } } }";
    let server = studios().await;
    let ada = server.customer("ada");
    let of_ada = |form: Value| json!({ "sessionSecret": form });
    let own = || of_ada(json!(secret("ada")));
    let (take, book) = (|| hold("a", "hour", 13, 60, "ada"), || booking("a", "hour", 13));
    for (operation, input) in [
        (HEARTBEAT, take()),
        (HEARTBEAT, with(hold("a", "hour", 14, 60, "ada"), json!({ "quantity": 2 }))),
        (HEARTBEAT, with(take(), of_ada(json!(secret("ada").repeat(9))))),
        (HEARTBEAT, with(take(), of_ada(json!([secret("ada")])))),
        (HEARTBEAT, with(take(), of_ada(json!({ "is": secret("ada") })))),
        (HEARTBEAT, with(take(), json!({ "misspelt": secret("ada") }))),
        (BOOK, with(book(), json!({ "sessionSecret": secret("ada"), "start": "soon" }))),
        (BOOK, with(book(), own())),
        (BOOK, with(book(), own())),
        (LEAVE, with(json!({ "resourceId": "res_a" }), own())),
    ] {
        let answer = ada.send(operation, json!({ "input": input })).await;
        assert!(!answer.body.to_string().contains(&secret("ada")), "{input}: {}", answer.body);
    }
    ada.hold(hold("a", "hour", 18, 60, "ada")).await;
    assert!(!ada.holds("a").await.to_string().contains(&secret("ada")));
}

#[tokio::test]
async fn active_sessions_counts_who_holds_something_as_an_add_on_too_until_it_runs_out() {
    const COUNT: &str = "query ($id: ID!) { activeSessions(resourceId: $id) }";
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.anonymous());
    let count = async |resource: &str| staff.ask(COUNT, json!({ "id": resource })).await["activeSessions"].clone();
    assert_eq!(count("res_a").await, 0);
    ada.hold(hold("a", "hour", 10, 60, "ada")).await;
    ada.hold(hold("a", "hour", 12, 60, "ada")).await;
    let with_b = with(hold("a", "hour", 14, 60, "bob"), json!({ "addOns": [{ "resourceId": "res_b" }] }));
    ada.hold(with_b).await;
    assert_eq!((count("res_a").await, count("res_b").await), (json!(2), json!(1)));
    server.clock.advance(Duration::from_secs(10));
    assert_eq!((count("res_a").await, count("res_b").await), (json!(0), json!(0)));
    assert_eq!(staff.send(COUNT, json!({ "id": "res_none" })).await.code(), "NOT_FOUND");
    assert_eq!(ada.send(COUNT, json!({ "id": "res_a" })).await.code(), "UNAUTHENTICATED");
    assert_eq!(server.customer("eve").send(COUNT, json!({ "id": "res_a" })).await.code(), "FORBIDDEN");
}
