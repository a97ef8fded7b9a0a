//! What has a limit: what may be open at once, what one operation may come to, and who may see the schema.

use std::fmt::Write as _;

use serde_json::{Value, json};
use slotwise::config::{HttpSettings, LimitSettings};
use slotwise::throttle::{ConnectionLimits, RateLimits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Actor, ResourceSpec, ServerOptions, Socket, TestServer, within_patience};

const PROTOCOL: &str = "graphql-transport-ws";
const WATCH: &str = "subscription { presenceChanged(resourceId: \"res_pod\", date: \"2026-12-02\") { id } }";

fn limited(connections: ConnectionLimits) -> ServerOptions {
    let limits = LimitSettings { rates: RateLimits::OFF, connections, ..LimitSettings::default() };
    ServerOptions { limits, ..ServerOptions::default() }
}

async fn server(options: ServerOptions) -> TestServer {
    let server = TestServer::start_with(options).await;
    server.resources([ResourceSpec::named("pod")]).await;
    server
}

/// Connects as soon as there is a place again.
async fn comes_in(actor: &Actor) -> Socket {
    let trying = async {
        loop {
            if let Ok(socket) = Socket::try_connect(actor, PROTOCOL).await {
                return socket;
            }
        }
    };
    within_patience("a place", trying).await
}

/// A connection that has asked for `path` and not read what comes.
async fn asks(server: &TestServer, path: &str) -> TcpStream {
    let mut stream = within_patience("a connection", TcpStream::connect(server.address)).await.unwrap();
    ask(&mut stream, path).await;
    stream
}

async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: slots.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// The beginning of the answer; empty where the server closed the connection.
async fn answer(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let read = within_patience("an answer", stream.read(&mut buffer)).await.unwrap_or(0);
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[tokio::test]
async fn an_address_has_so_many_sockets_and_gets_each_place_back() {
    let limits = ConnectionLimits { sockets: 2, ..ConnectionLimits::default() };
    let server = server(limited(limits).behind_a_proxy()).await;
    let (ada, bob) = (server.anonymous().at("192.0.2.1"), server.anonymous().at("192.0.2.2"));
    let first = Socket::open(&ada).await;
    // Whether it has introduced itself does not matter.
    let second = Socket::try_connect(&ada, PROTOCOL).await.unwrap();
    assert_eq!(Socket::try_connect(&ada, PROTOCOL).await.err(), Some((429, Some(10))));
    Socket::open(&bob).await;

    drop(first);
    let third = comes_in(&ada).await;
    assert_eq!(Socket::try_connect(&ada, PROTOCOL).await.err(), Some((429, Some(10))));
    // One that was not of the protocol, and was closed for it.
    let mut bad = second;
    bad.send(json!({ "type": "nonsense" })).await;
    while bad.next_message().await.is_some() {}
    comes_in(&ada).await;
    drop(third);
}

#[tokio::test]
async fn an_upgrade_that_fails_takes_no_place() {
    let limits = ConnectionLimits { sockets: 1, ..ConnectionLimits::default() };
    let server = server(limited(limits)).await;
    for _ in 0..3 {
        assert_eq!(
            Socket::try_connect(&server.anonymous(), "unknown").await.err().map(|(status, _)| status),
            Some(400)
        );
    }
    Socket::open(&server.anonymous()).await;
}

#[tokio::test]
async fn an_address_has_so_many_subscriptions_whatever_sockets_they_are_on() {
    let limits = ConnectionLimits { subscriptions: 2, ..ConnectionLimits::default() };
    let server = server(limited(limits).behind_a_proxy()).await;
    let (ada, bob) = (server.anonymous().at("192.0.2.1"), server.anonymous().at("192.0.2.2"));
    let mut first = ada.watch(WATCH, json!({})).await;
    first.next().await;
    let mut socket = Socket::open(&ada).await;
    socket.subscribe("second", WATCH, json!({})).await;
    assert_eq!(socket.receive().await["type"], "next");

    socket.subscribe("third", WATCH, json!({})).await;
    let refusal = socket.refusal().await;
    assert_eq!(refusal["extensions"], json!({ "code": "RATE_LIMITED", "retryAfter": 10 }), "{refusal}");
    // Only subscriptions count.
    socket.subscribe("query", "{ __typename }", json!({})).await;
    assert_eq!(socket.receive().await["payload"]["data"]["__typename"], "Query");
    assert_eq!(socket.receive().await["type"], "complete");
    bob.watch(WATCH, json!({})).await.next().await;

    // One that its client completes gives its place back, and so does one whose client vanishes.
    socket.send(json!({ "id": "second", "type": "complete" })).await;
    gets_in(&mut socket, "fourth").await;
    first.vanish();
    gets_in(&mut socket, "fifth").await;
}

#[tokio::test]
async fn what_stays_in_memory_while_somebody_watches_is_small() {
    let server = server(ServerOptions::default()).await;
    let mut socket = Socket::open(&server.anonymous()).await;
    socket.subscribe("large", WATCH, json!({ "unused": "x".repeat(64 * 1024) })).await;
    let refusal = socket.refusal().await;
    assert_eq!(refusal["extensions"]["code"], "BAD_USER_INPUT", "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("65536 bytes"), "{refusal}");
    socket.subscribe("small", WATCH, json!({ "unused": "x".repeat(60 * 1024) })).await;
    assert_eq!(socket.receive().await["type"], "next");
}

/// Subscribes until there is a place.
async fn gets_in(socket: &mut Socket, name: &str) {
    for attempt in 0.. {
        socket.subscribe(&format!("{name} {attempt}"), WATCH, json!({})).await;
        if socket.receive().await["type"] == "next" {
            return;
        }
        assert!(attempt < 10_000, "no place comes free");
    }
}

#[tokio::test]
async fn whoever_comes_when_all_connections_are_taken_waits_for_one() {
    let server = server(limited(ConnectionLimits { total: 1, ..ConnectionLimits::default() })).await;
    let mut first = asks(&server, "/healthz").await;
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = asks(&server, "/healthz").await;
    for _ in 0..20 {
        ask(&mut first, "/healthz").await;
        assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
    }
    let nothing = second.try_read(&mut [0; 16]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_address_has_so_many_connections_sockets_among_them() {
    let server = server(limited(ConnectionLimits { per_address: 1, ..ConnectionLimits::default() })).await;
    let socket = Socket::open(&server.anonymous()).await;
    assert_eq!(answer(&mut asks(&server, "/healthz").await).await, "");
    drop(socket);
    let trying = async { while !answer(&mut asks(&server, "/healthz").await).await.starts_with("HTTP/1.1 200") {} };
    within_patience("a place", trying).await;
}

#[tokio::test]
async fn a_trusted_proxy_has_as_many_connections_as_it_needs() {
    let limits = ConnectionLimits { per_address: 1, ..ConnectionLimits::default() };
    let server = server(limited(limits).behind_a_proxy()).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = asks(&server, "/healthz").await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        streams.push(stream);
    }
}

#[tokio::test]
async fn a_head_without_end_is_not_kept() {
    let server = server(ServerOptions::default()).await;
    let long = async |length: usize| {
        let mut stream = within_patience("a connection", TcpStream::connect(server.address)).await.unwrap();
        let head = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(length));
        // The server may have enough in the middle of it, and then what it has said may be lost with the connection.
        let _enough = stream.write_all(head.as_bytes()).await;
        answer(&mut stream).await
    };
    assert!(long(60_000).await.starts_with("HTTP/1.1 200"));
    assert!(!long(530_000).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_operation_that_comes_to_too_much_is_refused_before_anything_is_read() {
    let limits = LimitSettings { rates: RateLimits::OFF, complexity: 1_000, ..LimitSettings::default() };
    let server = server(ServerOptions { limits, ..ServerOptions::default() }).await;
    let anonymous = server.anonymous();
    let query = "query ($first: Int) { resources(first: $first) { nodes { eventTypes { id } } } }";
    assert_eq!(anonymous.send(query, json!({ "first": 50 })).await.status, 200);
    let (refused, statements) = server.statements_of(anonymous.send(query, json!({ "first": 100 }))).await;
    assert_eq!((refused.code(), statements), ("BAD_USER_INPUT", 0));
    assert!(refused.message().contains("1000") && refused.message().contains("smaller pages"), "{}", refused.message());
    assert!(refused.body.get("data").is_none());

    let mut socket = Socket::open(&anonymous).await;
    socket.subscribe("1", query, json!({ "first": 100 })).await;
    let refusal = socket.refusal().await;
    assert_eq!(refusal["extensions"]["code"], "BAD_USER_INPUT", "{refusal}");
    let month = "subscription { monthAvailabilityChanged(resourceId: \"res_pod\", from: \"2026-12-01\", to: \"2027-03-01\", durationMinutes: 60) { days { date available slots id: date } } }";
    socket
        .subscribe(
            "2",
            &month.replace("days {", "days { a: date b: date c: date d: date e: date f: date g: date"),
            json!({}),
        )
        .await;
    let message = socket.receive().await;
    assert!(message.to_string().contains("comes to more than 1000"), "{message}");
}

#[tokio::test]
async fn the_schema_can_be_kept_to_oneself() {
    let http = HttpSettings { introspection: false, ..HttpSettings::default() };
    let closed = server(ServerOptions { http, ..ServerOptions::default() }).await;
    let open = server(ServerOptions::default()).await;
    let schema = async |server: &TestServer| {
        reqwest::get(format!("http://{}/schema.graphql", server.address)).await.unwrap().status().as_u16()
    };
    assert_eq!((schema(&closed).await, schema(&open).await), (404, 200));

    let ask = "{ __schema { queryType { name } } }";
    assert_eq!(open.anonymous().ask(ask, json!({})).await["__schema"]["queryType"]["name"], "Query");
    for query in [ask, "{ a: __type(name: \"Query\") { name } }"] {
        let refused = closed.anonymous().send(query, json!({})).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT");
        assert!(refused.message().contains("switched off"), "{}", refused.message());
        let mut socket = Socket::open(&closed.anonymous()).await;
        socket.subscribe("1", query, json!({})).await;
        assert!(socket.receive().await.to_string().contains("switched off"));
    }
    let data = closed.anonymous().ask("{ __typename settings { __typename } }", json!({})).await;
    assert_eq!(data, json!({ "__typename": "Query", "settings": { "__typename": "Settings" } }));
}

#[tokio::test]
async fn a_schema_that_is_kept_to_oneself_is_not_told_by_way_of_misspelt_names() {
    let http = HttpSettings { introspection: false, ..HttpSettings::default() };
    let closed = server(ServerOptions { http, ..ServerOptions::default() }).await;
    let open = server(ServerOptions::default()).await;
    for (query, name) in [
        ("{ resorce(id: \"a\") { id } }", "\"resource\""),
        ("{ resourceBySlug(slugg: \"a\") { id } }", "\"slug\""),
        ("{ settings { quantumMinute } }", "\"quantumMinutes\""),
        ("mutation { heartbeet { granted } }", "\"heartbeat\""),
    ] {
        let told =
            async |server: &TestServer| server.anonymous().send(query, json!({})).await.body["errors"].to_string();
        // Within JSON, quotation marks have a backslash.
        let name = name.replace('"', "\\\"");
        assert!(told(&open).await.contains(&format!("Did you mean {name}")), "{query}: {}", told(&open).await);
        assert!(!told(&closed).await.contains("Did you mean"), "{query}: {}", told(&closed).await);
        let mut socket = Socket::open(&closed.anonymous()).await;
        socket.subscribe("1", query, json!({})).await;
        let message = socket.receive().await.to_string();
        assert!(message.contains("Unknown") && !message.contains("Did you mean"), "{message}");
    }
}

#[tokio::test]
async fn a_kilobyte_of_doubling_fragments_is_refused_on_every_way_in() {
    let mut query = String::from("{ ...F0 }");
    for number in 0..22 {
        let next = number + 1;
        write!(query, " fragment F{number} on Query {{ ...F{next} ...F{next} }}").unwrap();
    }
    query += " fragment F22 on Query { __typename }";
    assert!(query.len() < 1_100);
    let server = server(ServerOptions::default()).await;
    let anonymous = server.anonymous();
    let mut socket = Socket::open(&anonymous).await;
    socket.subscribe("1", &query, json!({})).await;
    let answers: [Value; 3] = [
        anonymous.send(&query, json!({})).await.body["errors"][0].clone(),
        anonymous.get(&query, json!({})).await.body["errors"][0].clone(),
        socket.refusal().await,
    ];
    for error in answers {
        assert!(error["message"].as_str().unwrap().contains("more than 5000 fields"), "{error}");
    }
}
