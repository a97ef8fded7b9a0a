//! Questions about the schema, where it is nobody's business.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::Refused;

/// Refuses `__schema` and `__type`; `__typename` is about the answer, not the schema.
pub(super) fn refuse(document: &ExecutableDocument) -> Result<(), Refused> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).try_for_each(refuse_within)
}

/// Fragments that are spread are looked at on their own.
fn refuse_within(set: &SelectionSet) -> Result<(), Refused> {
    set.items.iter().try_for_each(|selection| match &selection.node {
        Selection::Field(field) if matches!(field.node.name.node.as_str(), "__schema" | "__type") => {
            let message = "Introspection is switched off on this server. Ask whoever runs it for the schema.";
            Err(Refused::new(message).at(field.pos))
        }
        Selection::Field(field) => refuse_within(&field.node.selection_set.node),
        Selection::InlineFragment(inline) => refuse_within(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => Ok(()),
    })
}
