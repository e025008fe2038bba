//! The log as a cqrs-es event store.

use std::collections::HashMap;

use aggregates::{
    CardId, Kind,
    card::{self, Authority, Card, CardType, Command, Expiry, Reason, Status, Terms},
};
use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use futures::future::join_all;
use store::{Store, new_id};
use tests::database::TestDatabase;

use crate::examples::{a_person, november, usd};

fn unfreeze() -> Command {
    let (by, whose, reason) = (Authority::Person, Authority::Person, Reason::Requested);
    Command::Unfreeze { by, whose, reason, now: november(2) }
}

fn freeze() -> Command {
    Command::Freeze { by: Authority::Person, reason: Reason::Requested, now: november(2) }
}

fn framework(store: &Store) -> CqrsFramework<Card, Store> {
    CqrsFramework::new(store.clone(), vec![], ())
}

fn request() -> Command {
    Command::Request {
        user_id: a_person(),
        card_type: CardType::VirtualVisa,
        monthly_limit: usd(500_000),
        terms: Terms::default(),
        now: november(1),
    }
}

fn issue() -> Command {
    Command::RecordIssued {
        issuer: "sandbox".into(),
        issuer_reference: "iss_1".into(),
        last_four: "4242".into(),
        expiry: Expiry::new(10, 2029).unwrap(),
        now: november(1),
    }
}

#[tokio::test]
async fn commands_run_through_the_framework_end_up_in_the_log() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let cards = framework(&store);
    let id = CardId(new_id());
    let correlation = new_id();
    let metadata = HashMap::from([("correlation_id".to_owned(), correlation.to_string())]);
    cards.execute_with_metadata(&id.to_string(), request(), metadata).await.unwrap();
    cards.execute(&id.to_string(), issue()).await.unwrap();
    cards.execute(&id.to_string(), freeze()).await.unwrap();
    cards.execute(&id.to_string(), freeze()).await.expect("a repeat is no error");

    let events = store.stream(Kind::Card, id.0).await.unwrap();
    let names: Vec<_> = events.iter().map(|event| (event.sequence, event.name.as_str())).collect();
    assert_eq!(names, [(1, "requested"), (2, "issued"), (3, "frozen")]);
    assert_eq!(events[0].correlation_id, correlation);
    assert_eq!(database.store().load::<Card>(id).await.unwrap().status(), Some(Status::Frozen));
    let loaded = EventStore::<Card>::load_events(&store, &id.to_string()).await.unwrap();
    assert_eq!(loaded.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn a_broken_rule_is_the_domains_own_error_and_writes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let id = CardId(new_id()).to_string();
    let outcome = framework(&store).execute(&id, freeze()).await;
    assert!(matches!(outcome, Err(AggregateError::UserError(card::Error::NotFound))), "{outcome:?}");
    assert_eq!(store.head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_command_decided_on_an_old_state_is_an_aggregate_conflict_and_succeeds_when_repeated() {
    let database = TestDatabase::new().await;
    let (ours, theirs) = (database.store(), database.store());
    let id = CardId(new_id()).to_string();
    framework(&ours).execute(&id, request()).await.unwrap();
    framework(&theirs).execute(&id, issue()).await.unwrap();
    let cards = framework(&ours);
    let outcome = cards.execute(&id, issue()).await;
    assert!(matches!(outcome, Err(AggregateError::AggregateConflict)), "{outcome:?}");
    cards.execute(&id, freeze()).await.expect("the state was read again");
}

#[tokio::test]
async fn of_concurrent_commands_each_one_that_succeeds_is_in_the_log_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let cards = framework(&store);
    let id = CardId(new_id()).to_string();
    cards.execute(&id, request()).await.unwrap();
    cards.execute(&id, issue()).await.unwrap();
    let toggles = (0..32).map(|i| match i % 2 {
        0 => freeze(),
        _ => unfreeze(),
    });
    let outcomes = join_all(toggles.map(|command| cards.execute(&id, command))).await;
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(()) | Err(AggregateError::AggregateConflict)), "{outcome:?}");
    }
    // Every event turned the state that it was decided on: freezes and thaws alternate.
    let events = store.stream(Kind::Card, id.parse().unwrap()).await.unwrap();
    for (i, event) in events.iter().skip(2).enumerate() {
        assert_eq!(event.name, ["frozen", "unfrozen"][i % 2]);
    }
    assert!(events.len() > 2);
}
