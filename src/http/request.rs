//! Reading a GraphQL operation out of a request (GraphQL over HTTP, 5).

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::accept::is_json;
use super::problem::Problem;
use crate::graphql::mask::Code;
use crate::graphql::operation::Operation;

/// How much of a body that is too large is still read, in multiples of the limit, so that the client gets to read
/// the answer instead of a reset connection.
const DRAINED: usize = 32;

/// The operation in the body of a POST, which is JSON.
pub(super) fn from_body(body: Bytes) -> Result<Operation, Problem> {
    match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) => {
            from_members(members).map(|operation| Operation { sent: Some(body), ..operation })
        }
        Ok(Value::Array(_)) => Err(Problem::bad_request(
            "The body must be one operation; several in a list are not accepted. Send them one by one.",
        )),
        Ok(_) => Err(Problem::bad_request("The body must be a JSON object with a member `query`.")),
        Err(error) => Err(Problem::bad_request(format!(
            "The body is not valid JSON: see line {}, column {}.",
            error.line(),
            error.column()
        ))),
    }
}

/// The operation in the query string of a GET. What is empty is absent.
pub(super) fn from_query_string(text: &str) -> Result<Operation, Problem> {
    let mut members = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let malformed = || Problem::bad_request("The query string is not valid: see its percent signs.");
        let (name, value) = (decoded(name).ok_or_else(malformed)?, decoded(value).ok_or_else(malformed)?);
        if value.is_empty() {
            continue;
        }
        let value = match name.as_str() {
            "query" | "operationName" => Value::String(value),
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|_| Problem::bad_request(format!("`{name}` must be a JSON object.")))?,
            _ => continue,
        };
        if members.contains_key(&name) {
            return Err(Problem::bad_request(format!("`{name}` is there twice.")));
        }
        members.insert(name, value);
    }
    from_members(members)
}

fn from_members(members: Map<String, Value>) -> Result<Operation, Problem> {
    Operation::from_members(members).map_err(Problem::bad_request)
}

/// A body that says it is JSON, as it was sent.
pub(super) async fn json_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "The body must be JSON in UTF-8: send `Content-Type: application/json`.",
        ));
    }
    // What a little can become when it is unpacked is nobody's to decide but the sender's.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "The body must not be compressed: leave out `Content-Encoding`.",
        )
        .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    read(headers, body, limit).await
}

async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) && headers.contains_key(header::EXPECT) {
        // The client waits for permission before it sends the body.
        return Err(too_large(limit));
    }
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_request("The body ended early."))?;
        seen = seen.saturating_add(chunk.len());
        if seen > limit.saturating_mul(DRAINED) {
            break;
        }
        if seen <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > limit { Err(too_large(limit)) } else { Ok(bytes.into()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::BadUserInput,
        format!("The body is too large: at most {limit} bytes are accepted."),
    )
}

/// `application/x-www-form-urlencoded`, strictly: `None` where it is malformed or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit()? << 4 | digit()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
