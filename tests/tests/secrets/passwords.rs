use std::time::{Duration, Instant};

use aggregates::UserId;
use futures::future::join_all;
use secrecy::SecretString;
use store::{Error, Store};
use tests::database::TestDatabase;

use crate::examples::a_person;

const RIGHT: &str = "correct horse battery staple";

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

async fn a_person_with_a_password(store: &Store) -> UserId {
    let user = a_person();
    set(store, user, RIGHT).await;
    user
}

async fn set(store: &Store, user: UserId, password: &str) {
    let hashed = store.hash_password(secret(password)).await.unwrap();
    store.set_password(user, &hashed).await.unwrap();
}

#[tokio::test]
async fn only_the_persons_own_password_is_right() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (alice, stranger) = (a_person_with_a_password(&store).await, a_person());
    for (user, password, expected) in [
        (Some(alice), RIGHT, true),
        (Some(alice), "Correct horse battery staple", false),
        (Some(alice), "", false),
        (Some(stranger), RIGHT, false),
        (None, RIGHT, false),
        (None, "", false),
    ] {
        assert_eq!(store.check_password(user, secret(password)).await.unwrap(), expected, "{user:?} {password:?}");
    }
    set(&store, alice, "another long password").await;
    assert!(!store.check_password(Some(alice), secret(RIGHT)).await.unwrap());
}

/// OWASP's minimum for Argon2id; ASVS 11.4.2.
#[tokio::test]
async fn passwords_are_stored_as_argon2id_with_a_salt_of_their_own() {
    let database = TestDatabase::new().await;
    let store = database.store();
    a_person_with_a_password(&store).await;
    a_person_with_a_password(&store).await;
    let sql = "SELECT password_hash FROM credentials";
    let hashes: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap();
    assert_eq!(hashes.len(), 2);
    assert_ne!(hashes[0], hashes[1]);
    for hash in hashes {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}

/// ASVS 6.3.8: the time of an answer must not tell who has an account.
#[tokio::test]
async fn a_check_costs_as_much_for_nobody_as_for_somebody() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_password(&store).await;
    // In turns, so that what else the machine does hits all alike; and the fastest shows the work itself.
    let mut fastest = [Duration::MAX; 3];
    for _ in 0..9 {
        for (user, fastest) in [Some(alice), Some(a_person()), None].into_iter().zip(&mut fastest) {
            let began = Instant::now();
            store.check_password(user, secret("wrong")).await.unwrap();
            *fastest = began.elapsed().min(*fastest);
        }
    }
    let [somebody, without_password, nobody] = fastest.map(|time| time.as_secs_f64());
    for (who, time) in [("an account without a password", without_password), ("no account", nobody)] {
        let ratio = time / somebody;
        assert!((0.3..3.0).contains(&ratio), "{who}: {ratio:.2} times the cost");
    }
}

/// Invariant 10: a flood of logins is turned away, and who was let in is still answered rightly.
#[tokio::test]
async fn more_checks_than_may_wait_are_refused_at_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let alice = a_person_with_a_password(&store).await;
    let flood = 64 + 4 * std::thread::available_parallelism().unwrap().get() + 40;
    let outcomes = join_all((0..flood).map(|_| store.check_password(Some(alice), secret(RIGHT)))).await;

    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Busy))).count();
    let right = outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count();
    assert_eq!(busy + right, flood);
    assert!(busy > 0 && right >= 64, "{busy} busy, {right} right");
    assert!(store.check_password(Some(alice), secret(RIGHT)).await.unwrap(), "there is room again");
}

/// Of two replacements close together, the event of the first leaves that of the second owed.
#[tokio::test]
async fn a_replacement_is_recorded_by_its_own_moment() {
    use store::passwords::Replacement::Changed;
    let database = TestDatabase::new().await;
    let store = database.store();
    let user = a_person_with_a_password(&store).await;
    let first = chrono::DateTime::from_timestamp_micros(1_762_000_000_000_001).unwrap();
    let second = first + chrono::TimeDelta::microseconds(1);
    for at in [first, second] {
        let hashed = store.hash_password("another long one".into()).await.unwrap();
        store.replace_password(user, &hashed, (Changed, at), None).await.unwrap();
    }
    store.password_recorded(user, first).await.unwrap();
    assert_eq!(store.unrecorded_password(user).await.unwrap(), Some((Changed, second)));
    store.password_recorded(user, second).await.unwrap();
    assert_eq!(store.unrecorded_password(user).await.unwrap(), None);
}
