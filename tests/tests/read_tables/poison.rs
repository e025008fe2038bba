use aggregates::{CardId, PaymentId, card::Card};
use sqlx::Executor;
use store::{Loaded, Store, new_id};
use tests::database::TestDatabase;
use uuid::Uuid;

use crate::examples::{a_person, a_requested_card, grown, held, initiated, unit};

async fn parked(database: &TestDatabase) -> Vec<(String, Uuid, i64)> {
    let sql = "SELECT kind, aggregate_id, position FROM read.parked ORDER BY position";
    sqlx::query_as(sql).fetch_all(&mut database.connect().await).await.unwrap()
}

async fn apply_the_log(store: &Store) -> store::tables::Progress {
    let events = store.read_after(0, 1_000).await.unwrap();
    store.read_tables().apply(&events).await.unwrap()
}

/// An event of a later version, say, that this version cannot read.
#[tokio::test]
async fn an_event_that_cannot_be_read_parks_its_stream_and_no_other() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (poisoned, sound) = (a_requested_card(&store).await, a_requested_card(&store).await);
    let sql = "INSERT INTO events SELECT 3, kind, aggregate_id, 2, gen_random_uuid(), 'recoloured', 1, recorded_at,
                      correlation_id, NULL, NULL, actor, '{}' FROM events WHERE position = 1";
    database.connect().await.execute(sql).await.unwrap();
    for (version, card) in [(2, &poisoned), (1, &sound)] {
        let at = Loaded { version, ..card.clone() };
        store.append(unit().stream(&at, vec![held(700)])).await.unwrap();
    }

    let progress = apply_the_log(&store).await;
    assert_eq!((progress.position, progress.parked), (5, 1));
    assert_eq!(parked(&database).await, [("card".to_owned(), poisoned.id, 3)]);
    let used = async |card: &Loaded<Card>| store.card_row(card.owner().unwrap(), CardId(card.id)).await;
    let used = async |card| used(card).await.unwrap().unwrap().used;
    assert_eq!((used(&poisoned).await, used(&sound).await), (0, 700), "the parked stream stays as it was");
}

/// A text that PostgreSQL cannot hold gets into an event, since JSON can escape it.
#[tokio::test]
async fn an_event_that_the_tables_refuse_parks_its_stream_and_its_batch_is_applied() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let user = a_person();
    let card = a_requested_card(&store).await;
    let mut payments = Vec::new();
    for i in 0..9 {
        let mut event = initiated(user, CardId(card.id), 100);
        if let (4, aggregates::payment::Event::Initiated { merchant, .. }) = (i, &mut event) {
            *merchant = "nul \0 inside".into();
        }
        let payment = Loaded::<aggregates::payment::Payment>::new(PaymentId(new_id()));
        payments.push(grown(&store, &payment, vec![event]).await);
    }

    let progress = apply_the_log(&store).await;
    assert_eq!((progress.position, progress.parked), (10, 1));
    assert_eq!(parked(&database).await, [("payment".to_owned(), payments[4].id, 6)]);
    for (i, payment) in payments.iter().enumerate() {
        let row = store.transaction_row(user, PaymentId(payment.id)).await.unwrap();
        assert_eq!(row.is_some(), i != 4);
    }
}

#[tokio::test]
async fn a_rebuild_takes_a_parked_stream_in_again_once_it_can_be_read() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_requested_card(&store).await;
    let mut connection = database.connect().await;
    let sql = "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET version = 9";
    connection.execute(sql).await.unwrap();
    assert_eq!(apply_the_log(&store).await.parked, 1);
    assert!(store.card_row(card.owner().unwrap(), CardId(card.id)).await.unwrap().is_none());

    // As if a release that knows the version had been installed.
    connection.execute("UPDATE events SET version = 1").await.unwrap();
    let rebuilt = store.rebuild_read_tables().await.unwrap();
    rebuilt.apply(&store.read_after(0, 10).await.unwrap()).await.unwrap();
    rebuilt.go_live().await.unwrap();
    assert!(store.card_row(card.owner().unwrap(), CardId(card.id)).await.unwrap().is_some());
    assert_eq!(parked(&database).await, []);
}
