//! What an operation takes from the budgets of whoever asks: each field at its root counts, so that sixty aliases are
//! sixty.

use async_graphql::parser::types::{ExecutableDocument, Field, OperationType, Selection, SelectionSet};
use secrecy::SecretString;

use super::arguments::Arguments;
use crate::throttle::Demand;

/// The mutations of a page that holds something, again and again: they have a budget of their own.
pub(super) const HEARTBEATS: [&str; 2] = ["heartbeat", "leave"];

/// What the operation takes; one query at least.
pub(super) fn of(document: &ExecutableDocument, arguments: &Arguments<'_>) -> Demand {
    let mut demand = Demand::default();
    let changes = arguments.operation.ty == OperationType::Mutation;
    visit(document, &arguments.operation.selection_set.node, &mut |field| {
        let name = field.name.node.as_str();
        if name == "__typename" {
            return;
        }
        if !changes {
            demand.queries = demand.queries.saturating_add(1);
        } else if HEARTBEATS.contains(&name) {
            demand.heartbeats.push(session_secret(field, arguments));
        } else {
            demand.changes = demand.changes.saturating_add(1);
        }
    });
    if demand.changes == 0 && demand.heartbeats.is_empty() {
        demand.queries = demand.queries.max(1);
    }
    demand
}

/// Visits the expanded root, whose size is known to be within the limits.
fn visit(document: &ExecutableDocument, set: &SelectionSet, note: &mut impl FnMut(&Field)) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => note(&field.node),
            Selection::InlineFragment(inline) => visit(document, &inline.node.selection_set.node, note),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    visit(document, &fragment.node.selection_set.node, note);
                }
            }
        }
    }
}

/// The session that a heartbeat is of. One without any is refused when it is executed.
fn session_secret(field: &Field, arguments: &Arguments<'_>) -> Option<SecretString> {
    let input = arguments.of(field, "input")?;
    arguments.member(input, "sessionSecret")?.text().map(SecretString::from)
}
