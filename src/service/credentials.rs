//! What vouches for a caller, for what goes on after it has begun.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::domain::access::Caller;
use crate::error::Error;

/// By what a caller is known. It can be asked again who they are.
///
/// A stream outlives much: a role that is taken away, a user who is deleted and a token that expires are to end whatever
/// was granted because of them.
#[derive(Clone)]
pub struct Credentials {
    expires_at: Option<DateTime<Utc>>,
    who: Arc<dyn Fn() -> BoxFuture<'static, Result<Option<Caller>, Error>> + Send + Sync>,
}

impl Credentials {
    /// Credentials that `who` looks at anew each time; they vouch for nobody from `expires_at` on.
    pub fn new<F, R>(expires_at: Option<DateTime<Utc>>, who: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Caller>, Error>> + Send + 'static,
    {
        Self { expires_at, who: Arc::new(move || Box::pin(who())) }
    }

    /// When they end by themselves; `None`: never.
    #[must_use]
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// For whom they vouch at this moment; `None`: for nobody any more.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn caller(&self) -> Result<Option<Caller>, Error> {
        (self.who)().await
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
