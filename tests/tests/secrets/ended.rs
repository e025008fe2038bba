//! Card secrets end: with the card, with the person, and in other processes' memory.

use aggregates::{
    CardId, UserId,
    card::{self, Card, Expiry},
};
use chrono::{TimeDelta, Utc};
use store::{Store, new_id, vault::CardSecrets};
use tests::database::TestDatabase;
use zeroize::Zeroizing;

use crate::examples::{november, requested, unit};

const OWNER: UserId = UserId(uuid::Uuid::from_u128(0xa11ce));

/// A card in the log and in the vault.
async fn a_card(store: &Store, number: &str, expiry: &str, events: &[card::Event]) -> CardId {
    let card = store::Loaded::<Card>::new(CardId(new_id()));
    let card_id = CardId(card.id);
    let history = [&[requested()], events].concat();
    store.append(unit().stream(&card, history)).await.unwrap();
    let expiry: Expiry = expiry.parse().unwrap();
    let secrets = CardSecrets { number: Zeroizing::new(number.into()), cvv: Zeroizing::new("987".into()), expiry };
    store.put_card(OWNER, card_id, &secrets).await.unwrap();
    card_id
}

#[tokio::test]
async fn the_secrets_of_cards_that_have_ended_are_destroyed_and_others_are_not() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let at = november(3);
    let alive = a_card(&store, "4532123456789012", "10/69", &[]).await;
    let frozen = a_card(
        &store,
        "5105105105105100",
        "10/69",
        &[card::Event::Frozen { by: card::Authority::Person, reason: None, at }],
    )
    .await;
    let ended = a_card(
        &store,
        "4111111111111111",
        "10/69",
        &[card::Event::Terminated { by: card::Authority::Person, reason: None, at }],
    )
    .await;
    let expired = a_card(&store, "4012888888881881", "10/20", &[]).await;
    let is_there = async |card| store.card_secrets_now(OWNER, card).await.unwrap().is_some();

    let yesterday = Utc::now() - TimeDelta::days(1);
    assert_eq!(store.destroy_secrets_of_cards_ended_before(yesterday).await.unwrap(), 1, "the termination is of today");
    assert!(is_there(ended).await && !is_there(expired).await);
    let tomorrow = Utc::now() + TimeDelta::days(1);
    assert_eq!(store.destroy_secrets_of_cards_ended_before(tomorrow).await.unwrap(), 1);
    assert!(is_there(alive).await && is_there(frozen).await && !is_there(ended).await);
    // The last day of its month is a card's last.
    let month_end = "2069-11-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.destroy_secrets_of_cards_ended_before(month_end).await.unwrap(), 0);
}

/// Another process destroyed them: whoever asks for them as they are now does not see what this one remembers.
#[tokio::test]
async fn what_another_process_destroyed_is_not_handed_out() {
    let database = TestDatabase::new().await;
    let (here, elsewhere) = (database.store(), database.store());
    let card = a_card(&here, "4532123456789012", "10/20", &[]).await;
    assert!(here.card_secrets(OWNER, card).await.unwrap().is_some());
    assert_eq!(elsewhere.destroy_secrets_of_cards_ended_before(Utc::now()).await.unwrap(), 1);
    assert!(here.card_secrets_now(OWNER, card).await.unwrap().is_none());
    assert!(here.card_secrets(OWNER, card).await.unwrap().is_none(), "and it is forgotten");
}

/// It neither takes from what is remembered nor adds to it.
#[tokio::test]
async fn to_see_secrets_as_they_are_now_is_not_remembered() {
    let database = TestDatabase::new().await;
    let (here, elsewhere) = (database.store(), database.store());
    let card = a_card(&here, "4532123456789012", "10/20", &[]).await;
    assert!(here.card_secrets_now(OWNER, card).await.unwrap().is_some());
    assert!(here.card_secrets_now(UserId(new_id()), card).await.unwrap().is_none(), "it is somebody else's");
    assert_eq!(elsewhere.destroy_secrets_of_cards_ended_before(Utc::now()).await.unwrap(), 1);
    assert!(here.card_secrets(OWNER, card).await.unwrap().is_none());
}

/// A deleted row's place is free for others only once the row is cleared away.
#[tokio::test]
async fn what_was_deleted_is_cleared_away() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let [stays, goes, comes] = [(); 3].map(|()| UserId(new_id()));
    let mut connection = database.connect().await;
    let mut place_of = async |user: UserId| -> String {
        let sql = "SELECT ctid::text FROM person_keys WHERE user_id = $1";
        sqlx::query_scalar(sql).bind(user.0).fetch_one(&mut connection).await.unwrap()
    };
    store.create_person_key(stays).await.unwrap();
    store.create_person_key(goes).await.unwrap();
    let place = place_of(goes).await;
    store.discard_secrets(goes).await.unwrap();
    store.clear_away_destroyed().await.unwrap();
    store.create_person_key(comes).await.unwrap();
    assert_eq!(place_of(comes).await, place);
}

/// A table with wrapped keys that nobody wraps anew would keep an old key-encryption key alive, or die with it.
#[tokio::test]
async fn every_table_with_wrapped_keys_is_guarded_and_rewrapped() {
    let database = TestDatabase::new().await;
    let forgotten = "SELECT table_name::text FROM information_schema.columns c
                      WHERE table_schema = 'public' AND column_name = 'kek_id' AND table_name <> 'retired_keks'
                        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.table_name::regclass
                                                                   AND t.tgname = 'no_retired_kek')";
    let forgotten: Vec<String> = sqlx::query_scalar(forgotten).fetch_all(&mut database.connect().await).await.unwrap();
    assert!(forgotten.is_empty(), "{forgotten:?}: a migration has to call guard_wrapped_keys");
    database.store().rewrap(|_| ()).await.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A relabelled or damaged key does not stop the others, and is not called done.
#[tokio::test]
async fn a_key_that_does_not_open_is_left_and_named() {
    let database = TestDatabase::new().await;
    let keys = super::keys::a_copy_of_the_keys();
    let before = super::keys::store(&database, keys.path());
    let people = [UserId(new_id()), UserId(new_id()), UserId(new_id())];
    for person in people {
        before.create_person_key(person).await.unwrap();
    }
    let spoil = "UPDATE person_keys SET wrapped_key = '\\x00' WHERE user_id = $1";
    sqlx::query(spoil).bind(people[1].0).execute(&mut database.connect().await).await.unwrap();
    std::fs::write(keys.path().join("kek-2.key"), super::keys::ANOTHER_KEY).unwrap();
    std::fs::write(keys.path().join("kek-current"), "2").unwrap();
    let after = super::keys::store(&database, keys.path());
    let rewrapped = after.rewrap(|_| ()).await.unwrap();
    assert_eq!((rewrapped.done, rewrapped.failed, rewrapped.left), (2, 1, 1));
    assert_eq!(after.keys_to_rewrap().await.unwrap(), 1);
    assert!(after.retire_kek(1).await.is_err());
    for person in [people[0], people[2]] {
        assert!(after.seal(person, store::PersonalData::Email, "a@example.com").await.is_ok());
    }
}
