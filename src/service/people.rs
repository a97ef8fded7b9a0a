//! People: who the bearer of a valid token is here.

use super::Services;
use crate::domain::access::{Identity, Role, Viewer};
use crate::error::Error;

impl Services {
    /// Who it is that a valid token vouches for, and what they may do; `None` for whoever is not let in any more.
    ///
    /// # Errors
    /// Faults of the store.
    #[expect(clippy::unused_async, reason = "looking people up comes next")]
    pub async fn recognize(&self, identity: Identity) -> Result<Option<Viewer>, Error> {
        let Identity { id, organization_id, role, email, name } = identity;
        Ok(Some(Viewer { id, organization_id, role: role.unwrap_or(Role::Customer), email, name }))
    }
}
