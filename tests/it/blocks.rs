//! Taking things out of service.

use serde_json::{Value, json};
use slotwise::domain::access::Role;

use crate::support::running::{of, refusals};
use crate::support::studios::{DAY, at, booking, hold, refusal, starts_of, studios, with};
use crate::support::{Actor, EventTypeSpec, ResourceSpec, TestServer};

/// The input of `createBlock` for hours of the day in Berlin.
fn block(resource: &str, from: u32, to: u32) -> Value {
    json!({ "resourceId": format!("res_{resource}"), "start": at(from), "end": at(to) })
}

async fn blocked(staff: &Actor, input: Value) -> Value {
    staff.run_well("createBlock", input).await["block"].clone()
}

async fn refused(staff: &Actor, input: Value) -> Value {
    let payload = staff.run("createBlock", input).await;
    assert_eq!(payload["block"], Value::Null, "{payload}");
    payload
}

fn conflicts(payload: &Value) -> Vec<(&str, &str)> {
    let conflicts = payload["userErrors"][0]["conflicts"].as_array().unwrap();
    conflicts.iter().map(|found| (found["start"].as_str().unwrap(), found["end"].as_str().unwrap())).collect()
}

async fn starts(actor: &Actor) -> Vec<String> {
    actor.starts(&format!(r#"resourceId: "res_a", date: "{DAY}", eventTypeId: "evt_hour""#)).await
}

async fn with_pool() -> TestServer {
    let server = studios().await;
    server.resources([ResourceSpec { quantity: 3, ..ResourceSpec::named("mics") }]).await;
    server.links("hour", &["mics".to_owned()]).await;
    server
}

#[tokio::test]
async fn a_block_takes_time_as_a_booking_does_and_gives_exactly_that_back() {
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let all = starts(&ada).await;
    let made = blocked(&staff, with(block("a", 10, 12), json!({ "reason": "Painting\nthe walls" }))).await;
    assert_eq!(
        made,
        json!({
            "id": made["id"], "resource": { "id": "res_a", "active": true }, "quantity": 1, "start": at(10), "end": at(12),
            "reason": "Painting\nthe walls", "createdBy": { "kind": "USER", "userId": "staff" },
            "createdAt": "2026-12-01T06:00:00Z",
        })
    );
    let left: Vec<String> = all.iter().filter(|start| **start != at(10) && **start != at(11)).cloned().collect();
    assert_eq!(starts(&ada).await, left);
    let taken = ada.book(booking("a", "session", 11)).await;
    assert_eq!(refusal(&taken), "SLOT_TAKEN");
    assert_eq!(conflicts(&taken), [(at(11).as_str(), at(12).as_str())]);
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 10, 60, "ada")).await), "SLOT_TAKEN");
    let ignoring = with(booking("a", "hour", 10), json!({ "ignoreSchedule": true }));
    assert_eq!(refusal(&staff.book(ignoring).await), "SLOT_TAKEN");
    server.assert_sound().await;

    // Right before and right after is nobody's business.
    ada.book_it(booking("a", "hour", 9)).await;
    ada.book_it(booking("a", "hour", 12)).await;
    staff.run_well("deleteBlock", json!({ "id": made["id"] })).await;
    server.assert_sound().await;
    let free: Vec<String> = all.into_iter().filter(|start| *start != at(9) && *start != at(12)).collect();
    assert_eq!(starts(&ada).await, free);
    let again = staff.run("deleteBlock", json!({ "id": made["id"] })).await;
    assert_eq!((refusals(&again), &again["deletedId"]), (of(&[("NOT_FOUND", "id")]), &Value::Null));
    ada.book_it(booking("a", "rehearsal", 10)).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn who_blocked_what_is_in_the_audit_log() {
    let server = studios().await;
    let bob = server.signed_in("bob", Role::Staff, "default");
    let made = blocked(&server.staff(), with(block("a", 10, 12), json!({ "reason": "Paint" }))).await;
    refused(&bob, block("a", 10, 11)).await;
    bob.run_well("deleteBlock", json!({ "id": made["id"] })).await;
    bob.run("deleteBlock", json!({ "id": made["id"] })).await;
    let fields = |state: &str| {
        let given = json!({ "resourceId": "res_a", "quantity": 1, "start": at(10), "end": at(12), "reason": "Paint" });
        let change = |value: &Value| match state {
            "created" => json!({ "from": null, "to": value }),
            _ => json!({ "from": value, "to": null }),
        };
        given.as_object().unwrap().iter().map(|(name, value)| (name.clone(), change(value))).collect::<Value>()
    };
    let lines = server.audit_lines().await;
    let seen: Vec<_> =
        lines.iter().map(|line| (line.action.as_str(), line.by.as_str(), line.entity.as_str())).collect();
    assert_eq!(seen, [("created", "staff", "Block"), ("deleted", "bob", "Block")]);
    for line in lines {
        assert_eq!((&line.entity_id, &line.changes), (&made["id"].as_str().unwrap().to_owned(), &fields(&line.action)));
    }
}

#[tokio::test]
async fn a_block_never_lies_over_a_booking_or_another_block_and_tells_what_is_in_its_way() {
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let booked = ada.book_it(booking("a", "rehearsal", 10)).await;
    blocked(&staff, block("a", 14, 15)).await;
    let payload = refused(&staff, block("a", 11, 20)).await;
    assert_eq!(refusals(&payload), of(&[("SLOT_TAKEN", "start")]));
    assert_eq!(conflicts(&payload), [(at(11).as_str(), at(12).as_str()), (&at(14), &at(15))]);
    assert_eq!(refusals(&refused(&staff, block("a", 14, 15)).await), of(&[("SLOT_TAKEN", "start")]));
    // Nothing of what was refused is left.
    server.assert_sound().await;
    blocked(&staff, block("a", 12, 14)).await;
    ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    blocked(&staff, block("a", 9, 12)).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn a_refusal_names_no_more_conflicts_than_people_read() {
    let server = with_pool().await;
    let staff = server.staff();
    for day in 2..=26 {
        let start = format!("2026-12-{day:02}T12:00:00Z");
        blocked(&staff, json!({ "resourceId": "res_mics", "start": start, "end": start.replace("12:", "13:") })).await;
    }
    let year = json!({ "resourceId": "res_mics", "start": "2026-12-01T00:00:00Z", "end": "2027-11-30T00:00:00Z" });
    assert_eq!(conflicts(&refused(&staff, year).await).len(), 20);
}

#[tokio::test]
async fn a_block_is_widened_outward_to_the_quarter_hour() {
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    let (start, end) = (format!("{DAY}T09:59:59.999500Z"), format!("{DAY}T11:00:00.001Z"));
    let made = blocked(&staff, json!({ "resourceId": "res_a", "start": start, "end": end })).await;
    // Instants are kept as whole milliseconds.
    assert_eq!((&made["start"], &made["end"]), (&json!(format!("{DAY}T09:59:59.999Z")), &json!(end)));
    let payload = refused(&staff, block("a", 9, 16)).await;
    let (from, to) = (format!("{DAY}T09:45:00Z"), format!("{DAY}T11:15:00Z"));
    assert_eq!(conflicts(&payload), [(from.as_str(), to.as_str())]);
    for hour in [10, 11, 12] {
        assert_eq!(refusal(&ada.book(booking("a", "hour", hour)).await), "SLOT_TAKEN");
    }
    staff.run_well("deleteBlock", json!({ "id": made["id"] })).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn of_a_pool_all_units_are_blocked_or_as_many_as_are_asked_for() {
    let server = with_pool().await;
    let (staff, ada, root) = (server.staff(), server.customer("ada"), server.runner());
    let some = |from: u32, to: u32, quantity: u32| with(block("mics", from, to), json!({ "quantity": quantity }));
    assert_eq!(blocked(&staff, block("mics", 18, 19)).await["quantity"], 3);
    blocked(&staff, some(10, 12, 1)).await;
    let two = blocked(&staff, some(11, 13, 1)).await;
    let book = |hour: u32, quantity: u32| with(booking("mics", "hour", hour), json!({ "quantity": quantity }));
    assert_eq!(refusal(&ada.book(book(10, 3)).await), "SLOT_TAKEN");
    ada.book_it(book(10, 2)).await;
    ada.book_it(book(11, 1)).await;
    server.assert_sound().await;
    let payload = refused(&staff, some(9, 14, 1)).await;
    assert_eq!(refusals(&payload), of(&[("SLOT_TAKEN", "start")]));
    assert_eq!(conflicts(&payload), [(at(10).as_str(), at(12).as_str())]);
    assert_eq!(conflicts(&refused(&staff, block("mics", 12, 13)).await), [(at(12).as_str(), at(13).as_str())]);
    assert_eq!(refusals(&refused(&staff, some(20, 21, 4)).await), of(&[("NOT_ENOUGH_UNITS", "quantity")]));

    // The pool cannot be smaller than what is booked and blocked.
    let resize = |quantity: u32| json!({ "id": "res_mics", "quantity": quantity });
    let resized = root.run("updateResource", resize(2)).await;
    assert_eq!(refusals(&resized), of(&[("NOT_ENOUGH_UNITS", "quantity")]));
    let too_many = [(at(10), at(12)), (at(18), at(19))];
    let too_many: Vec<_> = too_many.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    assert_eq!(conflicts(&resized), too_many);
    root.run_well("updateResource", resize(5)).await;
    assert_eq!(blocked(&staff, block("mics", 14, 15)).await["quantity"], 5);
    staff.run_well("deleteBlock", json!({ "id": two["id"] })).await;
    ada.book_it(book(12, 5)).await;
    server.assert_sound().await;
}

#[tokio::test]
async fn what_cannot_be_a_block_is_refused_with_all_that_is_wrong() {
    let server = with_pool().await;
    let staff = server.staff();
    let given = |start: &str, end: &str| json!({ "resourceId": "res_mics", "start": start, "end": end });
    let one = |code: &'static str, field: &'static str| vec![(code, field)];
    let cases = [
        (given("2026-12-02T10:00:00Z", "2026-12-02T10:00:00Z"), one("INVALID", "end")),
        (given("2026-12-02T10:00:00.0001Z", "2026-12-02T10:00:00.0009Z"), one("INVALID", "end")),
        (given("2026-12-02T10:00:00Z", "2026-12-01T10:00:00Z"), one("INVALID", "end")),
        (given("2026-12-02T10:00:00Z", "2027-12-03T10:00:00.001Z"), one("INVALID", "end")),
        (given("2099-12-31T10:00:00Z", "2100-01-01T00:00:00Z"), one("INVALID", "end")),
        (given("1999-12-31T10:00:00Z", "2000-01-01T00:00:00Z"), one("INVALID", "start")),
        (given("soon", "later"), vec![("INVALID", "start"), ("INVALID", "end")]),
        (given("2026-10-31T05:59:59Z", "2026-12-01T00:00:00Z"), one("IN_THE_PAST", "start")),
        (with(block("mics", 10, 11), json!({ "quantity": 0 })), one("INVALID", "quantity")),
        (with(block("mics", 10, 11), json!({ "quantity": -1 })), one("INVALID", "quantity")),
        (with(block("mics", 10, 11), json!({ "quantity": 10_001 })), one("INVALID", "quantity")),
        (with(block("mics", 10, 11), json!({ "quantity": 4 })), one("NOT_ENOUGH_UNITS", "quantity")),
        (with(block("mics", 10, 11), json!({ "reason": "x".repeat(501) })), one("INVALID", "reason")),
        (with(block("mics", 10, 11), json!({ "reason": "\u{7}" })), one("INVALID", "reason")),
        (block("none", 10, 11), one("NOT_FOUND", "resourceId")),
        (
            with(given("2026-10-30T00:00:00Z", "2026-10-29T00:00:00Z"), json!({ "quantity": 0, "reason": "\u{7}" })),
            vec![("INVALID", "end"), ("IN_THE_PAST", "start"), ("INVALID", "quantity"), ("INVALID", "reason")],
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(refusals(&refused(&staff, input.clone()).await), of(&expected), "{input}");
    }
    assert_eq!(server.audit_lines().await.len(), 0);
    // What is just within the limits.
    for input in [
        given("2026-12-03T10:00:00Z", "2027-12-04T10:00:00Z"),
        given("2026-10-31T06:00:00Z", "2026-10-31T06:00:00.001Z"),
        given("2099-12-31T10:00:00Z", "2099-12-31T23:59:59.999Z"),
        with(block("mics", 10, 11), json!({ "reason": "ü".repeat(500), "quantity": 3 })),
    ] {
        blocked(&staff, input).await;
    }
    server.assert_sound().await;
}

#[tokio::test]
async fn what_is_switched_off_can_be_blocked() {
    let server = studios().await;
    server.resources([ResourceSpec { active: false, ..ResourceSpec::named("off") }]).await;
    let made = blocked(&server.staff(), block("off", 10, 12)).await;
    assert_eq!(made["resource"], json!({ "id": "res_off", "active": false }));
}

#[tokio::test]
async fn a_block_ends_the_holds_that_it_overlaps_and_those_of_a_pool_only_where_there_is_no_room() {
    let server = with_pool().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    ada.hold(hold("a", "hour", 10, 60, "ada")).await;
    ada.hold(hold("a", "hour", 12, 60, "ada")).await;
    ada.hold(with(hold("mics", "hour", 10, 60, "ada"), json!({ "quantity": 1 }))).await;
    ada.hold(with(hold("mics", "hour", 10, 60, "bob"), json!({ "quantity": 1 }))).await;
    blocked(&staff, block("a", 10, 12)).await;
    assert_eq!(starts_of(&ada.holds("a").await), [at(12)]);
    blocked(&staff, with(block("mics", 10, 12), json!({ "quantity": 1 }))).await;
    assert_eq!(ada.holds("mics").await.as_array().unwrap().len(), 2);
    // Who came first stays first.
    let first = ada.holds("mics").await[0]["holder"].clone();
    blocked(&staff, with(block("mics", 10, 11), json!({ "quantity": 1 }))).await;
    let left = ada.holds("mics").await;
    assert_eq!((left.as_array().unwrap().len(), &left[0]["holder"]), (1, &first));
    assert_eq!(refusal(&ada.heartbeat(hold("a", "hour", 11, 60, "ada")).await), "SLOT_TAKEN");
}

#[tokio::test]
async fn who_watches_slots_or_holds_is_told_of_blocks_made_and_removed() {
    const SLOTS: &str = r#"subscription {
        daySlotsChanged(resourceId: "res_a", date: "2026-12-02", eventTypeId: "evt_hour") { slots { start } } }"#;
    const HOLDS: &str =
        r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
    let server = studios().await;
    let (staff, ada) = (server.staff(), server.customer("ada"));
    ada.hold(hold("a", "hour", 10, 60, "ada")).await;
    let (mut slots, mut holds) = (ada.watch(SLOTS, json!({})).await, ada.watch(HOLDS, json!({})).await);
    let all = slots.next().await;
    assert_eq!(starts_of(&holds.next().await["holds"]), [at(10)]);
    server.pass_a_moment();
    let made = blocked(&staff, block("a", 10, 22)).await;
    assert_eq!(starts_of(&slots.next().await["slots"]), [at(9)]);
    assert_eq!(holds.next().await["holds"], json!([]));
    staff.run_well("deleteBlock", json!({ "id": made["id"] })).await;
    assert_eq!(slots.next().await, all);
}

#[tokio::test]
async fn what_was_not_confirmed_in_time_is_in_no_blocks_way() {
    let server = studios().await;
    let event_type = EventTypeSpec { requires_confirmation: true, ..EventTypeSpec::named("asked", &[60], &["a"]) };
    server.event_types([event_type]).await;
    let asked = server.customer("ada").book(booking("a", "asked", 10)).await;
    assert_eq!(asked["booking"]["status"], "PENDING", "{asked}");
    let staff = server.staff();
    assert_eq!(refusals(&refused(&staff, block("a", 9, 12)).await), of(&[("SLOT_TAKEN", "start")]));
    server.clock.advance_to(at(10).parse().unwrap());
    blocked(&staff, block("a", 9, 12)).await;
    let query = "query ($id: ID!) { booking(id: $id) { status history { event } } }";
    let seen = staff.ask(query, json!({ "id": asked["booking"]["id"] })).await["booking"].clone();
    assert_eq!(seen, json!({ "status": "EXPIRED", "history": [{ "event": "CREATED" }, { "event": "EXPIRED" }] }));
    server.assert_sound().await;
}

#[tokio::test]
async fn a_year_is_blocked_and_given_back_with_a_few_statements_for_each_day() {
    let server = with_pool().await;
    let staff = server.staff();
    for (resource, most) in [("res_a", 400), ("res_mics", 1_150)] {
        let year = json!({ "resourceId": resource, "start": "2026-12-01T12:00:00Z", "end": "2027-12-02T12:00:00Z" });
        let (made, making) = server.statements_of(blocked(&staff, year.clone())).await;
        let (_, refusing) = server.statements_of(refused(&staff, year)).await;
        server.assert_sound().await;
        let removal = staff.run_well("deleteBlock", json!({ "id": made["id"] }));
        let (_, removing) = server.statements_of(removal).await;
        assert!(making <= most && removing <= most, "{making} and {removing} statements");
        // A hopeless attempt writes nothing.
        assert!(refusing <= 8, "{refusing} statements");
        server.assert_sound().await;
    }
}

#[tokio::test]
async fn blocks_go_with_their_resource_and_its_line_in_the_audit_log_says_how_many() {
    let server = studios().await;
    let (staff, root) = (server.staff(), server.runner());
    for hour in [10, 12] {
        blocked(&staff, block("b", hour, hour + 1)).await;
    }
    let kept = blocked(&staff, block("a", 10, 11)).await;
    root.run_well("deleteResource", json!({ "id": "res_b" })).await;
    let line = server.audit_lines().await.pop().unwrap();
    assert_eq!((line.entity.as_str(), &line.changes["blocks"]), ("Resource", &json!({ "from": 2, "to": null })));
    let listed = staff.ask("{ blocks { nodes { id } totalCount } }", json!({})).await["blocks"].clone();
    assert_eq!(listed, json!({ "nodes": [{ "id": kept["id"] }], "totalCount": 1 }));
    server.assert_sound().await;
}
