//! Optimistic concurrency: a decision stands only if its streams are as they were when it was made.

use aggregates::card::Card;
use futures::future::join_all;
use store::{AppendError, Loaded, Store};
use tests::database::TestDatabase;

use super::AppendLock;
use crate::examples::{a_new_card, a_requested_card, events_of, held, requested, unit};

/// Appends to `stream` from every store at once and gives how many won.
async fn race(stores: &[Store], stream: &Loaded<Card>) -> usize {
    let attempts = stores.iter().map(|store| store.append(unit().stream(stream, vec![held(100)])));
    let outcomes = join_all(attempts).await;
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(_) | Err(AppendError::Conflict)), "{outcome:?}");
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

/// Invariant 1.
#[tokio::test]
async fn of_64_appends_at_the_same_version_exactly_one_wins() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut card = a_requested_card(&store).await;
    for version in 2..5 {
        assert_eq!(race(&vec![store.clone(); 64], &card).await, 1);
        card = store.load_latest(card.id).await.unwrap();
        assert_eq!(card.version, version);
    }
}

/// Invariant 1. As above, from processes that share nothing but the database.
#[tokio::test(flavor = "multi_thread")]
async fn of_appends_by_several_processes_exactly_one_wins() {
    let database = TestDatabase::new().await;
    let processes: Vec<_> = (0..8).map(|_| database.store()).collect();
    let contenders: Vec<_> = (0..64).map(|i| processes[i % processes.len()].clone()).collect();
    let card = a_requested_card(&processes[0]).await;
    assert_eq!(race(&contenders, &card).await, 1);
    assert_eq!(events_of(&processes[0], &card).await, 2);
}

#[tokio::test]
async fn a_stream_is_begun_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_new_card();
    let begin = || store.append(unit().stream(&card, vec![requested()]));
    let outcomes = join_all((0..16).map(|_| begin())).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_unit_over_two_streams_leaves_both_untouched_if_one_has_moved_on() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (moved, still) = (a_requested_card(&store).await, a_requested_card(&store).await);
    store.append(unit().stream(&moved, vec![held(1)])).await.unwrap();
    let head = store.head().await.unwrap();

    for both in [
        unit().stream(&moved, vec![held(2)]).stream(&still, vec![held(2)]),
        unit().stream(&still, vec![held(2)]).stream(&moved, vec![held(2)]),
    ] {
        let outcome = store.append(both).await;
        assert!(matches!(outcome, Err(AppendError::Conflict)), "{outcome:?}");
    }
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(events_of(&store, &still).await, 1);
}

#[tokio::test]
async fn a_unit_can_demand_that_a_stream_it_only_read_has_not_moved_on() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (read, written) = (a_requested_card(&store).await, a_requested_card(&store).await);
    let decided_on_both = || unit().stream(&written, vec![held(2)]).stream(&read, vec![]);

    store.append(unit().stream(&read, vec![held(1)])).await.unwrap();
    let outcome = store.append(decided_on_both()).await;
    assert!(matches!(outcome, Err(AppendError::Conflict)), "{outcome:?}");
    assert_eq!(events_of(&store, &written).await, 1);
}

#[tokio::test]
async fn a_unit_that_conflicts_fails_alone_in_its_batch() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let stale = a_requested_card(&store).await;
    store.append(unit().stream(&stale, vec![held(1)])).await.unwrap();
    let mut lock = AppendLock::take(&database).await;

    // The first append occupies the writer, so that all the others wait and are written as one batch.
    let occupying = tokio::spawn({
        let store = store.clone();
        async move { store.append(unit().stream(&a_new_card(), vec![requested()])).await }
    });
    lock.is_waited_for_by(1).await;
    let neighbours: Vec<_> = (0..4).map(|_| a_new_card()).collect();
    let begin = |card| store.append(unit().stream(card, vec![requested(), held(5)]));
    let batch = async {
        tokio::join!(
            begin(&neighbours[0]),
            begin(&neighbours[1]),
            store.append(unit().stream(&stale, vec![held(2)])),
            begin(&neighbours[2]),
            begin(&neighbours[3]),
        )
    };
    let mut batch = Box::pin(batch);
    assert!(futures::poll!(&mut batch).is_pending());
    lock.release().await;

    let (a, b, conflict, c, d) = batch.await;
    assert!(matches!(conflict, Err(AppendError::Conflict)), "{conflict:?}");
    let first = occupying.await.unwrap().unwrap().position;
    let positions = [a, b, c, d].map(|outcome| outcome.unwrap().position - first);
    assert_eq!(positions, [2, 4, 6, 8]);
    for card in &neighbours {
        assert_eq!(events_of(&store, card).await, 2);
    }
    assert_eq!(events_of(&store, &stale).await, 2);
}
