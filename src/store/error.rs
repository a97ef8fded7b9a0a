//! What can go wrong with the database, and what may be tried again.

use sea_orm::{DbErr, RuntimeErr, SqlErr, SqlxError};

use crate::error::{Error, Internal};

/// A fault of storage. Refusals by the rules are not faults: methods return them as values.
///
/// It has no `Display`: what it says is for the log, never for a client.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// The database cannot be used as it is configured. The text is for the operator.
    Unusable(String),
    /// The database failed, or could not be reached.
    Database(DbErr),
    /// The connection was lost while committing: what was written is there as a whole, or not at all, and nobody
    /// knows which. Never repeated, because repeating could do it twice.
    CommitUnknown(DbErr),
    /// What is stored contradicts itself. The text says what and where.
    Corrupt(String),
}

impl StoreError {
    /// What happened, for the log and for the operator; without the values of any statement.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Unusable(what) => what.clone(),
            Self::Database(error) => format!("the database failed: {error}"),
            Self::CommitUnknown(error) => format!("the connection was lost while committing: {error}"),
            Self::Corrupt(what) => format!("the stored data is inconsistent: {what}"),
        }
    }

    /// Whether there is a row already with what no two rows may have in common.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self.sql(), Some(SqlErr::UniqueConstraintViolation(_)))
    }

    /// Whether a row was to point to one that does not exist (any more), or one that others point to was to go.
    #[must_use]
    pub fn breaks_reference(&self) -> bool {
        matches!(self.sql(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
    }

    fn sql(&self) -> Option<SqlErr> {
        match self {
            Self::Database(error) => error.sql_err(),
            Self::Unusable(_) | Self::CommitUnknown(_) | Self::Corrupt(_) => None,
        }
    }

    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Internal {
    fn from(error: StoreError) -> Self {
        Self::new(error.describe())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

/// What a failed statement means for the transaction that it was part of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Others were in the way; the database gave this transaction up. It can be repeated as a whole.
    Contention,
    /// The connection is gone, and with it what was not committed. It can be repeated as a whole.
    ConnectionLost,
    /// Anything else: repeating it would fail in the same way.
    Final,
}

impl Failure {
    pub(super) fn of(error: &DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_driver(error),
            // Among them a pool that had no connection to give in time: whoever waits longer makes it no better.
            _ => Self::Final,
        }
    }

    fn of_driver(error: &SqlxError) -> Self {
        match error {
            SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed => {
                Self::ConnectionLost
            }
            SqlxError::Database(error) => {
                let code = error.code();
                let code = code.as_deref().unwrap_or_default();
                if error.try_downcast_ref::<sea_orm::SqlxSqliteError>().is_some() {
                    Self::of_sqlite(code)
                } else {
                    Self::of_postgres(code)
                }
            }
            _ => Self::Final,
        }
    }

    /// By the SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            // serialization_failure, deadlock_detected
            "40001" | "40P01" => Self::Contention,
            // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout
            "57P01" | "57P02" | "57P03" | "57P05" => Self::ConnectionLost,
            // Class 08: connection exceptions.
            code if code.starts_with("08") => Self::ConnectionLost,
            _ => Self::Final,
        }
    }

    /// By the extended result code, whose low byte is the primary one: <https://www.sqlite.org/rescode.html>.
    fn of_sqlite(code: &str) -> Self {
        const BUSY: u32 = 5;
        const LOCKED: u32 = 6;
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(BUSY | LOCKED) => Self::Contention,
            _ => Self::Final,
        }
    }
}
