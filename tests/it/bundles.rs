//! Bookings of several resources, and of units of a pool.

use serde_json::{Value, json};

use crate::support::{EventTypeSpec, ResourceSpec, TestServer};

const NOON: &str = "2026-12-02T12:00:00Z";

/// A studio, a person who works till three, and a pool of three microphones that cannot be booked alone.
async fn studio() -> TestServer {
    let server = TestServer::start().await;
    let utc = |name: &str| ResourceSpec { zone: chrono_tz::UTC, ..ResourceSpec::named(name) };
    server
        .resources([
            utc("a"),
            utc("b"),
            utc("engineer").open(&[("09:00", "15:00")]),
            ResourceSpec { quantity: 3, standalone: false, ..utc("mics") },
            ResourceSpec { quantity: 3, ..utc("desks") },
            ResourceSpec { active: false, ..utc("broken") },
            ResourceSpec { organization: "elsewhere".to_owned(), ..utc("far") },
        ])
        .await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a", "b", "desks", "mics"])]).await;
    server
}

fn booking(resource: &str, start: &str, quantity: u32, add_ons: &[(&str, u32)]) -> Value {
    let add_on = |(name, units): &(&str, u32)| json!({ "resourceId": format!("res_{name}"), "quantity": units });
    json!({
        "resourceId": format!("res_{resource}"), "eventTypeId": "evt_hour", "start": start, "quantity": quantity,
        "addOns": add_ons.iter().map(add_on).collect::<Vec<_>>(),
    })
}

fn code(payload: &Value) -> &str {
    payload["userErrors"][0]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn add_ons_are_booked_together_with_their_resource_or_not_at_all() {
    let server = studio().await;
    let ada = server.customer("ada");
    let booked = ada.book(booking("a", NOON, 1, &[("engineer", 1), ("mics", 2)])).await;
    let expected = json!([
        { "resource": { "id": "res_engineer" }, "quantity": 1 },
        { "resource": { "id": "res_mics" }, "quantity": 2 },
    ]);
    assert_eq!(booked["booking"]["addOns"], expected, "{booked}");

    let cases = [
        (booking("b", "2026-12-02T12:30:00Z", 1, &[("engineer", 1)]), "SLOT_TAKEN", "res_engineer"),
        (booking("b", "2026-12-02T11:15:00Z", 1, &[("mics", 2)]), "SLOT_TAKEN", "res_mics"),
        (booking("b", NOON, 1, &[("mics", 4)]), "NOT_ENOUGH_UNITS", "res_mics"),
    ];
    for (input, expected, in_the_way) in cases {
        let refused = ada.book(input.clone()).await;
        assert_eq!(code(&refused), expected, "{input}: {refused}");
        assert_eq!(refused["userErrors"][0]["conflicts"][0]["resourceId"], in_the_way, "{refused}");
    }
    let free = r#"{ isAvailable(resourceId: "res_b", start: "2026-12-02T10:00:00Z", end: "2026-12-02T14:00:00Z") }"#;
    assert_eq!(ada.ask(free, json!({})).await["isAvailable"], true, "nothing was taken of the primary resource");
    assert_eq!(ada.book(booking("b", NOON, 1, &[("mics", 1)])).await["userErrors"], json!([]));

    let cancelled = ada.cancel(json!({ "id": booked["booking"]["id"] })).await;
    assert_eq!(cancelled["booking"]["status"], "CANCELLED", "{cancelled}");
    assert_eq!(ada.book(booking("a", NOON, 1, &[("engineer", 1), ("mics", 2)])).await["userErrors"], json!([]));
    server.assert_sound().await;
}

#[tokio::test]
async fn what_is_booked_along_must_be_on_offer_and_open() {
    let server = studio().await;
    let ada = server.customer("ada");
    let cases = [
        (booking("a", NOON, 1, &[("unknown", 1)]), "NOT_FOUND"),
        (booking("a", NOON, 1, &[("far", 1)]), "NOT_FOUND"),
        (booking("a", NOON, 1, &[("broken", 1)]), "RESOURCE_INACTIVE"),
        (booking("a", "2026-12-02T14:15:00Z", 1, &[("engineer", 1)]), "OUTSIDE_SCHEDULE"),
        (booking("a", NOON, 1, &[("mics", 1), ("mics", 1)]), "INVALID"),
        (booking("a", NOON, 1, &[("a", 1)]), "INVALID"),
        (booking("a", NOON, 1, &[("mics", 0)]), "INVALID"),
        (booking("mics", NOON, 1, &[]), "RESOURCE_NOT_OFFERED"),
    ];
    for (input, expected) in cases {
        let refused = ada.book(input.clone()).await;
        assert_eq!(code(&refused), expected, "{input}: {refused}");
    }
    let fits = ada.book(booking("a", "2026-12-02T14:00:00Z", 1, &[("engineer", 1)])).await;
    assert_eq!(fits["userErrors"], json!([]), "it ends as the engineer goes home: {fits}");
}

#[tokio::test]
async fn units_of_a_pool_are_counted_for_every_quarter_hour() {
    let server = studio().await;
    let ada = server.customer("ada");
    let desks = |start: &str, units: u32| booking("desks", start, units, &[]);
    assert_eq!(code(&ada.book(desks(NOON, 4)).await), "NOT_ENOUGH_UNITS");
    let two = ada.book(desks(NOON, 2)).await;
    assert_eq!(two["userErrors"], json!([]), "{two}");
    let half_past = "2026-12-02T12:30:00Z";
    assert_eq!(ada.book(desks(half_past, 1)).await["userErrors"], json!([]));

    // From 12:00 two are taken, from 12:30 three, from 13:00 one.
    for (start, units) in [(half_past, 1), (NOON, 1), ("2026-12-02T11:15:00Z", 2), ("2026-12-02T13:00:00Z", 3)] {
        let refused = ada.book(desks(start, units)).await;
        assert_eq!(code(&refused), "SLOT_TAKEN", "{units} at {start}: {refused}");
    }
    let slots = r#"{ daySlots(resourceId: "res_desks", date: "2026-12-02", eventTypeId: "evt_hour",
        includeUnavailable: true) { slots { start remaining unavailable } } }"#;
    let listed = ada.ask(slots, json!({})).await;
    let remaining = |start: &str| {
        let all = listed["daySlots"]["slots"].as_array().unwrap();
        all.iter().find(|slot| slot["start"] == start).unwrap()["remaining"].as_i64().unwrap()
    };
    let expected = [("11:00", 3), ("11:15", 1), ("11:30", 1), ("11:45", 0), ("12:45", 0), ("13:00", 2), ("13:30", 3)];
    for (time, units) in expected {
        assert_eq!(remaining(&format!("2026-12-02T{time}:00Z")), units, "at {time}");
    }

    ada.cancel(json!({ "id": two["booking"]["id"] })).await;
    assert_eq!(ada.book(desks(NOON, 2)).await["userErrors"], json!([]));
    server.assert_sound().await;
}

#[tokio::test]
async fn a_held_bundle_is_kept_from_everybody_but_its_session() {
    let server = studio().await;
    let (ada, bob) = (server.customer("ada"), server.customer("bob"));
    let secret = "ada, a secret of a session";
    let hold = json!({
        "resourceId": "res_a", "eventTypeId": "evt_hour", "slots": [{ "start": NOON, "durationMinutes": 60 }],
        "addOns": [{ "resourceId": "res_engineer" }, { "resourceId": "res_mics", "quantity": 2 }],
        "sessionSecret": secret,
    });
    assert_eq!(ada.heartbeat(hold).await["granted"], true);
    for add_ons in [[("engineer", 1)], [("mics", 2)]] {
        let refused = bob.book(booking("b", NOON, 1, &add_ons)).await;
        assert_eq!(code(&refused), "SLOT_HELD", "{refused}");
        assert_eq!(refused["userErrors"][0]["conflicts"][0]["resourceId"], format!("res_{}", add_ons[0].0));
    }
    assert_eq!(bob.book(booking("b", NOON, 1, &[("mics", 1)])).await["userErrors"], json!([]));

    let mut own = booking("a", NOON, 1, &[("engineer", 1), ("mics", 2)]);
    own["sessionSecret"] = json!(secret);
    assert_eq!(ada.book(own).await["userErrors"], json!([]), "what is held can be booked");
    server.assert_sound().await;
}
