//! Opening the database: the pools, and what each connection is told.
//!
//! Both databases get one pool for reads and one for writes. SQLite has room for one writer, so its transactions
//! queue for the one connection instead of colliding; on PostgreSQL the reading sessions are read-only snapshots by
//! default, which spares every snapshot a round trip.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection, Executor};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::error::StoreError;
use crate::clock::{Monotonic, SharedClock, SystemClock};

/// How long SQLite waits for a lock of another process before it reports that the database is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of a SQLite file is read where the system has it in memory, instead of being copied page by page: the
/// first so many bytes. As the write-ahead log is mapped as well, the file is on a local disk in any case.
const MAPPED: u64 = 256 * 1024 * 1024;
/// Statements that take longer are logged.
const SLOW_STATEMENT: Duration = Duration::from_millis(250);
/// How long a statement waits for a free connection before it fails. It spans a restart of the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// Told of every statement: its text without parameter values, how long it took, and whether it failed.
pub type StatementObserver = Arc<dyn Fn(&str, Duration, bool) + Send + Sync>;

/// How to use a database.
#[derive(Clone)]
pub struct StoreOptions {
    /// Connections that read; `None`: 4 for SQLite, 8 for PostgreSQL.
    pub read_connections: Option<u32>,
    /// Connections that write; `None`: 8. SQLite always has one.
    pub write_connections: Option<u32>,
    /// Times the pauses before a transaction is repeated. It must run by itself even where tests let the wall clock
    /// stand still.
    pub clock: SharedClock,
    /// Told of every statement, if there is one.
    pub observer: Option<StatementObserver>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { read_connections: None, write_connections: None, clock: Arc::new(SystemClock::new()), observer: None }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("read_connections", &self.read_connections)
            .field("write_connections", &self.write_connections)
            .finish_non_exhaustive()
    }
}

/// The two pools.
pub(super) struct Pools {
    pub(super) reads: DatabaseConnection,
    /// How many of them are for statements that many share: the others are for those who read something else.
    pub(super) shared: u32,
    pub(super) writes: DatabaseConnection,
}

/// When a connection was last found broken.
///
/// Connections are not tried out before each use, that would cost a round trip. After a restart of the database all
/// idle ones are dead at once: the first that fails is noted here, and from then on each connection that has been
/// idle since before is tried out before it is used. So one retry is enough, however many connections there are.
#[derive(Clone, Debug)]
pub(super) struct LastLoss {
    clock: SharedClock,
    /// Milliseconds on the monotonic clock, plus one; 0: never.
    at: Arc<AtomicU64>,
}

impl LastLoss {
    fn new(clock: SharedClock) -> Self {
        Self { clock, at: Arc::new(AtomicU64::new(0)) }
    }

    pub(super) fn note(&self) {
        let now = u64::try_from(self.clock.monotonic().0.as_millis()).unwrap_or(u64::MAX - 1);
        self.at.fetch_max(now + 1, Ordering::Relaxed);
    }

    fn is_after_last_use(&self, connection: &PoolConnectionMetadata) -> bool {
        match self.at.load(Ordering::Relaxed) {
            0 => false,
            at => {
                let since = self.clock.monotonic().since(Monotonic(Duration::from_millis(at - 1)));
                // A millisecond more: the mark is rounded.
                connection.idle_for + Duration::from_millis(1) >= since
            }
        }
    }
}

/// Opens both pools of the database at `url`.
pub(super) async fn open(url: &str, options: &StoreOptions) -> Result<(Pools, LastLoss), StoreError> {
    let loss = LastLoss::new(options.clock.clone());
    let mut pools = if url.starts_with("sqlite:") {
        open_sqlite(url, options).await?
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        open_postgres(url, options, &loss).await?
    } else {
        return Err(StoreError::Unusable(
            "the database URL must start with `sqlite:` or `postgres://`, e.g. `sqlite:slotwise.db?mode=rwc`".into(),
        ));
    };
    observe(&mut pools.reads, options.observer.clone());
    observe(&mut pools.writes, options.observer.clone());
    Ok((pools, loss))
}

async fn open_sqlite(url: &str, options: &StoreOptions) -> Result<Pools, StoreError> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    if path.is_empty() || path.starts_with('?') || path.contains(":memory:") || path.contains("mode=memory") {
        return Err(StoreError::Unusable(
            "SQLite in memory is not supported, because each connection would have a database of its own; \
             name a file, e.g. `sqlite:slotwise.db?mode=rwc`"
                .into(),
        ));
    }
    // The writing pool comes first: it makes the file and turns the write-ahead log on.
    let mut writes = base(url, 1);
    writes.map_sqlx_sqlite_opts(|options| {
        options
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit reaches the disk before it is acknowledged.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
    });
    let writes = Database::connect(writes).await?;

    let mut reads = base(url, options.read_connections.unwrap_or(4));
    reads.map_sqlx_sqlite_opts(|options| {
        options.busy_timeout(BUSY_TIMEOUT).pragma("query_only", "ON").pragma("mmap_size", MAPPED.to_string())
    });
    let reads = Database::connect(reads).await?;
    // What one thread reads there takes microseconds: more statements at once would only be shared by fewer.
    Ok(Pools { reads, shared: 1, writes })
}

async fn open_postgres(url: &str, options: &StoreOptions, loss: &LastLoss) -> Result<Pools, StoreError> {
    let mut writes = base_postgres(url, options.write_connections.unwrap_or(8), loss);
    // What the writes rely on, whatever the server's default is; see `occupancy`.
    writes.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE")
                    .await
                    .map(|_| ())
            })
        })
    });
    let read_connections = options.read_connections.unwrap_or(8);
    let mut reads = base_postgres(url, read_connections, loss);
    reads.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await
                    .map(|_| ())
            })
        })
    });
    let (reads, writes) = (Database::connect(reads).await?, Database::connect(writes).await?);
    Ok(Pools { reads, shared: (read_connections / 2).max(1), writes })
}

fn base(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        // Statements are observed below, without the values that the driver would log.
        .sqlx_logging(false);
    options
}

fn base_postgres(url: &str, connections: u32, loss: &LastLoss) -> ConnectOptions {
    let mut options = base(url, connections);
    let loss = loss.clone();
    options.set_application_name("slotwise").map_sqlx_postgres_before_acquire(move |connection, metadata| {
        let suspect = loss.is_after_last_use(&metadata);
        Box::pin(async move {
            // A connection that fails here is closed, and the next one is taken.
            if suspect { connection.ping().await.map(|()| true) } else { Ok(true) }
        })
    });
    options
}

fn observe(connection: &mut DatabaseConnection, observer: Option<StatementObserver>) {
    connection.set_metric_callback(move |info| {
        let statement = info.statement.sql.as_str();
        if info.elapsed > SLOW_STATEMENT {
            tracing::warn!(statement, elapsed = ?info.elapsed, "slow statement");
        }
        if let Some(observer) = &observer {
            observer(statement, info.elapsed, info.failed);
        }
    });
}
