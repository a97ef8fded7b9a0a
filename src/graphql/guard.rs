//! Who may ask for a field at all: the first thing that its resolver says.
//!
//! The library's `guard` attribute would make the parent of a nullable field null, and with it the answers beside it;
//! all guarded root fields are nullable, so their resolvers call [`guarded`] instead.

use async_graphql::Context;

use crate::domain::access::{Caller, Role};
use crate::error::Error;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::service::Services;

/// Lets callers through who have at least this role.
pub struct AtLeast(pub Role);

impl Rule for AtLeast {
    fn admits(&self, ctx: &Context<'_>) -> Result<(), ApiError> {
        match from_context::<Caller>(ctx)? {
            Caller::Anonymous => Err(Error::sign_in().into()),
            Caller::User(viewer) if viewer.role < self.0 => {
                let needed = match self.0 {
                    Role::Customer => "customers",
                    Role::Staff => "staff",
                    Role::Admin => "admins",
                };
                Err(Error::Forbidden(format!("This is for {needed} of the organization only.")).into())
            }
            Caller::User(_) => Ok(()),
        }
    }
}

/// Lets callers through who may book: everyone signed in, and guests where the server allows them.
pub struct MayBook;

impl Rule for MayBook {
    fn admits(&self, ctx: &Context<'_>) -> Result<(), ApiError> {
        let guests_may = from_context::<Services>(ctx)?.settings().guest_bookings;
        match from_context::<Caller>(ctx)? {
            Caller::Anonymous if !guests_may => Err(Error::sign_in().into()),
            Caller::Anonymous | Caller::User(_) => Ok(()),
        }
    }
}

/// A rule of access, written once and usable on both kinds of field.
pub trait Rule {
    /// Whether the caller may.
    ///
    /// # Errors
    /// UNAUTHENTICATED for whoever could by signing in, FORBIDDEN for whoever could not.
    fn admits(&self, ctx: &Context<'_>) -> Result<(), ApiError>;
}

/// Resolves a nullable field for those whom `rule` admits: a refusal makes this field null and no other.
pub async fn guarded<T>(
    ctx: &Context<'_>,
    rule: impl Rule,
    resolve: impl Future<Output = Result<Option<T>, ApiError>>,
) -> Nullable<T> {
    match rule.admits(ctx) {
        Ok(()) => resolve.await.transpose(),
        Err(refused) => Some(Err(refused)),
    }
}
