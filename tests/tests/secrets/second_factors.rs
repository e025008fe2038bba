use std::collections::BTreeSet;

use aggregates::UserId;
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use store::Store;
use tests::database::TestDatabase;
use uuid::Uuid;

async fn a_person(store: &Store) -> UserId {
    let user = UserId(Uuid::now_v7());
    store.create_person_key(user).await.unwrap();
    user
}

/// RFC 6238 §5.2, and over two processes.
#[tokio::test]
async fn a_time_step_counts_once_under_fifty_uses_at_once() {
    let database = TestDatabase::new().await;
    let stores = [database.store(), database.store()];
    let user = a_person(&stores[0]).await;
    stores[0].begin_totp(user).await.unwrap().unwrap();
    for step in [1_000, 1_001] {
        let uses = (0..50).map(|i| {
            let store = &stores[i % 2];
            async move {
                let secret = store.totp_secret(user, None).await.unwrap().unwrap();
                store.use_totp_step(user, &secret, step).await.unwrap()
            }
        });
        assert_eq!(join_all(uses).await.into_iter().filter(|used| *used).count(), 1, "step {step}");
    }
    let secret = stores[0].totp_secret(user, None).await.unwrap().unwrap();
    assert!(!stores[0].use_totp_step(user, &secret, 1_000).await.unwrap(), "what is past is past");
}

#[tokio::test]
async fn a_step_belongs_to_the_secret_that_it_was_checked_with() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let user = a_person(&store).await;
    let first = store.begin_totp(user).await.unwrap().unwrap();
    let checked = store.totp_secret(user, None).await.unwrap().unwrap();
    assert_eq!(*checked.bytes, *first);
    store.begin_totp(user).await.unwrap().unwrap();
    assert!(!store.use_totp_step(user, &checked, 1_000).await.unwrap());
    let current = store.totp_secret(user, None).await.unwrap().unwrap();
    assert!(store.use_totp_step(user, &current, 1_000).await.unwrap());
    assert!(store.begin_totp(user).await.unwrap().is_none(), "one that was just confirmed is not replaced");
}

#[tokio::test]
async fn secrets_and_codes_lie_sealed_and_hashed() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let user = a_person(&store).await;
    let secret = store.begin_totp(user).await.unwrap().unwrap();
    let codes = store.add_recovery_codes(user).await.unwrap().codes;
    let mut sql = database.connect().await;
    let sealed: String = sqlx::query_scalar("SELECT secret FROM totp_secrets").fetch_one(&mut sql).await.unwrap();
    let hashes: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT code_hash FROM recovery_codes").fetch_all(&mut sql).await.unwrap();
    let contains = |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    assert!(!contains(sealed.as_bytes(), &secret) && hashes.len() == 10);
    let stored = hashes.concat();
    assert!(codes.iter().all(|code| !contains(&stored, code.expose_secret().as_bytes())));
    let distinct: BTreeSet<_> = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    assert_eq!(distinct.len(), 10);
}

#[tokio::test]
async fn a_recovery_code_counts_once_and_for_its_person() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (alice, bob) = (a_person(&store).await, a_person(&store).await);
    let (hers, his) = (store.add_recovery_codes(alice).await.unwrap(), store.add_recovery_codes(bob).await.unwrap());
    let (set, codes) = (hers.set_id, hers.codes);
    for stolen in [set, his.set_id] {
        assert!(!store.use_recovery_code(bob, stolen, &codes[0]).await.unwrap());
    }
    let uses = (0..50).map(|_| store.use_recovery_code(alice, set, &codes[0]));
    let used = join_all(uses).await.into_iter().filter(|used| *used.as_ref().unwrap()).count();
    assert_eq!((used, store.recovery_codes_left(alice, set).await.unwrap()), (1, 9));
    assert!(!store.use_recovery_code(alice, set, &SecretString::from("")).await.unwrap());
    let next = store.add_recovery_codes(alice).await.unwrap().set_id;
    assert!(!store.use_recovery_code(alice, next, &codes[1]).await.unwrap(), "a code is of one set");
    store.forget_recovery_codes(alice, None, None).await.unwrap();
    assert_eq!(store.recovery_codes_left(alice, set).await.unwrap(), 9, "an append may still name it");
    store.forget_recovery_codes(alice, Some(next), Some(set)).await.unwrap();
    let left = [set, next].map(|set| store.recovery_codes_left(alice, set));
    assert_eq!(futures::future::try_join_all(left).await.unwrap(), [0, 10]);
}
