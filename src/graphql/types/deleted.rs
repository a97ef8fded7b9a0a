//! What comes of deleting something.

use async_graphql::{ID, SimpleObject};

use super::user_error::UserErrors;

/// The answer to a deletion.
#[derive(SimpleObject)]
pub struct DeletePayload {
    /// The id of what is gone; null when nothing was deleted.
    pub deleted_id: Option<ID>,
    /// Why nothing was deleted.
    pub user_errors: UserErrors,
}
