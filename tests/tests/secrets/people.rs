use aggregates::{Sealed, UserId};
use sqlx::Executor;
use store::{Error, PersonalData, Store};
use tests::database::TestDatabase;

use crate::examples::a_person;

async fn a_person_with_a_key(store: &Store) -> UserId {
    let user = a_person();
    store.create_person_key(user).await.unwrap();
    user
}

async fn open(store: &Store, user: UserId, field: PersonalData, sealed: &Sealed) -> Result<String, Error> {
    store.open(user, field, sealed).await.map(|text| text.to_string())
}

#[tokio::test]
async fn sealed_data_open_for_the_person_and_field_they_were_sealed_for_and_no_other() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (alice, bob) = (a_person_with_a_key(&store).await, a_person_with_a_key(&store).await);
    let sealed = store.seal(alice, PersonalData::FirstName, "Alice").await.unwrap();

    assert_eq!(open(&store, alice, PersonalData::FirstName, &sealed).await.unwrap(), "Alice");
    for (user, field) in [
        (bob, PersonalData::FirstName),
        (alice, PersonalData::LastName),
        (alice, PersonalData::Email),
        (alice, PersonalData::Applicant),
    ] {
        let outcome = open(&store, user, field, &sealed).await;
        assert!(matches!(outcome, Err(Error::Unsealable)), "{field:?}: {outcome:?}");
    }
}

/// Else equal names would show in the log as equal.
#[tokio::test]
async fn sealing_the_same_twice_gives_different_ciphertexts() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_key(&store).await;
    let first = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    let second = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    assert_ne!(first, second);
    assert!(!format!("{first:?}").contains(first.ciphertext()), "and neither prints");
}

#[tokio::test]
async fn a_ciphertext_with_one_bit_changed_does_not_open() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_key(&store).await;
    let sealed = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    for (at, to) in [(0, "A"), (40, "B"), (sealed.ciphertext().len() - 4, "C")] {
        let mut text = sealed.ciphertext().to_owned();
        let to = if text[at..].starts_with(to) { "D" } else { to };
        text.replace_range(at..=at, to);
        let outcome = open(&store, alice, PersonalData::Email, &Sealed::from_ciphertext(text)).await;
        assert!(matches!(outcome, Err(Error::Unsealable)), "{outcome:?}");
    }
}

/// A key put into another person's row would open that person's data for whoever owned the key.
#[tokio::test]
async fn a_key_moved_to_another_person_does_not_open() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (alice, bob) = (a_person_with_a_key(&store).await, a_person_with_a_key(&store).await);
    let sealed = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    let swap = "UPDATE person_keys k SET wrapped_key = o.wrapped_key FROM person_keys o WHERE o.user_id <> k.user_id";
    database.connect().await.execute(swap).await.unwrap();
    for user in [alice, bob] {
        let outcome = open(&database.store(), user, PersonalData::Email, &sealed).await;
        assert!(matches!(outcome, Err(Error::Unsealable)), "{outcome:?}");
    }
}

#[tokio::test]
async fn once_the_key_is_gone_nothing_of_the_person_opens() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_key(&store).await;
    let sealed = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    assert!(open(&store, alice, PersonalData::Email, &sealed).await.is_ok());

    store.discard_secrets(alice).await.unwrap();
    for store in [&store, &database.store()] {
        let outcome = open(store, alice, PersonalData::Email, &sealed).await;
        assert!(matches!(outcome, Err(Error::Erased)), "{outcome:?}");
        let outcome = store.seal(alice, PersonalData::Email, "alice@example.com").await;
        assert!(matches!(outcome, Err(Error::Erased)), "{outcome:?}");
    }
}

#[tokio::test]
async fn making_a_key_again_keeps_the_first_one() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_key(&store).await;
    let sealed = store.seal(alice, PersonalData::Email, "alice@example.com").await.unwrap();
    database.store().create_person_key(alice).await.unwrap();
    assert!(open(&database.store(), alice, PersonalData::Email, &sealed).await.is_ok());
}
