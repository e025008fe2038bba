//! The reads that everybody waits for go by an index, however long the log is.

use aggregates::{Kind, UserId, card::Card};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use store::{Config, Store, tables::Span};
use tests::{database::TestDatabase, eventually::eventually};
use uuid::Uuid;

use super::execute;

/// 30,000 events of 1,000 cards, and as many transactions of 1,000 people, so that reading them all is never cheapest.
const FILL: &str = "
    INSERT INTO events
    SELECT n, 'card', ('00000000-0000-0000-0000-' || lpad((n % 1000)::text, 12, '0'))::uuid, 1 + n / 1000,
           gen_random_uuid(), 'frozen', 1, now(), gen_random_uuid(), NULL, NULL, 'system:test',
           '{\"at\":\"2026-11-01T12:00:00Z\"}' FROM generate_series(0, 29999) AS n;
    INSERT INTO read.transactions
    SELECT gen_random_uuid(), ('00000000-0000-0000-0000-' || lpad((n % 1000)::text, 12, '0'))::uuid, gen_random_uuid(),
           100, 'USD', 'example-merchant.com', 'electronics', CASE WHEN n % 3000 = 0 THEN 'pending' ELSE 'captured' END,
           NULL, 0.1, 'sandbox', 'ch_1', now() - interval '1 day', now(), n FROM generate_series(0, 29999) AS n;
    ANALYZE;
    SELECT pg_stat_force_next_flush()";

/// How often each of the two tables was read from end to end, and rows by an index, as PostgreSQL counts them.
async fn scans(connection: &mut PgConnection) -> (i64, i64) {
    let sql = "SELECT sum(seq_scan)::bigint, sum(idx_scan)::bigint FROM pg_stat_user_tables
                WHERE relname = 'events' OR (schemaname = 'read' AND relname = 'transactions')";
    sqlx::query_as(sql).fetch_one(connection).await.unwrap()
}

/// Runs one read of the store and gives how many scans of each sort it took.
async fn scans_of(database: &TestDatabase, read: impl AsyncFnOnce(Store)) -> (i64, i64) {
    let mut connection = database.connect().await;
    let before = scans(&mut connection).await;
    let store = database.store_with(&Config { max_connections: 1, ..Config::default() });
    read(store).await;
    // A connection hands in its counts when it ends, and the store has ended now.
    let after = eventually("the scans are counted", async || {
        let now = scans(&mut connection).await;
        (now != before).then_some(now)
    });
    let after = after.await;
    (after.0 - before.0, after.1 - before.1)
}

#[tokio::test]
async fn the_reads_of_the_hot_paths_scan_no_table() {
    let database = TestDatabase::new().await;
    execute(&mut database.connect().await, FILL).await.unwrap();
    let id = Uuid::from_u128(7);
    let by_index = |read: &str, scans: (i64, i64)| assert!(scans.0 == 0 && scans.1 > 0, "{read}: {scans:?}");

    let scans = scans_of(&database, async |store| assert_eq!(store.stream(Kind::Card, id).await.unwrap().len(), 30));
    by_index("a stream", scans.await);
    let scans = scans_of(&database, async |store| assert_eq!(store.load::<Card>(id).await.unwrap().version, 30));
    by_index("an aggregate", scans.await);
    let scans = scans_of(&database, async |store| assert_eq!(store.read_after(15_000, 100).await.unwrap().len(), 100));
    by_index("a page by position", scans.await);
    let scans = scans_of(&database, async |store| assert_eq!(store.head().await.unwrap(), 29_999));
    by_index("the head of the log", scans.await);
    let scans = scans_of(&database, async |store| {
        let rows = store.transaction_rows(UserId(id), Some(20_000), 10).await.unwrap();
        assert_eq!(rows.len(), 10);
    });
    by_index("a person's transactions", scans.await);
    let scans = scans_of(&database, async |store| {
        let open = store.open_payments(Span { after: DateTime::UNIX_EPOCH, before: Utc::now() }, 100).await.unwrap();
        assert_eq!(open.len(), 10);
    });
    by_index("payments without an outcome", scans.await);
    let scans = scans_of(&database, async |store| {
        let held = store.open_holds(Span { after: DateTime::UNIX_EPOCH, before: Utc::now() }, 100).await.unwrap();
        assert_eq!(held, []);
    });
    by_index("purchases that hold something", scans.await);
}
