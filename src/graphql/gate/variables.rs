//! How large arguments are once their variables stand in them, without putting them there.
//!
//! The library copies a variable wherever it is used, so that two thousand uses of a megabyte would be two gigabytes.
//! Each variable is measured once, and each use of it counts what has been measured.

use std::collections::HashMap;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Literal;

/// What a field or a directive is given under a name.
pub(super) type Argument = (Positioned<Name>, Positioned<Literal>);

/// What each value counts beside its text, in bytes: `[1,1,1]` takes more than its digits.
const VALUE: u64 = 8;

/// The sizes of what variables stand for, in bytes.
pub(super) struct VariableSizes<'a>(HashMap<&'a str, u64>);

impl<'a> VariableSizes<'a> {
    /// Of those that are given, and of those that operations have a default for; where several have one, of the
    /// largest.
    pub(super) fn of(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let mut sizes: HashMap<_, _> = variables.iter().map(|(name, value)| (name.as_str(), size(value))).collect();
        let operations = document.operations.iter().map(|(_, operation)| &operation.node);
        for definition in operations.flat_map(|operation| &operation.variable_definitions) {
            let name = &definition.node.name.node;
            if let Some(default) = &definition.node.default_value
                && !variables.contains_key(name)
            {
                let known = sizes.entry(name).or_default();
                *known = size(&default.node).max(*known);
            }
        }
        Self(sizes)
    }

    /// How large the arguments are together, in bytes.
    pub(super) fn arguments(&self, arguments: &[Argument]) -> u64 {
        arguments.iter().map(|(_, value)| self.literal(&value.node)).fold(0, u64::saturating_add)
    }

    fn literal(&self, literal: &Literal) -> u64 {
        match literal {
            Literal::Variable(name) => self.0.get(name.as_str()).copied().unwrap_or(VALUE),
            Literal::String(text) => with_text(text.len()),
            Literal::Enum(name) => with_text(name.len()),
            Literal::Binary(bytes) => with_text(bytes.len()),
            Literal::List(values) => values.iter().map(|value| self.literal(value)).fold(VALUE, u64::saturating_add),
            Literal::Object(members) => {
                let members = members.iter().map(|(name, value)| bytes(name.len()).saturating_add(self.literal(value)));
                members.fold(VALUE, u64::saturating_add)
            }
            Literal::Null | Literal::Number(_) | Literal::Boolean(_) => VALUE,
        }
    }
}

fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => with_text(text.len()),
        Value::Enum(name) => with_text(name.len()),
        Value::Binary(bytes) => with_text(bytes.len()),
        Value::List(values) => values.iter().map(size).fold(VALUE, u64::saturating_add),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| bytes(name.len()).saturating_add(size(value)));
            members.fold(VALUE, u64::saturating_add)
        }
        Value::Null | Value::Number(_) | Value::Boolean(_) => VALUE,
    }
}

fn with_text(length: usize) -> u64 {
    VALUE.saturating_add(bytes(length))
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
