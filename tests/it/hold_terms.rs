//! What a hold takes, together with what, and how it gives way to a booking.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::studios::{at, booking, free_hold, hold, refusal, secret, starts_of, studios, with};
use crate::support::{EventTypeSpec, ResourceSpec, TestServer};

/// What stands in the way: on what, from when, to when.
fn conflicts(payload: &Value) -> Vec<[&str; 3]> {
    let list = payload["userErrors"][0]["conflicts"].as_array().unwrap();
    list.iter().map(|conflict| ["resourceId", "start", "end"].map(|name| conflict[name].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_hold_is_over_at_its_instant_for_every_reader() {
    const ALL: &str = r#"{
        datePresence(resourceId: "res_a", date: "2026-12-02") { holds { start } }
        presenceBetween(resourceId: "res_a", from: "2026-12-01", to: "2026-12-03") { holds { start } }
        presence(resourceId: "res_a", slot: "2026-12-02T12:30:00Z") { start } }"#;
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.customer("bob"));
    let granted = ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    assert_eq!(granted["expiresAt"], "2026-12-01T06:00:10Z");
    server.clock.advance(Duration::from_millis(9_999));
    let held = json!([{ "start": at(13) }]);
    let here = json!({ "datePresence": { "holds": held }, "presence": held,
        "presenceBetween": [{ "holds": [] }, { "holds": held }, { "holds": [] }] });
    assert_eq!(bob.ask(ALL, json!({})).await, here);
    assert_eq!(refusal(&bob.book(booking("a", "hour", 13)).await), "SLOT_HELD");

    server.clock.advance(Duration::from_millis(1));
    let gone = json!({ "datePresence": { "holds": [] }, "presence": [],
        "presenceBetween": [{ "holds": [] }, { "holds": [] }, { "holds": [] }] });
    assert_eq!(bob.ask(ALL, json!({})).await, gone);
    bob.book_it(booking("a", "hour", 13)).await;
}

#[tokio::test]
async fn who_only_writes_finds_a_hold_gone_at_its_instant_too() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.customer("bob"));
    for input in [hold("a", "hour", 13, 60, "ada"), hold("b", "hour", 13, 60, "ada")] {
        ada.hold(input).await;
    }
    server.clock.advance(Duration::from_secs(10));
    assert_eq!(ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await["released"], 0);
    bob.hold(hold("a", "session", 10, 300, "bob")).await;
    bob.book_it(booking("b", "session", 10)).await;
}

#[tokio::test]
async fn a_hold_for_an_event_type_keeps_its_buffers_from_others_too() {
    let server = studios().await;
    server.event_types([EventTypeSpec { buffers: (15, 30), ..EventTypeSpec::named("tidy", &[60], &["a"]) }]).await;
    let (ada, bob) = (server.anonymous(), server.customer("bob"));
    ada.hold(hold("a", "tidy", 13, 60, "ada")).await;
    let seen = bob.holds("a").await;
    assert_eq!((&seen[0]["start"], &seen[0]["end"]), (&json!(at(13)), &json!(at(14))));
    let (from, to) = (&seen[0]["occupiedFrom"], &seen[0]["occupiedTo"]);
    assert_eq!((from, to), (&json!("2026-12-02T11:45:00Z"), &json!("2026-12-02T13:30:00Z")));

    for hour in [12, 14] {
        assert_eq!(refusal(&bob.heartbeat(hold("a", "hour", hour, 60, "bob")).await), "SLOT_HELD", "at {hour}");
        assert_eq!(refusal(&bob.book(booking("a", "hour", hour)).await), "SLOT_HELD", "at {hour}");
    }
    bob.hold(free_hold("a", "2026-12-02T11:30:00Z", 15, "bob")).await;
    bob.hold(free_hold("a", "2026-12-02T13:30:00Z", 15, "bob")).await;
    // And what was granted can be booked.
    ada_books(&server, "tidy").await;
}

/// Ada signs in and books what her session holds at 13:00.
async fn ada_books(server: &TestServer, event_type: &str) {
    let input = with(booking("a", event_type, 13), json!({ "sessionSecret": secret("ada") }));
    server.customer("ada").book_it(input).await;
    assert!(!starts_of(&server.anonymous().holds("a").await).contains(&at(13).as_str()));
}

#[tokio::test]
async fn add_ons_are_held_and_left_together_with_the_resource_or_not_at_all() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    let bundle =
        |session: &str| with(hold("a", "hour", 13, 60, session), json!({ "addOns": [{ "resourceId": "res_b" }] }));
    bob.hold(hold("b", "hour", 13, 60, "bob")).await;
    let refused = ada.heartbeat(bundle("ada")).await;
    assert_eq!(refusal(&refused), "SLOT_HELD");
    assert_eq!(conflicts(&refused), [["res_b", &at(13), &at(14)]]);
    assert_eq!(bob.holds("a").await, json!([]));

    bob.leave(json!({ "resourceId": "res_b", "sessionSecret": secret("bob") })).await;
    ada.hold(bundle("ada")).await;
    assert_eq!(
        (starts_of(&bob.holds("a").await), starts_of(&bob.holds("b").await)),
        (vec![at(13).as_str()], vec![at(13).as_str()])
    );
    assert_eq!(refusal(&bob.heartbeat(hold("b", "hour", 13, 60, "bob")).await), "SLOT_HELD");
    ada.hold(hold("b", "hour", 18, 60, "ada")).await;

    // What was held of the add-on by itself stays.
    assert_eq!(ada.leave(json!({ "resourceId": "res_a", "sessionSecret": secret("ada") })).await["released"], 1);
    assert_eq!((bob.holds("a").await, starts_of(&bob.holds("b").await)), (json!([]), vec![at(18).as_str()]));
}

#[tokio::test]
async fn of_several_slots_all_are_held_or_none_and_a_refusal_leaves_what_is_held_to_run_out() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    bob.hold(hold("a", "hour", 15, 60, "bob")).await;
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    server.clock.advance(Duration::from_secs(4));
    let slots: Vec<_> = [13, 14, 15].map(|hour| json!({ "start": at(hour), "durationMinutes": 60 })).into();
    let refused = ada.heartbeat(with(hold("a", "hour", 13, 60, "ada"), json!({ "slots": slots }))).await;
    assert_eq!((refusal(&refused), refused["granted"].as_bool()), ("SLOT_HELD", Some(false)));
    assert_eq!(conflicts(&refused), [["res_a", &at(15), &at(16)]]);

    bob.hold(hold("a", "hour", 15, 60, "bob")).await;
    assert_eq!(starts_of(&bob.holds("a").await), [at(13), at(15)]);
    server.clock.advance(Duration::from_secs(6));
    assert_eq!(starts_of(&bob.holds("a").await), [at(15)]);
}

#[tokio::test]
async fn a_hold_with_the_same_start_replaces_the_session_s_own() {
    let server = studios().await;
    let (ada, bob) = (server.anonymous(), server.anonymous());
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    ada.hold(hold("a", "session", 13, 300, "ada")).await;
    let seen = bob.holds("a").await;
    assert_eq!((starts_of(&seen), &seen[0]["end"]), (vec![at(13).as_str()], &json!(at(18))));
    assert_eq!(refusal(&bob.heartbeat(hold("a", "hour", 17, 60, "bob")).await), "SLOT_HELD");
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    bob.hold(hold("a", "hour", 17, 60, "bob")).await;
    assert_eq!(bob.holds("a").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn holds_and_bookings_together_never_take_more_of_a_pool_than_it_has() {
    let server = TestServer::start().await;
    server.resources([ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") }]).await;
    server.event_types([EventTypeSpec::named("rental", &[60], &["mics"])]).await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let some =
        |quantity: u32, session: &str| with(hold("mics", "rental", 13, 60, session), json!({ "quantity": quantity }));
    assert_eq!(refusal(&ada.heartbeat(some(4, "ada")).await), "NOT_ENOUGH_UNITS");
    ada.hold(some(2, "ada")).await;
    assert_eq!(refusal(&bob.heartbeat(some(2, "bob")).await), "SLOT_HELD");
    bob.hold(some(1, "bob")).await;
    assert_eq!(refusal(&server.anonymous().heartbeat(some(1, "eve")).await), "SLOT_HELD");

    let two = json!({ "quantity": 2, "sessionSecret": secret("ada") });
    ada.book_it(with(booking("mics", "rental", 13), two)).await;
    let seen = bob.holds("mics").await;
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["quantity"]), (1, &json!(1)));
    assert_eq!(refusal(&bob.heartbeat(some(2, "bob")).await), "SLOT_TAKEN");
    assert_eq!(refusal(&ada.book(booking("mics", "rental", 13)).await), "SLOT_HELD");
    bob.leave(json!({ "resourceId": "res_mics", "sessionSecret": secret("bob") })).await;
    ada.book_it(booking("mics", "rental", 13)).await;
    assert_eq!(refusal(&bob.heartbeat(some(1, "bob")).await), "SLOT_TAKEN");
}

#[tokio::test]
async fn a_booking_takes_over_its_session_s_holds_and_watchers_see_them_end() {
    const PRESENCE: &str =
        r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
    let server = studios().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let mut watch = bob.watch(PRESENCE, json!({})).await;
    assert_eq!(watch.next().await["holds"], json!([]));
    server.pass_a_moment();
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    assert_eq!(starts_of(&watch.next().await["holds"]), [at(13)]);
    assert_eq!(refusal(&bob.book(booking("a", "rehearsal", 12)).await), "SLOT_HELD");
    assert_eq!(refusal(&ada.book(booking("a", "hour", 13)).await), "SLOT_HELD", "without the session's secret");

    server.pass_a_moment();
    ada_books(&server, "hour").await;
    assert_eq!(watch.next().await["holds"], json!([]));
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 13, 60, "ada")).await), "SLOT_TAKEN");
}

#[tokio::test]
async fn staff_book_over_holds_which_end() {
    let server = studios().await;
    let (ada, staff) = (server.customer("ada"), server.staff());
    ada.hold(hold("a", "hour", 13, 60, "ada")).await;
    ada.hold(hold("a", "hour", 20, 60, "ada")).await;
    assert_eq!(refusal(&staff.book(booking("a", "session", 12)).await), "SLOT_HELD");
    staff.book_it(with(booking("a", "session", 12), json!({ "ignoreSchedule": true }))).await;
    assert_eq!(starts_of(&staff.holds("a").await), [at(20)]);
    let refused = ada.book(with(booking("a", "hour", 13), json!({ "sessionSecret": secret("ada") }))).await;
    assert_eq!(refusal(&refused), "SLOT_TAKEN");
}
