//! Position order is commit order: whoever has seen position n has seen everything before it (invariant 1).

use std::time::Duration;

use rand::Rng;
use sqlx::PgConnection;
use store::Store;
use tests::{database::TestDatabase, eventually::eventually};

use super::{execute, waiting};
use crate::examples::{a_new_card, held, requested, unit};

/// Makes every transaction that writes to `table` linger, for up to 5 ms, between its last write and its commit.
fn lingering_commits(table: &str) -> String {
    format!(
        "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(random() * 0.005); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER lingers AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION linger();"
    )
}

/// A table that takes its numbers from a sequence, as logs without an append lock do.
const NAIVE_LOG: &str = "CREATE TABLE naive (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)";

const WRITERS: usize = 8;
const APPENDS_EACH: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_positions_sees_every_event_in_order_and_without_a_hole() {
    let database = TestDatabase::new().await;
    execute(&mut database.connect().await, &lingering_commits("events")).await.unwrap();
    let reader = database.store();
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(database.store()))).collect();

    let expected = WRITERS * APPENDS_EACH * 2;
    let (mut seen, mut at) = (Vec::new(), 0);
    eventually("the reader has seen everything", async || {
        let page = reader.read_after(at, 7).await.unwrap();
        at = page.last().map_or(at, |event| event.position);
        seen.extend(page);
        (seen.len() >= expected).then_some(())
    })
    .await;

    for writer in writers {
        writer.await.unwrap();
    }
    let positions: Vec<_> = seen.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=i64::try_from(expected).unwrap()).collect::<Vec<_>>());
    assert!(seen.is_sorted_by_key(|event| event.recorded_at));
    let units = seen.chunks(2).all(|unit| unit[0].aggregate_id == unit[1].aggregate_id);
    assert!(units, "the events of one unit stand together");
}

async fn write(store: Store) {
    for _ in 0..APPENDS_EACH {
        let pause = rand::rng().random_range(0..4);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        store.append(unit().stream(&a_new_card(), vec![requested(), held(1)])).await.unwrap();
    }
}

/// What our append lock is there for: this is how a log without it loses events.
#[tokio::test]
async fn a_cursor_over_a_sequence_loses_an_event_that_commits_late() {
    let database = TestDatabase::new().await;
    let [mut early, mut late, mut reader] =
        [database.connect().await, database.connect().await, database.connect().await];
    execute(&mut reader, NAIVE_LOG).await.unwrap();

    execute(&mut late, "BEGIN; INSERT INTO naive DEFAULT VALUES").await.unwrap();
    execute(&mut early, "INSERT INTO naive DEFAULT VALUES").await.unwrap();
    let first_look = after(&mut reader, "naive", "id", 0).await;
    assert_eq!(first_look, [2]);
    execute(&mut late, "COMMIT").await.unwrap();
    let second_look = after(&mut reader, "naive", "id", 2).await;

    assert_eq!(second_look, [0; 0], "the reader never hears of 1");
    assert_eq!(after(&mut reader, "naive", "id", 0).await, [1, 2], "though it is there");
}

/// The same schedule on our log: who comes second waits until the first has committed.
#[tokio::test]
async fn a_cursor_over_positions_loses_nothing_in_that_schedule() {
    let database = TestDatabase::new().await;
    let [mut early, mut late, mut reader] =
        [database.connect().await, database.connect().await, database.connect().await];

    execute(&mut late, &format!("BEGIN; {APPEND_ONE}")).await.unwrap();
    let early = tokio::spawn(async move { execute(&mut early, APPEND_ONE).await });
    eventually("the second append waits", async || (waiting(&mut reader).await == 1).then_some(())).await;
    let first_look = after(&mut reader, "events", "position", 0).await;
    assert_eq!(first_look, [0; 0]);
    execute(&mut late, "COMMIT").await.unwrap();
    early.await.unwrap().unwrap();

    assert_eq!(after(&mut reader, "events", "position", 0).await, [1, 2]);
}

/// Random delays lose events in the sequence's table too: the test above with eight writers is able to fail.
#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_that_linger_lose_events_for_a_cursor_over_a_sequence() {
    let database = TestDatabase::new().await;
    let mut reader = database.connect().await;
    execute(&mut reader, &format!("{NAIVE_LOG}; {}", lingering_commits("naive"))).await.unwrap();
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let mut connection = database.connect().await;
        writers.push(tokio::spawn(async move {
            for _ in 0..APPENDS_EACH {
                execute(&mut connection, "INSERT INTO naive DEFAULT VALUES").await.unwrap();
            }
        }));
    }

    let (mut seen, mut at, mut finished) = (0, 0, false);
    while !finished {
        finished = writers.iter().all(|writer| writer.is_finished());
        let page = after(&mut reader, "naive", "id", at).await;
        at = page.last().copied().unwrap_or(at);
        seen += page.len();
    }
    assert!(seen < WRITERS * APPENDS_EACH, "{seen} seen");
}

/// Appends one event past the store, in the transaction of the caller.
const APPEND_ONE: &str = "
    WITH id AS (SELECT gen_random_uuid() AS card)
    SELECT append_units(
        '{0}', '{card}', ARRAY[card], '{0}',
        '{0}', '{card}', ARRAY[card], '{1}', ARRAY[gen_random_uuid()], '{frozen}', '{1}', ARRAY[gen_random_uuid()],
        '{NULL}', '{NULL}', '{system:test}', ARRAY['{\"at\":\"2026-11-01T12:00:00Z\"}'],
        '{}', '{}', '{}', '{}', '{}') FROM id";

async fn after(reader: &mut PgConnection, table: &str, column: &str, at: i64) -> Vec<i64> {
    let sql = format!("SELECT {column} FROM {table} WHERE {column} > $1 ORDER BY {column}");
    sqlx::query_scalar(&sql).bind(at).fetch_all(reader).await.unwrap()
}
