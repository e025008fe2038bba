use aggregates::{Envelope, card::Window};
use futures::future::join_all;
use proptest::{prelude::any, sample::Index, strategy::Strategy, test_runner::TestRunner};
use store::{Error, tables::ReadTables};
use tests::database::TestDatabase;

use super::{apply_all, contents, emptied};
use crate::histories::{History, steps};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() })
}

/// One history, the same in every run.
fn a_history() -> History {
    let mut runner = TestRunner::deterministic();
    let tree = steps(400).new_tree(&mut runner).unwrap();
    History::of(&proptest::strategy::ValueTree::current(&tree))
}

/// Redelivery, restarts in the middle and overlapping batches change nothing.
#[tokio::test]
async fn batches_cut_anywhere_and_delivered_again_give_what_one_pass_gives() {
    let database = TestDatabase::new().await;
    let cuts = proptest::collection::vec(any::<(Index, Index)>(), 12);
    let mut runner = runner(0);
    for _ in 0..12 {
        let tree = (steps(150), &cuts).new_tree(&mut runner).unwrap();
        let (steps, cuts) = proptest::strategy::ValueTree::current(&tree);
        let history = History::of(&steps);
        apply_all(&emptied(&database).await, &[&history.events]).await;
        let expected = contents(&database).await;
        apply_all(&emptied(&database).await, &overlapping(&history.events, &cuts)).await;
        assert_eq!(contents(&database).await, expected, "{cuts:?} of {steps:?}");
    }
}

/// Batches that leave no hole: each goes back behind the end of the one before by some way.
fn overlapping<'a>(events: &'a [Envelope], cuts: &[(Index, Index)]) -> Vec<&'a [Envelope]> {
    let mut batches = Vec::new();
    let mut done = 0;
    for (back, forward) in cuts {
        let from = done - back.index(done.min(20) + 1);
        let to = from + forward.index(events.len() - from + 1);
        batches.push(&events[from..to]);
        done = done.max(to);
    }
    batches.push(&events[done..]);
    batches
}

/// The tables and the aggregates read the same events by different code, and agree.
#[tokio::test]
async fn the_tables_say_what_the_aggregates_say() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let history = a_history();
    apply_all(&store.read_tables(), &history.events.chunks(7).collect::<Vec<_>>()).await;

    for (id, (_, user)) in &history.users {
        let row = store.user_row((*id).into()).await.unwrap().unwrap();
        assert_eq!((Some(&row.email), Some(&row.first_name)), (user.email(), user.first_name()));
    }
    for (id, (_, kyc)) in &history.cases {
        let (row, case) = (store.kyc_row((*id).into()).await.unwrap().unwrap(), kyc.case().unwrap());
        assert_eq!((row.case_id, row.status, row.decided_at), (case.case_id, kyc.status(), case.decided_at));
        assert_eq!((row.provider, row.reasons), (case.provider.clone(), case.reasons.clone()));
    }
    for (id, (_, card)) in &history.cards {
        let row = store.card_row(card.owner().unwrap(), (*id).into()).await.unwrap().unwrap();
        assert_eq!((Some(row.user_id), Some(row.status)), (card.owner(), card.status()));
        assert_eq!((row.last_four.as_deref(), row.expiry), (card.last_four(), card.expiry()));
        assert_eq!(Some(row.monthly_limit), card.monthly_limit().map(|limit| limit.minor_units));
        let used = row.used_window.map_or(Some(0), |first_day| {
            let noon = first_day.and_hms_opt(12, 0, 0).unwrap().and_utc();
            card.used(Window::of(noon)).map(|used| used.minor_units)
        });
        assert_eq!(Some(row.used), used);
    }
    for (id, (_, payment)) in &history.payments {
        let row = store.transaction_row(payment.user_id().unwrap(), (*id).into()).await.unwrap().unwrap();
        assert_eq!((Some(row.status), row.decline.as_ref()), (payment.status(), payment.decline()));
        assert_eq!(row.gateway_reference.as_deref(), payment.gateway_reference());
        assert_eq!((Some(row.created_at), Some(row.updated_at)), (payment.initiated_at(), payment.updated_at()));
        assert_eq!(Some(row.amount), payment.amount().map(|amount| amount.minor_units));
    }
    let counts = [history.users.len(), history.cases.len(), history.cards.len(), history.payments.len()];
    assert!(counts.iter().all(|count| *count > 5), "{counts:?} streams are too few to show anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_writers_each_event_is_let_in_once() {
    let database = TestDatabase::new().await;
    let history = a_history();
    apply_all(&emptied(&database).await, &[&history.events]).await;
    let expected = contents(&database).await;

    emptied(&database).await;
    let processes: Vec<_> = (0..4).map(|_| database.store()).collect();
    let follow = async |tables: ReadTables, size: usize| {
        for batch in history.events.chunks(size) {
            tables.apply(batch).await.unwrap();
        }
    };
    join_all(processes.iter().zip([3, 5, 7, 11]).map(|(store, size)| follow(store.read_tables(), size))).await;
    assert_eq!(contents(&database).await, expected);
}

#[tokio::test]
async fn a_hole_is_refused_and_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let events = a_history().events;
    let tables = store.read_tables();
    tables.apply(&events[..10]).await.unwrap();
    let before = contents(&database).await;
    let torn = [&events[5..15], &events[16..20]].concat();
    for (batch, missing) in [(&events[11..20], 12), (&torn, 17)] {
        let outcome = tables.apply(batch).await;
        assert!(matches!(outcome, Err(Error::Gap { at: 10, next }) if next == missing), "{outcome:?}");
    }
    assert_eq!(contents(&database).await, before);
    assert_eq!(tables.apply(&events[..20]).await.unwrap().position, 20);
}

#[tokio::test]
async fn what_was_applied_already_and_nothing_at_all_change_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let events = a_history().events;
    let tables = store.read_tables();
    tables.apply(&events[..10]).await.unwrap();
    for batch in [&events[..0], &events[..10], &events[3..5]] {
        assert_eq!(tables.apply(batch).await.unwrap().position, 10);
    }
    assert_eq!(tables.position().await.unwrap(), 10);
}
