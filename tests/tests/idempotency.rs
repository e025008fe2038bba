//! The same key and body give the same answer and one effect; the same key with another body is refused (invariant 3).

use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use tests::{
    client::{Answer, Cardholder, Client},
    system::TestSystem,
};

fn payment(holder: &Cardholder, minor_units: i64) -> Value {
    json!({ "card_id": holder.card_id, "amount": { "minor_units": minor_units, "currency": "USD" },
            "merchant": "shop.example", "merchant_category": "books" })
}

async fn pay(client: &mut Client, holder: &Cardholder, body: &Value, key: &str) -> Answer {
    let (token, headers) = (Some(holder.person.token.as_str()), [("idempotency-key", key)]);
    client.request(Method::POST, "/api/v2/payments", token, Some(body), &headers).await.unwrap()
}

#[tokio::test]
async fn a_repeated_payment_is_the_same_payment() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let first = pay(&mut client, &holder, &payment(&holder, 1_000), "a key").await;
    assert_eq!(first.status, 400, "a key has no spaces: {}", first.text());

    let first = pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await;
    assert_eq!((first.status.as_u16(), &first.json()["status"]), (201, &json!("captured")), "{}", first.text());
    let again = pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    let charges = system.sandbox("/charges").await;
    assert_eq!((&charges["charges"], &charges["requests"]), (&json!(1), &json!(1)));

    let read = client.get(first.header("location").unwrap(), Some(&holder.person.token)).await.unwrap();
    assert_eq!(read.json(), first.json());
}

#[tokio::test]
async fn of_16_payments_with_one_key_at_once_one_is_made_and_all_get_its_answer() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(1_000).await;
    let attempts = (0..16).map(|i| {
        let (mut client, holder) = (system.client_of(i % 2), &holder);
        async move { pay(&mut client, holder, &payment(holder, 1_000), "key-1").await }
    });
    let answers = join_all(attempts).await;

    for answer in &answers {
        assert_eq!((answer.status.as_u16(), answer.json()), (201, answers[0].json()), "{}", answer.text());
    }
    assert_eq!(answers[0].json()["status"], "captured");
    let charges = system.sandbox("/charges").await;
    assert_eq!((&charges["charges"], &charges["total_minor_units"]["USD"]), (&json!(1), &json!(1_000)));
    let page = system.client().get("/api/v1/transactions", Some(&holder.person.token)).await.unwrap().json();
    assert_eq!(page["transactions"].as_array().map(Vec::len), Some(1));
}

/// Invariant 4 as well: the refusal changes nothing.
#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let first = pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await;
    let mut other_merchant = payment(&holder, 1_000);
    other_merchant["merchant"] = json!("other.example");
    for body in [payment(&holder, 1_001), other_merchant] {
        let refused = pay(&mut client, &holder, &body, "key-1").await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (422, &json!("payment.key_reused")));
    }
    assert_eq!(system.sandbox("/charges").await["requests"], 1);
    assert_eq!(pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await.json(), first.json());
}

#[tokio::test]
async fn a_key_is_the_persons_own() {
    let system = TestSystem::start().await;
    let (alice, bob) = (system.a_cardholder(1_000).await, system.a_cardholder(1_000).await);
    let mut client = system.client();
    let first = pay(&mut client, &alice, &payment(&alice, 1_000), "key-1").await.json();
    let second = pay(&mut client, &bob, &payment(&bob, 2_000), "key-1").await.json();
    assert_ne!(first["payment_id"], second["payment_id"]);
    assert_eq!(second["amount"]["minor_units"], 2_000);
}

/// The Idempotency-Key draft: 400 where the key is missing.
#[tokio::test]
async fn version_2_wants_a_key_and_version_1_takes_one() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let token = Some(holder.person.token.as_str());
    let without = client.post("/api/v2/payments", token, &payment(&holder, 1_000)).await.unwrap();
    assert_eq!(without.status, 400, "{}", without.text());

    let prepared = holder.payment("10.00", "shop.example");
    let mut ids = Vec::new();
    for key in [Some("key-1"), Some("key-1"), None, None] {
        let key = key.map(|key| key.parse().unwrap());
        let answer = client.post_prepared(&prepared, key).await.unwrap();
        ids.push(answer.json()["transaction"]["transaction_id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0] != ids[2] && ids[2] != ids[3], "without a key each request is a payment of its own");
    assert_eq!(system.sandbox("/charges").await["charges"], 3);
}

/// A refusal on record is repeated as well: the same request does not succeed by trying again.
#[tokio::test]
async fn a_declined_payment_stays_declined_under_its_key() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(5).await;
    let mut client = system.client();
    let first = pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await.json();
    assert_eq!((&first["status"], &first["decline_reason"]), (&json!("declined"), &json!("limit_exceeded")));
    assert_eq!(pay(&mut client, &holder, &payment(&holder, 1_000), "key-1").await.json(), first);
    assert_eq!(system.sandbox("/charges").await["requests"], 0);
}
