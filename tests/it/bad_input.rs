//! Inputs of mutations that are not as they should be: a clear answer for each, and nothing changed.

use serde_json::{Value, json};
use slotwise::config::HttpSettings;

use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, TestServer, assert_clear};

async fn studio() -> TestServer {
    studio_with(ServerOptions::default()).await
}

async fn studio_with(options: ServerOptions) -> TestServer {
    let server = TestServer::start_with(options).await;
    server.resources(["a", "b"].map(|name| ResourceSpec::named(name).open(&[("09:00", "22:00")]))).await;
    let hour = EventTypeSpec { interval: Some(30), ..EventTypeSpec::named("hour", &[60], &["a", "b"]) };
    server.event_types([hour]).await;
    server
}

/// Everything that a stray write would change.
async fn everything(actor: &Actor) -> Value {
    const EVERYTHING: &str = r#"{
        a: monthAvailability(resourceId: "res_a", from: "2026-11-15", to: "2027-02-15", durationMinutes: 60) { revision days { slotCount } }
        b: monthAvailability(resourceId: "res_b", from: "2026-11-15", to: "2027-02-15", durationMinutes: 60) { revision days { slotCount } }
        holds: presenceBetween(resourceId: "res_a", from: "2026-12-01", to: "2027-01-10") { holds { start holder } } }"#;
    actor.ask(EVERYTHING, json!({})).await
}

fn with(mut input: Value, more: &Value) -> Value {
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn booking() -> Value {
    json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": "2026-12-02T09:00:00Z" })
}

fn hold() -> Value {
    let slot = json!({ "start": "2026-12-02T09:00:00Z", "durationMinutes": 60 });
    json!({ "resourceId": "res_a", "slots": [slot], "sessionSecret": "a session of the tests" })
}

fn slot(start: &str, minutes: i64) -> Value {
    json!({ "slots": [{ "start": start, "durationMinutes": minutes }] })
}

fn add_ons(count: usize) -> Value {
    json!({ "addOns": (0..count).map(|number| json!({ "resourceId": format!("res_{number}") })).collect::<Vec<_>>() })
}

/// The only error of a payload: its code and its field below `input`. Its message must be clear and have `hint`.
#[track_caller]
fn only_error(payload: &Value, hint: &str) -> (String, String) {
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{payload}");
    let message = errors[0]["message"].as_str().unwrap();
    assert_clear(message);
    assert!(message.contains(hint), "without `{hint}`: {message}");
    let field = errors[0]["field"].as_array().unwrap_or_else(|| panic!("no field: {payload}"));
    let field: Vec<&str> = field.iter().map(|part| part.as_str().unwrap()).collect();
    assert_eq!(field[0], "input");
    (errors[0]["code"].as_str().unwrap().to_owned(), field[1..].join("."))
}

#[tokio::test]
async fn a_malformed_booking_is_refused_by_field_and_nothing_is_booked() {
    let server = studio().await;
    let customer = server.customer("ada");
    let before = everything(&customer).await;
    let text = |length: usize| "x".repeat(length);
    let booker = |name: &str, value: String| json!({ "booker": { name: value } });
    for (wrong, field, hint) in [
        (json!({ "start": "2026-12-02T09:07:00Z" }), "start", "quarter hour"),
        (json!({ "start": "2026-12-02T09:00:00.001Z" }), "start", "quarter hour"),
        (json!({ "start": "2026-02-30T09:00:00Z" }), "start", "2026-02-30"),
        (json!({ "start": "2026-12-02T09:00:00" }), "start", "offset"),
        (json!({ "start": "2100-01-01T00:00:00Z" }), "start", "2000 to 2099"),
        (json!({ "start": "1999-12-31T23:45:00Z" }), "start", "2000 to 2099"),
        (json!({ "durationMinutes": -60 }), "durationMinutes", "negative"),
        (json!({ "durationMinutes": 0 }), "durationMinutes", "5"),
        (json!({ "durationMinutes": 2_147_483_647 }), "durationMinutes", "44640"),
        (json!({ "quantity": 0 }), "quantity", "10000"),
        (json!({ "quantity": -1 }), "quantity", "negative"),
        (json!({ "quantity": 20_000 }), "quantity", "10000"),
        (add_ons(20), "addOns", "19"),
        (json!({ "addOns": [{ "resourceId": "res_b" }, { "resourceId": "res_b" }] }), "addOns.1.resourceId", "once"),
        (json!({ "addOns": [{ "resourceId": "res_a" }] }), "addOns.0.resourceId", "once"),
        (json!({ "addOns": [{ "resourceId": "res_b", "quantity": 0 }] }), "addOns.0.quantity", "10000"),
        (json!({ "timeZone": "Mars/Olympus" }), "timeZone", "Europe/Berlin"),
        (booker("name", text(121)), "booker.name", "120"),
        (booker("name", "Ada\nBcc: eve@example.org".to_owned()), "booker.name", "line breaks"),
        (booker("name", "\u{7}Ada".to_owned()), "booker.name", "control characters"),
        (booker("phone", text(31)), "booker.phone", "30"),
        (booker("notes", text(2_001)), "booker.notes", "2000"),
        (booker("notes", "a\u{1b}[2J".to_owned()), "booker.notes", "control characters"),
        (json!({ "location": text(501) }), "location", "500"),
        (json!({ "location": "a\r\nb" }), "location", "line breaks"),
        (json!({ "reference": text(121) }), "reference", "120"),
        (json!({ "metadata": { "a": text(9 * 1024) } }), "metadata", "8192"),
        (json!({ "metadata": (0..33).fold(json!(1), |inner, _| json!([inner])) }), "metadata", "32"),
        (json!({ "sessionSecret": "abc" }), "sessionSecret", "16 to 128"),
        (json!({ "sessionSecret": text(129) }), "sessionSecret", "16 to 128"),
        (json!({ "idempotencyKey": "short" }), "idempotencyKey", "16 to 128"),
        (json!({ "idempotencyKey": text(129) }), "idempotencyKey", "16 to 128"),
    ] {
        let payload = customer.book(with(booking(), &wrong)).await;
        assert_eq!(payload["booking"], Value::Null, "{wrong:.200}");
        assert_eq!(only_error(&payload, hint), ("INVALID".to_owned(), field.to_owned()), "{wrong:.200}");
    }
    for (wrong, field) in [
        (json!({ "resourceId": "res_none" }), "resourceId"),
        (json!({ "eventTypeId": "evt_none" }), "eventTypeId"),
        (json!({ "addOns": [{ "resourceId": "res_none" }] }), "addOns.0.resourceId"),
    ] {
        let payload = customer.book(with(booking(), &wrong)).await;
        assert_eq!(only_error(&payload, "_none"), ("NOT_FOUND".to_owned(), field.to_owned()), "{wrong}");
    }
    assert_eq!(everything(&customer).await, before);
}

#[tokio::test]
async fn a_mail_address_must_have_the_form_of_one() {
    let server = studio().await;
    let staff = server.staff();
    let long = format!("{}@example.org", "x".repeat(243));
    for email in
        ["nobody", "@example.org", "ada@", "a@b@c.org", "ada @example.org", "ada@example.org\nBcc: e@x.org", &long]
    {
        let payload = staff.book(with(booking(), &json!({ "booker": { "name": "Ada", "email": email } }))).await;
        assert_eq!(
            only_error(&payload, "ada@example.org"),
            ("INVALID".to_owned(), "booker.email".to_owned()),
            "{email}"
        );
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_input_is_told_at_once() {
    let server = studio_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    let told = |payload: &Value| -> Vec<String> {
        let errors = payload["userErrors"].as_array().unwrap().iter();
        let mut fields: Vec<String> = errors
            .map(|error| {
                error["field"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .skip(1)
                    .map(|part| part.as_str().unwrap())
                    .collect::<Vec<_>>()
                    .join(".")
            })
            .collect();
        fields.sort_unstable();
        fields
    };
    let guest = server.anonymous();
    let payload = guest.book(with(booking(), &json!({ "idempotencyKey": "a key of sixteen" }))).await;
    assert_eq!(told(&payload), ["booker.email", "booker.name", "sessionSecret"]);

    let long = "x".repeat(3_000);
    let wrong = json!({
        "start": "2026-12-02T09:07:00Z",
        "durationMinutes": 1,
        "quantity": 0,
        "addOns": [{ "resourceId": "res_b", "quantity": 0 }],
        "booker": { "name": long, "email": "x", "phone": long, "notes": long },
        "location": long,
        "reference": long,
        "metadata": vec![&long; 3],
        "sessionSecret": "abc",
        "idempotencyKey": "abc",
    });
    let payload = guest.book(with(booking(), &wrong)).await;
    let fields = [
        "addOns.0.quantity",
        "booker.email",
        "booker.name",
        "booker.notes",
        "booker.phone",
        "durationMinutes",
        "idempotencyKey",
        "location",
        "metadata",
        "quantity",
        "reference",
        "sessionSecret",
        "start",
    ];
    assert_eq!(told(&payload), fields);

    let unreadable = json!({ "start": "soon", "durationMinutes": -1, "quantity": -1, "timeZone": "Mars/Olympus" });
    let payload = guest.book(with(booking(), &unreadable)).await;
    assert_eq!(told(&payload), ["durationMinutes", "quantity", "start", "timeZone"]);

    let slots = json!({ "slots": [
        { "start": "2026-12-02T09:00:00Z", "durationMinutes": 60 },
        { "start": "2026-12-02T09:01:00Z", "durationMinutes": 60 },
        { "start": "2026-12-02T10:00:00Z", "durationMinutes": 0 },
    ], "sessionSecret": "abc" });
    let payload = guest.heartbeat(with(hold(), &slots)).await;
    assert_eq!(told(&payload), ["sessionSecret", "slots.1.start", "slots.2.durationMinutes"]);
}

#[tokio::test]
async fn a_malformed_heartbeat_is_refused_by_field_and_nothing_is_held() {
    let server = studio().await;
    let ada = server.anonymous();
    let before = everything(&ada).await;
    for (wrong, code, field, hint) in [
        (json!({ "slots": [] }), "INVALID", "slots", "1 to 100"),
        (slot("2026-12-02T09:07:00Z", 60), "INVALID", "slots.0.start", "quarter hour"),
        (slot("2026-12-32T09:00:00Z", 60), "INVALID", "slots.0.start", "2026-12-32"),
        (slot("2100-01-01T00:00:00Z", 60), "INVALID", "slots.0.start", "2000 to 2099"),
        (slot("2026-12-02T09:00:00Z", -60), "INVALID", "slots.0.durationMinutes", "negative"),
        (slot("2026-12-02T09:00:00Z", 0), "INVALID", "slots.0.durationMinutes", "5"),
        (slot("2026-12-02T09:00:00Z", 2_147_483_647), "INVALID", "slots.0.durationMinutes", "44640"),
        (json!({ "quantity": 0 }), "INVALID", "quantity", "10000"),
        (json!({ "quantity": -1 }), "INVALID", "quantity", "negative"),
        (json!({ "quantity": 20_000 }), "INVALID", "quantity", "10000"),
        (add_ons(20), "INVALID", "addOns", "19"),
        (json!({ "addOns": [{ "resourceId": "res_a" }] }), "INVALID", "addOns.0.resourceId", "once"),
        (json!({ "sessionSecret": "abc" }), "INVALID", "sessionSecret", "16 to 128"),
        (json!({ "sessionSecret": "x".repeat(129) }), "INVALID", "sessionSecret", "16 to 128"),
        (json!({ "data": "x".repeat(2_048) }), "INVALID", "data", "1024"),
        (json!({ "resourceId": "res_none" }), "NOT_FOUND", "resourceId", "res_none"),
        (json!({ "eventTypeId": "evt_none" }), "NOT_FOUND", "eventTypeId", "evt_none"),
        (json!({ "addOns": [{ "resourceId": "res_none" }] }), "NOT_FOUND", "addOns.0.resourceId", "res_none"),
    ] {
        let payload = ada.heartbeat(with(hold(), &wrong)).await;
        assert_eq!((&payload["granted"], &payload["holder"]), (&json!(false), &Value::Null));
        assert_eq!(only_error(&payload, hint), (code.to_owned(), field.to_owned()), "{wrong:.200}");
    }
    assert_eq!(everything(&ada).await, before);

    for (wrong, field, hint) in [
        (json!({ "sessionSecret": "abc" }), "sessionSecret", "16 to 128"),
        (json!({ "slots": ["2026-12-02"] }), "slots.0", "offset"),
        (json!({ "slots": vec!["2026-12-02T09:00:00Z"; 101] }), "slots", "100"),
    ] {
        let payload =
            ada.leave(with(json!({ "resourceId": "res_a", "sessionSecret": "a session of the tests" }), &wrong)).await;
        assert_eq!(payload["released"], 0);
        assert_eq!(only_error(&payload, hint), ("INVALID".to_owned(), field.to_owned()), "{wrong:.200}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_slots_are_refused_whether_they_fit_the_body_or_not() {
    let slots = |count| vec![json!({ "start": "2026-12-02T09:00:00Z", "durationMinutes": 60 }); count];
    let server = studio().await;
    let many = with(hold(), &json!({ "slots": slots(10_000) }));
    let payload = server.anonymous().heartbeat(many).await;
    assert_eq!(only_error(&payload, "1 to 100"), ("INVALID".to_owned(), "slots".to_owned()));

    let query = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { granted } }";
    let too_many = json!({ "input": with(hold(), &json!({ "slots": slots(100_000) })) });
    let answer = server.anonymous().send(query, too_many.clone()).await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_USER_INPUT"));
    assert_clear(answer.message());

    let large = HttpSettings { body_limit: 16 * 1024 * 1024, ..HttpSettings::default() };
    let server = studio_with(ServerOptions { http: large, ..ServerOptions::default() }).await;
    let answer = server.anonymous().send(query, too_many).await;
    assert_eq!((answer.status, answer.code()), (200, "BAD_USER_INPUT"));
    assert_clear(answer.message());
}

#[tokio::test]
async fn a_malformed_cancel_is_refused_and_the_booking_stays() {
    let server = studio().await;
    let customer = server.customer("ada");
    let booked = customer.book(booking()).await;
    let id = &booked["booking"]["id"];
    for (reason, hint) in [("x".repeat(501), "500"), ("\u{8}".to_owned(), "control characters")] {
        let payload = customer.cancel(json!({ "id": id, "reason": reason })).await;
        assert_eq!(only_error(&payload, hint), ("INVALID".to_owned(), "reason".to_owned()));
    }
    for unknown in [json!("bkg_none"), json!(""), json!("x".repeat(10_000)), json!(7)] {
        let payload = customer.cancel(json!({ "id": unknown })).await;
        assert_eq!(payload["booking"], Value::Null);
        assert_eq!(only_error(&payload, "booking"), ("NOT_FOUND".to_owned(), "id".to_owned()));
    }
    let read = customer.ask("query ($id: ID!) { booking(id: $id) { status revision } }", json!({ "id": id })).await;
    assert_eq!(read["booking"], json!({ "status": "CONFIRMED", "revision": 1 }));
}
