//! HTTP byte by byte, for clients that stop in the middle.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Actor, within_patience};

/// One connection that carries one request, as far as it is sent.
pub struct RawRequest {
    stream: TcpStream,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl RawRequest {
    /// Connects to send an operation as `actor`, and sends nothing yet.
    pub async fn open(actor: &Actor, query: &str, variables: Value) -> Self {
        let address: SocketAddr = actor.url().split('/').nth(2).unwrap().parse().unwrap();
        let body = json!({ "query": query, "variables": variables }).to_string().into_bytes();
        let token = actor.token().map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: {address}\r\n{token}content-type: application/json\r\n\
             content-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let stream = within_patience("a connection", TcpStream::connect(address)).await.unwrap();
        Self { stream, head: head.into_bytes(), body }
    }

    /// Sends everything up to the body.
    pub async fn send_head(&self) {
        self.write(&self.head).await;
    }

    /// Waits until the server wants the body: it has the request in hand by then.
    pub async fn is_wanted(&self) {
        let answer = self.read_until(b"\r\n\r\n").await;
        assert!(answer.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&answer));
    }

    /// Sends a part of the body.
    pub async fn send_body(&self, part: std::ops::Range<usize>) {
        self.write(&self.body[part]).await;
    }

    /// How long the body is.
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Waits until there is something to read: the server has answered.
    pub async fn is_answered(&self) {
        let peeked = within_patience("an answer", self.stream.peek(&mut [0])).await.unwrap();
        assert_eq!(peeked, 1, "the server closed the connection");
    }

    /// The answer's body.
    pub async fn answer(self) -> Value {
        let answer = String::from_utf8(self.read_until(b"").await).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    async fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            within_patience("room to write", self.stream.writable()).await.unwrap();
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Reads until `end`, or until the connection is closed where that is empty.
    async fn read_until(&self, end: &[u8]) -> Vec<u8> {
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while end.is_empty() || !answer.ends_with(end) {
            within_patience("something to read", self.stream.readable()).await.unwrap();
            match self.stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
            }
        }
        answer
    }
}
