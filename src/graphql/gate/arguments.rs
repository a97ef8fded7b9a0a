//! What fields are given, before anything is executed.

use std::convert::Infallible;

use async_graphql::parser::types::{Field, OperationDefinition};
use async_graphql::{Name, Value, Variables};

/// The values of an operation's variables, to resolve arguments by.
pub(super) struct Arguments<'a> {
    pub(super) operation: &'a OperationDefinition,
    pub(super) variables: &'a Variables,
}

impl Arguments<'_> {
    /// What `field` is given as `name`; null where that is nothing.
    pub(super) fn value(&self, field: &Field, name: &str) -> Value {
        let Some(given) = field.get_argument(name) else { return Value::Null };
        let resolved = given.node.clone().into_const_with(|name| Ok::<_, Infallible>(self.variable(&name)));
        match resolved {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    fn variable(&self, name: &Name) -> Value {
        self.variables.get(name).cloned().unwrap_or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == *name);
            definition.and_then(|definition| definition.node.default_value()).cloned().unwrap_or_default()
        })
    }
}
