//! Snapshots change how long a load takes and nothing else.

use aggregates::{Root, card::Card};
use sqlx::PgConnection;
use store::{Config, Loaded};
use tests::{database::TestDatabase, eventually::eventually};

use super::execute;
use crate::examples::{a_new_card, grown, held, requested};

/// A card with 250 events, appended one, two or three at a time.
async fn a_long_stream(database: &TestDatabase, config: &Config) -> Loaded<Card> {
    let store = database.store_with(config);
    let mut card = grown(&store, &a_new_card(), vec![requested()]).await;
    for i in 0..125 {
        let events = (0..1 + i % 3).map(|_| held(i + 1)).collect();
        card = grown(&store, &card, events).await;
    }
    assert_eq!(card.version, 250);
    card
}

async fn snapshot(connection: &mut PgConnection) -> Option<i64> {
    sqlx::query_scalar("SELECT sequence FROM snapshots").fetch_optional(connection).await.unwrap()
}

/// The state that the events alone lead to.
async fn from_events(database: &TestDatabase, card: &Loaded<Card>) -> Card {
    let events = database.store().stream(Card::KIND, card.id).await.unwrap();
    let mut state = Card::default();
    for event in events {
        let aggregates::envelope::AnyEvent::Card(event) = event.decode().unwrap() else { panic!("{event:?}") };
        state.evolve(&event);
    }
    state
}

/// Invariant 7.
#[tokio::test]
async fn a_stream_loads_the_same_from_a_snapshot_as_from_all_its_events() {
    let database = TestDatabase::new().await;
    let card = a_long_stream(&database, &Config { snapshot_every: 100, ..Config::default() }).await;
    let mut connection = database.connect().await;
    let at = eventually("the second snapshot is written", async || {
        snapshot(&mut connection).await.filter(|sequence| *sequence >= 200)
    })
    .await;
    assert!(at < 203, "taken when the stream passed 200, not at {at}");
    // What lies before the snapshot need not even be readable.
    assert_eq!(database.store().load::<Card>(card.id).await.unwrap().version, 250);
    assert_eq!(*database.store().load::<Card>(card.id).await.unwrap().state, from_events(&database, &card).await);

    let nothing = serde_json::to_string(&Card::default()).unwrap();
    execute(&mut connection, &format!("UPDATE snapshots SET state = '{nothing}'")).await.unwrap();
    let loaded = database.store().load::<Card>(card.id).await.unwrap();
    assert_eq!(loaded.status(), None, "the snapshot is what a load begins with");
}

#[tokio::test]
async fn a_snapshot_that_this_version_does_not_understand_is_passed_over() {
    let database = TestDatabase::new().await;
    let card = a_long_stream(&database, &Config { snapshot_every: 100, ..Config::default() }).await;
    let mut connection = database.connect().await;
    eventually("the second snapshot is written", async || {
        snapshot(&mut connection).await.filter(|sequence| *sequence >= 200)
    })
    .await;
    let expected = from_events(&database, &card).await;
    for spoilt in [
        "UPDATE snapshots SET snapshot_version = 1000, state = '{\"details\":null,\"spending\":{}}'",
        "UPDATE snapshots SET snapshot_version = 1, state = '{\"another\":\"shape\"}'",
        "DELETE FROM snapshots",
    ] {
        execute(&mut connection, spoilt).await.unwrap();
        let loaded = database.store().load::<Card>(card.id).await.unwrap();
        assert_eq!((loaded.version, &*loaded.state), (250, &expected), "{spoilt}");
    }
}
