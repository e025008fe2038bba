//! The connection breaks while appends are under way: what was acknowledged is in the log exactly once, what was not
//! at most once (invariant 1).

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aggregates::{PaymentId, card};
use rand::Rng;
use sqlx::PgConnection;
use store::{AppendError, Config, Store};
use tests::{database::TestDatabase, eventually::eventually};

use super::{AppendLock, proxy::Proxy};
use crate::examples::{a_new_card, a_requested_card, events_of, held, requested, unit};

/// The transaction committed, and the connection was gone before the answer came through.
#[tokio::test]
async fn an_append_whose_answer_was_lost_is_found_in_the_log_and_not_written_again() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::start(&database).await;
    let (store, witness) =
        (Store::connect(&proxy.url, tests::database::keys(), &Config::default()).unwrap(), database.store());
    let card = a_requested_card(&store).await;

    proxy.swallow_answers();
    let append = tokio::spawn({
        let (store, card) = (store.clone(), card.clone());
        async move { store.append(unit().stream(&card, vec![held(1), held(2)])).await }
    });
    eventually("the append is committed", async || (witness.head().await.unwrap() == 3).then_some(())).await;
    proxy.cut();

    assert_eq!(append.await.unwrap().unwrap().position, 3);
    assert_eq!(events_of(&witness, &card).await, 3);
}

/// Whoever won the claim is told so, although the retry finds the claim taken: by itself.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_acknowledged() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::start(&database).await;
    let (store, witness) =
        (Store::connect(&proxy.url, tests::database::keys(), &Config::default()).unwrap(), database.store());
    a_requested_card(&store).await;

    proxy.swallow_answers();
    let append = tokio::spawn(async move {
        let card = a_new_card();
        store.append(unit().stream(&card, vec![requested()]).claim("email", b"a", card.id)).await
    });
    eventually("the append is committed", async || (witness.head().await.unwrap() == 2).then_some(())).await;
    proxy.cut();

    assert_eq!(append.await.unwrap().unwrap().position, 2);
}

#[tokio::test]
async fn an_append_that_cannot_reach_the_database_has_an_unknown_outcome_in_bounded_time() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::start(&database).await;
    let config = Config { append_timeout_seconds: 1, ..Config::default() };
    let store = Store::connect(&proxy.url, tests::database::keys(), &config).unwrap();
    proxy.refuse_connections();
    let append = store.append(unit().stream(&a_new_card(), vec![requested()]));
    let outcome = tokio::time::timeout(Duration::from_secs(3), append).await.expect("the bound holds");
    assert!(matches!(outcome, Err(AppendError::Unknown)), "{outcome:?}");
}

/// An append that took too long is called unknown; should it be written later, then once.
#[tokio::test]
async fn an_append_that_waits_too_long_for_the_lock_has_an_unknown_outcome() {
    let database = TestDatabase::new().await;
    let store = database.store_with(&Config { append_timeout_seconds: 1, ..Config::default() });
    let lock = AppendLock::take(&database).await;
    let card = a_new_card();
    let outcome = store.append(unit().stream(&card, vec![requested()])).await;
    assert!(matches!(outcome, Err(AppendError::Unknown)), "{outcome:?}");
    lock.release().await;

    store.append(unit().stream(&a_new_card(), vec![requested()])).await.expect("the store has recovered");
    assert!(events_of(&store, &card).await <= 1);
}

const WORKERS: usize = 8;
const KILLS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_append_connection_again_and_again_loses_and_doubles_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    static ENOUGH: AtomicBool = AtomicBool::new(false);
    let workers: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(append_until(&ENOUGH, store.clone()))).collect();
    let killed = kill_appending_connections(&mut database.connect().await).await;
    ENOUGH.store(true, Ordering::Relaxed);
    let mut acknowledged = HashMap::new();
    for worker in workers {
        acknowledged.extend(worker.await.unwrap());
    }

    let mut found: HashMap<PaymentId, i64> = HashMap::new();
    let mut last = 0;
    let reader = database.store();
    while let Some(event) = reader.read_after(last, 1).await.unwrap().pop() {
        assert_eq!(event.position, last + 1);
        last = event.position;
        if let aggregates::envelope::AnyEvent::Card(card::Event::Held { payment_id, .. }) = event.decode().unwrap() {
            assert_eq!(found.insert(payment_id, event.position), None, "{payment_id} is in the log twice");
        }
    }
    assert_eq!(killed, KILLS);
    assert!(acknowledged.len() > KILLS, "{} appends are too few to show anything", acknowledged.len());
    for (payment_id, position) in acknowledged {
        assert_eq!(found.get(&payment_id), Some(&position), "{payment_id} was acknowledged");
    }
}

/// Appends holds to one card after the other and gives what was acknowledged, with its position.
async fn append_until(enough: &AtomicBool, store: Store) -> Vec<(PaymentId, i64)> {
    let mut acknowledged = Vec::new();
    let mut card = a_new_card();
    while !enough.load(Ordering::Relaxed) {
        let event = held(1);
        let card::Event::Held { payment_id, .. } = event else { unreachable!("`held` holds") };
        match store.append(unit().stream(&card, vec![event])).await {
            Ok(appended) => {
                acknowledged.push((payment_id, appended.position));
                card.version += 1;
            }
            Err(AppendError::Unknown) => card = a_new_card(),
            Err(error) => panic!("{error}"),
        }
    }
    acknowledged
}

async fn kill_appending_connections(connection: &mut PgConnection) -> usize {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%append_units%'";
    let mut killed = 0;
    while killed < KILLS {
        let pause = rand::rng().random_range(0..30);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        killed += usize::try_from(found.min(1)).unwrap();
    }
    killed
}
