//! Many units share a transaction; what happens to one of them is no other's business.

use std::time::Duration;

use aggregates::{Actor, Context, card::Card};
use futures::future::join_all;
use store::{AppendError, Appended, Config, Loaded, Store, Unit, new_id};
use tests::database::TestDatabase;
use tokio::task::JoinHandle;

use super::AppendLock;
use crate::examples::{a_new_card, events_of, held, requested, unit};

/// Keeps the writer busy with an append that waits for the lock: what comes now is written later, as one batch.
async fn occupied(store: &Store, lock: &mut AppendLock) -> JoinHandle<Result<Appended, AppendError>> {
    let store = store.clone();
    let append = tokio::spawn(async move { store.append(unit().stream(&a_new_card(), vec![requested()])).await });
    lock.is_waited_for_by(1).await;
    append
}

/// Units that the database cannot store: one with a text that is none, one with a key that no index takes.
fn poisoned(card: &Loaded<Card>) -> [Unit; 2] {
    let context = Context {
        correlation_id: new_id(),
        causation_id: None,
        traceparent: Some("00-\0-01".into()),
        actor: Actor::System("test"),
    };
    let incompressible: Vec<u8> = (0..600).flat_map(|_| *new_id().as_bytes()).collect();
    let too_long = unit().claim("email", &incompressible, card.id);
    [Unit::new(context), too_long].map(|unit| unit.stream(card, vec![requested()]))
}

/// Invariant 1: the neighbours are acknowledged, so they are there, and there once.
#[tokio::test]
async fn a_poisoned_unit_is_refused_alone_and_its_neighbours_are_stored_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut lock = AppendLock::take(&database).await;
    let occupying = occupied(&store, &mut lock).await;
    let cards: Vec<_> = (0..9).map(|_| a_new_card()).collect();
    let units = cards.iter().enumerate().map(|(i, card)| match (i, poisoned(card)) {
        (2 | 7, [text, _]) => text,
        (3, [_, key]) => key,
        _ => unit().stream(card, vec![requested(), held(1)]),
    });
    let mut batch = Box::pin(join_all(units.map(|unit| store.append(unit))));
    assert!(futures::poll!(&mut batch).is_pending());
    lock.release().await;
    occupying.await.unwrap().unwrap();

    for (i, outcome) in batch.await.into_iter().enumerate() {
        let stored = events_of(&store, &cards[i]).await;
        match i {
            2 | 3 | 7 => {
                assert!(matches!(outcome, Err(AppendError::Refused(_))), "{outcome:?}");
                assert_eq!(stored, 0);
            }
            _ => {
                let position = outcome.unwrap().position;
                let last = &store.read_after(position - 1, 1).await.unwrap()[0];
                assert_eq!((last.aggregate_id, last.sequence, stored), (cards[i].id, 2, 2));
            }
        }
    }
    assert_eq!(store.head().await.unwrap(), 13);
}

/// Invariant 10: past the bound an append is refused at once; what was accepted is stored.
#[tokio::test]
async fn one_append_more_than_may_wait_is_refused_and_told_when_to_come_back() {
    let database = TestDatabase::new().await;
    let store = database.store_with(&Config { append_queue: 4, append_batch: 2, ..Config::default() });
    let mut lock = AppendLock::take(&database).await;
    let occupying = occupied(&store, &mut lock).await;
    let cards: Vec<_> = (0..12).map(|_| a_new_card()).collect();
    let appends = cards.iter().map(|card| store.append(unit().stream(card, vec![requested()])));
    let mut appends = Box::pin(join_all(appends));
    assert!(futures::poll!(&mut appends).is_pending());
    lock.release().await;

    let outcomes = appends.await;
    for (card, outcome) in cards.iter().zip(&outcomes) {
        let stored = events_of(&store, card).await;
        match outcome {
            Ok(_) => assert_eq!(stored, 1),
            Err(AppendError::Overloaded { retry_after }) => {
                assert!(*retry_after >= Duration::from_millis(100));
                assert_eq!(stored, 0);
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    occupying.await.unwrap().unwrap();
    store.append(unit().stream(&a_new_card(), vec![requested()])).await.expect("there is room again");
}

#[tokio::test]
async fn a_caller_that_gave_up_while_waiting_is_not_written_behind_its_back() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut lock = AppendLock::take(&database).await;
    let occupying = occupied(&store, &mut lock).await;
    let (given_up, patient) = (a_new_card(), a_new_card());
    let mut first = Box::pin(store.append(unit().stream(&given_up, vec![requested()])));
    let mut second = Box::pin(store.append(unit().stream(&patient, vec![requested()])));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    drop(first);
    lock.release().await;

    occupying.await.unwrap().unwrap();
    second.await.unwrap();
    assert_eq!(events_of(&store, &given_up).await, 0);
}

/// Units for one stream cannot share a statement; all the same they are tried in the order in which they came.
#[tokio::test]
async fn appends_to_one_stream_that_wait_together_are_written_in_their_order() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut lock = AppendLock::take(&database).await;
    let occupying = occupied(&store, &mut lock).await;
    let card = a_new_card();
    let versions = (0..5).map(|version| Loaded { version, ..card.clone() });
    let appends = versions.map(|at| store.append(unit().stream(&at, vec![held(at.version + 1)])));
    let mut appends = Box::pin(join_all(appends));
    assert!(futures::poll!(&mut appends).is_pending());
    lock.release().await;

    let positions: Vec<_> = appends.await.into_iter().map(|outcome| outcome.unwrap().position).collect();
    assert_eq!(positions, [2, 3, 4, 5, 6]);
    occupying.await.unwrap().unwrap();
}
