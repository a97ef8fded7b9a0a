//! What fields are given, before anything is executed: looked at where it is, since a variable may be large, and
//! used often.

use async_graphql::parser::types::{Field, OperationDefinition};
use async_graphql::{Number, Value, Variables};
use async_graphql_value::Value as Literal;

use super::variables::VariableSizes;

/// The values of an operation's variables, to read arguments by.
pub(super) struct Arguments<'a> {
    pub(super) operation: &'a OperationDefinition,
    pub(super) variables: &'a Variables,
    pub(super) sizes: VariableSizes<'a>,
}

/// A value where it is: in the document or among the variables.
#[derive(Copy, Clone)]
pub(super) enum Given<'a> {
    /// In the document; no variable itself, though there may be some in it.
    Literal(&'a Literal),
    /// What a variable stands for.
    Value(&'a Value),
}

impl<'a> Given<'a> {
    /// The text, if it is one.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Literal(Literal::String(text)) | Self::Value(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Self::Literal(Literal::Number(number)) | Self::Value(Value::Number(number)) => Number::as_i64(number),
            _ => None,
        }
    }
}

impl<'a> Arguments<'a> {
    /// What `field` is given as `name`.
    pub(super) fn of<'b>(&'b self, field: &'b Field, name: &str) -> Option<Given<'b>> {
        self.resolved(&field.get_argument(name)?.node)
    }

    /// The member `name` of `object`.
    pub(super) fn member<'b>(&'b self, object: Given<'b>, name: &str) -> Option<Given<'b>> {
        match object {
            Given::Literal(Literal::Object(members)) => self.resolved(members.get(name)?),
            Given::Value(Value::Object(members)) => members.get(name).map(Given::Value),
            _ => None,
        }
    }

    fn resolved<'b>(&'b self, literal: &'b Literal) -> Option<Given<'b>> {
        match literal {
            Literal::Variable(name) => self.variable(name).map(Given::Value),
            literal => Some(Given::Literal(literal)),
        }
    }

    fn variable(&self, name: &str) -> Option<&'a Value> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == name);
            definition.and_then(|definition| definition.node.default_value())
        })
    }
}
