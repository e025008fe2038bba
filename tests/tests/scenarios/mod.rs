//! What third parties may do to us, played by the sandbox: they refuse, are slow, lose answers, are down.

mod cards;
mod identity;
mod payments;

use hyper::StatusCode;
use serde_json::{Value, json};
use tests::{
    client::{Cardholder, Client, Person},
    eventually::eventually,
    system::TestSystem,
};

/// Pays 10.00 to a merchant whose name chooses what the gateway does; status and transaction.
async fn pay(system: &TestSystem, holder: &Cardholder, merchant: &str) -> (StatusCode, Value) {
    let answer = system.client().post_prepared(&holder.payment("10.00", merchant), None).await.unwrap();
    (answer.status, answer.json()["transaction"].clone())
}

/// The transaction, once it is no longer pending.
async fn settled(system: &TestSystem, holder: &Cardholder, transaction: &Value) -> Value {
    let path = format!("/api/v1/transactions/{}", transaction["transaction_id"].as_str().unwrap());
    let mut client = system.client();
    eventually("the payment is settled", async || {
        let found = read(&mut client, &holder.person, &path).await["transaction"].clone();
        (found["status"] != "pending").then_some(found)
    })
    .await
}

/// What the card has used of its limit.
async fn used(system: &TestSystem, holder: &Cardholder) -> Value {
    let path = format!("/api/v1/cards/{}", holder.card_id);
    read(&mut system.client(), &holder.person, &path).await["card"]["used_this_month"].clone()
}

async fn read(client: &mut Client, person: &Person, path: &str) -> Value {
    let answer = client.get(path, Some(&person.token)).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// A card request, by a step-up, whose limit chooses what the issuer does; status and card.
async fn request_card(system: &TestSystem, person: &Person, monthly_limit: f64) -> (StatusCode, Value) {
    let body = json!({ "card_type": "virtual_visa", "currency": "USD", "monthly_limit": monthly_limit });
    let answer = system.client().ask_for_card(person, &body).await.unwrap();
    (answer.status, answer.json()["card"].clone())
}
