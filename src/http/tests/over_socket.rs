use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;
use crate::auth::{KeySetAddress, SignatureAlgorithm};

/// A server that listens.
pub(super) struct Listening {
    fixture: Fixture,
    address: SocketAddr,
    serving: JoinHandle<std::io::Result<Ended>>,
}

impl Listening {
    pub(super) fn new(settings: HttpSettings) -> Self {
        Self::of(Fixture::with(settings))
    }

    fn of(fixture: Fixture) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, fixture.state.clone().into(), Duration::from_secs(5)));
        Self { fixture, address, serving }
    }

    async fn try_connect(&self, protocol: &'static str, origin: Option<&'static str>) -> Result<Client, Error> {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().unwrap();
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await.map(|(stream, _)| Client(stream))
    }

    pub(super) async fn connect(&self) -> Client {
        self.try_connect("graphql-transport-ws", None).await.unwrap()
    }

    /// The introduction of `usr_ada`.
    fn introduction(&self) -> Value {
        let authorization = format!("Bearer {}", self.fixture.token());
        json!({"type": "connection_init", "payload": {"Authorization": authorization}})
    }

    /// `usr_ada`, who has introduced herself.
    async fn signed_in(&self) -> Client {
        let mut client = self.connect().await;
        client.say(self.introduction()).await;
        assert_eq!(client.hears().await, json!({"type": "connection_ack"}));
        client
    }

    /// A client that has introduced itself.
    pub(super) async fn introduced(&self) -> Client {
        let mut client = self.connect().await;
        client.say(json!({"type": "connection_init"})).await;
        assert_eq!(client.hears().await, json!({"type": "connection_ack"}));
        client
    }
}

pub(super) struct Client(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(super) async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({"type": "subscribe", "id": id, "payload": {"query": query}})).await;
    }

    pub(super) async fn hears(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("not a text: {other:?}"),
            }
        }
    }

    /// Asks, and is answered UNAUTHENTICATED on a connection that stays open.
    async fn is_refused(&mut self, query: &str) {
        self.subscribe("refused", query).await;
        let refusal = self.hears().await;
        assert_eq!((&refusal["type"], &refusal["id"]), (&json!("error"), &json!("refused")), "{query}: {refusal}");
        let error = &refusal["payload"][0];
        assert_eq!(error["extensions"]["code"], "UNAUTHENTICATED", "{query}: {refusal}");
        assert!(error["message"].as_str().unwrap().contains("Connect again with a fresh one"), "{refusal}");
    }

    /// The code that the connection is closed with.
    pub(super) async fn is_closed(&mut self) -> u16 {
        match self.0.next().await {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            other => panic!("not closed: {other:?}"),
        }
    }
}

fn refused_with(result: Result<Client, Error>) -> u16 {
    match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    }
}

#[tokio::test]
async fn a_subscription_gets_what_happens() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.introduced().await;
    client.subscribe("1", "subscription { count(to: 2) }").await;
    for number in [1, 2] {
        let next = json!({"type": "next", "id": "1", "payload": {"data": {"count": number}}});
        assert_eq!(client.hears().await, next);
    }
    client.subscribe("2", "{ transport whoami }").await;
    let next = json!({"type": "next", "id": "2", "payload": {"data": {"transport": "WebSocket", "whoami": null}}});
    assert_eq!(client.hears().await, next);
    assert_eq!(client.hears().await, json!({"type": "complete", "id": "2"}));
}

#[tokio::test]
async fn the_older_protocol_is_spoken_too() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.try_connect("graphql-ws", None).await.unwrap();
    client.say(json!({"type": "connection_init", "payload": {}})).await;
    assert_eq!(client.hears().await, json!({"type": "connection_ack"}));
    client.say(json!({"type": "start", "id": "1", "payload": {"query": "subscription { count(to: 1) }"}})).await;
    assert_eq!(client.hears().await, json!({"type": "data", "id": "1", "payload": {"data": {"count": 1}}}));
}

#[tokio::test]
async fn without_a_protocol_or_from_a_page_that_may_not_nobody_connects() {
    let origins = Origins::Listed(vec!["https://app.example".into()]);
    let server = Listening::new(HttpSettings { origins, ..HttpSettings::default() });
    assert_eq!(refused_with(server.try_connect("", None).await), 400);
    assert_eq!(refused_with(server.try_connect("soap", None).await), 400);
    assert_eq!(refused_with(server.try_connect("graphql-transport-ws", Some("https://evil.example")).await), 403);
    assert_eq!(refused_with(server.try_connect("graphql-transport-ws", Some("https://app.example")).await), 101);
}

#[tokio::test]
async fn the_first_message_says_who_the_client_is_until_the_token_expires() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.signed_in().await;
    client.subscribe("1", "{ whoami }").await;
    assert_eq!(client.hears().await["payload"]["data"]["whoami"], "usr_ada");
    assert_eq!(client.hears().await["type"], "complete");
    client.subscribe("watching", "subscription { count(to: 1) }").await;
    assert_eq!(client.hears().await["type"], "next");

    server.fixture.clock.advance(Duration::from_mins(2));
    for query in ["{ whoami }", "mutation { change }", "subscription { count(to: 1) }"] {
        client.is_refused(query).await;
    }
    // What was watched before still is.
    client.subscribe("watching", "{ whoami }").await;
    assert_eq!(client.is_closed().await, 4409);
}

#[tokio::test]
async fn whoever_is_not_let_in_any_more_is_told_at_the_next_operation() {
    let server = Listening::new(HttpSettings::default());
    let (mut client, mut guest) = (server.signed_in().await, server.introduced().await);
    server.fixture.let_in.store(false, Ordering::SeqCst);
    client.is_refused("{ whoami }").await;
    guest.subscribe("1", "{ whoami }").await;
    assert!(guest.hears().await["payload"]["data"].is_object());

    let mut late = server.connect().await;
    late.say(server.introduction()).await;
    assert_eq!(late.is_closed().await, 4403);

    server.fixture.let_in.store(true, Ordering::SeqCst);
    client.subscribe("2", "{ whoami }").await;
    assert_eq!(client.hears().await["payload"]["data"]["whoami"], "usr_ada");
}

#[tokio::test]
async fn a_client_whose_token_nobody_can_verify_yet_is_told_to_come_back() {
    let mut fixture = Fixture::new();
    // Nothing listens there.
    let address = KeySetAddress::parse("http://127.0.0.1:1/jwks").unwrap();
    let algorithms = vec![SignatureAlgorithm::Rs256];
    let settings = TokenSettings::new(TokenKey::Set { address, algorithms });
    fixture.state.tokens = Arc::new(Tokens::new(Some(&settings), fixture.clock.clone()));
    let server = Listening::of(fixture);
    for (header, code) in [(r#"{"alg":"RS256","kid":"1"}"#, 1013), (r#"{"alg":"HS256","kid":"1"}"#, 4403)] {
        let token = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header));
        let mut client = server.connect().await;
        let payload = json!({"Authorization": format!("Bearer {token}")});
        client.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(client.is_closed().await, code, "{header}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_closes_the_connection() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.connect().await;
    client.say(json!({"type": "connection_init", "payload": {"Authorization": "Bearer a.b.c"}})).await;
    assert_eq!(client.is_closed().await, 4403);
}

#[tokio::test]
async fn whoever_does_not_keep_to_the_protocol_is_closed() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.introduced().await;
    client.say(json!({"type": "nonsense"})).await;
    assert_eq!(client.is_closed().await, 4400);

    let mut client = server.connect().await;
    client.subscribe("1", "{ whoami }").await;
    assert_eq!(client.is_closed().await, 4401);

    let mut client = server.introduced().await;
    client.say(json!({"type": "connection_init"})).await;
    assert_eq!(client.is_closed().await, 4429);
}

#[tokio::test]
async fn operations_pass_the_same_check_and_mask_as_over_http() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.introduced().await;
    for (query, code) in [
        ("{ ...A } fragment A on Query { ...A }", "BAD_USER_INPUT"),
        ("subscription { nothing }", "BAD_USER_INPUT"),
        ("subscription { panics }", "INTERNAL_SERVER_ERROR"),
        ("{ panic }", "INTERNAL_SERVER_ERROR"),
    ] {
        client.subscribe("1", query).await;
        let refusal = client.hears().await;
        assert_eq!(refusal["type"], "error", "{query}: {refusal}");
        assert_eq!(refusal["payload"][0]["extensions"]["code"], code, "{query}: {refusal}");
    }
    for query in ["subscription { broken }", "{ leak }", "{ leakHard }"] {
        client.subscribe("1", query).await;
        let next = client.hears().await;
        assert_eq!(next["payload"]["errors"][0]["extensions"]["code"], "INTERNAL_SERVER_ERROR", "{query}: {next}");
        assert!(!next.to_string().contains("hunter2"));
        assert_eq!(client.hears().await["type"], "complete", "{query}");
    }
}

#[tokio::test]
async fn one_connection_cannot_run_any_number_of_operations() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.introduced().await;
    for number in 0..100 {
        client.subscribe(&number.to_string(), "subscription { count(to: 0) }").await;
    }
    client.subscribe("one too many", "subscription { count(to: 0) }").await;
    let refusal = client.hears().await;
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{refusal}");
    client.say(json!({"type": "complete", "id": "5"})).await;
    client.subscribe("again", "{ whoami }").await;
    assert!(client.hears().await["payload"]["data"].is_object());
    assert_eq!(client.hears().await["type"], "complete");
}

#[tokio::test]
async fn a_server_that_stops_completes_its_streams_and_closes() {
    let server = Listening::new(HttpSettings::default());
    let (mut watching, mut idle) = (server.introduced().await, server.introduced().await);
    watching.subscribe("1", "subscription { count(to: 1) }").await;
    assert_eq!(watching.hears().await["type"], "next");

    server.fixture.state.shutdown.cancel();
    assert_eq!(watching.hears().await, json!({"type": "complete", "id": "1"}));
    assert_eq!(watching.is_closed().await, 1012);
    assert_eq!(idle.is_closed().await, 1012);
    assert_eq!(server.serving.await.unwrap().unwrap(), Ended::Gracefully);
    assert!(TcpStream::connect(server.address).await.is_err(), "nothing more is accepted");
}

#[tokio::test]
async fn what_does_not_end_in_time_does_not_hold_the_server_up() {
    let fixture = Fixture::new();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // Somebody who never finishes, as far as the server knows.
    let somebody = fixture.state.sockets.token();
    let serving = tokio::spawn(serve(listener, fixture.state.clone().into(), Duration::from_millis(1)));
    fixture.state.shutdown.cancel();
    assert_eq!(serving.await.unwrap().unwrap(), Ended::OutOfTime);
    drop(somebody);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = Listening::new(HttpSettings::default());
    let mut client = server.introduced().await;
    client.subscribe("1", "subscription { count(to: 1) }").await;
    assert_eq!(client.hears().await["type"], "next");
    drop(client);
    server.fixture.state.sockets.close();
    server.fixture.state.sockets.wait().await;
}
