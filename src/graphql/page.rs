//! The arguments of Relay connections.

use async_graphql::Context;

use crate::graphql::error::ApiError;
use crate::service::page::{DEFAULT_SIZE, MAX_SIZE, PageRequest};

/// `first`, `after`, `last` and `before` as they were given.
pub struct PageArguments {
    /// How many from the start.
    pub first: Option<i32>,
    /// After which cursor.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// Before which cursor.
    pub before: Option<String>,
}

impl PageArguments {
    /// What they ask for.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for `first` together with `last`, and for a number outside 1 to 200: never clamped, since a
    /// caller would take the short page for the whole list.
    pub fn resolve(self, wants_total: bool) -> Result<PageRequest, ApiError> {
        let (name, size, backward) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(ApiError::bad_input("Give `first` or `last`, not both.")),
            (_, Some(last)) => ("last", Some(last), true),
            (first, None) => ("first", first, false),
        };
        let size = match size {
            None => DEFAULT_SIZE,
            Some(size) => u32::try_from(size)
                .ok()
                .filter(|size| (1..=MAX_SIZE).contains(size))
                .ok_or_else(|| ApiError::bad_input(format!("`{name}` must be from 1 to {MAX_SIZE}.")))?,
        };
        Ok(PageRequest { size, backward, after: self.after, before: self.before, wants_total })
    }
}

/// Whether the caller selected `totalCount`, which costs a count.
pub fn wants_total(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}
