//! Parts of a response that are written before the rest of it.
//!
//! The library collects a response as a tree of values, and its text is made of that at the end. For long lists the tree is
//! most of the work; their text can take its place.

use std::io::{self, Write};

use async_graphql::{Response, Value};
use serde::Serialize as _;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Says in the context that the response is written by [`to_vec`]: only then may there be text in it.
#[derive(Copy, Clone, Debug)]
pub(super) struct TakesText;

/// `json` as a value, which is written as it is.
pub(super) fn text(json: Vec<u8>) -> Value {
    // Nothing else in this schema is binary.
    Value::Binary(json.into())
}

/// The text of a response.
///
/// # Errors
/// What serde says: nothing that is in a response.
pub(super) fn to_vec(response: &Response) -> serde_json::Result<Vec<u8>> {
    let mut written = Vec::new();
    response.serialize(&mut Serializer::with_formatter(&mut written, AsItIs))?;
    Ok(written)
}

/// Writes JSON without spaces, and what is text already as it is.
struct AsItIs;

impl Formatter for AsItIs {
    fn write_byte_array<W: ?Sized + Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        writer.write_all(value)
    }
}
