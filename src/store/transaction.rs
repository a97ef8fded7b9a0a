//! Transactions: opening, ending and repeating them, and the one place through which every statement passes.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, SqliteTransactionMode,
    StatementBuilder, TransactionOptions, TransactionTrait,
};

use super::Store;
use super::connect::LastLoss;
use super::error::{Failure, StoreError};
use crate::clock::SharedClock;
use crate::domain::news::{BookingNews, News};

/// How often a transaction is tried before its failure is reported.
const ATTEMPTS: u32 = 8;
/// The longest pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

/// Reads. Outside a transaction each method sees what is committed when it runs; inside, all see the same.
pub struct Reader {
    executor: Executor,
    loss: LastLoss,
    /// The first statement that failed, and what that means for the transaction.
    failure: OnceLock<(Failure, DbErr)>,
}

enum Executor {
    /// Any connection of a pool; each statement on its own.
    Pool(DatabaseConnection),
    Transaction(DatabaseTransaction),
}

/// A transaction that may write. It also reads everything that a [`Reader`] does, and sees its own changes.
#[derive(Debug)]
pub struct Tx {
    reader: Arc<Reader>,
    catalogue_changes: CatalogueChanges,
    news: BookingNewsList,
}

/// What a transaction has done to bookings so far. All of it goes into the outbox at its end, as one row.
#[derive(Clone, Debug, Default)]
pub(super) struct BookingNewsList(Arc<Mutex<Vec<BookingNews>>>);

impl BookingNewsList {
    pub(super) fn push(&self, news: BookingNews) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }

    fn take(&self) -> Vec<BookingNews> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a catalogue was changed in a transaction: outlives the transaction, and says nothing of its end.
#[derive(Clone, Debug, Default)]
pub struct CatalogueChanges(Arc<AtomicBool>);

impl CatalogueChanges {
    /// Whether something was changed by now.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Deref for Tx {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("failure", &self.failure.get()).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn on_pool(pool: DatabaseConnection, loss: LastLoss) -> Self {
        Self { executor: Executor::Pool(pool), loss, failure: OnceLock::new() }
    }

    fn in_transaction(transaction: DatabaseTransaction, loss: LastLoss) -> Self {
        Self { executor: Executor::Transaction(transaction), loss, failure: OnceLock::new() }
    }

    pub(super) fn backend(&self) -> DbBackend {
        match &self.executor {
            Executor::Pool(pool) => pool.get_database_backend(),
            Executor::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    /// The rows of a query.
    pub(super) async fn rows(&self, query: &impl StatementBuilder) -> Result<Vec<QueryResult>, StoreError> {
        let statement = query.build(&self.backend());
        match &self.executor {
            Executor::Transaction(transaction) => self.noted(transaction.query_all_raw(statement).await),
            Executor::Pool(pool) => match pool.query_all_raw(statement.clone()).await {
                // On its own a read can be repeated here; the next connection is tried out before it is used.
                Err(error) if Failure::of(&error) == Failure::ConnectionLost => {
                    self.loss.note();
                    Ok(pool.query_all_raw(statement).await?)
                }
                result => Ok(result?),
            },
        }
    }

    /// Keeps what a failure means for the transaction, so that it can be decided whether to repeat it even when the
    /// error itself has become something else on its way.
    fn noted<T>(&self, result: Result<T, DbErr>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let failure = Failure::of(&error);
            if failure == Failure::ConnectionLost {
                self.loss.note();
            }
            // The first one counts: those after it may only be its consequences.
            let _ = self.failure.set((failure, error.clone()));
            StoreError::Database(error)
        })
    }
}

impl Tx {
    /// What tells whether a catalogue was changed in it.
    #[must_use]
    pub fn catalogue_changes(&self) -> CatalogueChanges {
        self.catalogue_changes.clone()
    }

    /// What it has done to bookings so far.
    pub(super) fn news(&self) -> &BookingNewsList {
        &self.news
    }

    /// Puts what it has done to bookings into the outbox. Nobody else does: what is not committed is never told, and
    /// what is committed always is.
    async fn put_out(&self, done: Vec<BookingNews>) -> Result<(), StoreError> {
        let Some(first) = done.first() else { return Ok(()) };
        let (organization, at) = (first.event.booking.organization_id.clone(), first.event.transition.at);
        self.insert_news(&organization, &News::Bookings(done), at).await
    }

    /// Executes a statement that returns no rows; how many it changed.
    pub(super) async fn execute(&self, statement: &impl StatementBuilder) -> Result<u64, StoreError> {
        let statement = statement.build(&self.backend());
        let result = match &self.executor {
            Executor::Transaction(transaction) => transaction.execute_raw(statement).await,
            Executor::Pool(pool) => pool.execute_raw(statement).await,
        };
        Ok(self.noted(result)?.rows_affected())
    }
}

/// What became of one attempt.
enum Attempt<T, E> {
    Ended(Result<T, E>),
    /// It left nothing behind, and may succeed if it is repeated.
    Failed(StoreError),
}

impl Store {
    /// One consistent snapshot for all reads of `body`. Nothing can be written in it.
    ///
    /// `body` is run again from its start if the connection is lost. It gets the reader by value rather than by
    /// reference because only so can the compiler tell that the whole may run in a task of its own.
    ///
    /// # Errors
    /// What `body` returns, and faults of the database.
    pub async fn snapshot<T, E, F, R>(&self, mut body: F) -> Result<T, E>
    where
        F: FnMut(Arc<Reader>) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        let mut retry = Retry::new(&self.clock);
        loop {
            // Boxed, as below: it is large, and whoever may want it would have to carry the room for it about.
            match Box::pin(self.attempt_snapshot(&mut body)).await {
                Attempt::Ended(result) => return result,
                Attempt::Failed(error) => retry.pause(error).await?,
            }
        }
    }

    /// One transaction: committed when `body` returns `Ok`, rolled back otherwise.
    ///
    /// When the database gives it up because of others (a deadlock, a serialization failure, a lock that is busy), or
    /// the connection is lost before committing, `body` is run again from its start, a bounded number of times and
    /// after a random pause; so `body` must decide everything from what it reads inside.
    ///
    /// # Errors
    /// What `body` returns, and faults of the database: [`StoreError::CommitUnknown`] when the connection is lost
    /// during the commit.
    pub async fn write<T, E, F, R>(&self, mut body: F) -> Result<T, E>
    where
        F: FnMut(Tx) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        let mut retry = Retry::new(&self.clock);
        loop {
            match Box::pin(self.attempt_write(&mut body)).await {
                Attempt::Ended(result) => return result,
                Attempt::Failed(error) => retry.pause(error).await?,
            }
        }
    }

    async fn attempt_snapshot<T, E, F, R>(&self, body: &mut F) -> Attempt<T, E>
    where
        F: FnMut(Arc<Reader>) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        let transaction = match self.pools.reads.begin().await {
            Ok(transaction) => transaction,
            Err(error) => return self.not_begun(error),
        };
        let reader = Arc::new(Reader::in_transaction(transaction, self.loss.clone()));
        let result = body(Arc::clone(&reader)).await;
        if let Some((Failure::Contention | Failure::ConnectionLost, error)) = reader.failure.get() {
            return Attempt::Failed(error.clone().into());
        }
        // What was read is valid however the transaction ends.
        if let Some(transaction) = transaction_of(reader) {
            roll_back(transaction).await;
        }
        Attempt::Ended(result)
    }

    async fn attempt_write<T, E, F, R>(&self, body: &mut F) -> Attempt<T, E>
    where
        F: FnMut(Tx) -> R,
        R: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        // With deferred transactions SQLite would refuse a reader that turns writer at once, however long it may wait.
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = match self.pools.writes.begin_with_options(immediate).await {
            Ok(transaction) => transaction,
            Err(error) => return self.not_begun(error),
        };
        let reader = Arc::new(Reader::in_transaction(transaction, self.loss.clone()));
        let news = BookingNewsList::default();
        let tx =
            || Tx { reader: Arc::clone(&reader), catalogue_changes: CatalogueChanges::default(), news: news.clone() };
        let result = match body(tx()).await {
            Ok(value) => tx().put_out(news.take()).await.map(|()| value).map_err(E::from),
            refused => refused,
        };
        let failure = reader.failure.get().cloned();
        let Some(transaction) = transaction_of(reader) else {
            return Attempt::Ended(Err(fault("a transaction was kept beyond its end").into()));
        };
        match (failure, result) {
            (None, Ok(value)) => self.commit(transaction, value).await,
            (Some((Failure::Contention | Failure::ConnectionLost, error)), _) => {
                roll_back(transaction).await;
                Attempt::Failed(error.into())
            }
            (Some((Failure::Final, _)), Ok(_)) => {
                // PostgreSQL would answer the commit of a failed transaction with a silent rollback.
                roll_back(transaction).await;
                Attempt::Ended(Err(fault("a failed statement was passed over").into()))
            }
            (_, Err(error)) => {
                roll_back(transaction).await;
                Attempt::Ended(Err(error))
            }
        }
    }

    async fn commit<T, E: From<StoreError>>(&self, transaction: DatabaseTransaction, value: T) -> Attempt<T, E> {
        let Err(error) = transaction.commit().await else { return Attempt::Ended(Ok(value)) };
        match Failure::of(&error) {
            Failure::Contention => Attempt::Failed(error.into()),
            Failure::ConnectionLost => {
                self.loss.note();
                Attempt::Ended(Err(StoreError::CommitUnknown(error).into()))
            }
            Failure::Final => Attempt::Ended(Err(StoreError::Database(error).into())),
        }
    }

    fn not_begun<T, E: From<StoreError>>(&self, error: DbErr) -> Attempt<T, E> {
        match Failure::of(&error) {
            Failure::Contention => Attempt::Failed(error.into()),
            Failure::ConnectionLost => {
                self.loss.note();
                Attempt::Failed(error.into())
            }
            Failure::Final => Attempt::Ended(Err(StoreError::Database(error).into())),
        }
    }
}

/// The transaction itself, unless `body` has kept a handle to it.
fn transaction_of(reader: Arc<Reader>) -> Option<DatabaseTransaction> {
    match Arc::into_inner(reader)?.executor {
        Executor::Transaction(transaction) => Some(transaction),
        Executor::Pool(_) => None,
    }
}

async fn roll_back(transaction: DatabaseTransaction) {
    // It may fail where the connection is gone, and then there is nothing left to roll back.
    if let Err(error) = transaction.rollback().await {
        tracing::debug!(%error, "rolling back failed");
    }
}

fn fault(what: &str) -> StoreError {
    StoreError::Database(DbErr::Custom(what.into()))
}

/// Counts attempts, and pauses between them.
struct Retry<'a> {
    clock: &'a SharedClock,
    attempt: u32,
}

impl<'a> Retry<'a> {
    fn new(clock: &'a SharedClock) -> Self {
        Self { clock, attempt: 1 }
    }

    /// Pauses before the next attempt; the error when there have been enough.
    async fn pause(&mut self, error: StoreError) -> Result<(), StoreError> {
        if self.attempt >= ATTEMPTS {
            return Err(error);
        }
        tracing::debug!(attempt = self.attempt, error = error.describe(), "repeating a transaction");
        let longest = FIRST_PAUSE * 2_u32.pow(self.attempt - 1);
        self.attempt += 1;
        self.clock.sleep_until(self.clock.monotonic().plus(self.random_part_of(longest))).await;
        Ok(())
    }

    /// A random part, so that those who collided do not meet again.
    fn random_part_of(&self, longest: Duration) -> Duration {
        let [.., a, b] = self.clock.unique().into_bytes();
        longest * u32::from(u16::from_be_bytes([a, b])) / u32::from(u16::MAX)
    }
}
