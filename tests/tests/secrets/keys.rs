use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use aggregates::CardId;
use sqlx::Row;
use store::{Config, Error, PersonalData, Store, keys::Keys, new_id, vault::CardSecrets};
use tempfile::TempDir;
use tests::database::{TestDatabase, keys_dir};
use zeroize::Zeroizing;

use crate::examples::a_person;

/// A directory with the shared keys, to change at will.
pub fn a_copy_of_the_keys() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["kek-1.key", "index.key", "signing-1.pem"] {
        fs::copy(keys_dir().join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// Another key of 32 bytes.
pub const ANOTHER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

pub fn store(database: &TestDatabase, keys: &Path) -> Store {
    Store::connect(&database.url(), Keys::load(keys).unwrap(), &Config::default()).unwrap()
}

/// PCI DSS 3.7.4: keys rotate; and while they do, everything goes on opening.
#[tokio::test]
async fn with_a_new_key_encryption_key_old_rows_still_open_and_new_rows_use_it() {
    let database = TestDatabase::new().await;
    let keys = a_copy_of_the_keys();
    let before = store(&database, keys.path());
    let (old, new) = (a_person(), a_person());
    before.create_person_key(old).await.unwrap();
    let sealed = before.seal(old, PersonalData::Email, "old@example.com").await.unwrap();
    let card = CardId(new_id());
    let expiry = "10/29".parse().unwrap();
    let secrets =
        CardSecrets { number: Zeroizing::new("4532123456789012".into()), cvv: Zeroizing::new("123".into()), expiry };
    before.put_card(old, card, &secrets).await.unwrap();

    fs::write(keys.path().join("kek-2.key"), ANOTHER_KEY).unwrap();
    fs::write(keys.path().join("kek-current"), "2").unwrap();
    let after = store(&database, keys.path());
    assert_eq!(*after.open(old, PersonalData::Email, &sealed).await.unwrap(), "old@example.com");
    assert_eq!(*after.card_secrets(old, card).await.unwrap().unwrap().number, "4532123456789012");
    after.create_person_key(new).await.unwrap();
    let rows = sqlx::query("SELECT kek_id FROM person_keys ORDER BY created_at");
    let rows = rows.fetch_all(&mut database.connect().await).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<&str, _>(0)).collect::<Vec<_>>(), ["kek-1", "kek-2"]);

    // A process that has not got the new key yet says what it lacks.
    let outcome = before.seal(new, PersonalData::Email, "new@example.com").await;
    assert!(matches!(&outcome, Err(Error::Keys(reason)) if reason.contains("kek-2")), "{outcome:?}");
}

/// PCI DSS 3.7.7: no substitution. Nor may a row claim to be wrapped with another key than it is.
#[tokio::test]
async fn a_row_relabelled_with_another_key_encryption_key_does_not_open() {
    let database = TestDatabase::new().await;
    let keys = a_copy_of_the_keys();
    fs::copy(keys.path().join("kek-1.key"), keys.path().join("kek-2.key")).unwrap();
    fs::write(keys.path().join("kek-current"), "2").unwrap();
    let user = a_person();
    store(&database, keys.path()).create_person_key(user).await.unwrap();
    sqlx::query("UPDATE person_keys SET kek_id = 'kek-1'").execute(&mut database.connect().await).await.unwrap();
    let outcome = store(&database, keys.path()).seal(user, PersonalData::Email, "a@example.com").await;
    assert!(matches!(outcome, Err(Error::Unsealable)), "{outcome:?}");
}

/// As when an operator has made the next key on two machines: each would wrap what the other cannot open.
#[tokio::test]
async fn two_keys_under_one_number_are_refused_before_anything_is_wrapped() {
    let database = TestDatabase::new().await;
    let (here, there) = (a_copy_of_the_keys(), a_copy_of_the_keys());
    fs::write(there.path().join("kek-1.key"), ANOTHER_KEY).unwrap();
    let first = store(&database, here.path());
    first.create_person_key(a_person()).await.unwrap();
    let second = store(&database, there.path());
    for outcome in [second.check_keks().await, second.create_person_key(a_person()).await] {
        assert!(matches!(&outcome, Err(Error::Keys(reason)) if reason.contains("kek-1")), "{outcome:?}");
    }
    let wrapped: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person_keys").fetch_one(&mut database.connect().await).await.unwrap();
    assert_eq!(wrapped, 1);
    // The api, in its own role, compares too.
    assert!(database.api_store().check_keks().await.is_ok());
    assert!(store(&database, here.path()).check_keks().await.is_ok());
}

#[tokio::test]
async fn the_highest_number_counts_retired_keys() {
    let database = TestDatabase::new().await;
    let store = database.store();
    assert_eq!(store.highest_kek().await.unwrap(), 0);
    store.check_keks().await.unwrap();
    assert_eq!(store.highest_kek().await.unwrap(), 1);
    store.retire_kek(7).await.unwrap();
    assert_eq!(store.highest_kek().await.unwrap(), 7);
}

#[test]
fn keys_that_are_missing_or_spoilt_are_refused_at_the_start() {
    for (file, content) in [
        ("kek-1.key", None),
        ("index.key", None),
        ("signing-1.pem", None),
        ("kek-1.key", Some("c2hvcnQ=")),
        ("index.key", Some("not base64!")),
        ("signing-1.pem", Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
    ] {
        let keys = a_copy_of_the_keys();
        match content {
            None => fs::remove_file(keys.path().join(file)).unwrap(),
            Some(content) => fs::write(keys.path().join(file), content).unwrap(),
        }
        assert!(matches!(Keys::load(keys.path()), Err(Error::Keys(_))), "{file}: {content:?}");
    }
}

/// Else a machine that has got the new key first would use it before the others can open what it wraps.
#[test]
fn several_keys_are_refused_where_nothing_says_which_is_in_use() {
    for (name, other) in [("kek", "kek-2.key"), ("signing", "signing-2.pem")] {
        let keys = a_copy_of_the_keys();
        let first = if name == "kek" { "kek-1.key" } else { "signing-1.pem" };
        fs::copy(keys.path().join(first), keys.path().join(other)).unwrap();
        let Err(Error::Keys(reason)) = Keys::load(keys.path()) else { panic!("{name}: one of two was taken") };
        assert!(reason.contains(&format!("{name}-current")), "{reason}");
        fs::write(keys.path().join(format!("{name}-current")), "1\n").unwrap();
        assert!(Keys::load(keys.path()).is_ok());
    }
}

#[test]
fn generating_keys_keeps_those_that_are_there_and_lets_nobody_else_read_them() {
    let keys = a_copy_of_the_keys();
    fs::remove_file(keys.path().join("index.key")).unwrap();
    let kept = fs::read(keys.path().join("kek-1.key")).unwrap();
    Keys::generate(keys.path()).unwrap();
    assert_eq!(fs::read(keys.path().join("kek-1.key")).unwrap(), kept);
    let made = fs::metadata(keys.path().join("index.key")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_blind_index_finds_equals_within_its_scope_and_key() {
    let keys = Keys::load(&keys_dir()).unwrap();
    assert_eq!(keys.blind_index("email", "a@example.com"), keys.blind_index("email", "a@example.com"));
    assert_ne!(keys.blind_index("email", "a@example.com"), keys.blind_index("email", "b@example.com"));
    assert_ne!(keys.blind_index("email", "a@example.com"), keys.blind_index("phone", "a@example.com"));
    assert_ne!(keys.blind_index("ab", "c"), keys.blind_index("a", "bc"));
    let others = a_copy_of_the_keys();
    fs::write(others.path().join("index.key"), ANOTHER_KEY).unwrap();
    let others = Keys::load(others.path()).unwrap();
    assert_ne!(keys.blind_index("email", "a@example.com"), others.blind_index("email", "a@example.com"));
}

/// ASVS 11.2.3 asks for 3072 bits of RSA; RFC 7518 §6.3.1 for the modulus without a leading zero.
#[test]
fn the_signing_key_is_named_by_its_public_half_and_long_enough() {
    let (first, again) = (Keys::load(&keys_dir()).unwrap().signing(), Keys::load(&keys_dir()).unwrap().signing());
    assert_eq!(first.current().kid, again.current().kid);
    assert_eq!(first.current().n.len(), 3072_usize.div_ceil(6));
    assert_eq!(first.current().e, "AQAB");
    assert!(!format!("{:?}", first.current().private_pem).contains("PRIVATE"));
}
