//! Operations as clients send them, whatever transport they come by.

use async_graphql::parser::types::OperationType;
use bytes::Bytes;
use serde_json::{Map, Value};

/// An operation as a client sends it. It cannot be shown: its variables may be secrets.
#[derive(Default)]
pub struct Operation {
    /// The GraphQL document; may be left out where `extensions` name one that the server keeps.
    pub query: Option<String>,
    /// Which of the document's operations; can be left out when there is only one.
    #[expect(clippy::struct_field_names, reason = "the name that the specification gives it")]
    pub operation_name: Option<String>,
    /// The values of the operation's variables.
    pub variables: Map<String, Value>,
    /// What else the client says: `persistedQuery`, by which hash the document is known.
    pub extensions: Map<String, Value>,
    /// The JSON that it was read from, where that was all there was: whoever sends the same asks for the same.
    pub sent: Option<Bytes>,
}

impl Operation {
    /// The operation that has these members; others are passed over.
    ///
    /// # Errors
    /// A sentence that says which of them is wrong.
    pub fn from_members(mut members: Map<String, Value>) -> Result<Self, String> {
        let query = text(&mut members, "query")?;
        let operation_name = text(&mut members, "operationName")?;
        let variables = map(&mut members, "variables")?;
        let extensions = map(&mut members, "extensions")?;
        if query.is_none() && extensions.get("persistedQuery").is_none_or(Value::is_null) {
            let message = "There is no `query`. Send a GraphQL document, such as {\"query\": \"{ __typename }\"}.";
            return Err(message.to_owned());
        }
        Ok(Self { query, operation_name, variables, extensions, sent: None })
    }
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` must be a string.")),
    }
}

fn map(members: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(format!("`{name}` must be a JSON object.")),
    }
}

/// What an operation does.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Reads.
    Query,
    /// Changes.
    Mutation,
    /// Is told of changes.
    Subscription,
}

impl OperationKind {
    /// Its name in counts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Mutation => "mutation",
            Self::Subscription => "subscription",
        }
    }
}

impl From<OperationType> for OperationKind {
    fn from(kind: OperationType) -> Self {
        match kind {
            OperationType::Query => Self::Query,
            OperationType::Mutation => Self::Mutation,
            OperationType::Subscription => Self::Subscription,
        }
    }
}
