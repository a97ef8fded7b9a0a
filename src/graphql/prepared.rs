//! Operations that have passed the check before execution: what is known of them before anything is done.

use std::sync::Arc;

use async_graphql::Request;
use async_graphql::parser::types::{ExecutableDocument, Selection};

use super::gate::{Validity, chosen};
use super::key::OperationKey;
use super::operation::OperationKind;
use super::{kept, live};
use crate::domain::access::Caller;
use crate::throttle::Demand;

/// An operation that has passed the check before execution.
pub struct Prepared {
    pub(super) request: Request,
    pub(super) kind: OperationKind,
    pub(super) sharing: Sharing,
    /// The variables as a key has them.
    pub(super) variables: Arc<str>,
    /// What it asks for at its root.
    pub(super) fields: Vec<String>,
    /// What it takes from the budgets of whoever asks.
    pub(super) demand: Demand,
    /// Whether it is known to be valid.
    pub(super) validity: Option<Validity>,
}

/// Whether what an operation comes to is shared by those who ask the same.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// It is not.
    Private,
    /// A subscription that is executed once.
    Live,
    /// A query whose answer is kept.
    Kept,
}

impl Sharing {
    pub(super) fn of(document: &ExecutableDocument, operation_name: Option<&str>) -> Self {
        if live::is_public(document, operation_name) {
            Self::Live
        } else if kept::is_keepable(document, operation_name) {
            Self::Kept
        } else {
            Self::Private
        }
    }
}

impl Prepared {
    /// What the operation does.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        self.kind
    }

    /// What makes it the same as others of its audience.
    pub(super) fn key(&self, caller: &Caller) -> OperationKey {
        let Request { query, operation_name, .. } = &self.request;
        OperationKey::new(query, operation_name.as_deref(), &self.variables, caller)
    }
}

/// The names of the fields at the root of the operation of that name. Those within fragments are left out: they are not
/// counted.
pub(super) fn root_fields(document: &ExecutableDocument, operation_name: Option<&str>) -> Vec<String> {
    let Ok(operation) = chosen(&document.operations, operation_name) else { return Vec::new() };
    let roots = operation.selection_set.node.items.iter();
    let names = roots.filter_map(|root| match &root.node {
        Selection::Field(field) => Some(field.node.name.node.to_string()),
        _ => None,
    });
    names.collect()
}
