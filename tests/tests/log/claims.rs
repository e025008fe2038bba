//! What may be had once, such as an e-mail address, goes to one unit, with the unit or not at all.

use aggregates::{UserId, card::Card};
use futures::future::join_all;
use store::{AppendError, Store};
use tests::database::TestDatabase;

use crate::examples::{a_new_card, a_requested_card, held, requested, unit};

const ADDRESS: &str = "one@example.com";

async fn owner(store: &Store) -> Option<UserId> {
    store.account_by_email(&store.email_index(ADDRESS)).await.unwrap()
}

fn key(store: &Store) -> Vec<u8> {
    store.email_index(ADDRESS).0.into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_registrations_of_one_address_exactly_one_succeeds() {
    let database = TestDatabase::new().await;
    let processes = [database.store(), database.store()];
    let cards: Vec<_> = (0..32).map(|_| a_new_card()).collect();
    let register = |i: usize| {
        let (store, card) = (&processes[i % 2], &cards[i]);
        store.append(unit().stream(card, vec![requested()]).claim("email", &key(store), card.id))
    };
    let outcomes = join_all((0..cards.len()).map(register)).await;

    let winners: Vec<_> =
        cards.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(c, _)| c.id).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(owner(&processes[0]).await, Some(UserId(winners[0])));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AppendError::Taken))));
    assert_eq!(processes[0].head().await.unwrap(), 1, "who came too late left no events");
}

#[tokio::test]
async fn a_claim_is_not_taken_when_its_unit_conflicts() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let stale = a_requested_card(&store).await;
    store.append(unit().stream(&stale, vec![held(1)])).await.unwrap();

    let outcome = store.append(unit().stream(&stale, vec![held(2)]).claim("email", &key(&store), stale.id)).await;
    assert!(matches!(outcome, Err(AppendError::Conflict)), "{outcome:?}");
    assert_eq!(owner(&store).await, None);

    let other = a_new_card();
    store.append(unit().stream(&other, vec![requested()]).claim("email", &key(&store), other.id)).await.unwrap();
    assert_eq!(owner(&store).await, Some(UserId(other.id)));
}

#[tokio::test]
async fn a_unit_whose_second_claim_is_taken_takes_none() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (first, second) = (a_new_card(), a_new_card());
    store.append(unit().stream(&first, vec![requested()]).claim("email", b"taken", first.id)).await.unwrap();

    let both = unit().stream(&second, vec![requested()]).claim("email", &key(&store), second.id);
    let outcome = store.append(both.claim("email", b"taken", second.id)).await;
    assert!(matches!(outcome, Err(AppendError::Taken)), "{outcome:?}");
    assert_eq!(owner(&store).await, None);
}

#[tokio::test]
async fn an_owner_may_claim_again() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_new_card();
    store.append(unit().stream(&card, vec![requested()]).claim("email", &key(&store), card.id)).await.unwrap();
    let card = store.load_latest::<Card>(card.id).await.unwrap();
    store.append(unit().stream(&card, vec![held(1)]).claim("email", &key(&store), card.id)).await.unwrap();
}

#[tokio::test]
async fn scopes_do_not_touch_each_other() {
    let database = TestDatabase::new().await;
    let store = database.store();
    for scope in ["email", "telephone"] {
        let card = a_new_card();
        store.append(unit().stream(&card, vec![requested()]).claim(scope, b"same", card.id)).await.unwrap();
    }
}
