//! Aggregates in a process's memory may be out of date; a decision on an outdated state never gets into the log.

use aggregates::card::{Authority, Card, Command, Event, Reason, Status};
use store::{AppendError, Config};
use tests::database::TestDatabase;

use crate::examples::{a_new_card, a_requested_card, events_of, grown, held, november, requested, unit};

fn refused() -> Vec<Event> {
    vec![Event::IssueFailed { issuer: "sandbox".into(), reason: "programme_closed".into(), at: november(2) }]
}

/// Invariant 2 hangs on this: a limit is checked against the state that the append finds.
#[tokio::test]
async fn a_decision_on_another_process_old_state_is_refused_and_right_after_a_reload() {
    let database = TestDatabase::new().await;
    let (ours, theirs) = (database.store(), database.store());
    let id = a_requested_card(&ours).await.id;
    let seen_by_them = theirs.load::<Card>(id).await.unwrap();
    grown(&theirs, &seen_by_them, refused()).await;

    let stale = ours.load::<Card>(id).await.unwrap();
    assert_eq!((stale.version, stale.status()), (1, Some(Status::Requested)), "from memory");
    let outcome = ours.append(unit().stream(&stale, vec![held(1)])).await;
    assert!(matches!(outcome, Err(AppendError::Conflict)), "{outcome:?}");

    let fresh = ours.load::<Card>(id).await.unwrap();
    assert_eq!((fresh.version, fresh.status()), (2, Some(Status::IssueFailed)), "the refusal threw the old state out");
    let now = november(3);
    let freeze = Command::Freeze { by: Authority::Person, reason: Reason::Requested, now };
    assert!(fresh.decide(freeze).is_err(), "decided on what is");
    ours.append(unit().stream(&fresh, vec![held(1)])).await.unwrap();
}

/// Else a flow that decides on two streams and writes to one would be refused for ever.
#[tokio::test]
async fn a_refusal_throws_out_the_old_state_of_a_stream_that_was_only_read() {
    let database = TestDatabase::new().await;
    let (ours, theirs) = (database.store(), database.store());
    let read = a_requested_card(&ours).await.id;
    grown(&theirs, &theirs.load::<Card>(read).await.unwrap(), refused()).await;

    let written = a_new_card();
    let attempt = async || {
        let stale_or_fresh = ours.load::<Card>(read).await.unwrap();
        ours.append(unit().stream(&written, vec![requested()]).stream(&stale_or_fresh, vec![])).await
    };
    assert!(matches!(attempt().await, Err(AppendError::Conflict)));
    attempt().await.expect("the state was read again");
}

#[tokio::test]
async fn the_latest_state_is_read_past_memory() {
    let database = TestDatabase::new().await;
    let (ours, theirs) = (database.store(), database.store());
    let id = a_requested_card(&ours).await.id;
    grown(&theirs, &theirs.load::<Card>(id).await.unwrap(), refused()).await;
    assert_eq!(ours.load_latest::<Card>(id).await.unwrap().status(), Some(Status::IssueFailed));
    assert_eq!(ours.load::<Card>(id).await.unwrap().version, 2, "and remembered");
}

#[tokio::test]
async fn what_was_appended_is_in_memory_at_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_new_card();
    store.append(unit().stream(&card, vec![requested(), held(300)])).await.unwrap();
    let loaded = store.load::<Card>(card.id).await.unwrap();
    let expected = database.store().load::<Card>(card.id).await.unwrap();
    assert_eq!((loaded.version, &loaded.state), (expected.version, &expected.state));
}

/// Invariant 10.
#[tokio::test]
async fn a_full_memory_forgets_and_reads_again() {
    let database = TestDatabase::new().await;
    let store = database.store_with(&Config { cached_aggregates: 2, ..Config::default() });
    let mut cards = Vec::new();
    for _ in 0..20 {
        cards.push(a_requested_card(&store).await);
    }
    for card in cards {
        let loaded = store.load::<Card>(card.id).await.unwrap();
        assert_eq!((loaded.version, events_of(&store, &card).await), (1, 1));
    }
}
