//! A database for each test: a SQLite file, or a PostgreSQL database of its own.

use sea_orm::{ConnectionTrait, Database};
use uuid::Uuid;

/// A database that is gone when this is dropped.
pub struct TestDatabase {
    url: String,
    _file: Option<tempfile::TempDir>,
    postgres: Option<(String, String)>,
}

impl TestDatabase {
    /// An empty database: on the server that `TEST_DATABASE_URL` names, else in a temporary file.
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the program")]
    pub async fn new() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(server) if !server.is_empty() => Self::postgres(server).await,
            _ => Self::sqlite(),
        }
    }

    fn sqlite() -> Self {
        let file = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", file.path().join("slotwise.db").display());
        Self { url, _file: Some(file), postgres: None }
    }

    async fn postgres(server: String) -> Self {
        let name = format!("slotwise_test_{}", Uuid::now_v7().simple());
        let admin = Database::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        // The server itself never dies in a test: nothing is lost by not waiting for its disk.
        admin.execute_unprepared(&format!("ALTER DATABASE {name} SET synchronous_commit = off")).await.unwrap();
        admin.close().await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{base}/{name}"), _file: None, postgres: Some((server, name)) }
    }

    /// What to connect to.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((server, name)) = self.postgres.take() else { return };
        // A test's runtime may be gone by now, so this has one of its own; connections that are left are cut.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(admin) = Database::connect(&server).await {
                    let _ = admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
                }
            });
        });
        let _ = dropping.join();
    }
}
