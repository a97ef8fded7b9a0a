//! What the protocol graphql-transport-ws asks of a server, one requirement after the other.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::over_socket::{Client, Listening};
use super::*;

fn server() -> Listening {
    Listening::new(HttpSettings::default())
}

/// The close frame that is heard next.
async fn close_frame(client: &mut Client) -> CloseFrame {
    match client.0.next().await {
        Some(Ok(Message::Close(Some(frame)))) => frame,
        other => panic!("not closed: {other:?}"),
    }
}

/// What is answered to a query under `id`, to show that the connection is still there.
async fn is_there(client: &mut Client, id: &str) {
    client.subscribe(id, "{ __typename }").await;
    assert_eq!(client.hears().await, json!({"type": "next", "id": id, "payload": {"data": {"__typename": "Query"}}}));
    assert_eq!(client.hears().await, json!({"type": "complete", "id": id}));
}

/// Waits until the connection is over.
async fn is_over(client: &mut Client) {
    while let Some(Ok(message)) = client.0.next().await {
        assert!(!message.is_text(), "{message:?}");
    }
}

#[tokio::test]
async fn whoever_sends_too_much_or_no_frames_at_all_is_cut_off_and_nobody_else() {
    let server = server();
    let mut other = server.introduced().await;
    let mut greedy = server.introduced().await;
    // The server may have had enough before all of it is sent.
    let _cut_off = greedy.0.send(Message::text(" ".repeat(256 * 1024 + 1))).await;
    is_over(&mut greedy).await;
    // An opcode that there is none of; a frame that says it is compressed, which nobody has agreed to; one that is not
    // masked; one that announces more than there can be.
    let frames: [&[u8]; 4] = [
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[0x81, 0x01, b'x'],
        &[0x81, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0],
    ];
    for frame in frames {
        let mut client = server.introduced().await;
        client.0.get_mut().write_all(frame).await.unwrap();
        is_over(&mut client).await;
    }
    is_there(&mut other, "1").await;
}

#[tokio::test]
async fn what_is_no_message_of_the_protocol_closes_with_4400_and_a_reason() {
    let server = server();
    let subscribe = |payload: Value| json!({"type": "subscribe", "id": "1", "payload": payload}).to_string();
    let mut wrong = vec![
        String::new(),
        "nonsense".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "[{\"type\": \"ping\"}]".to_owned(),
        "{}".to_owned(),
        json!({"type": 1}).to_string(),
        json!({"type": "PING"}).to_string(),
        json!({"type": "start", "id": "1", "payload": {"query": "{ __typename }"}}).to_string(),
        json!({"type": "next", "id": "1", "payload": {}}).to_string(),
        json!({"type": "connection_ack"}).to_string(),
        json!({"type": "ping", "payload": "text"}).to_string(),
        json!({"type": "pong", "payload": []}).to_string(),
        json!({"type": "connection_init", "payload": 1}).to_string(),
        json!({"type": "complete"}).to_string(),
        json!({"type": "complete", "id": 1}).to_string(),
        json!({"type": "subscribe", "payload": {"query": "{ __typename }"}}).to_string(),
        json!({"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}).to_string(),
        json!({"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}).to_string(),
        json!({"type": "subscribe", "id": "x".repeat(257), "payload": {"query": "{ __typename }"}}).to_string(),
        json!({"type": "subscribe", "id": "1"}).to_string(),
    ];
    wrong.extend(
        [
            json!("{ __typename }"),
            json!({}),
            json!({"query": 1}),
            json!({"query": null}),
            json!({"query": "{ __typename }", "operationName": 1}),
            json!({"query": "{ __typename }", "variables": []}),
            json!({"query": "{ __typename }", "variables": "{}"}),
            json!({"query": "{ __typename }", "extensions": 1}),
        ]
        .map(subscribe),
    );
    for text in wrong {
        let mut client = server.introduced().await;
        client.0.send(Message::text(text.clone())).await.unwrap();
        let frame = close_frame(&mut client).await;
        assert_eq!(u16::from(frame.code), 4400, "{text}");
        assert!((10..=123).contains(&frame.reason.len()), "{text}: {}", frame.reason);
    }
}

#[tokio::test]
async fn who_says_nothing_is_closed_with_4408_and_who_has_introduced_themself_is_not() {
    let server = server();
    let (mut silent, mut introduced) = (server.connect().await, server.introduced().await);
    tokio::time::pause();
    assert_eq!(silent.is_closed().await, 4408);
    tokio::time::resume();
    is_there(&mut introduced, "1").await;
}

#[tokio::test]
async fn an_introduction_is_acknowledged_once_and_with_any_payload() {
    let server = server();
    for payload in [json!(null), json!({}), json!({"anything": {"goes": true}})] {
        let mut client = server.connect().await;
        client.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.hears().await, json!({"type": "connection_ack"}));
        client.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.is_closed().await, 4429);
    }
    // Also while the first one is looked at.
    let mut client = server.connect().await;
    client.say(json!({"type": "connection_init"})).await;
    client.say(json!({"type": "connection_init"})).await;
    loop {
        match client.0.next().await {
            Some(Ok(Message::Text(text))) => assert_eq!(text.as_str(), r#"{"type":"connection_ack"}"#),
            Some(Ok(Message::Close(Some(frame)))) => break assert_eq!(u16::from(frame.code), 4429),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_at_any_time_with_its_payload_and_a_pong_by_nothing() {
    let server = server();
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.say(json!({"type": "ping"})).await;
        assert_eq!(client.hears().await, json!({"type": "pong"}));
        client.say(json!({"type": "ping", "payload": {"sent": 1}})).await;
        assert_eq!(client.hears().await, json!({"type": "pong", "payload": {"sent": 1}}));
        client.say(json!({"type": "pong"})).await;
        client.say(json!({"type": "pong", "payload": {"unasked": true}})).await;
        client.say(json!({"type": "ping"})).await;
        assert_eq!(client.hears().await, json!({"type": "pong"}));
        client = server.introduced().await;
    }
}

#[tokio::test]
async fn nothing_can_be_asked_before_the_introduction_is_acknowledged() {
    let server = server();
    let mut client = server.connect().await;
    client.subscribe("1", "{ __typename }").await;
    assert_eq!(client.is_closed().await, 4401);
}

#[tokio::test]
async fn an_id_is_used_by_one_operation_at_a_time() {
    let server = server();
    let mut client = server.introduced().await;
    is_there(&mut client, "1").await;
    is_there(&mut client, "1").await;
    client.subscribe("1", "subscription { count(to: 0) }").await;
    client.say(json!({"type": "complete", "id": "1"})).await;
    is_there(&mut client, "1").await;
    client.subscribe("a \"name\" \u{1f600}", "subscription { count(to: 1) }").await;
    assert_eq!(client.hears().await["id"], "a \"name\" \u{1f600}");
    client.subscribe("a \"name\" \u{1f600}", "{ __typename }").await;
    let frame = close_frame(&mut client).await;
    assert_eq!(u16::from(frame.code), 4409);
    assert!(frame.reason.contains("already exists"), "{}", frame.reason);
}

#[tokio::test]
async fn a_client_that_completes_hears_nothing_more_of_it() {
    let server = server();
    let mut client = server.introduced().await;
    client.subscribe("watching", "subscription { count(to: 1) }").await;
    assert_eq!(client.hears().await["type"], "next");
    for id in ["watching", "watching", "never begun"] {
        client.say(json!({"type": "complete", "id": id})).await;
    }
    is_there(&mut client, "next").await;
}

#[tokio::test]
async fn queries_and_mutations_are_answered_by_one_next_and_complete() {
    let server = server();
    let mut client = server.introduced().await;
    for (query, data) in
        [("{ echo(text: \"a\") }", json!({"echo": "a"})), ("mutation { change(to: \"b\") }", json!({"change": "b"}))]
    {
        client.subscribe("1", query).await;
        assert_eq!(client.hears().await, json!({"type": "next", "id": "1", "payload": {"data": data}}));
        assert_eq!(client.hears().await, json!({"type": "complete", "id": "1"}));
    }
    // One that runs holds up no other.
    client.subscribe("slow", "{ never }").await;
    is_there(&mut client, "quick").await;
}

#[tokio::test]
async fn what_is_not_executed_is_answered_by_an_error_and_by_nothing_else() {
    let server = server();
    let mut client = server.introduced().await;
    for query in ["{ nothing }", "{", "", "subscription { nothing }", "query A { __typename } query B { __typename }"] {
        client.subscribe("1", query).await;
        let refusal = client.hears().await;
        assert_eq!((&refusal["type"], &refusal["id"]), (&json!("error"), &json!("1")), "{query}: {refusal}");
        let errors = refusal["payload"].as_array().unwrap();
        assert!(!errors.is_empty() && errors.iter().all(|error| error["message"].is_string()), "{refusal}");
        // Its id is free again at once.
        is_there(&mut client, "1").await;
    }
}

#[tokio::test]
async fn the_name_of_the_operation_and_variables_count_and_what_else_there_is_is_passed_over() {
    let server = server();
    let mut client = server.introduced().await;
    let payload = json!({
        "query": "query A($t: String!) { echo(text: $t) } query B { __typename }",
        "operationName": "A", "variables": {"t": "hello"}, "extensions": {"tracing": true}, "more": 1,
    });
    client.say(json!({"type": "subscribe", "id": "1", "payload": payload, "more": 1})).await;
    assert_eq!(client.hears().await["payload"], json!({"data": {"echo": "hello"}}));
    assert_eq!(client.hears().await["type"], "complete");
    let payload = json!({"query": "{ __typename }", "operationName": null, "variables": null, "extensions": null});
    let text = json!({"type": "subscribe", "id": "2", "payload": payload}).to_string();
    client.0.send(Message::binary(text.into_bytes())).await.unwrap();
    assert_eq!(client.hears().await["payload"], json!({"data": {"__typename": "Query"}}));
}

#[tokio::test]
async fn the_server_asks_whether_the_client_is_there_and_closes_when_it_is_not() {
    let server = server();
    let mut client = server.introduced().await;
    tokio::time::pause();
    // Answered by the library below, like by any browser.
    assert!(matches!(client.0.next().await, Some(Ok(Message::Ping(_)))));
    tokio::time::resume();
    is_there(&mut client, "1").await;
}
