//! People.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, SimpleObject};

use crate::domain::person as domain;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::page::connection;
use crate::graphql::types::user_error::UserErrors;
use crate::graphql::types::viewer::Role;

/// Somebody whom the identity provider has told the server about, or who has signed in.
#[derive(Clone)]
pub struct User(pub Arc<domain::User>);

impl From<Arc<domain::User>> for User {
    fn from(user: Arc<domain::User>) -> Self {
        Self(user)
    }
}

connection!(User, UserConnection, UserEdge, "users");

/// Somebody whom the identity provider has told the server about, or who has signed in.
#[Object]
impl User {
    /// The subject of their tokens.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Their email address, where it is known.
    async fn email(&self) -> Option<&str> {
        self.0.details.email.as_deref()
    }

    /// Their name, where it is known.
    async fn name(&self) -> Option<&str> {
        self.0.details.name.as_deref()
    }

    /// What they may do. Where the server relies on the role in tokens, a token that names one wins over this.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Whose they are.
    async fn organization_id(&self) -> ID {
        self.0.organization_id.as_str().into()
    }

    /// When the server first heard of them.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When something about them last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

/// What somebody is to be allowed.
#[derive(InputObject)]
pub struct SetUserRoleInput {
    /// The subject of their tokens, as `users` lists it.
    pub user_id: ID,
    /// What they may do from now on.
    pub role: Role,
}

/// What came of changing somebody.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user as they are now; null when refused.
    pub user: Option<User>,
    /// What the rules refused.
    pub user_errors: UserErrors,
}
