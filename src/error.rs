//! What ends a request without an answer. Refusals by the rules are not errors: see [`crate::domain::refusal`].

/// Why a request ends without an answer. Knows nothing of GraphQL or HTTP.
#[derive(Debug)]
pub enum Error {
    /// The caller has to sign in. The text tells how.
    Unauthenticated(String),
    /// The caller may not, whoever they are signed in as.
    Forbidden(String),
    /// The input is malformed. The text tells what it should be.
    BadInput(String),
    /// There is no such thing for this caller.
    NotFound(String),
    /// Whoever watches has not kept up, and has missed something. The text tells how to catch up.
    FellBehind(String),
    /// The caller does something too often.
    TooOften {
        /// What, and what to do.
        message: String,
        /// After how many seconds it is worth trying again.
        retry_after: u64,
    },
    /// A fault of the server's.
    Internal(Internal),
}

impl Error {
    /// An [`Error::Unauthenticated`] for somebody who has not signed in and has to.
    #[must_use]
    pub fn sign_in() -> Self {
        Self::Unauthenticated("Sign in first: send a token as `Authorization: Bearer …`.".to_owned())
    }

    /// A [`Error::NotFound`] for a `noun` with `id`, the same whether it does not exist or is not the caller's.
    #[must_use]
    pub fn not_found(noun: &str, id: &str) -> Self {
        Self::NotFound(Self::not_found_message(noun, id))
    }

    /// The text of [`Error::not_found`], for refusals that say the same.
    #[must_use]
    pub fn not_found_message(noun: &str, id: &str) -> String {
        let shown: String = id.chars().take(crate::domain::id::MAX_ID_LENGTH).collect();
        format!("There is no {noun} `{shown}` that you can see. Check the id.")
    }
}

/// What went wrong inside. It has no `Display` and cannot become an answer's text; it is only logged.
pub struct Internal(String);

impl Internal {
    /// From what is known of the fault; for the log only.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl std::fmt::Debug for Internal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Internal> for Error {
    fn from(internal: Internal) -> Self {
        Self::Internal(internal)
    }
}
