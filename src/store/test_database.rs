//! Databases that live as long as a test.

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, Database};
use uuid::Uuid;

use super::{Store, StoreOptions};

/// The statements that a store has executed.
#[derive(Clone, Default)]
pub(crate) struct Statements(Arc<Mutex<Vec<String>>>);

impl Statements {
    fn options(&self) -> StoreOptions {
        let seen = self.clone();
        let observer =
            move |sql: &str, _, _| seen.0.lock().unwrap_or_else(PoisonError::into_inner).push(sql.to_owned());
        StoreOptions { observer: Some(Arc::new(observer)), ..StoreOptions::default() }
    }

    /// Those since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a test is given: a migrated store on a database of its own.
#[derive(Clone)]
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) statements: Statements,
    pub(crate) url: String,
}

impl TestStore {
    async fn open(url: String) -> Self {
        let opened = Self::connect(url, |options| options).await;
        opened.store.migrate().await.unwrap();
        opened.statements.take();
        opened
    }

    async fn connect(url: String, with: impl FnOnce(StoreOptions) -> StoreOptions) -> Self {
        let statements = Statements::default();
        let store = Store::connect(&url, with(statements.options())).await.unwrap();
        Self { store, statements, url }
    }

    /// The same database, read over so many connections. To be closed by whoever opens it.
    pub(crate) async fn with_connections(&self, reading: u32) -> Self {
        Self::connect(self.url.clone(), |options| StoreOptions { read_connections: Some(reading), ..options }).await
    }
}

/// Runs `test` on SQLite, and on PostgreSQL too when `TEST_DATABASE_URL` names a server.
pub(crate) async fn on_each_database<F, R>(test: F)
where
    F: Fn(TestStore) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

/// Runs `test` on a SQLite file of its own.
pub(crate) async fn on_sqlite<F, R>(test: F)
where
    F: Fn(TestStore) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let directory = std::env::temp_dir().join(format!("slotwise-{}", Uuid::now_v7()));
    std::fs::create_dir(&directory).unwrap();
    let test_store = TestStore::open(format!("sqlite:{}?mode=rwc", directory.join("test.db").display())).await;
    let store = test_store.store.clone();
    let outcome = tokio::spawn(test(test_store)).await;
    store.close().await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    outcome.unwrap();
}

/// Runs `test` on a PostgreSQL database of its own, where `TEST_DATABASE_URL` names a server.
pub(crate) async fn on_postgres<F, R>(test: F)
where
    F: Fn(TestStore) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "which databases to test on is no setting of the server")]
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return };
    let name = format!("slotwise_{}", Uuid::now_v7().simple());
    let administration = Database::connect(&server).await.unwrap();
    administration.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    let test_store = TestStore::open(format!("{server}/{name}")).await;
    let store = test_store.store.clone();
    let outcome = tokio::spawn(test(test_store)).await;
    store.close().await.unwrap();
    administration.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    outcome.unwrap();
}
