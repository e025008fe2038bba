//! The event log: what an append promises, and what a reader may rely on.

mod append_only;
mod batches;
mod caches;
mod claims;
mod concurrency;
mod cqrs;
mod lost_answers;
mod order;
mod plans;
mod proxy;
mod replay;
mod snapshots;

use sqlx::{Connection, Executor, PgConnection};
use tests::{database::TestDatabase, eventually::eventually};

/// Keeps everybody from appending until it is released or dropped.
struct AppendLock {
    connection: PgConnection,
    watcher: PgConnection,
}

impl AppendLock {
    async fn take(database: &TestDatabase) -> AppendLock {
        let mut connection = database.connect().await;
        sqlx::query("SELECT pg_advisory_lock(7310001)").execute(&mut connection).await.unwrap();
        AppendLock { connection, watcher: database.connect().await }
    }

    /// Returns when `writers` connections wait for the lock.
    async fn is_waited_for_by(&mut self, writers: i64) {
        let watcher = &mut self.watcher;
        eventually("the append lock is waited for", async || (waiting(watcher).await == writers).then_some(())).await;
    }

    async fn release(self) {
        self.connection.close().await.unwrap();
    }
}

/// How many connections to this database wait for an advisory lock.
async fn waiting(connection: &mut PgConnection) -> i64 {
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    connection.execute(sql).await.map(|_| ())
}
