//! Looks for the one character that text cannot have. PostgreSQL neither keeps a NUL nor looks for one, so every
//! argument that carried one to the database would end as a fault; the gate refuses it for all of them.

use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Value, Variables};

/// Whether there is a NUL in the values that the document gives to its fields, or in those of `variables`.
pub(super) fn has_nul(document: &ExecutableDocument, variables: &Variables) -> bool {
    let operations = || document.operations.iter().map(|(_, operation)| &operation.node);
    let defaults = operations().flat_map(|operation| &operation.variable_definitions);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    variables.values().any(is_in)
        || defaults.filter_map(|definition| definition.node.default_value.as_ref()).any(|value| is_in(&value.node))
        || operations().map(|operation| &operation.selection_set.node).chain(fragments).any(is_within)
}

/// Whether a NUL is among the arguments in a selection set. Fragments that it spreads are looked at on their own.
fn is_within(set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            let mut arguments = field.node.arguments.iter();
            arguments.any(|(_, value)| {
                let literal = value.node.clone().into_const_with(|_| Ok::<_, Infallible>(Value::Null));
                literal.is_ok_and(|literal| is_in(&literal))
            }) || is_within(&field.node.selection_set.node)
        }
        Selection::InlineFragment(inline) => is_within(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => false,
    })
}

fn is_in(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::List(values) => values.iter().any(is_in),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || is_in(value)),
        _ => false,
    }
}
