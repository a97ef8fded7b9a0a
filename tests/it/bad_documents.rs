//! Requests that are not as they should be, whatever they ask for: too deep, too large, or with text that is none.

use serde_json::{Value, json};

use crate::support::{Actor, EventTypeSpec, ResourceSpec, ServerOptions, Socket, TestServer, assert_clear};

async fn studio() -> TestServer {
    let server = TestServer::start_with(ServerOptions { guest_bookings: true, ..ServerOptions::default() }).await;
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    server
}

/// Fails unless the whole request is refused with a clear message that has `hint`.
async fn assert_refused(actor: &Actor, query: &str, variables: Value, hint: &str) {
    let answer = actor.send(query, variables).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{query:.200}: {}", answer.body);
    assert_clear(answer.message());
    assert!(answer.message().contains(hint), "without `{hint}`: {}", answer.message());
    assert!(answer.body.get("data").is_none(), "{}", answer.body);
}

fn nested(depth: usize) -> String {
    format!(
        "{}__typename{}",
        "{ eventTypes { nodes { resources { nodes ".repeat(depth / 4),
        "} } } }".repeat(depth / 4)
    )
}

#[tokio::test]
async fn documents_that_are_too_deep_or_too_wide_are_refused() {
    let server = studio().await;
    let anonymous = server.anonymous();
    assert_refused(&anonymous, &nested(200), json!({}), "deep").await;
    assert_refused(&anonymous, &nested(20_000), json!({}), "bytes").await;
    let list = format!("{{ resource(id: {}{}) {{ id }} }}", "[".repeat(200), "]".repeat(200));
    assert_refused(&anonymous, &list, json!({}), "deep").await;
    let wide: Vec<_> = (0..100).map(|number| format!("a{number}: settings {{ quantumMinutes }}")).collect();
    assert_refused(&anonymous, &format!("{{ {} }}", wide.join(" ")), json!({}), "aliases").await;
    let costly = r"{ resources(first: 200) { nodes { eventTypes { resources(first: 200) { nodes { id } } } } } }";
    assert_eq!(anonymous.send(costly, json!({})).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_is_refused() {
    let server = studio().await;
    let variables = json!({ "input": "x".repeat(20 * 1024 * 1024) });
    let answer = server.anonymous().send("query ($input: ID!) { resource(id: $input) { id } }", variables).await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_USER_INPUT"));
    assert_clear(answer.message());
    assert!(answer.message().contains("1048576"), "{}", answer.message());
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_refused() {
    let server = studio().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = format!(r#"{{"query": "{{ __typename }}", "variables": {{"a": {deep}}}}}"#);
    let answer = server.anonymous().post(body).await;
    assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"));
    assert_clear(answer.message());
}

#[tokio::test]
async fn variables_that_are_used_too_often_for_their_size_are_refused() {
    let server = studio().await;
    let anonymous = server.anonymous();
    let mut socket = Socket::open(&anonymous).await;
    let uses = "$v ".repeat(1_900);
    for (query, value) in [
        (format!("query ($v: [Int]) {{ resources(first: [{uses}]) {{ nodes {{ id }} }} }}"), json!(vec![1; 32 * 1024])),
        (
            format!("query ($v: String) {{ resources(kind: [{uses}]) {{ nodes {{ id }} }} }}"),
            json!("x".repeat(64 * 1024)),
        ),
        (
            format!("query ($v: Boolean) {{ __typename @include(if: [{uses}]) }}"),
            json!({ "text": "x".repeat(64 * 1024) }),
        ),
        (
            format!(
                "query ($v: String) {{ {} }} fragment F on Query {{ resources(kind: $v) {{ nodes {{ id }} }} }}",
                "...F ".repeat(100)
            ),
            json!("x".repeat(64 * 1024)),
        ),
    ] {
        assert_refused(&anonymous, &query, json!({ "v": value }), "arguments come to more than 4194304 bytes").await;
        socket.subscribe("1", &query, json!({ "v": value })).await;
        let refusal = socket.refusal().await;
        assert_eq!(refusal["extensions"]["code"], "BAD_USER_INPUT", "{refusal}");
        assert!(refusal.to_string().contains("4194304"), "{refusal}");
    }
}

#[tokio::test]
async fn a_large_variable_may_be_used_once_and_a_small_one_often() {
    let server = studio().await;
    let anonymous = server.anonymous();
    let kind = "query ($kind: String) { resources(kind: $kind) { nodes { id } } }";
    let data = anonymous.ask(kind, json!({ "kind": "x".repeat(900 * 1024) })).await;
    assert_eq!(data["resources"]["nodes"], json!([]));
    let often = format!("query ($id: ID!) {{ {} }}", "resource(id: $id) { id } ".repeat(300));
    let data = anonymous.ask(&often, json!({ "id": "res_a" })).await;
    assert_eq!(data["resource"]["id"], "res_a");
}

#[tokio::test]
async fn what_was_sent_in_the_wrong_place_is_not_repeated_at_length() {
    let server = studio().await;
    let anonymous = server.anonymous();
    let long = "x".repeat(100_000);
    let leave = "mutation ($input: LeaveInput!) { leave(input: $input) { released } }";
    let state = "query ($state: ResourceState) { resources(state: $state) { nodes { id } } }";
    let first = "query ($first: Int) { resources(first: $first) { nodes { id } } }";
    for (query, variables) in [
        (leave, json!({ "input": &long })),
        (leave, json!({ "input": { "resourceId": "res_a", "sessionSecret": [&long] } })),
        (leave, json!({ "input": { "resourceId": "res_a", "sessionSecret": "a session of the tests", &long: 1 } })),
        (state, json!({ "state": &long })),
        (state, json!({ "state": [&long] })),
        (first, json!({ "first": &long })),
        (first, json!({ "first": { "text": &long } })),
    ] {
        let answer = anonymous.send(query, variables).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{:.500}", answer.message());
        assert!(!answer.message().contains(&"x".repeat(65)), "{:.500}", answer.message());
    }
}

#[tokio::test]
async fn a_mutation_that_asks_twice_under_one_name_is_refused_and_does_nothing() {
    let server = studio().await;
    let hold = r#"heartbeat(input: { resourceId: "res_a", sessionSecret: "a session of the tests",
        slots: [{ start: "2026-12-02T09:00:00Z", durationMinutes: 60 }] }) { granted }"#;
    assert_refused(&server.anonymous(), &format!("mutation {{ {hold} {hold} }}"), json!({}), "`heartbeat` twice").await;
    let presence = r#"{ datePresence(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
    assert_eq!(server.anonymous().ask(presence, json!({})).await["datePresence"]["holds"], json!([]));
}

#[tokio::test]
async fn values_of_another_type_are_refused_in_the_words_of_graphql() {
    let server = studio().await;
    let anonymous = server.anonymous();
    for query in [
        r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", durationMinutes: 3000000000) { id } }"#,
        r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", durationMinutes: 1.5) { id } }"#,
        r#"{ daySlots(resourceId: "res_a", date: "2026-12-02", durationMinutes: "60") { id } }"#,
        r#"{ daySlots(resourceId: "res_a", date: 20261202, durationMinutes: 60) { id } }"#,
        r#"{ daySlots(resourceId: "res_a", date: null, durationMinutes: 60) { id } }"#,
        r#"{ daySlots(date: "2026-12-02", durationMinutes: 60) { id } }"#,
        r"{ resources(state: SLEEPING) { nodes { id } } }",
        r"{ resources(first: 99999999999999999999) { nodes { id } } }",
        r#"mutation { leave(input: { resourceId: "res_a" }) { released } }"#,
        r#"mutation { leave(input: { resourceId: "res_a", sessionSecret: 5 }) { released } }"#,
        r#"mutation { leave(input: { resourceId: "res_a", sessionSecret: "a session of the tests", x: 1 }) { released } }"#,
    ] {
        let answer = anonymous.send(query, json!({})).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{query}: {}", answer.body);
        assert_speaks_graphql(answer.message());
    }
    let minutes = "query ($minutes: Int) { daySlots(resourceId: \"res_a\", date: \"2026-12-02\", durationMinutes: $minutes) { id } }";
    for value in [json!("60"), json!(3_000_000_000_u64), json!(1.5), json!([60, 60]), json!({})] {
        let answer = anonymous.send(minutes, json!({ "minutes": value })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{value}: {}", answer.body);
        assert_speaks_graphql(answer.message());
    }
}

/// Fails when a message of the library's speaks Rust.
#[track_caller]
fn assert_speaks_graphql(message: &str) {
    for rust in ["i32", "i64", "u32", "f64", "usize", "Option<", "Vec<", "::", "went wrong"] {
        assert!(!message.contains(rust), "speaks of {rust}: {message}");
    }
}

/// Operations that take text from variables, and where in the variables it is.
fn operations_with_text() -> Vec<(&'static str, Value)> {
    const BOOK: &str =
        "mutation ($input: CreateBookingInput!) { createBooking(input: $input) { userErrors { code } } }";
    const HOLD: &str = "mutation ($input: HeartbeatInput!) { heartbeat(input: $input) { userErrors { code } } }";
    let nul = "a\0b";
    let hold = |name: &str, value: Value| {
        let slot = json!({ "start": "2026-12-02T09:00:00Z", "durationMinutes": 60 });
        let mut input = json!({ "resourceId": "res_a", "slots": [slot], "sessionSecret": "a session of the tests" });
        input[name] = value;
        json!({ "input": input })
    };
    let book = |name: &str, value: Value| {
        let mut input = json!({
            "resourceId": "res_a",
            "eventTypeId": "evt_hour",
            "start": "2026-12-02T09:00:00Z",
            "booker": { "name": "Ada", "email": "ada@example.org" },
            "sessionSecret": "a session of the tests",
        });
        input[name] = value;
        json!({ "input": input })
    };
    vec![
        ("query ($id: ID!) { resource(id: $id) { id } }", json!({ "id": nul })),
        ("query ($id: ID!) { eventType(id: $id) { id } }", json!({ "id": nul })),
        ("query ($id: ID!) { booking(id: $id) { id } }", json!({ "id": nul })),
        ("query ($slug: String!) { resourceBySlug(slug: $slug) { id } }", json!({ "slug": nul })),
        ("query ($kind: String!) { resources(kind: $kind) { nodes { id } } }", json!({ "kind": nul })),
        ("query ($id: ID!) { eventTypes(organizationId: $id) { nodes { id } } }", json!({ "id": nul })),
        (
            "query ($id: ID!) { daySlots(resourceId: $id, date: \"2026-12-02\", durationMinutes: 60) { id } }",
            json!({ "id": nul }),
        ),
        ("query ($id: ID!) { datePresence(resourceId: $id, date: \"2026-12-02\") { id } }", json!({ "id": nul })),
        (BOOK, book("resourceId", json!(nul))),
        (BOOK, book("eventTypeId", json!(nul))),
        (BOOK, book("addOns", json!([{ "resourceId": nul }]))),
        (BOOK, book("booker", json!({ "name": nul, "email": "ada@example.org" }))),
        (BOOK, book("metadata", json!({ "note": [nul] }))),
        (BOOK, book("metadata", json!({ nul: 1 }))),
        (BOOK, book("idempotencyKey", json!(format!("sixteen characters{nul}")))),
        (HOLD, hold("resourceId", json!(nul))),
        (HOLD, hold("eventTypeId", json!(nul))),
        (HOLD, hold("data", json!({ "note": nul }))),
        ("mutation ($id: ID!) { cancelBooking(input: { id: $id }) { userErrors { code } } }", json!({ "id": nul })),
    ]
}

#[tokio::test]
async fn text_with_a_nul_character_is_refused_wherever_it_is() {
    let server = studio().await;
    let anonymous = server.anonymous();
    for (query, variables) in operations_with_text() {
        assert_refused(&anonymous, query, variables, "U+0000").await;
    }
    for literal in [
        r#"{ resource(id: "a\u0000b") { id } }"#,
        r#"{ ...F } fragment F on Query { eventTypes { nodes { id } } ... { resourceBySlug(slug: "\u0000") { id } } }"#,
        r#"query ($id: ID = "\u0000") { booking(id: $id) { id } }"#,
        r#"mutation { createBooking(input: { resourceId: "res_a", eventTypeId: "evt_hour", start: "2026-12-02T09:00:00Z",
            metadata: { list: ["a", { b: "\u0000" }] } }) { userErrors { code } } }"#,
    ] {
        assert_refused(&anonymous, literal, json!({}), "U+0000").await;
    }
    // A backslash and a u are no NUL.
    let harmless = anonymous.send(r#"{ resource(id: "a\\u0000b") { id } }"#, json!({})).await;
    assert_eq!(harmless.code(), "NOT_FOUND");

    let mut socket = Socket::open(&anonymous).await;
    let watch = "subscription ($id: ID!) { presenceChanged(resourceId: $id, date: \"2026-12-02\") { id } }";
    socket.subscribe("1", watch, json!({ "id": "\0" })).await;
    let answer = socket.receive().await;
    let errors = if answer["type"] == "error" { &answer["payload"] } else { &answer["payload"]["errors"] };
    assert_eq!(errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
}

#[tokio::test]
async fn a_cursor_of_ones_own_making_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let server = studio().await;
    let page = server.anonymous().ask("{ resources { edges { cursor } } }", json!({})).await;
    let cursor = page["resources"]["edges"][0]["cursor"].as_str().unwrap();
    let mut content: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).unwrap()).unwrap();
    content[2] = json!("a\0b");
    let forged = URL_SAFE_NO_PAD.encode(content.to_string());
    let answer = server
        .anonymous()
        .send(&format!(r#"{{ resources(after: "{forged}") {{ nodes {{ id }} }} }}"#), json!({}))
        .await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.body);
    assert_clear(answer.message());
}

#[tokio::test]
async fn halves_of_surrogate_pairs_are_no_text() {
    let server = studio().await;
    let anonymous = server.anonymous();
    for body in [
        r#"{"query": "query ($id: ID!) { resource(id: $id) { id } }", "variables": {"id": "\ud800"}}"#,
        r#"{"query": "query ($id: ID!) { resource(id: $id) { id } }", "variables": {"id": "\udc00\ud800"}}"#,
        r#"{"query": "{ resource(id: \"\ud800\") { id } }"}"#,
    ] {
        let answer = anonymous.post(body).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"), "{body}");
        assert_clear(answer.message());
    }
    assert_refused(&anonymous, r#"{ resource(id: "\ud800") { id } }"#, json!({}), "cannot be read").await;
    // Whole pairs are text like any other.
    let body = r#"{"query": "query ($id: ID!) { resource(id: $id) { id } }", "variables": {"id": "\ud83c\udfb8"}}"#;
    let answer = anonymous.post(body).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert!(answer.message().contains('🎸'), "{}", answer.message());
}
