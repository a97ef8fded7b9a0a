//! What makes two operations the same, for whom the same is true.

use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql_value::Value as Literal;

use super::operation::Operation;
use crate::domain::access::{Caller, Role, Viewer};
use crate::domain::id::OrganizationId;

/// What makes two operations the same: their document, the operation's name, its variables, and who asks, as far as that
/// changes what is public.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OperationKey {
    document: Arc<str>,
    operation_name: Option<Arc<str>>,
    /// As JSON.
    variables: Arc<str>,
    /// The organization and the role of who asks; `None`: they are not signed in.
    audience: Option<(OrganizationId, Role)>,
}

impl OperationKey {
    /// The key of an operation by `caller`.
    pub(super) fn new(document: &str, operation_name: Option<&str>, variables: &Arc<str>, caller: &Caller) -> Self {
        Self {
            document: document.into(),
            operation_name: operation_name.map(Into::into),
            variables: Arc::clone(variables),
            audience: caller.viewer().map(|viewer| (viewer.organization_id.clone(), viewer.role)),
        }
    }

    /// The key of an operation by nobody who is signed in, of which `document` is the document.
    pub(super) fn anonymous(document: &str, operation: &Operation) -> Self {
        let variables = variables_text(&operation.variables);
        Self::new(document, operation.operation_name.as_deref(), &variables, &Caller::Anonymous)
    }

    /// Who asks, in the name of all who may: nobody in particular.
    pub(super) fn caller(&self) -> Caller {
        match &self.audience {
            None => Caller::Anonymous,
            Some((organization, role)) => Caller::User(Viewer {
                id: "shared".into(),
                organization_id: organization.clone(),
                role: *role,
                email: None,
                name: None,
            }),
        }
    }

    /// How many bytes its texts have.
    pub(super) fn weight(&self) -> usize {
        self.document.len() + self.operation_name.as_ref().map_or(0, |name| name.len()) + self.variables.len()
    }
}

/// Variables as a key has them.
pub(super) fn variables_text(variables: &serde_json::Map<String, serde_json::Value>) -> Arc<str> {
    // Writing a map into memory cannot fail.
    serde_json::to_string(variables).unwrap_or_default().into()
}

/// The argument with which what is public depends on who asks: whether they may move the booking.
const PRIVATE_ARGUMENT: &str = "reschedule";

/// Whether `field`, which is public otherwise, is asked for in a way in which it depends on who asks.
pub(super) fn depends_on_who_asks(field: &Field) -> bool {
    field.get_argument(PRIVATE_ARGUMENT).is_some_and(|given| given.node != Literal::Null)
}
