//! Who may ask for a field at all: the first thing that its resolver says.
//!
//! The library's `guard` attribute would make the parent of a nullable field null, and with it the answers beside it;
//! all guarded root fields are nullable, so their resolvers call [`guarded`] instead.

use async_graphql::Context;

use crate::domain::access::{Admin, Caller, Role, Staff, Viewer};
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

/// Resolves a nullable field for whoever is signed in, who is handed on as a [`Viewer`].
pub async fn for_viewers<T, R>(ctx: &Context<'_>, resolve: impl FnOnce(Viewer) -> R) -> Nullable<T>
where
    R: Future<Output = Result<Option<T>, ApiError>>,
{
    proven(ctx, AtLeast(Role::Customer), |caller| caller.viewer().cloned(), resolve).await
}

/// Resolves a nullable field for staff, who are handed on as [`Staff`].
pub async fn for_staff<T, R>(ctx: &Context<'_>, resolve: impl FnOnce(Staff) -> R) -> Nullable<T>
where
    R: Future<Output = Result<Option<T>, ApiError>>,
{
    proven(ctx, AtLeast(Role::Staff), Staff::of, resolve).await
}

/// Resolves a nullable field for admins, who are handed on as [`Admin`].
pub async fn for_admins<T, R>(ctx: &Context<'_>, resolve: impl FnOnce(Admin) -> R) -> Nullable<T>
where
    R: Future<Output = Result<Option<T>, ApiError>>,
{
    proven(ctx, AtLeast(Role::Admin), Admin::of, resolve).await
}

async fn proven<T, P, R>(
    ctx: &Context<'_>,
    rule: impl Rule,
    prove: impl FnOnce(&Caller) -> Option<P>,
    resolve: impl FnOnce(P) -> R,
) -> Nullable<T>
where
    R: Future<Output = Result<Option<T>, ApiError>>,
{
    guarded(ctx, rule, async {
        // Whom the rule admits has the proof.
        let proof = prove(from_context::<Caller>(ctx)?).ok_or_else(|| ApiError::from(Error::sign_in()))?;
        resolve(proof).await
    })
    .await
}
