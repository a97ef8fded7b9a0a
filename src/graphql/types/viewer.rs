//! The caller.

use async_graphql::{Enum, ID, SimpleObject};

use crate::domain::access;

/// What somebody may do in their organization. Each role may do what those before it may.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "access::Role")]
pub enum Role {
    /// Books for themself, sees and changes their own bookings.
    Customer,
    /// Sees and changes all bookings of the organization.
    Staff,
    /// Runs the catalogue as well.
    Admin,
}

/// The signed-in caller, by their token and by what is known of them here.
#[derive(SimpleObject, Clone, Debug)]
pub struct Viewer {
    /// The token's subject.
    id: ID,
    /// Their email address: the token's, else the one that is known here.
    email: Option<String>,
    /// Their name: the token's, else the one that is known here.
    name: Option<String>,
    /// What they may do.
    role: Role,
    /// The organization for which the token was made.
    organization_id: ID,
}

impl From<&access::Viewer> for Viewer {
    fn from(viewer: &access::Viewer) -> Self {
        Self {
            id: viewer.id.as_str().into(),
            email: viewer.email.clone(),
            name: viewer.name.clone(),
            role: viewer.role.into(),
            organization_id: viewer.organization_id.as_str().into(),
        }
    }
}
