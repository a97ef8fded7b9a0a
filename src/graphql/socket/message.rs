//! The messages of `graphql-transport-ws`, read strictly and written.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::graphql::operation::Operation;

/// How long an id may be, in bytes: it is written with each message.
const MAX_ID: usize = 256;

/// A client's message.
pub(super) enum ClientMessage {
    /// `connection_init`, with its payload.
    Init(Value),
    /// `ping`, with its payload.
    Ping(Option<Map<String, Value>>),
    /// `pong`.
    Pong,
    /// `subscribe`.
    Subscribe(String, Operation),
    /// `complete`.
    Complete(String),
}

/// A message as it is written. Keys that are not of the protocol are passed over.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Value>,
    payload: Option<Value>,
}

impl ClientMessage {
    /// The message in `text`.
    ///
    /// # Errors
    /// It is none: a sentence that says why.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let Ok(Written { kind, id, payload }) = serde_json::from_slice(text) else {
            return Err("A message is an object of JSON with a `type`.".to_owned());
        };
        match kind.as_str() {
            "connection_init" => Ok(Self::Init(object(payload)?.map_or(Value::Null, Value::Object))),
            "ping" => object(payload).map(Self::Ping),
            "pong" => object(payload).map(|_| Self::Pong),
            "subscribe" => Ok(Self::Subscribe(read_id(id)?, operation(payload)?)),
            "complete" => read_id(id).map(Self::Complete),
            _ => Err("`type` is none that a client may send.".to_owned()),
        }
    }
}

fn read_id(id: Option<Value>) -> Result<String, String> {
    match id {
        Some(Value::String(id)) if (1..=MAX_ID).contains(&id.len()) => Ok(id),
        _ => Err(format!("`id` must be a text of 1 to {MAX_ID} bytes.")),
    }
}

fn object(payload: Option<Value>) -> Result<Option<Map<String, Value>>, String> {
    match payload {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err("`payload` must be an object.".to_owned()),
    }
}

fn operation(payload: Option<Value>) -> Result<Operation, String> {
    let members = object(payload)?.ok_or("`payload` must have a `query`.")?;
    Operation::from_members(members).map_err(|wrong| format!("In `payload`: {wrong}"))
}

/// `connection_ack`.
pub(super) fn ack() -> String {
    r#"{"type":"connection_ack"}"#.to_owned()
}

/// The answer to a `ping` with this payload.
pub(super) fn pong(payload: Option<Map<String, Value>>) -> String {
    match payload {
        None => r#"{"type":"pong"}"#.to_owned(),
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
    }
}

/// An id as JSON, written once for all messages of its operation.
pub(super) fn written_id(id: &str) -> String {
    Value::from(id).to_string()
}

/// `next`, with a response as JSON.
pub(super) fn next(id: &str, response: &Bytes) -> Option<String> {
    framed("next", id, response)
}

/// `error`, with a list of errors as JSON.
pub(super) fn error(id: &str, errors: &Bytes) -> Option<String> {
    framed("error", id, errors)
}

/// `complete`.
pub(super) fn complete(id: &str) -> String {
    format!(r#"{{"type":"complete","id":{id}}}"#)
}

/// The one thing that differs from client to client is around what all are sent.
fn framed(kind: &str, id: &str, payload: &Bytes) -> Option<String> {
    // Made by us from text: it always is.
    let payload = std::str::from_utf8(payload).ok()?;
    let parts = [r#"{"type":""#, kind, r#"","id":"#, id, r#","payload":"#, payload, "}"];
    // Of the very size, it is handed on as it is.
    Some(parts.concat())
}
