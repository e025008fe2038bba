use aggregates::{CardId, UserId, card::Expiry};
use sqlx::Executor;
use store::{Error, Store, new_id, vault::CardSecrets};
use tests::database::TestDatabase;
use zeroize::Zeroizing;

const OWNER: UserId = UserId(uuid::Uuid::from_u128(0xa11ce));
const NUMBER: &str = "4532123456789012";
const CVV: &str = "987";

fn secrets(number: &str) -> CardSecrets {
    CardSecrets {
        number: Zeroizing::new(number.into()),
        cvv: Zeroizing::new(CVV.into()),
        expiry: Expiry::new(10, 2029).unwrap(),
    }
}

async fn a_card(store: &Store, number: &str) -> CardId {
    let card = CardId(new_id());
    store.put_card(OWNER, card, &secrets(number)).await.unwrap();
    card
}

/// Number, CVV and expiry.
async fn secrets_of(store: &Store, card: CardId) -> Result<Option<[String; 3]>, Error> {
    let secrets = store.card_secrets(OWNER, card).await?;
    Ok(secrets.map(|s| [s.number.to_string(), s.cvv.to_string(), s.expiry.to_string()]))
}

#[tokio::test]
async fn a_cards_secrets_come_back_in_every_process() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_card(&store, NUMBER).await;
    for store in [&store, &store, &database.store()] {
        assert_eq!(secrets_of(store, card).await.unwrap().unwrap(), [NUMBER, CVV, "10/29"]);
    }
    assert!(secrets_of(&store, CardId(new_id())).await.unwrap().is_none());
    for store in [&store, &database.store()] {
        assert!(store.card_secrets(UserId(new_id()), card).await.unwrap().is_none(), "it is somebody else's");
    }
}

#[tokio::test]
async fn the_vault_holds_nothing_but_ciphertext() {
    let database = TestDatabase::new().await;
    a_card(&database.store(), NUMBER).await;
    let sql = "SELECT number || cvv || wrapped_key || fingerprint || convert_to(v::text, 'UTF8') FROM card_vault v";
    let row: Vec<u8> = sqlx::query_scalar(sql).fetch_one(&mut database.connect().await).await.unwrap();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for secret in [NUMBER, CVV, &NUMBER[..6], &NUMBER[12..]] {
        for form in [secret.to_owned(), hex(secret)] {
            // Three digits may turn up in a timestamp or in hex by chance; as plain bytes within the ciphertext,
            // hardly.
            let haystack = if secret.len() < 5 { &row[..row.len().min(160)] } else { &row };
            assert!(!haystack.windows(form.len()).any(|window| window == form.as_bytes()), "{form} is in the vault");
        }
    }
}

/// A ciphertext opens only in the row and column it was made for.
#[tokio::test]
async fn swapped_ciphertexts_do_not_open() {
    let database = TestDatabase::new().await;
    let store = database.store();
    for swap in [
        "number = o.number",
        "cvv = o.cvv",
        "number = v.cvv, cvv = v.number",
        "wrapped_key = o.wrapped_key",
        "wrapped_key = o.wrapped_key, number = o.number, cvv = o.cvv",
    ] {
        let mut connection = database.connect().await;
        connection.execute("TRUNCATE card_vault").await.unwrap();
        let cards = [a_card(&store, NUMBER).await, a_card(&store, "5105105105105100").await];
        let sql = format!("UPDATE card_vault v SET {swap} FROM card_vault o WHERE o.card_id <> v.card_id");
        connection.execute(sql.as_str()).await.unwrap();
        for card in cards {
            let outcome = secrets_of(&database.store(), card).await;
            assert!(matches!(outcome, Err(Error::Unsealable)), "{swap}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_number_that_another_card_has_is_refused() {
    let database = TestDatabase::new().await;
    let store = database.store();
    a_card(&store, NUMBER).await;
    let outcome = store.put_card(OWNER, CardId(new_id()), &secrets(NUMBER)).await;
    assert!(matches!(outcome, Err(Error::DuplicateCardNumber)), "{outcome:?}");
}

#[tokio::test]
async fn putting_a_card_again_keeps_what_is_there() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_card(&store, NUMBER).await;
    store.put_card(OWNER, card, &secrets(NUMBER)).await.unwrap();
    store.put_card(OWNER, card, &secrets("5105105105105100")).await.unwrap();
    assert_eq!(secrets_of(&store, card).await.unwrap().unwrap()[0], NUMBER);
}

/// The request that issues a card and a worker that finishes it may meet here; neither has issued a number twice.
#[tokio::test]
async fn a_card_put_by_two_at_the_same_moment_is_no_duplicate() {
    let database = TestDatabase::new().await;
    let store = database.store();
    database.connect().await.execute(SLOW_INSERT).await.unwrap();
    let card = CardId(new_id());
    let (first, second) = (secrets(NUMBER), secrets(NUMBER));
    let (first, second) = tokio::join!(store.put_card(OWNER, card, &first), store.put_card(OWNER, card, &second));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");

    let other = store.put_card(OWNER, CardId(new_id()), &secrets(NUMBER)).await;
    assert!(matches!(other, Err(Error::DuplicateCardNumber)), "{other:?}");
}

/// PostgreSQL looks for a conflicting card, then fills the indexes in the order of their making. The slow one in front
/// makes sure that both have looked before either has filled the others.
const SLOW_INSERT: &str = "
    CREATE FUNCTION slowly(uuid) RETURNS uuid IMMUTABLE LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.2); RETURN $1; END $$;
    ALTER TABLE card_vault DROP CONSTRAINT card_vault_pkey, DROP CONSTRAINT card_vault_fingerprint_key;
    CREATE INDEX ON card_vault (slowly(card_id));
    ALTER TABLE card_vault ADD PRIMARY KEY (card_id), ADD UNIQUE (fingerprint)";
