//! A client of graphql-transport-ws and of the older graphql-ws, as small as it can be.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::actor::Actor;
use super::within_patience;

/// What is spoken over a socket.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// `graphql-transport-ws`.
    TransportWs,
    /// `graphql-ws`, the older one.
    Legacy,
}

impl Subprotocol {
    pub const BOTH: [Self; 2] = [Self::TransportWs, Self::Legacy];

    fn name(self) -> &'static str {
        match self {
            Self::TransportWs => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }

    /// How it calls the start of an operation, and what comes of it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::TransportWs => ("subscribe", "next"),
            Self::Legacy => ("start", "data"),
        }
    }
}

/// A socket that has been acknowledged.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    subprotocol: Subprotocol,
}

/// One subscription on a socket of its own.
pub struct Watch(Socket);

impl Socket {
    /// Connects as `actor` and waits for the acknowledgement.
    pub async fn open(actor: &Actor) -> Self {
        Self::open_with(actor, Subprotocol::TransportWs).await
    }

    /// The same, in either subprotocol.
    pub async fn open_with(actor: &Actor, subprotocol: Subprotocol) -> Self {
        let mut socket = Self::try_connect(actor, subprotocol.name()).await.unwrap();
        socket.subprotocol = subprotocol;
        let payload = actor.token().map(|token| json!({ "Authorization": format!("Bearer {token}") }));
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }

    /// Connects and says nothing yet.
    pub async fn connect(url: &str, protocol: &str) -> Self {
        Self::shake_hands(url, protocol, None).await.unwrap()
    }

    /// Connects from where `actor` is and says nothing yet; the status and `Retry-After` of a refusal.
    pub async fn try_connect(actor: &Actor, protocol: &str) -> Result<Self, (u16, Option<u64>)> {
        Self::shake_hands(actor.url(), protocol, actor.forwarded_for()).await
    }

    async fn shake_hands(url: &str, protocol: &str, forwarded_for: Option<&str>) -> Result<Self, (u16, Option<u64>)> {
        let mut request = url.replacen("http", "ws", 1).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        if let Some(forwarded_for) = forwarded_for {
            request.headers_mut().insert("x-forwarded-for", forwarded_for.parse().unwrap());
        }
        match within_patience("a socket", Box::pin(connect_async(request))).await {
            Ok((stream, _)) => Ok(Self { stream, subprotocol: Subprotocol::TransportWs }),
            Err(tungstenite::Error::Http(refusal)) => {
                let retry_after =
                    refusal.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
                Err((refusal.status().as_u16(), retry_after))
            }
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// Sends one message.
    pub async fn send(&mut self, message: Value) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message.
    pub async fn receive(&mut self) -> Value {
        within_patience("a message", self.next_message()).await.expect("the socket was closed")
    }

    /// The first error of the next message, which is that nothing comes of an operation.
    pub async fn refusal(&mut self) -> Value {
        let refused = self.receive().await;
        assert_eq!(refused["type"], "error", "{refused}");
        refused["payload"][0].clone()
    }

    /// The next message; `None` when the server has closed the socket.
    pub async fn next_message(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Starts an operation under `id`.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        let (start, _) = self.subprotocol.words();
        self.send(json!({ "id": id, "type": start, "payload": payload })).await;
    }

    /// Gives the whole socket to one subscription.
    pub async fn into_watch(mut self, query: &str, variables: Value) -> Watch {
        self.subscribe("1", query, variables).await;
        Watch(self)
    }
}

impl Watch {
    /// The data of the next message: of the subscription's only field.
    pub async fn next(&mut self) -> Value {
        let message = self.0.receive().await;
        let (_, next) = self.0.subprotocol.words();
        assert_eq!(message["type"], next, "expected a state: {message}");
        assert!(message["payload"].get("errors").is_none(), "expected no errors: {message}");
        let data = message["payload"]["data"].as_object().unwrap().clone();
        data.into_iter().next().unwrap().1
    }

    /// The next message as it is.
    pub async fn next_raw(&mut self) -> Value {
        self.0.receive().await
    }

    /// The socket, for something else on the same connection.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.0
    }

    /// Whether the server ends the subscription next.
    pub async fn ends(&mut self) -> bool {
        match within_patience("the end", self.0.next_message()).await {
            Some(message) => message["type"] == "complete",
            None => true,
        }
    }

    /// Goes away without a word.
    pub fn vanish(self) {
        drop(self);
    }
}
