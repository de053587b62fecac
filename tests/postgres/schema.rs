//! A schema of its own for each test, dropped at its end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sts_agent_name::registry::conformance::ConformanceClock;
use sts_agent_name::registry::{PostgresStore, StoreFuture};
use tokio_postgres::{Client, NoTls, Row};

pub(crate) const SERVER: &str = "postgres://postgres@127.0.0.1:5432/test";

/// A schema in some server.
#[derive(Debug)]
pub(crate) struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// In the server at hand.
    pub(crate) async fn new() -> Self {
        Self::on(SERVER).await
    }

    /// In the server of `url`, which has no parameters.
    pub(crate) async fn on(url: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema =
            Self { server: url.to_owned(), name: format!("registry_test_{}_{number}", std::process::id()) };
        let name = &schema.name;
        schema.execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")).await;
        schema
    }

    /// A word that is this schema's alone.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of a store in this schema.
    pub(crate) fn url(&self) -> String {
        format!("{}?sslmode=disable&options=-csearch_path%3D{}", self.server, self.name)
    }

    pub(crate) fn url_with(&self, parameters: &str) -> String {
        format!("{}&{parameters}", self.url())
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.url()).await.unwrap()
    }

    /// Another connection to the same schema, past the store.
    pub(crate) async fn client(&self) -> Client {
        connect(&format!("{}?options=-csearch_path%3D{}", self.server, self.name)).await
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn query_one(&self, sql: &str) -> Row {
        self.client().await.query_one(sql, &[]).await.unwrap()
    }

    /// How many rows there are: names, then spent signatures.
    pub(crate) async fn row_counts(&self) -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM registry_name), (SELECT count(*) FROM registry_spent)";
        let row = self.query_one(sql).await;
        (row.get(0), row.get(1))
    }

    /// A store whose `now()` is a row that a test moves. The statements are the store's own: a function in a schema
    /// that stands before `pg_catalog` in the search path is found first.
    pub(crate) async fn store_with_clock(&self) -> (PostgresStore, RowClock) {
        let name = &self.name;
        let sql = format!(
            "CREATE TABLE clock AS SELECT timestamptz '2026-01-01T00:00:00Z' AS at;
            CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM {name}.clock'"
        );
        self.execute(&sql).await;
        let url = format!("{}%2Cpg_catalog", self.url());
        (PostgresStore::connect(&url).await.unwrap(), RowClock(self.client().await))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let sql = format!("DROP SCHEMA {name} CASCADE");
                connect(&server).await.batch_execute(&sql).await.unwrap();
            });
        });
        let dropped = dropped.join();
        assert!(std::thread::panicking() || dropped.is_ok(), "the schema is still there");
    }
}

/// The clock of [`Schema::store_with_clock`].
pub(crate) struct RowClock(Client);

impl RowClock {
    pub(crate) async fn shift(&self, micros: i64) {
        let sql = "UPDATE clock SET at = at + $1::int8 * interval '1 microsecond'";
        assert_eq!(self.0.execute(sql, &[&micros]).await.unwrap(), 1);
    }
}

impl std::fmt::Debug for RowClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowClock")
    }
}

impl ConformanceClock for RowClock {
    fn advance(&self, by: Duration) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.shift(i64::try_from(by.as_micros()).unwrap()).await;
            Ok(())
        })
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .unwrap_or_else(|error| panic!("no PostgreSQL at {url}: {error}"));
    tokio::spawn(connection);
    client
}
