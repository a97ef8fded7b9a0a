//! The way over HTTP to the real thing: what GET may carry, health, and the end of a server.

use serde_json::{Value, json};

use crate::support::{EventTypeSpec, ResourceSpec, Socket, TestServer, within_patience};

async fn studio() -> TestServer {
    let server = TestServer::start().await;
    server.resources([ResourceSpec::named("a")]).await;
    server.event_types([EventTypeSpec::named("hour", &[60], &["a"])]).await;
    server
}

fn address(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

#[tokio::test]
async fn queries_come_by_get_as_well_and_mutations_do_not() {
    let server = studio().await;
    let ada = server.customer("ada");
    let slots = "query ($id: ID!) { daySlots(resourceId: $id, date: \"2026-12-02\", durationMinutes: 60) { date } viewer { id } }";
    let answer = ada.get(slots, json!({ "id": "res_a" })).await.data();
    assert_eq!(answer, json!({ "daySlots": { "date": "2026-12-02" }, "viewer": { "id": "ada" } }));

    let book = r#"mutation { createBooking(input: { resourceId: "res_a", eventTypeId: "evt_hour",
        start: "2026-12-02T09:00:00Z" }) { booking { id } } }"#;
    let answer = ada.get(book, json!({})).await;
    assert_eq!((answer.status, answer.code()), (405, "BAD_USER_INPUT"));
    let free = r#"{ isAvailable(resourceId: "res_a", start: "2026-12-02T09:00:00Z", end: "2026-12-02T10:00:00Z") }"#;
    assert_eq!(ada.ask(free, json!({})).await["isAvailable"], true);
}

#[tokio::test]
async fn secrets_are_refused_in_addresses() {
    let server = studio().await;
    let input = json!({ "resourceId": "res_a", "eventTypeId": "evt_hour", "start": "2026-12-02T09:00:00Z" });
    let booked = server.customer("ada").book(input).await;
    let (id, token) = (&booked["booking"]["id"], &booked["managementToken"]);
    let read = "query ($id: ID!, $token: String) { booking(id: $id, managementToken: $token) { status } settings { quantumMinutes } }";
    let anonymous = server.anonymous();

    let answer = anonymous.get(read, json!({ "id": id, "token": token })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    assert!(answer.message().contains("POST"), "{}", answer.message());
    assert_eq!(answer.body["data"], json!({ "booking": null, "settings": { "quantumMinutes": 15 } }));
    // A wrong one is not told apart from the right one.
    assert_eq!(anonymous.get(read, json!({ "id": id, "token": "wrong" })).await.body, answer.body);

    let posted = anonymous.ask(read, json!({ "id": id, "token": token })).await;
    assert_eq!(posted["booking"]["status"], "CONFIRMED");
    // Without the secret there is nothing to refuse, and nothing to see.
    assert_eq!(anonymous.get(read, json!({ "id": id })).await.data()["booking"], Value::Null);
}

#[tokio::test]
async fn a_server_tells_that_it_is_well() {
    let server = studio().await;
    for path in ["/healthz", "/readyz"] {
        let answer = within_patience("an answer", reqwest::get(address(&server, path))).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn graphiql_is_served_with_everything_that_it_needs() {
    let server = studio().await;
    let page = reqwest::get(address(&server, "/")).await.unwrap().text().await.unwrap();
    let assets: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert!(assets.iter().any(|asset| asset.contains("graphiql")), "{page:.300}");
    for asset in assets {
        assert_eq!(reqwest::get(address(&server, asset)).await.unwrap().status(), 200, "{asset}");
    }
}

#[tokio::test]
async fn subscriptions_over_http_are_told_where_to_go() {
    let server = studio().await;
    let watch = r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { id } }"#;
    let answer = server.anonymous().send(watch, json!({})).await;
    assert_eq!((answer.status, answer.code()), (400, "BAD_USER_INPUT"));
    assert!(answer.message().contains("graphql-transport-ws"), "{}", answer.message());
}

#[tokio::test]
async fn the_older_socket_protocol_watches_as_well() {
    let server = studio().await;
    let mut socket = Socket::connect(&server.url(), "graphql-ws").await;
    socket.send(json!({ "type": "connection_init", "payload": {} })).await;
    assert_eq!(socket.receive().await["type"], "connection_ack");
    let query = r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { holds { start } } }"#;
    socket.send(json!({ "id": "1", "type": "start", "payload": { "query": query } })).await;
    // Keep-alive messages may come in between.
    let mut message = socket.receive().await;
    while message["type"] == "ka" {
        message = socket.receive().await;
    }
    assert_eq!(message["type"], "data", "{message}");
    assert_eq!(message["payload"]["data"]["presenceChanged"]["holds"], json!([]));
}

#[tokio::test]
async fn a_server_that_ends_completes_what_is_watched() {
    let server = studio().await;
    let query = r#"subscription { presenceChanged(resourceId: "res_a", date: "2026-12-02") { id } }"#;
    let mut watch = server.anonymous().watch(query, json!({})).await;
    watch.next().await;
    let ended = tokio::spawn(server.stop());
    assert!(watch.ends().await);
    within_patience("the server to end", ended).await.unwrap();
}
