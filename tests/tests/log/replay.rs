//! Replay: the whole log in order, in pages, and never silently cut short.

use aggregates::{Envelope, card::Card};
use futures::{StreamExt, TryStreamExt};
use store::{Error, Store};
use tests::database::TestDatabase;

use super::execute;
use crate::examples::a_requested_card;

const EVENTS: i64 = 10_500;

/// A log of freezes, each of a card of its own, written past the store for speed.
async fn a_long_log(database: &TestDatabase) -> Store {
    let sql = format!(
        "INSERT INTO events
         SELECT n, 'card', gen_random_uuid(), 1, gen_random_uuid(), 'frozen', 1, now(), gen_random_uuid(), NULL, NULL,
                'system:test', '{{\"at\":\"2026-11-01T12:00:00Z\"}}' FROM generate_series(1, {EVENTS}) AS n"
    );
    execute(&mut database.connect().await, &sql).await.unwrap();
    database.store()
}

fn positions(events: &[Envelope]) -> impl Iterator<Item = i64> {
    events.iter().map(|event| event.position)
}

#[tokio::test]
async fn a_replay_gives_every_event_in_order_and_in_pages() {
    let database = TestDatabase::new().await;
    let store = a_long_log(&database).await;
    let pages: Vec<_> = store.replay(0).try_collect().await.unwrap();
    assert!(pages.len() > 5 && pages.iter().all(|page| page.len() <= 2_000), "{} pages", pages.len());
    assert!(pages.iter().flat_map(|page| positions(page)).eq(1..=EVENTS));

    let rest: Vec<_> = store.replay(EVENTS - 3).try_collect().await.unwrap();
    assert!(rest.iter().flat_map(|page| positions(page)).eq(EVENTS - 2..=EVENTS));
    assert_eq!(store.replay(EVENTS).try_collect::<Vec<_>>().await.unwrap().len(), 0);
}

/// A replay that ended early without a word would leave read models behind that look complete.
#[tokio::test]
async fn a_database_that_fails_in_the_middle_of_a_replay_is_an_error_and_not_an_end() {
    let database = TestDatabase::new().await;
    let store = a_long_log(&database).await;
    let mut pages = Box::pin(store.replay(0));
    assert!(pages.next().await.unwrap().is_ok());
    execute(&mut database.connect().await, "ALTER TABLE events RENAME TO gone").await.unwrap();
    let next = pages.next().await;
    assert!(matches!(next, Some(Err(Error::Database(_)))), "{next:?}");

    let mut seen = 0;
    let outcome = store.replay_each(0, |_| seen += 1).await;
    assert!(matches!(outcome, Err(Error::Database(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_row_that_is_no_event_of_ours_stops_a_replay_and_is_named() {
    let database = TestDatabase::new().await;
    let store = a_long_log(&database).await;
    let sql = "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET kind = 'ledger' WHERE position = 5001";
    execute(&mut database.connect().await, sql).await.unwrap();
    let mut seen = 0;
    let outcome = store.replay_each(0, |_| seen += 1).await;
    assert!(matches!(outcome, Err(Error::BrokenLog { position: 5001, .. })), "{outcome:?}");
    assert_eq!(seen, 4_000, "the pages before it");
}

/// A decision on a state that is only half understood could break any rule.
#[tokio::test]
async fn a_stream_with_an_event_that_cannot_be_read_is_not_loaded() {
    let database = TestDatabase::new().await;
    let card = a_requested_card(&database.store()).await;
    let sql = "INSERT INTO events SELECT 2, kind, aggregate_id, 2, gen_random_uuid(), name, 99, recorded_at,
                      correlation_id, NULL, NULL, actor, data FROM events";
    execute(&mut database.connect().await, sql).await.unwrap();
    let outcome = database.store().load::<Card>(card.id).await;
    assert!(matches!(&outcome, Err(Error::Event { id, .. }) if *id == card.id), "{outcome:?}");
}
